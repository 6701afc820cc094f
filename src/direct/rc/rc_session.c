/* A session's life but for its begin; the diagram is in rc_impl.h. */
#include <assert.h>

#include "base/clock.h"
#include "direct/rc/rc_impl.h"

static void life_set(struct rc_session *s, enum rc_life life)
{
    pthread_mutex_lock(&s->rc->lock);
    s->life = life;
    pthread_mutex_unlock(&s->rc->lock);
}

struct rc_session *rc_session_find(struct rc *rc, const uint8_t *id)
{
    unsigned slot = id[0] | (unsigned)id[1] << 8;
    struct rc_session *s = slot < rc->config.sessions_max ? &rc->sessions[slot] : NULL;
    bool is_it = s && s->life == RC_LIVE && !s->is_leaving &&
                 view_same(view_of(s->id, RC_ID_BYTES), view_of(id, RC_ID_BYTES));

    return is_it ? s : NULL;
}

/* --- the end --- */

static void break_run(struct work *w)
{
    struct rc_session *s = container_of(w, struct rc_session, work);
    struct ibv_qp_attr attr = {.qp_state = IBV_QPS_ERR};

    w->result = s->rc->config.verbs->modify(s->qp, &attr, IBV_QP_STATE);
}

static void destroy_run(struct work *w)
{
    struct rc_session *s = container_of(w, struct rc_session, work);

    w->result = s->qp ? s->rc->config.verbs->destroy_qp(s->qp) : ERR_OK;
}

void rc_session_break(struct rc_session *s, enum err why)
{
    if (s->life != RC_LIVE)
        return;
    life_set(s, RC_BREAKING);
    s->why = why;
    rc_queue_fail(s, why);
    s->work.run = break_run;
    work_start(&s->work);
}

void rc_session_end(struct rc_session *s)
{
    life_set(s, RC_DESTROYING);
    s->work.run = destroy_run;
    work_start(&s->work);
}

void rc_session_idle(struct rc_session *s)
{
    if (s->life == RC_DRAINING)
        timer_stop(&s->drain); /* drain_advance goes on */
}

static void drain_start(struct rc_session *s, uint64_t delay_ms)
{
    life_set(s, RC_DRAINING);
    rc_lane_wake(s->lane);
    timer_start(&s->drain, delay_ms);
}

/* Flushed, or waited long enough. */
static void drain_advance(struct op *op)
{
    rc_session_end(container_of(op, struct rc_session, drain.op));
}

static void session_gone(struct rc_session *s)
{
    s->qp = NULL;
    life_set(s, RC_GONE);
    rc_queue_forget(s);
    rc_session_settle(s);
}

static void work_advance(struct op *op)
{
    struct rc_session *s = container_of(op, struct rc_session, work.op);

    if (s->life == RC_CONNECTING)
        rc_connect_done(s);
    else if (s->life == RC_BREAKING)
        drain_start(s, rc_in_flight(s) ? s->rc->config.drain_ms : 0);
    else if (op->err) /* not destroyed: what is in flight is in flight. Again, later */
        drain_start(s, s->rc->config.drain_ms);
    else
        session_gone(s);
}

static void bye_advance(struct op *op)
{
    struct rc_session *s = container_of(op, struct rc_session, bye);

    rc_session_break(s, ERR_CLOSED);
    pthread_mutex_lock(&s->rc->lock);
    s->is_leaving = false;
    pthread_mutex_unlock(&s->rc->lock);
    rc_session_settle(s);
}

/* --- windows and slot --- */

/* Under rc.lock. */
static void slot_free(struct rc_session *s)
{
    struct rc *rc = s->rc;

    s->life = RC_FREE;
    s->generation++;
    s->lane->credits += rc->config.queue_depth;
    s->user->sessions--;
    rc->session_count--;
    memset(s->key, 0, RC_KEY_BYTES);
}

void rc_session_settle(struct rc_session *s)
{
    struct rc *rc = s->rc;
    struct rc_lane *L = s->lane;

    pthread_mutex_lock(&rc->lock);
    bool is_unused = s->windows == 0 && !s->is_leaving;
    bool is_over = s->life == RC_GONE && is_unused;
    if (is_over) {
        list_remove(&s->link);
        slot_free(s);
    }
    pthread_mutex_unlock(&rc->lock);
    if (is_over)
        rc_lane_settle(L);
    else if (is_unused && L->is_stopping)
        rc_session_break(s, ERR_CLOSED);
}

void rc_session_window_end(struct rc_window *w)
{
    struct rc_session *s = w->session;
    struct rc *rc = s->rc;
    struct window *window = w->window;
    uint64_t lease = clock_ns() + s->lease_ns;

    pthread_mutex_lock(&rc->lock);
    assert(s->windows > 0 && rc->window_count > 0);
    s->windows--;
    s->lease_until_ns = lease;
    s->user->bytes -= window->bytes;
    rc->window_bytes -= window->bytes;
    rc->window_count--;
    list_push_back(&rc->windows_free, &w->link);
    pthread_mutex_unlock(&rc->lock);
    op_complete(&window->op, ERR_OK);
    rc_session_settle(s);
}

void rc_session_init(struct rc *rc, struct rc_session *s, unsigned slot)
{
    s->rc = rc;
    s->slot = slot;
    list_init(&s->link);
    list_init(&s->waiting);
    op_init(&s->bye, bye_advance);
    op_init(&s->work.op, work_advance);
    op_init(&s->drain.op, drain_advance);
}
