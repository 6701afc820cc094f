#include "base/metrics.h"

#include <assert.h>

/* Where threads without a set count to; nobody reads it, so that lost updates do not matter. */
static struct metrics nobody;

_Thread_local struct metrics *metrics_current = &nobody;

void metrics_use(struct metrics *m)
{
    metrics_current = m ? m : &nobody;
}

static unsigned latency_bucket(uint64_t us)
{
    unsigned i = 0;

    while (i < METRICS_LATENCY_BUCKETS - 1 && us > (uint64_t)1 << i)
        i++;
    return i;
}

void metrics_request(unsigned op, unsigned status, uint64_t us)
{
    struct metrics *m = metrics_current;
    unsigned class = status / 100;

    assert(op < METRICS_OPS_MAX);
    metrics_bump(&m->requests[op][class < METRICS_STATUS_CLASSES ? class : 0], 1);
    metrics_bump(&m->latency[op][latency_bucket(us)], 1);
    metrics_bump(&m->latency_us_sum[op], us);
}
