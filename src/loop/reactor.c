#include "loop/reactor.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "loop/reactor_impl.h"

enum {
    RING_DEPTH_DEFAULT = 1024,
    REGION_BLOCKS_DEFAULT = 1024,
    READY_BATCH = 64,   /* operations advanced before the ring is looked at again */
    READY_NS = 2000000, /* and how long at most, when one of them is at an end */
};

static _Thread_local struct reactor *current;

struct reactor *reactor_current(void)
{
    return current;
}

static enum err pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0)
        return ERR_OK;
    if (cpu >= CPU_SETSIZE)
        return ERR_INVALID;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) ? ERR_INVALID : ERR_OK;
}

enum err reactor_new_over(
    const struct reactor_config *config, struct ring *ring, struct reactor **reactor_out)
{
    assert(!current && "one reactor per thread");
    TRY(pin(config->cpu));
    struct reactor *R = aligned_alloc(_Alignof(struct reactor), sizeof *R);
    if (!R)
        return ERR_NO_MEMORY;
    memset(R, 0, sizeof *R);
    R->ring = ring;
    R->index = config->index;
    list_init(&R->ready);
    region_pool_init(
        &R->regions, config->region_blocks_max ? config->region_blocks_max : REGION_BLOCKS_DEFAULT);
    R->metrics_before = metrics_current;
    metrics_use(&R->metrics);
    current = R;
    *reactor_out = R;
    return ERR_OK;
}

enum err
reactor_new(const struct reactor_config *config, struct reactor **reactor_out, const char **why_out)
{
    struct ring *ring;
    unsigned depth = config->ring_depth ? config->ring_depth : RING_DEPTH_DEFAULT;

    TRY(ring_new(config->ring, depth, &ring, why_out));
    enum err e = reactor_new_over(config, ring, reactor_out);
    if (e)
        ring->ops->free(ring);
    return e;
}

void reactor_free(struct reactor *R)
{
    if (!R)
        return;
    assert(current == R && list_is_empty(&R->ready) && !R->timers && !atomic_load(&R->mail));
    while (atomic_load_explicit(&R->senders, memory_order_acquire)) /* R4 */
        sched_yield();
    R->ring->ops->free(R->ring);
    region_pool_done(&R->regions);
    metrics_use(R->metrics_before);
    current = NULL;
    free(R);
}

/* --- from any thread --- */

static void rouse(struct reactor *R)
{
    /* Usually the reactor is awake: a load, no locked instruction, no system call. */
    if (atomic_load(&R->may_sleep) && atomic_exchange(&R->may_sleep, false))
        R->ring->ops->wake(R->ring);
}

void reactor_put_mail(struct reactor *R, struct op *op)
{
    atomic_fetch_add_explicit(&R->senders, 1, memory_order_relaxed);
    op->mail_next = atomic_load_explicit(&R->mail, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&R->mail, &op->mail_next, op))
        continue;
    rouse(R);
    atomic_fetch_sub_explicit(&R->senders, 1, memory_order_release);
}

void reactor_stop(struct reactor *R)
{
    atomic_fetch_add_explicit(&R->senders, 1, memory_order_relaxed);
    atomic_store(&R->is_stopping, true);
    rouse(R);
    atomic_fetch_sub_explicit(&R->senders, 1, memory_order_release);
}

/* --- the loop --- */

static void read_mail(struct reactor *R)
{
    if (!atomic_load_explicit(&R->mail, memory_order_relaxed))
        return;
    struct op *op = atomic_exchange_explicit(&R->mail, NULL, memory_order_acquire);
    struct op *oldest = NULL;
    while (op) {
        struct op *older = op->mail_next;
        op->mail_next = oldest;
        oldest = op;
        op = older;
    }
    while (oldest) {
        op = oldest;
        oldest = op->mail_next;
        op->mail_next = NULL;
        assert(op->home == R && op->life != OP_IDLE);
        reactor_make_ready(R, op);
    }
}

static void advance_ready(struct reactor *R)
{
    for (unsigned i = 0; i < READY_BATCH; i++) {
        struct list *node = list_pop(&R->ready);
        if (!node)
            return;
        struct op *op = container_of(node, struct op, link);
        assert(op->life == OP_READY);
        op->life = OP_IDLE; /* before: advance may start it again, or free it */
        op->advance(op);
        /* Long steps (the digests of 1 MiB) must not add up: the ring gets its turn in between. */
        if (!list_is_empty(&R->ready) && clock_ns() - R->now_ns > READY_NS)
            return;
    }
}

/* How long the ring may wait. Sets may_sleep when that is not 0. */
static uint64_t wait_allowed(struct reactor *R, uint64_t wait_ns)
{
    if (R->timers)
        wait_ns = MIN(wait_ns, R->timers->due_ns > R->now_ns ? R->timers->due_ns - R->now_ns : 0);
    if (wait_ns == 0 || !list_is_empty(&R->ready))
        return 0;
    atomic_store(&R->may_sleep, true);
    if (!atomic_load(&R->mail) && !atomic_load(&R->is_stopping)) /* R3 */
        return wait_ns;
    atomic_store_explicit(&R->may_sleep, false, memory_order_relaxed);
    return 0;
}

/* What the kernel has counted for this thread so far; CPU time as of the last tick or switch. */
static struct reactor_usage usage_now(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_THREAD, &u);
    uint64_t us = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
                  (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    return (struct reactor_usage){
        .cpu_ns = us * 1000, .preemptions = u.ru_nivcsw, .blocks = u.ru_nvcsw};
}

/*
 * A long turn is a stall when we slept in it or computed all that time. It is not one when the
 * scheduler, or the hypervisor below it, gave the CPU to somebody else: that says nothing about us,
 * and is counted apart. Without a switch the CPU time is a tick old: half of it is evidence enough.
 */
static bool is_stall(const struct reactor_usage *before, const struct reactor_usage *now)
{
    uint64_t cpu_ns = now->cpu_ns - before->cpu_ns;

    if (now->blocks != before->blocks)
        return true;
    if (now->preemptions != before->preemptions)
        return cpu_ns > REACTOR_STALL_NS;
    return cpu_ns > REACTOR_STALL_NS / 2;
}

static void count_stall(struct reactor *R, uint64_t busy_ns)
{
    if (busy_ns <= REACTOR_STALL_NS)
        return;
    struct reactor_usage now = usage_now();
    if (!is_stall(&R->usage, &now)) {
        metrics_bump(&R->metrics.count[METRIC_PREEMPTED], 1);
        return;
    }
    metrics_bump(&R->metrics.count[METRIC_STALLS], 1);
    metrics_bump(&R->metrics.count[METRIC_STALL_NS], busy_ns);
}

static void run_ring(struct reactor *R, uint64_t wait_ns)
{
    wait_ns = wait_allowed(R, wait_ns);
    if (wait_ns == 0) { /* a run that does not wait is work: it counts towards a stall */
        R->usage = usage_now();
        R->ring->ops->run(R->ring, 0);
        return;
    }
    R->ring->ops->run(R->ring, wait_ns);
    R->usage = usage_now();
    atomic_store_explicit(&R->may_sleep, false, memory_order_relaxed);
    R->now_ns = clock_ns();
}

/* The ring comes first, so that what a turn waited for has been advanced when it returns. */
static void turn(struct reactor *R, uint64_t wait_ns)
{
    run_ring(R, wait_ns);
    if (R->timers)
        timer_fire(R, R->now_ns);
    read_mail(R);
    advance_ready(R);

    uint64_t before = R->now_ns;
    R->now_ns = clock_ns();
    count_stall(R, R->now_ns - before);
}

void reactor_turn(struct reactor *R, uint64_t wait_ns)
{
    assert(current == R);
    R->now_ns = clock_ns(); /* what the caller did since the last turn is not ours */
    turn(R, wait_ns);
}

static bool is_finished(struct reactor *R)
{
    return atomic_load(&R->is_stopping) && list_is_empty(&R->ready) && !atomic_load(&R->mail);
}

void reactor_run(struct reactor *R)
{
    assert(current == R);
    R->now_ns = clock_ns();
    while (!is_finished(R))
        turn(R, UINT64_MAX);
    atomic_store(&R->is_stopping, false);
}

/* --- what hangs on a reactor --- */

unsigned reactor_index(const struct reactor *R)
{
    return R->index;
}

struct ring *reactor_ring(struct reactor *R)
{
    return R->ring;
}

struct region_pool *reactor_regions(struct reactor *R)
{
    return &R->regions;
}

struct metrics *reactor_metrics(struct reactor *R)
{
    return &R->metrics;
}

void reactor_set_user(struct reactor *R, void *user)
{
    R->user = user;
}

void *reactor_user(struct reactor *R)
{
    return R->user;
}
