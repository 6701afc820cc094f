#include "mem/arena_wait.h"

/* Both the arena and the timer come back before we go on. */
static void ended(struct arena_wait *w)
{
    if (--w->waits_left > 0)
        return;
    w->chunk = w->take.op.err ? NULL : w->take.chunk;
    op_complete(&w->op, w->chunk ? ERR_OK : ERR_BUSY);
}

/* Woken by the arena. */
static void on_taken(struct op *op)
{
    struct arena_wait *w = container_of(op, struct arena_wait, take.op);

    timer_stop(&w->timer);
    ended(w);
}

/* Woken by the timer: the limit has come, or the arena was first and this is the timer's end. */
static void on_timer(struct op *op)
{
    struct arena_wait *w = container_of(op, struct arena_wait, timer.op);

    if (w->waits_left == 2)
        arena_take_cancel(&w->take);
    ended(w);
}

void arena_wait(struct arena *A, struct arena_wait *w)
{
    op_start(&w->op);
    w->chunk = arena_try_take(A, w->bytes);
    if (w->chunk) {
        op_complete(&w->op, ERR_OK);
        return;
    }
    w->waits_left = 2;
    op_init(&w->take.op, on_taken);
    op_init(&w->timer.op, on_timer);
    w->take.bytes = w->bytes;
    timer_start(&w->timer, w->limit_ms);
    arena_take(A, &w->take);
}
