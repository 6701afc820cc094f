/*
 * A session's send queue: transfers become work requests, in order, as many as fit.
 *
 * Every k-th work request is signalled, and the last of each transfer. Work requests of a queue
 * pair end in order: a completion retires all that were posted before it. After an error all get a
 * completion of their own; so a signalled one that was passed over by an error is not known to have
 * ended well.
 *
 * wr_id: slot of the session, its generation, sequence number. One that is not in flight is stale.
 */
#include <assert.h>

#include "direct/rc/rc_impl.h"

static uint64_t wr_id(const struct rc_session *s, uint32_t sequence)
{
    return (uint64_t)s->slot << 48 | (uint64_t)s->generation << 32 | sequence;
}

/* The job has ended; then its window may. */
static void job_end(struct rc_job *job)
{
    struct rc_window *w = job->w;
    struct rc *rc = w->session->rc;
    struct transfer *t = job->t;
    enum err e = job->err;

    assert(job->flying == 0 && w->jobs > 0);
    pthread_mutex_lock(&rc->lock);
    list_push_back(&rc->jobs_free, &job->link);
    rc->job_count--;
    pthread_mutex_unlock(&rc->lock);
    w->jobs--;
    op_complete(&t->op, e); /* before the close's */
    if (w->is_closing && w->jobs == 0)
        rc_session_window_end(w);
}

/* --- posting --- */

static enum err post_next(struct rc_session *s, struct rc_job *job)
{
    const struct rc *rc = s->rc;
    const struct transfer *t = job->t;
    size_t len = MIN(t->len - job->posted, (size_t)rc->config.message_bytes_max);
    bool is_last = job->posted + len == t->len;
    bool is_signalled = is_last || s->unsignalled + 1 >= rc->config.signal_every;
    struct ibv_sge sge = {
        .addr = (uintptr_t)t->at + job->posted,
        .length = (uint32_t)len,
        .lkey = s->lane->device->lkey,
    };
    struct ibv_send_wr wr = {
        .wr_id = wr_id(s, s->posted),
        .sg_list = &sge,
        .num_sge = 1,
        .opcode = t->is_read ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE,
        .send_flags = is_signalled ? IBV_SEND_SIGNALED : 0,
        .wr.rdma = {job->w->remote + t->window_off + job->posted, job->w->rkey},
    };

    TRY(rc->config.verbs->post(s->qp, &wr));
    s->ring[s->posted % rc->config.queue_depth] = (struct rc_slot){job, is_signalled};
    s->posted++;
    s->unsignalled = is_signalled ? 0 : s->unsignalled + 1;
    s->lane->flying++;
    job->flying++;
    job->posted += len;
    return ERR_OK;
}

static void pump(struct rc_session *s)
{
    while (s->life == RC_LIVE && !list_is_empty(&s->waiting) &&
           rc_in_flight(s) < s->rc->config.queue_depth) {
        struct rc_job *job = container_of(s->waiting.next, struct rc_job, link);
        enum err e = post_next(s, job);

        if (e) {
            rc_session_break(s, e);
            return;
        }
        if (job->posted == job->t->len)
            list_remove(&job->link);
        rc_lane_wake(s->lane);
    }
}

/* Here on the session's reactor, from ours or another. */
void rc_queue_move(struct op *hop)
{
    struct rc_job *job = container_of(hop, struct rc_job, hop);
    struct rc_session *s = job->w->session;

    job->w->jobs++;
    if (s->life != RC_LIVE || job->w->why) {
        job->err = rc_window_why(job->w, ERR_CLOSED);
        job_end(job);
        return;
    }
    list_push_back(&s->waiting, &job->link);
    pump(s);
}

/* Of one window, or of all: jobs that wait. Those partly posted end when they are retired. */
static void fail_waiting(struct rc_session *s, const struct rc_window *only, enum err why)
{
    struct list failed;

    list_init(&failed);
    list_for_each(node, &s->waiting)
    {
        struct rc_job *job = container_of(node, struct rc_job, link);

        if (only && (job->w != only || job->flying))
            continue;
        list_remove(node);
        job->err = rc_window_why(job->w, why);
        if (!job->flying)
            list_push_back(&failed, node);
    }
    for (struct list *node = list_pop(&failed); node; node = list_pop(&failed))
        job_end(container_of(node, struct rc_job, link));
}

void rc_queue_take_back(struct rc_session *s, struct rc_window *w)
{
    fail_waiting(s, w, w->why);
}

void rc_queue_fail(struct rc_session *s, enum err why)
{
    fail_waiting(s, NULL, why);
}

/* --- completions --- */

static enum err status_err(enum ibv_wc_status status)
{
    if (status == IBV_WC_SUCCESS)
        return ERR_OK;
    if (status == IBV_WC_REM_ACCESS_ERR || status == IBV_WC_REM_INV_REQ_ERR)
        return ERR_DENIED;
    if (status == IBV_WC_WR_FLUSH_ERR || status == IBV_WC_RETRY_EXC_ERR ||
        status == IBV_WC_RNR_RETRY_EXC_ERR || status == IBV_WC_REM_ABORT_ERR)
        return ERR_CLOSED;
    return ERR_IO;
}

/* The oldest one ends. */
static void retire(struct rc_session *s, enum err e)
{
    struct rc_job *job = s->ring[s->retired % s->rc->config.queue_depth].job;

    s->retired++;
    assert(job->flying > 0 && s->lane->flying > 0);
    s->lane->flying--;
    job->flying--;
    if (e && !job->err)
        job->err = e == ERR_CLOSED ? rc_window_why(job->w, e) : e;
    if (job->flying == 0 && job->err && job->posted < job->t->len)
        list_remove(&job->link); /* off the waiting list, or on none */
    if (job->flying == 0 && (job->err || job->posted == job->t->len))
        job_end(job);
}

static void retire_upto(struct rc_session *s, uint32_t sequence, enum err e)
{
    while (s->retired != sequence) {
        bool is_passed_over = s->ring[s->retired % s->rc->config.queue_depth].is_signalled;

        retire(s, e && is_passed_over ? ERR_CLOSED : ERR_OK);
    }
    retire(s, e);
}

/* Whose it is; NULL: of a queue pair that is gone. */
static struct rc_session *session_of(const struct rc_lane *L, uint64_t id)
{
    struct rc *rc = L->rc;
    unsigned slot = (unsigned)(id >> 48);
    struct rc_session *s = slot < rc->config.sessions_max ? &rc->sessions[slot] : NULL;

    pthread_mutex_lock(&rc->lock); /* the slot may be another lane's by now */
    if (s && (s->life == RC_FREE || s->lane != L || s->generation != (uint16_t)(id >> 32)))
        s = NULL;
    pthread_mutex_unlock(&rc->lock);
    return s;
}

void rc_queue_complete(struct rc_lane *L, const struct ibv_wc *wc)
{
    uint32_t sequence = (uint32_t)wc->wr_id;
    enum err e = status_err(wc->status);
    struct rc_session *s = session_of(L, wc->wr_id);

    if (!s || sequence - s->retired >= rc_in_flight(s))
        return;
    retire_upto(s, sequence, e);
    if (e)
        rc_session_break(s, ERR_CLOSED);
    pump(s);
    if (rc_in_flight(s) == 0)
        rc_session_idle(s);
}

void rc_queue_forget(struct rc_session *s)
{
    while (rc_in_flight(s))
        retire(s, ERR_CLOSED);
}
