/*
 *   submit -> queue <-> threads take a step, run it, account for it -> finished -> collect
 *
 * A transfer is in the queue exactly while it has a step that may start: its first step; parts,
 * until all have been started; its last step. After a step `settle` moves it to its next stage.
 */
#include "client/client_work.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc64.h"
#include "client/client.h"
#include "client/client_why.h"

/* --- one transfer's stages: under the lock --- */

/* Another step may start now. */
static bool has_step(const struct client_transfer *t)
{
    if (t->stage == STAGE_PARTS)
        return !t->err && t->parts_next < t->part_count;
    return t->stage != STAGE_DONE && t->running == 0;
}

/* Nothing runs: where to from here? */
static void settle(struct client_transfer *t)
{
    if (client_stop_is_set(&t->stop) && !t->err && t->stage == STAGE_PARTS &&
        t->parts_next < t->part_count)
        t->err = PS_ERR_CANCELLED;
    if (t->running > 0)
        return;
    if (t->stage == STAGE_FIRST)
        t->stage = t->part_count > 0 && !t->err ? STAGE_PARTS : STAGE_DONE;
    else if (t->stage == STAGE_PARTS && (t->err || t->parts_done == t->part_count))
        t->stage = t->op->kind == PS_PUT && client_put_has_last(t) ? STAGE_LAST : STAGE_DONE;
    else if (t->stage == STAGE_LAST)
        t->stage = STAGE_DONE;
}

/* What is worth telling: the first step and the last one, and the first error. */
static bool is_told(const struct client_transfer *t, enum ps_err e)
{
    return !t->err && (t->stage != STAGE_PARTS || e);
}

static void account(struct client_transfer *t, enum ps_err e, const struct ps_result *r)
{
    struct ps_result *all = &t->op->result;
    const struct ps_result before = *all;

    if (is_told(t, e))
        *all = *r;
    all->attempts = before.attempts + r->attempts;
    all->bytes = before.bytes + r->bytes;
    __atomic_store_n(&t->op->moved, all->bytes, __ATOMIC_RELAXED);
    all->object_bytes = MAX(before.object_bytes, r->object_bytes);
    if (r->way != PS_WAY_NONE)
        t->ways |= 1u << r->way;
    if (!e || t->err)
        return;
    t->err = e;
    if (!all->message[0])
        snprintf(all->message, sizeof(all->message), "%.199s", client_why_text());
}

static enum ps_way way_of(unsigned ways)
{
    for (int w = PS_WAY_NONE; w < PS_WAY_MIXED; w++)
        if (ways == (w ? 1u << w : 0u))
            return (enum ps_way)w;
    return PS_WAY_MIXED;
}

/* What only the whole can say. */
static void conclude(struct client_transfer *t)
{
    struct ps_result *r = &t->op->result;

    r->err = t->err;
    r->way = way_of(t->ways);
    if (t->err)
        r->has_crc64 = 0;
    if (t->err == PS_ERR_CANCELLED && !r->message[0])
        snprintf(r->message, sizeof(r->message), "cancelled");
    if (t->op->kind == PS_GET && r->has_crc64)
        for (unsigned i = 0; i < t->part_count; i++)
            r->crc64 = crc64_nvme_combine(r->crc64, t->parts[i].crc64, t->parts[i].bytes);
}

/* --- steps --- */

struct step {
    struct client_transfer *transfer;
    enum client_stage stage;
    unsigned part;
};

/* Under the lock. */
static struct step step_take(struct client_transfer *t)
{
    struct step s = {t, t->stage, t->parts_next};

    assert(has_step(t));
    t->running++;
    if (t->stage == STAGE_PARTS)
        t->parts_next++;
    return s;
}

static enum ps_err step_run(const struct step *s, struct ps_result *r)
{
    struct client_transfer *t = s->transfer;
    bool is_get = t->op->kind == PS_GET;

    if (s->stage == STAGE_LAST)
        return client_put_last(t, t->err, r);
    if (s->stage == STAGE_FIRST)
        return is_get ? client_get_first(t, r) : client_put_first(t, r);
    return is_get ? client_get_part(t, s->part, r) : client_put_part(t, s->part, r);
}

/* --- the queue --- */

static void *work_main(void *arg);

/* Threads for n more steps. Under the lock. */
static void work_rouse(struct client_work *w, unsigned n)
{
    unsigned missing = n > w->idle ? n - w->idle : 0;

    while (missing-- > 0 && w->thread_count < w->threads_max && !w->is_stopping) {
        if (pthread_create(&w->threads[w->thread_count], NULL, work_main, w))
            break;
        w->thread_count++;
    }
    pthread_cond_broadcast(&w->changed);
}

static void work_queue(struct client_work *w, struct client_transfer *t)
{
    bool is_queued = !list_is_empty(&t->link);

    if (has_step(t) && !is_queued)
        list_push_back(&w->queue, &t->link);
    else if (!has_step(t) && is_queued)
        list_remove(&t->link);
}

static void transfer_free(struct client_transfer *t)
{
    client_stop_done(&t->stop);
    free(t->parts);
    free(t);
}

static void event_write(struct client_work *w)
{
    uint64_t one = 1;

    (void)!write(w->event_fd, &one, sizeof(one));
}

/* Done: to whoever waits. Under the lock; t is gone after this unless somebody waits in run. */
static void work_finish(struct client_work *w, struct client_transfer *t)
{
    struct ps_op *op = t->op;

    conclude(t);
    list_remove(&t->link);
    op->state = NULL;
    w->live--;
    if (!t->is_blocking) {
        op->next = NULL;
        if (!w->finished)
            event_write(w);
        *w->finished_end = op;
        w->finished_end = &op->next;
        transfer_free(t);
    }
    pthread_cond_broadcast(&w->changed);
}

/* Takes a step of t and runs it. Under the lock, which is released meanwhile. */
static void work_step(struct client_work *w, struct client_transfer *t)
{
    struct step s = step_take(t);
    struct ps_result r = {0};

    work_queue(w, t);
    pthread_mutex_unlock(&w->lock);
    enum ps_err e = step_run(&s, &r);
    pthread_mutex_lock(&w->lock);
    t->running--;
    if (s.stage == STAGE_PARTS)
        t->parts_done++;
    /* The last step was told of an earlier error, and repeats it. */
    account(t, e, &r);
    settle(t);
    work_queue(w, t);
    if (t->stage == STAGE_DONE)
        work_finish(w, t);
    else if (s.stage == STAGE_FIRST)
        work_rouse(w, t->part_count);
}

static void *work_main(void *arg)
{
    struct client_work *w = arg;

    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct list *node = list_pop(&w->queue);

        if (node) {
            struct client_transfer *t = container_of(node, struct client_transfer, link);

            list_push_back(&w->queue, node); /* others get their turn */
            work_step(w, t);
            continue;
        }
        if (w->is_stopping)
            break;
        w->idle++;
        pthread_cond_wait(&w->changed, &w->lock);
        w->idle--;
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* --- starting and stopping --- */

enum ps_err client_work_init(struct client_work *w, struct ps_client *c)
{
    *w = (struct client_work){.client = c, .threads_max = c->settings.connections};
    w->finished_end = &w->finished;
    list_init(&w->queue);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->threads = calloc(w->threads_max, sizeof(*w->threads));
    w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->threads && w->event_fd >= 0)
        return PS_OK;
    client_work_done(w);
    return client_why(PS_ERR_SYSTEM, "out of memory or descriptors");
}

void client_work_done(struct client_work *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->live > 0)
        pthread_cond_wait(&w->changed, &w->lock);
    w->is_stopping = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->thread_count; i++)
        pthread_join(w->threads[i], NULL);
    if (w->event_fd >= 0)
        close(w->event_fd);
    free(w->threads);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}

/* --- operations --- */

static enum ps_err op_check(const struct client_work *w, const struct ps_op *op)
{
    const struct ps_buffer *b = op->buffer;

    if (!op->bucket || !*op->bucket || !op->key || !*op->key || !b || b->client != w->client)
        return client_why(PS_ERR_INVALID, "an operation needs a bucket, a key and a buffer");
    if (op->kind != PS_GET && op->kind != PS_PUT)
        return client_why(PS_ERR_INVALID, "an operation is PS_GET or PS_PUT");
    if (op->buffer_off > b->memory.bytes || op->bytes > b->memory.bytes - op->buffer_off)
        return client_why(PS_ERR_INVALID, "the range lies outside the buffer");
    if (op->object_off > INT64_MAX || op->bytes > INT64_MAX - op->object_off)
        return client_why(PS_ERR_INVALID, "the range lies outside any object");
    return PS_OK;
}

static enum ps_err
transfer_new(struct client_work *w, struct ps_op *op, struct client_transfer **t_out)
{
    enum ps_err e = op_check(w, op);
    struct client_transfer *t = e ? NULL : calloc(1, sizeof(*t));

    if (e)
        return e;
    if (!t)
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    memset(&op->result, 0, sizeof(op->result));
    op->state = t;
    t->client = w->client;
    t->op = op;
    t->room = op->buffer->memory.bytes - op->buffer_off;
    list_init(&t->link);
    client_stop_init(&t->stop);
    *t_out = t;
    return PS_OK;
}

enum ps_err client_work_submit(struct client_work *w, struct ps_op *op)
{
    struct client_transfer *t;
    enum ps_err e = transfer_new(w, op, &t);

    if (e)
        return e;
    pthread_mutex_lock(&w->lock);
    w->live++;
    work_queue(w, t);
    work_rouse(w, 1);
    bool is_orphan = w->thread_count == 0;
    if (is_orphan) {
        list_remove(&t->link);
        w->live--;
        op->state = NULL;
    }
    pthread_mutex_unlock(&w->lock);
    if (!is_orphan)
        return PS_OK;
    transfer_free(t);
    return client_why(PS_ERR_SYSTEM, "no thread can be started");
}

enum ps_err client_work_run(struct client_work *w, struct ps_op *op)
{
    struct client_transfer *t;
    enum ps_err e = transfer_new(w, op, &t);

    if (e)
        return e;
    t->is_blocking = true;
    pthread_mutex_lock(&w->lock);
    w->live++;
    /* Not queued before the first step: that one is the caller's own. */
    while (t->stage != STAGE_DONE) {
        if (has_step(t))
            work_step(w, t);
        else
            pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    e = t->err;
    transfer_free(t);
    if (e)
        (void)client_why(e, "%s", op->result.message);
    return e;
}

/* Under the lock. */
static unsigned finished_take(struct client_work *w, struct ps_op **done, unsigned n)
{
    unsigned count = 0;
    uint64_t events;

    while (count < n && w->finished) {
        done[count] = w->finished;
        w->finished = done[count]->next;
        done[count++]->next = NULL;
    }
    if (!w->finished) {
        w->finished_end = &w->finished;
        (void)!read(w->event_fd, &events, sizeof(events));
    }
    return count;
}

unsigned client_work_collect(struct client_work *w, struct ps_op **done, unsigned n, int timeout_ms)
{
    uint64_t end_ns = clock_ns() + (uint64_t)MAX(timeout_ms, 0) * 1000000;
    unsigned count;

    for (;;) {
        pthread_mutex_lock(&w->lock);
        count = finished_take(w, done, n);
        pthread_mutex_unlock(&w->lock);
        uint64_t now_ns = clock_ns();
        if (count > 0 || n == 0 || (timeout_ms >= 0 && now_ns >= end_ns))
            return count;
        struct pollfd p = {.fd = w->event_fd, .events = POLLIN};
        (void)poll(&p, 1, timeout_ms < 0 ? -1 : (int)((end_ns - now_ns) / 1000000 + 1));
    }
}

void client_work_cancel(struct client_work *w, struct ps_op *op)
{
    pthread_mutex_lock(&w->lock);
    struct client_transfer *t = op->state;
    if (t)
        client_stop_set(&t->stop);
    pthread_mutex_unlock(&w->lock);
}
