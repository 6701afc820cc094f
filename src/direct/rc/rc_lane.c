/*
 * A completion queue, and the reactor that looks at it.
 *
 *   resting --post--> spinning --nothing for spin_ns--> asleep --event, post--> spinning
 *                         \--nothing in flight--> resting
 *
 * Spinning: `spin` sends itself to its own reactor, so the queue is polled in every turn and the
 * reactor does not sleep. spin_ns doubles when something came while spinning, and is halved when
 * it ends in sleep. Asleep: the queue is armed, and the ring watches its descriptor.
 */
#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "direct/rc/rc_impl.h"

enum { LANE_CQ_DEPTH = 16384, LANE_BATCH = 32, LANE_SWEEP_MS = 500, LANE_SPIN_FIRST_NS = 2000 };

unsigned rc_lane_cq_depth(const struct rc_lane *L)
{
    return MIN((unsigned)LANE_CQ_DEPTH, L->device->facts.cq_depth_max);
}

/* --- completions --- */

static void lane_break_all(struct rc_lane *L, enum err why)
{
    list_for_each(node, &L->sessions)
    {
        rc_session_break(container_of(node, struct rc_session, link), why);
    }
}

static void lane_lose(struct rc_lane *L)
{
    atomic_store(&L->device->is_lost, true);
    lane_break_all(L, ERR_IO);
}

/* How many came. */
static int lane_poll(struct rc_lane *L)
{
    struct ibv_wc wc[LANE_BATCH];
    int n = L->rc->config.verbs->poll(L->cq, LANE_BATCH, wc);

    if (n < 0) {
        lane_lose(L);
        return 0;
    }
    for (int i = 0; i < n; i++)
        rc_queue_complete(L, &wc[i]);
    return n;
}

static void spin_on(struct rc_lane *L)
{
    if (op_is_idle(&L->spin))
        op_send(&L->spin, L->home);
}

/* Armed, then polled once more: what came in between would not wake us. */
static void lane_sleep(struct rc_lane *L)
{
    if (L->rc->config.verbs->arm(L->cq))
        lane_lose(L);
    if (lane_poll(L))
        spin_on(L);
    else
        L->spin_ns /= 2;
}

static void lane_down(struct rc_lane *L);

static void spin_advance(struct op *op)
{
    struct rc_lane *L = container_of(op, struct rc_lane, spin);
    int n = L->cq ? lane_poll(L) : 0;
    uint64_t now = clock_ns();

    if (n) {
        uint64_t longer = MAX(L->spin_ns * 2, (uint64_t)LANE_SPIN_FIRST_NS);

        L->spin_ns = MIN(longer, (uint64_t)L->rc->config.spin_us_max * 1000);
        L->spin_until_ns = now + L->spin_ns;
    }
    if (L->flying && (n || now < L->spin_until_ns))
        spin_on(L);
    else if (L->flying)
        lane_sleep(L);
    lane_down(L);
}

void rc_lane_wake(struct rc_lane *L)
{
    if (!op_is_idle(&L->spin))
        return;
    L->spin_until_ns = clock_ns() + L->spin_ns;
    spin_on(L);
}

static void poll_advance(struct op *op)
{
    struct rc_lane *L = container_of(op, struct rc_lane, poll.op);

    if (!op->err) {
        L->rc->config.verbs->acknowledge(L->cq);
        rc_lane_wake(L);
    } else if (op->err != ERR_CANCELLED) {
        lane_lose(L);
    }
    if (!op->err && !L->is_stopping)
        io_poll(&L->poll, L->fd, POLLIN);
    lane_down(L);
}

/* --- idle sessions --- */

static bool session_is_stale(const struct rc_session *s, uint64_t now)
{
    pthread_mutex_lock(&s->rc->lock);
    bool is_stale = s->life == RC_LIVE && s->windows == 0 && now >= s->lease_until_ns;
    pthread_mutex_unlock(&s->rc->lock);
    return is_stale;
}

static void sweep_advance(struct op *op)
{
    struct rc_lane *L = container_of(op, struct rc_lane, sweep.op);
    uint64_t now = clock_ns();

    list_for_each(node, &L->sessions)
    {
        struct rc_session *s = container_of(node, struct rc_session, link);

        if (session_is_stale(s, now))
            rc_session_break(s, ERR_CLOSED);
    }
    if (!op->err && !L->is_stopping && !list_is_empty(&L->sessions))
        timer_start(&L->sweep, LANE_SWEEP_MS);
    lane_down(L);
}

/* --- begin and end --- */

static void hop_advance(struct op *op)
{
    struct rc_lane *L = container_of(op, struct rc_lane, hop);

    L->is_stopping = true;
    list_for_each(node, &L->sessions)
    {
        rc_session_settle(container_of(node, struct rc_session, link));
    }
    lane_down(L);
}

/* The last step of a stop: no session, nothing of ours in flight. The lane may be gone behind it.
 */
static void lane_down(struct rc_lane *L)
{
    if (!L->is_stopping || L->is_down || !list_is_empty(&L->sessions))
        return;
    timer_stop(&L->sweep);
    if (!op_is_idle(&L->poll.op))
        io_cancel(&L->poll);
    if (!op_is_idle(&L->sweep.op) || !op_is_idle(&L->poll.op) || !op_is_idle(&L->spin))
        return;
    L->is_down = true;
    struct rc *rc = L->rc;
    pthread_mutex_lock(&rc->lock);
    bool is_last = --rc->lanes_left == 0;
    pthread_mutex_unlock(&rc->lock);
    if (is_last)
        rc_end(rc);
}

/* Not here and now: our caller may be one of the lane's own, which goes on with it. */
void rc_lane_settle(struct rc_lane *L)
{
    rc_lane_wake(L);
}

void rc_lane_join(struct rc_lane *L)
{
    if (op_is_idle(&L->poll.op) && !L->is_stopping)
        io_poll(&L->poll, L->fd, POLLIN);
    if (op_is_idle(&L->sweep.op) && !L->is_stopping)
        timer_start(&L->sweep, LANE_SWEEP_MS);
}

enum err rc_lane_make_cq(struct rc_lane *L)
{
    enum err e = ERR_OK;

    pthread_mutex_lock(&L->rc->setup);
    if (!L->cq)
        e = L->rc->config.verbs->create_cq(L->device->dev, rc_lane_cq_depth(L), &L->cq, &L->fd);
    pthread_mutex_unlock(&L->rc->setup);
    return e;
}

struct rc_lane *rc_lane_of(struct rc *rc, struct rc_device *device)
{
    unsigned index = reactor_index(reactor_current());
    size_t at = (size_t)(device - rc->devices) * rc->config.reactors + index;

    if (index >= rc->config.reactors)
        return NULL;
    struct rc_lane *L = rc->lanes[at];
    if (L)
        return L;
    L = calloc(1, sizeof(*L));
    if (!L)
        return NULL;
    L->rc = rc;
    L->device = device;
    L->home = reactor_current();
    L->credits = rc_lane_cq_depth(L);
    list_init(&L->sessions);
    op_init(&L->spin, spin_advance);
    op_init(&L->hop, hop_advance);
    op_init(&L->poll.op, poll_advance);
    op_init(&L->sweep.op, sweep_advance);
    rc->lanes[at] = L;
    return L;
}
