/*
 * Timers: a pairing heap whose nodes live in the timers themselves, so that a timer costs no
 * allocation and has no limit. Starting is O(1); stopping, which is what happens to nearly every
 * timeout, is O(1) for a node without children and O(log n) amortised otherwise.
 *
 * `prev` of a first child is its parent, of any other child its left sibling, of the root NULL.
 */
#include <assert.h>

#include "base/clock.h"
#include "loop/reactor_impl.h"

enum { NS_PER_MS = 1000000 };

static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->due_ns < a->due_ns) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    a->child = b;
    return a;
}

/* One heap of a list of siblings: meld neighbours, left to right, then the results, backwards. */
static struct timer *meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL, *heap = NULL;

    while (first) {
        struct timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        struct timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs) {
        struct timer *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        heap = meld(heap, pair);
    }
    if (heap)
        heap->prev = NULL;
    return heap;
}

static void take_out(struct reactor *R, struct timer *t)
{
    struct timer *children = meld_siblings(t->child);

    if (R->timers == t) {
        R->timers = children;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        R->timers = meld(R->timers, children);
    }
    t->child = t->next = t->prev = NULL;
}

void timer_start(struct timer *t, uint64_t delay_ms)
{
    op_start(&t->op);
    uint64_t now = clock_ns();
    bool is_far = delay_ms >= (UINT64_MAX - now) / NS_PER_MS;
    t->due_ns = is_far ? UINT64_MAX : now + delay_ms * NS_PER_MS;
    t->child = t->next = t->prev = NULL;
    struct reactor *R = t->op.home;
    R->timers = meld(R->timers, t);
}

void timer_stop(struct timer *t)
{
    if (t->op.life != OP_IN_FLIGHT)
        return;
    assert(t->op.home == reactor_current());
    take_out(t->op.home, t);
    t->op.is_cancelled = true;
    op_complete(&t->op, ERR_CANCELLED);
}

void timer_fire(struct reactor *R, uint64_t now_ns)
{
    while (R->timers && R->timers->due_ns <= now_ns) {
        struct timer *t = R->timers;
        take_out(R, t);
        op_complete(&t->op, ERR_OK);
    }
}
