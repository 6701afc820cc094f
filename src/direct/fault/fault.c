/*
 * Transport `fault`: windows are ranges of one host buffer; completions come late and in an order
 * drawn from a seed, the Nth call fails, the Nth move is lost until the deadline, or
 * until its window is closed.
 *
 * Every move starts a timer of a drawn delay. A timer that fires completes one pending move, drawn
 * from all that are pending: so the order is a shuffle even when no delay is asked for. The bytes
 * are copied at completion, not at the start, so that who reads too early sees old bytes; a move
 * that fails copies its first half.
 *
 * Tests only, so a move may allocate its timer. Any number of reactors: one mutex.
 */
#include "direct/fault/fault.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/text.h"
#include "loop/reactor.h"

enum { FAULT_TOKEN_BYTES = 6 + 16 + 1 + 16 };

struct fault {
    struct transport transport;
    struct transport_fault_config config;
    pthread_mutex_t lock;
    uint64_t random;
    unsigned calls, moves, windows;
    struct list pending; /* transfers, by op.link */
    struct list lost;    /* the same; until their window closes */
    unsigned pending_count;
    struct op *stopping;
};

/* A timer of one move; fires once and completes some pending move. */
struct fault_timer {
    struct timer timer;
    struct fault *fault;
};

/* w->state: [0] moves in flight, as a number; [1] set when close waits for them. */
static uintptr_t window_moves(const struct window *w)
{
    return (uintptr_t)w->state[0];
}

static void window_moves_set(struct window *w, uintptr_t n)
{
    w->state[0] = (void *)n;
}

static struct fault *fault_of(struct transport *T)
{
    return container_of(T, struct fault, transport);
}

/* splitmix64. */
static uint64_t fault_random(struct fault *F)
{
    uint64_t z = F->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static enum err token_parse(struct view token, uint64_t *off_out, uint64_t *len_out)
{
    if (token.len != FAULT_TOKEN_BYTES || token.at[22] != ':')
        return ERR_MALFORMED;
    TRY(text_hex_to_u64(view_of(token.at + 6, 16), off_out));
    return text_hex_to_u64(view_of(token.at + 23, 16), len_out);
}

static enum token_shape fault_recognise(struct transport *T, struct view token)
{
    uint64_t off, len;

    (void)T;
    if (!view_starts(token, VIEW("fault:")))
        return TOKEN_FOREIGN;
    return token_parse(token, &off, &len) ? TOKEN_BROKEN : TOKEN_MINE;
}

/* Counts the call; true when it is the one that shall fail. Under the lock. */
static bool fault_is_due(struct fault *F)
{
    F->calls++;
    return F->config.fail_nth != 0 && F->calls == F->config.fail_nth;
}

static void fault_open(struct transport *T, struct window *w)
{
    struct fault *F = fault_of(T);
    uint64_t off = 0, len = 0;

    if (token_parse(w->token, &off, &len)) {
        op_complete(&w->op, ERR_MALFORMED);
        return;
    }
    pthread_mutex_lock(&F->lock);
    bool is_outside = off > F->config.bytes || len > F->config.bytes - off;
    enum err e = fault_is_due(F) ? F->config.fail_err : F->stopping ? ERR_CLOSED : ERR_OK;
    if (!e && !is_outside)
        F->windows++;
    pthread_mutex_unlock(&F->lock);

    if (!e && is_outside) {
        transport_refuse(w);
        return;
    }
    w->bytes = len;
    w->state[2] = F->config.memory + off;
    op_complete(&w->op, e);
}

static void fault_free(struct fault *F)
{
    assert(F->windows == 0 && F->pending_count == 0 && list_is_empty(&F->lost));
    pthread_mutex_destroy(&F->lock);
    free(F);
}

/* Takes a window out of the count; the stop that waits for the last one, or NULL. Under the lock.
 */
static struct op *window_end(struct fault *F)
{
    assert(F->windows > 0);
    F->windows--;
    return F->windows == 0 ? F->stopping : NULL;
}

static void fault_stopped(struct fault *F, struct op *stopping)
{
    if (!stopping)
        return;
    fault_free(F);
    op_complete(stopping, ERR_OK);
}

/* One move has ended: the close that waits for the last one may. */
static void move_end(struct fault *F, struct transfer *t, enum err e)
{
    struct window *w = t->window;
    struct op *stopping = NULL;

    pthread_mutex_lock(&F->lock);
    window_moves_set(w, window_moves(w) - 1);
    bool is_closed = w->state[1] && window_moves(w) == 0;
    if (is_closed)
        stopping = window_end(F);
    pthread_mutex_unlock(&F->lock);
    /* In this order: the transfer's advance runs before the close's. */
    op_complete(&t->op, e);
    if (is_closed)
        op_complete(&w->op, ERR_OK);
    fault_stopped(F, stopping);
}

static void move_copy(const struct transfer *t, size_t len)
{
    uint8_t *there = (uint8_t *)t->window->state[2] + t->window_off;

    if (t->is_read)
        memcpy(t->at, there, len);
    else
        memcpy(there, t->at, len);
}

/* A timer fired: some pending move is done. */
static void fault_timer_advance(struct op *op)
{
    struct fault_timer *ft = container_of(op, struct fault_timer, timer.op);
    struct fault *F = ft->fault;

    free(ft);
    pthread_mutex_lock(&F->lock);
    assert(F->pending_count > 0);
    uint64_t skip = fault_random(F) % F->pending_count;
    struct list *node = F->pending.next;
    while (skip-- > 0)
        node = node->next;
    list_remove(node);
    F->pending_count--;
    pthread_mutex_unlock(&F->lock);

    struct transfer *t = container_of(node, struct transfer, op.link);
    enum err e = t->state[0] ? F->config.fail_err : ERR_OK;
    move_copy(t, e ? t->len / 2 : t->len);
    move_end(F, t, e);
}

static void fault_move(struct transport *T, struct transfer *t)
{
    struct fault *F = fault_of(T);
    struct fault_timer *ft = malloc(sizeof(*ft));
    uint64_t delay_ms = 0;

    assert(ft);
    pthread_mutex_lock(&F->lock);
    t->state[0] = fault_is_due(F) ? t : NULL;
    F->moves++;
    window_moves_set(t->window, window_moves(t->window) + 1);
    bool is_lost = F->config.lose_nth != 0 && F->moves == F->config.lose_nth;
    list_push_back(is_lost ? &F->lost : &F->pending, &t->op.link);
    if (!is_lost) {
        F->pending_count++;
        delay_ms = fault_random(F) % ((uint64_t)F->config.delay_ms_max + 1);
    }
    pthread_mutex_unlock(&F->lock);

    if (is_lost) {
        free(ft);
        return;
    }
    ft->fault = F;
    op_init(&ft->timer.op, fault_timer_advance);
    timer_start(&ft->timer, delay_ms);
}

/* Moves the lost transfers of w over to `found`. Under the lock. */
static void lost_take(struct fault *F, const struct window *w, struct list *found)
{
    list_init(found);
    list_for_each(node, &F->lost)
    {
        if (container_of(node, struct transfer, op.link)->window != w)
            continue;
        list_remove(node);
        list_push_back(found, node);
    }
}

static void fault_cancel(struct transport *T, struct window *w)
{
    struct fault *F = fault_of(T);
    struct list found, *node;

    pthread_mutex_lock(&F->lock);
    lost_take(F, w, &found);
    pthread_mutex_unlock(&F->lock);
    while ((node = list_pop(&found)))
        move_end(F, container_of(node, struct transfer, op.link), ERR_TIMEOUT);
}

static void fault_close(struct transport *T, struct window *w)
{
    struct fault *F = fault_of(T);
    struct list found, *node;
    struct op *stopping = NULL;

    pthread_mutex_lock(&F->lock);
    bool is_quiet = window_moves(w) == 0;
    if (is_quiet)
        stopping = window_end(F);
    else
        w->state[1] = w; /* the last move_end completes the close */
    lost_take(F, w, &found);
    pthread_mutex_unlock(&F->lock);

    if (is_quiet) {
        op_complete(&w->op, ERR_OK);
        fault_stopped(F, stopping);
        return;
    }
    while ((node = list_pop(&found)))
        move_end(F, container_of(node, struct transfer, op.link), ERR_CANCELLED);
}

static void fault_stop(struct transport *T, struct op *op)
{
    struct fault *F = fault_of(T);

    pthread_mutex_lock(&F->lock);
    assert(!F->stopping);
    F->stopping = op;
    bool is_quiet = F->windows == 0;
    pthread_mutex_unlock(&F->lock);
    if (is_quiet)
        fault_stopped(F, op);
}

static const struct transport_ops fault_ops = {
    .name = "fault",
    .recognise = fault_recognise,
    .open = fault_open,
    .move = fault_move,
    .cancel = fault_cancel,
    .close = fault_close,
    .stop = fault_stop,
};

enum err
transport_fault_new(const struct transport_fault_config *config, struct transport **transport_out)
{
    struct fault *F = calloc(1, sizeof(*F));

    if (!F)
        return ERR_NO_MEMORY;
    F->transport.ops = &fault_ops;
    F->config = *config;
    F->random = config->seed;
    list_init(&F->pending);
    list_init(&F->lost);
    pthread_mutex_init(&F->lock, NULL);
    *transport_out = &F->transport;
    return ERR_OK;
}

unsigned transport_fault_calls(struct transport *T)
{
    return fault_of(T)->calls;
}
