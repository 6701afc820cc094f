/*
 * The callers' side of the transport interface: what holds for every transport is checked here,
 * once, so that implementations may rely on it.
 *
 *   1. An operation is started once and completes once (op_start here, op_complete below).
 *   2. No implementation sees a range outside its window, or a transfer after the deadline.
 *   3. A window is used in the direction it was opened in.
 *   4. At the deadline what is in flight is cancelled: one timer per window, from its first
 *      transfer on. The transport's close begins when that timer is idle, so the window may go
 *      when the close is done.
 */
#include "direct/transport.h"

#include <assert.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "mem/arena.h"

/* Woken by the reactor: the deadline has come, or the window closes. */
static void deadline_advance(struct op *op)
{
    struct window *w = container_of(op, struct window, deadline.op);
    struct transport *T = w->transport;

    if (w->is_closing)
        T->ops->close(T, w);
    else
        T->ops->cancel(T, w);
}

static void deadline_start(struct window *w)
{
    uint64_t now_ns = clock_ns();
    uint64_t left_ns = w->deadline_ns > now_ns ? w->deadline_ns - now_ns : 0;

    if (w->transport->ops->cancel && op_is_idle(&w->deadline.op))
        timer_start(&w->deadline, left_ns / 1000000 + 1);
}

void transport_open_window(struct transport *T, struct window *w)
{
    assert(w->deadline_ns != 0);
    assert(w->direction == WINDOW_WRITE || w->direction == WINDOW_READ);
    op_start(&w->op);
    w->transport = T;
    w->bytes = 0;
    w->map = NULL;
    w->is_closing = false;
    memset(w->state, 0, sizeof(w->state));
    op_init(&w->deadline.op, deadline_advance);
    T->ops->open(T, w);
}

static enum err transfer_check(const struct transfer *t)
{
    const struct window *w = t->window;

    if (t->window_off > w->bytes || t->len > w->bytes - t->window_off)
        return ERR_DENIED;
    if (clock_ns() >= w->deadline_ns)
        return ERR_TIMEOUT;
    return ERR_OK;
}

static void transfer_start(struct transfer *t)
{
    assert(t->at && t->len >= 1 && t->len <= CHUNK_BYTES_MAX);
    assert(op_is_idle(&t->window->op));
    op_start(&t->op);

    enum err e = transfer_check(t);
    if (e) {
        op_complete(&t->op, e);
        return;
    }
    deadline_start(t->window);
    t->window->transport->ops->move(t->window->transport, t);
}

void transport_write(struct transfer *t)
{
    assert(t->window->direction == WINDOW_WRITE); /* 3 */
    t->is_read = false;
    transfer_start(t);
}

void transport_read(struct transfer *t)
{
    assert(t->window->direction == WINDOW_READ); /* 3 */
    t->is_read = true;
    transfer_start(t);
}

void transport_close_window(struct window *w)
{
    op_start(&w->op);
    w->map = NULL;
    w->is_closing = true;
    if (op_is_idle(&w->deadline.op))
        w->transport->ops->close(w->transport, w);
    else
        timer_stop(&w->deadline); /* 4: deadline_advance closes */
}

void transport_stop(struct transport *T, struct op *op)
{
    op_start(op);
    T->ops->stop(T, op);
}

void transport_refuse(struct window *w)
{
    metrics_add(METRIC_DIRECT_REFUSED, 1);
    op_complete(&w->op, ERR_DENIED);
}

struct transport *
transport_pick(const struct transport_set *set, struct view token, enum token_shape *shape_out)
{
    *shape_out = TOKEN_FOREIGN;
    if (token.len == 0)
        return NULL;
    for (unsigned i = 0; i < set->count; i++) {
        struct transport *T = set->list[i];
        enum token_shape shape = T->ops->recognise(T, token);

        if (shape == TOKEN_FOREIGN)
            continue;
        *shape_out = shape;
        return shape == TOKEN_MINE ? T : NULL;
    }
    return NULL;
}
