/*
 * The transport's face: tokens to windows, and everything else on to the session's reactor.
 *
 * Calls for one window come from one reactor, and messages from there arrive in order: transfers,
 * then cancel, then close.
 */
#include "direct/rc/rc.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "direct/rc/rc_impl.h"

static struct rc *rc_of(struct transport *T)
{
    return container_of(T, struct rc, transport);
}

static enum token_shape rc_recognise(struct transport *T, struct view token)
{
    struct rc_token t;

    (void)T;
    if (!rc_token_is_ours(token))
        return TOKEN_FOREIGN;
    return rc_token_parse(token, &t) ? TOKEN_BROKEN : TOKEN_MINE;
}

/* --- opening --- */

/* What the token says of itself, under the key of its session. */
static enum err token_check(struct rc *rc, const struct window *w, const struct rc_token *t)
{
    uint8_t key[RC_KEY_BYTES];

    pthread_mutex_lock(&rc->lock);
    const struct rc_session *s = rc_session_find(rc, t->session_id);
    if (s)
        memcpy(key, s->key, RC_KEY_BYTES);
    pthread_mutex_unlock(&rc->lock);
    if (!s || !rc_token_holds(w->token, key) || !rc_token_is_sound(t))
        return ERR_DENIED;
    if (t->expiry_ms <= (uint64_t)clock_wall_ms())
        return ERR_DENIED;
    return t->is_write == (w->direction == WINDOW_WRITE) ? ERR_OK : ERR_DENIED;
}

/* limit 0: none. */
static bool fits(uint64_t used, uint64_t more, uint64_t limit)
{
    return limit == 0 || (used <= limit && more <= limit - used);
}

/* Under rc.lock. */
static enum err
session_takes(const struct rc_session *s, const struct rc_token *t, struct view user, uint64_t now)
{
    if (!s || !view_eq(view_of(s->user->name, s->user->len), user))
        return ERR_DENIED;
    if (t->fence < s->fence || (s->windows == 0 && now >= s->lease_until_ns))
        return ERR_DENIED;
    return t->fence > s->fence && s->windows ? ERR_BUSY : ERR_OK;
}

/* Under rc.lock. */
static enum err window_claim(
    struct rc *rc, const struct window *w, const struct rc_token *t, struct rc_window **rw_out)
{
    struct rc_session *s = rc_session_find(rc, t->session_id);
    uint64_t now = clock_ns();

    if (rc->stopping)
        return ERR_UNSUPPORTED;
    TRY(session_takes(s, t, w->user, now));
    if (!fits(rc->window_bytes, t->length, rc->config.window_bytes_max) ||
        !fits(s->user->bytes, t->length, rc->config.window_bytes_per_user))
        return ERR_BUSY;
    struct list *node = list_pop(&rc->windows_free);
    if (!node)
        return ERR_BUSY;
    s->windows++;
    s->fence = t->fence;
    s->lease_until_ns = now + s->lease_ns;
    s->user->bytes += t->length;
    rc->window_bytes += t->length;
    rc->window_count++;
    *rw_out = container_of(node, struct rc_window, link);
    (*rw_out)->session = s;
    return ERR_OK;
}

static enum err rc_open_checked(struct rc *rc, struct window *w)
{
    struct rc_window *rw;
    struct rc_token t;

    TRY(rc_token_parse(w->token, &t));
    TRY(token_check(rc, w, &t));
    pthread_mutex_lock(&rc->lock);
    enum err e = window_claim(rc, w, &t, &rw);
    pthread_mutex_unlock(&rc->lock);
    TRY(e);
    rw->window = w;
    rw->rkey = t.rkey;
    rw->remote = t.base + t.offset;
    rw->jobs = 0;
    rw->why = ERR_OK;
    rw->is_closing = false;
    w->state[0] = rw;
    w->bytes = t.length;
    return ERR_OK;
}

static void rc_open(struct transport *T, struct window *w)
{
    enum err e = rc_open_checked(rc_of(T), w);

    if (e == ERR_DENIED)
        transport_refuse(w);
    else
        op_complete(&w->op, e);
}

/* --- to the session's reactor --- */

static void hop(struct op *op, struct reactor *to)
{
    if (to == reactor_current())
        op->advance(op);
    else
        op_send(op, to);
}

static struct rc_job *job_take(struct rc *rc)
{
    pthread_mutex_lock(&rc->lock);
    struct list *node = list_pop(&rc->jobs_free);
    rc->job_count += node != NULL;
    pthread_mutex_unlock(&rc->lock);
    return node ? container_of(node, struct rc_job, link) : NULL;
}

static void rc_move(struct transport *T, struct transfer *t)
{
    struct rc *rc = rc_of(T);
    struct rc_window *w = t->window->state[0];
    struct view arena = rc->config.arena;
    const uint8_t *at = t->at;
    struct rc_job *job = job_take(rc);

    assert(at >= arena.at && (size_t)(at - arena.at) <= arena.len - t->len);
    if (!job) {
        op_complete(&t->op, ERR_BUSY);
        return;
    }
    job->t = t;
    job->w = w;
    job->posted = 0;
    job->flying = 0;
    job->err = ERR_OK;
    hop(&job->hop, w->session->lane->home);
}

static void window_stop(struct rc_window *w, enum err why)
{
    if (!w->why)
        w->why = why;
    rc_queue_take_back(w->session, w);
    if (w->jobs)
        rc_session_break(w->session, ERR_CLOSED);
}

void rc_cancel_advance(struct op *op)
{
    window_stop(container_of(op, struct rc_window, cancel), ERR_TIMEOUT);
}

void rc_close_advance(struct op *op)
{
    struct rc_window *w = container_of(op, struct rc_window, close);

    if (w->jobs)
        window_stop(w, ERR_CANCELLED);
    w->is_closing = true;
    if (w->jobs == 0)
        rc_session_window_end(w);
}

static void rc_cancel(struct transport *T, struct window *w)
{
    struct rc_window *rw = w->state[0];

    (void)T;
    hop(&rw->cancel, rw->session->lane->home);
}

static void rc_close(struct transport *T, struct window *w)
{
    struct rc_window *rw = w->state[0];

    (void)T;
    hop(&rw->close, rw->session->lane->home);
}

enum err rc_disconnect(struct transport *T, struct view session_id, struct view user)
{
    struct rc *rc = rc_of(T);

    if (session_id.len != RC_ID_BYTES)
        return ERR_DENIED;
    pthread_mutex_lock(&rc->lock);
    struct rc_session *s = rc_session_find(rc, session_id.at);
    if (s && !view_eq(view_of(s->user->name, s->user->len), user))
        s = NULL;
    if (s) {
        s->is_leaving = true;
        op_send(&s->bye, s->lane->home);
    }
    pthread_mutex_unlock(&rc->lock);
    return s ? ERR_OK : ERR_DENIED;
}

/* --- begin and end --- */

static void end_run(struct work *w)
{
    struct rc *rc = container_of(w, struct rc, end);

    for (unsigned i = 0; i < rc->device_count * rc->config.reactors; i++) {
        if (rc->lanes[i] && rc->lanes[i]->cq)
            rc->config.verbs->destroy_cq(rc->lanes[i]->cq);
        free(rc->lanes[i]);
    }
    rc_device_close_all(rc);
    w->result = ERR_OK;
}

static void end_advance(struct op *op)
{
    struct rc *rc = container_of(op, struct rc, end.op);
    struct op *stopping = rc->stopping;

    rc_tables_free(rc);
    op_complete(stopping, ERR_OK);
}

void rc_end(struct rc *rc)
{
    rc->end.run = end_run;
    work_start(&rc->end);
}

static void rc_stop(struct transport *T, struct op *op)
{
    struct rc *rc = rc_of(T);
    unsigned lanes = rc->device_count * rc->config.reactors, count = 0;

    pthread_mutex_lock(&rc->lock);
    assert(!rc->stopping);
    rc->stopping = op;
    for (unsigned i = 0; i < lanes; i++)
        count += rc->lanes[i] != NULL;
    rc->lanes_left = count;
    for (unsigned i = 0; i < lanes; i++)
        if (rc->lanes[i])
            op_send(&rc->lanes[i]->hop, rc->lanes[i]->home);
    pthread_mutex_unlock(&rc->lock);
    if (count == 0)
        rc_end(rc);
}

static const struct transport_ops rc_transport_ops = {
    .name = "rc",
    .recognise = rc_recognise,
    .open = rc_open,
    .move = rc_move,
    .cancel = rc_cancel,
    .close = rc_close,
    .stop = rc_stop,
};

enum err
rc_new(const struct rc_config *config, struct transport **transport_out, struct buf *why_out)
{
    struct rc *rc = calloc(1, sizeof(*rc));

    if (!rc)
        return ERR_NO_MEMORY;
    rc->transport.ops = &rc_transport_ops;
    rc->config = *config;
    rc_tables_fill(&rc->config);
    pthread_mutex_init(&rc->lock, NULL);
    pthread_mutex_init(&rc->setup, NULL);
    list_init(&rc->windows_free);
    list_init(&rc->jobs_free);
    op_init(&rc->end.op, end_advance);
    enum err e = rc_device_open_all(rc, why_out);
    if (!e) {
        e = rc_tables_new(rc);
    }
    if (e) {
        rc_device_close_all(rc);
        rc_tables_free(rc);
        return e;
    }
    *transport_out = &rc->transport;
    return ERR_OK;
}

void rc_stats(struct transport *T, struct rc_stats *out)
{
    struct rc *rc = rc_of(T);

    pthread_mutex_lock(&rc->lock);
    *out = (struct rc_stats){
        .sessions = rc->session_count,
        .windows_open = rc->window_count,
        .window_bytes = rc->window_bytes,
        .jobs = rc->job_count,
    };
    pthread_mutex_unlock(&rc->lock);
}
