/*
 * A reactor: one thread, one ring, one ready list, one mailbox, timers. It never blocks
 * (invariant 7): what may block goes to work_start. An iteration over 5 ms is counted as a stall.
 *
 *   turn: ring run (wait when nothing is ready) -> timers due -> mailbox -> ready list (advance)
 */
#ifndef PENSTOCK_LOOP_REACTOR_H
#define PENSTOCK_LOOP_REACTOR_H

#include "base/metrics.h"
#include "base/region.h"
#include "loop/op.h"
#include "loop/ring.h"

enum { REACTOR_STALL_NS = 5000000 };

struct reactor_config {
    enum ring_kind ring;
    unsigned ring_depth;        /* 0: 1024 */
    unsigned index;             /* 0 .. count-1 */
    unsigned region_blocks_max; /* 0: 1024 (16 MiB) */
    int cpu;                    /* pin to this CPU; -1: do not */
};

struct reactor; /* opaque; fields by the functions below */

/*
 * reactor_new(config, reactor_out, why_out): to be called on the thread that will run it (io_uring
 * single issuer). Becomes reactor_current() of the thread. why_out as in ring_new.
 */
enum err reactor_new(
    const struct reactor_config *config, struct reactor **reactor_out,
    const char **why_out) MUST_CHECK;
/* The same over a ring made by the caller (tests); reactor_free frees it. */
enum err reactor_new_over(
    const struct reactor_config *config, struct ring *ring,
    struct reactor **reactor_out) MUST_CHECK;
/* Runs until reactor_stop and the ready list is empty. */
void reactor_run(struct reactor *R);
/*
 * One turn: waits at most wait_ns for something to happen, then advances what is ready. For tests
 * and client tools. What advance submitted reaches the kernel in the next turn.
 */
void reactor_turn(struct reactor *R, uint64_t wait_ns);
/* From any thread. */
void reactor_stop(struct reactor *R);
/* Nothing may be in flight. */
void reactor_free(struct reactor *R);

/* NULL on a thread that runs no reactor. */
struct reactor *reactor_current(void);
unsigned reactor_index(const struct reactor *R);
struct ring *reactor_ring(struct reactor *R);
struct region_pool *reactor_regions(struct reactor *R);
struct metrics *reactor_metrics(struct reactor *R);
/* One pointer for whoever builds on the reactor (server: its core). */
void reactor_set_user(struct reactor *R, void *user);
void *reactor_user(struct reactor *R);

/*
 * Timers: millisecond deadlines, at least as late as asked. timer_stop before the deadline makes
 * advance run with ERR_CANCELLED (exactly once, as ever); harmless when not in flight.
 */
struct timer {
    struct op op;
    /* The reactor's own: a node of its pairing heap (timer.c). */
    uint64_t due_ns;
    struct timer *child, *next, *prev;
};
void timer_start(struct timer *t, uint64_t delay_ms);
void timer_stop(struct timer *t);

/*
 * Work: run `run` on a helper thread, then advance on the calling reactor. For system calls that
 * may block (open, fallocate, unlink, process_vm_*), LMDB commits, key files. The pool is shared by
 * all reactors and sized at start; more work than threads queues, FIFO. There is no cancel.
 */
struct work {
    struct op op;
    void (*run)(struct work *w); /* sets op.err-to-be in `result` */
    enum err result;
};
enum err work_pool_start(unsigned threads) MUST_CHECK; /* once per process; again after stop */
void work_pool_stop(void);                             /* all work started before is done first */
void work_start(struct work *w);

#endif
