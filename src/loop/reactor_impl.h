/*
 * The reactor as op.c, reactor.c and timer.c see it. Nobody else includes this.
 *
 * Numbered invariants, quoted in the asserts:
 *  R1  ready, timers and user are touched by the reactor's own thread only.
 *  R2  An operation is in exactly one place: its layer, the mailbox, or the ready list.
 *  R3  Whoever puts mail looks at may_sleep afterwards; the reactor sets may_sleep before it looks
 *      at the mailbox for the last time. So either the mail is seen or the sender wakes.
 *  R4  A sender's last touch of the reactor is its decrement of `senders`; reactor_free waits for
 * 0.
 */
#ifndef PENSTOCK_LOOP_REACTOR_IMPL_H
#define PENSTOCK_LOOP_REACTOR_IMPL_H

#include <stdatomic.h>

#include "loop/reactor.h"

/* Of the kernel, at the begin of a turn: tells stalls from preemptions. */
struct reactor_usage {
    uint64_t cpu_ns;
    long preemptions, blocks; /* involuntary and voluntary switches */
};

struct reactor {
    /* this thread only */
    struct ring *ring;
    struct list ready;
    struct timer *timers; /* the earliest, or NULL */
    uint64_t now_ns;      /* when the last turn ended, or the last wait, whichever is later */
    struct reactor_usage usage;
    unsigned index;
    void *user;
    struct region_pool regions;
    struct metrics *metrics_before; /* what the thread counted into before this reactor */

    /* any thread, atomic; on a cache line of their own */
    _Alignas(64) _Atomic(struct op *) mail; /* newest first */
    atomic_bool may_sleep;
    atomic_bool is_stopping;
    atomic_uint senders;

    _Alignas(64) struct metrics metrics;
};

/* reactor_make_ready(R, op): op is on no list; advance runs in this turn or the next. */
static inline void reactor_make_ready(struct reactor *R, struct op *op)
{
    op->life = OP_READY;
    list_push_back(&R->ready, &op->link);
}

/* reactor_put_mail(R, op): the same from another thread. */
void reactor_put_mail(struct reactor *R, struct op *op);

/* timer_fire(R, now_ns): make what is due ready. */
void timer_fire(struct reactor *R, uint64_t now_ns);

#endif
