/* Latencies in log-linear buckets: 16 per power of two of nanoseconds, so about 6 % wide. */
#ifndef PENSTOCK_BENCH_HISTOGRAM_H
#define PENSTOCK_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_SUB = 16, HISTOGRAM_BUCKETS = 64 * HISTOGRAM_SUB };

struct histogram {
    uint64_t count[HISTOGRAM_BUCKETS];
    uint64_t total, max_ns;
};
void histogram_add(struct histogram *h, uint64_t ns);
void histogram_merge(struct histogram *to, const struct histogram *from);
/* The upper edge of the bucket that holds quantile q (0..1), in nanoseconds. 0 when empty. */
uint64_t histogram_quantile(const struct histogram *h, double q);

#endif
