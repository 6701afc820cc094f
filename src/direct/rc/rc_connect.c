/*
 * A session's begin: a slot, then a queue pair through INIT and RTR to RTS on a work thread (which
 * may wait: RTR resolves the peer's address), then the answer.
 */
#include <assert.h>

#include "base/clock.h"
#include "base/digest.h"
#include "direct/rc/rc_impl.h"

enum { CONNECT_RETRIES = 7, CONNECT_RNR_RETRIES = 7, CONNECT_RNR_TIMER = 12 };

static enum ibv_mtu mtu_of(uint32_t bytes)
{
    enum ibv_mtu mtu = IBV_MTU_256;

    while (mtu < IBV_MTU_4096 && 256u << (mtu - IBV_MTU_256) < bytes)
        mtu++;
    return mtu;
}

/* --- on a work thread --- */

static enum err to_init(struct rc_session *s)
{
    struct ibv_qp_attr a = {
        .qp_state = IBV_QPS_INIT,
        .pkey_index = s->rc->config.pkey_index,
        .port_num = s->gid.port,
        .qp_access_flags = 0, /* the client reaches nothing of ours */
    };

    return s->rc->config.verbs->modify(
        s->qp, &a, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

static enum err to_rtr(struct rc_session *s)
{
    const struct rc_config *c = &s->rc->config;
    struct ibv_qp_attr a = {
        .qp_state = IBV_QPS_RTR,
        .path_mtu = mtu_of(s->own.mtu),
        .dest_qp_num = s->peer.qpn,
        .rq_psn = s->peer.psn,
        .max_dest_rd_atomic = 1,
        .min_rnr_timer = CONNECT_RNR_TIMER,
        .ah_attr =
            {
                .dlid = s->gid.is_infiniband ? s->peer.lid : 0,
                .sl = c->service_level,
                .is_global = 1,
                .port_num = s->gid.port,
                .grh =
                    {
                        .sgid_index = s->gid.index,
                        .hop_limit = c->hop_limit,
                        .traffic_class = c->traffic_class,
                    },
            },
    };

    memcpy(a.ah_attr.grh.dgid.raw, s->peer.gid, RC_GID_BYTES);
    return c->verbs->modify(
        s->qp, &a,
        IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
            IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
}

static enum err to_rts(struct rc_session *s)
{
    uint8_t reads = MIN(s->peer.reads, s->lane->device->facts.reads_max);
    struct ibv_qp_attr a = {
        .qp_state = IBV_QPS_RTS,
        .sq_psn = s->own.psn,
        .timeout = s->rc->config.timeout,
        .retry_cnt = CONNECT_RETRIES,
        .rnr_retry = CONNECT_RNR_RETRIES,
        .max_rd_atomic = MAX(reads, (uint8_t)1),
    };

    return s->rc->config.verbs->modify(
        s->qp, &a,
        IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
            IBV_QP_MAX_QP_RD_ATOMIC);
}

static enum err connect_up(struct rc_session *s)
{
    const struct rc_config *c = &s->rc->config;
    struct ibv_qp_cap cap = {
        .max_send_wr = c->queue_depth,
        .max_recv_wr = 1,
        .max_send_sge = 1,
        .max_recv_sge = 1,
    };

    TRY(rc_lane_make_cq(s->lane));
    TRY(c->verbs->create_qp(s->lane->device->dev, s->lane->cq, &cap, &s->qp, &s->own.qpn));
    TRY(to_init(s));
    TRY(to_rtr(s));
    return to_rts(s);
}

static void connect_run(struct work *w)
{
    w->result = connect_up(container_of(w, struct rc_session, work));
}

/* --- on the reactor --- */

static struct rc_user *user_of(struct rc *rc, struct view name)
{
    struct rc_user *unused = NULL;

    for (unsigned i = 0; i < rc->config.sessions_max; i++) {
        struct rc_user *u = &rc->users[i];

        if (u->sessions && view_eq(view_of(u->name, u->len), name))
            return u;
        if (!u->sessions && !unused)
            unused = u;
    }
    if (unused) {
        memcpy(unused->name, name.at, name.len);
        unused->len = name.len;
        unused->bytes = 0;
    }
    return unused;
}

static struct rc_session *free_slot(struct rc *rc)
{
    for (unsigned i = 0; i < rc->config.sessions_max; i++)
        if (rc->sessions[i].life == RC_FREE)
            return &rc->sessions[i];
    return NULL;
}

/* Under rc.lock. */
static enum err
connect_claim(struct rc *rc, struct rc_device *device, struct view user, struct rc_session **s_out)
{
    if (rc->stopping)
        return ERR_UNSUPPORTED;
    struct rc_session *s = free_slot(rc);
    struct rc_user *u = user_of(rc, user);
    struct rc_lane *L = rc_lane_of(rc, device);
    if (!s || !u || u->sessions >= rc->config.sessions_per_user || !L ||
        L->credits < rc->config.queue_depth)
        return ERR_BUSY;
    L->credits -= rc->config.queue_depth;
    u->sessions++;
    rc->session_count++;
    s->life = RC_CONNECTING;
    s->user = u;
    s->lane = L;
    s->windows = 0;
    s->fence = 0;
    s->is_leaving = false;
    *s_out = s;
    return ERR_OK;
}

static void session_begin(struct rc_session *s, const struct rc_wire_end *peer)
{
    const struct rc_config *c = &s->rc->config;
    uint32_t psn;

    digest_random(&psn, sizeof(psn));
    s->peer = *peer;
    s->own = (struct rc_wire_end){
        .psn = psn & 0xffffff,
        .mtu = MIN(peer->mtu, s->gid.mtu),
        .lid = s->gid.lid,
        .reads = 1,
        .lease_ms = MIN(peer->lease_ms, c->lease_ms_max),
    };
    memcpy(s->own.gid, s->gid.raw, RC_GID_BYTES);
    s->lease_ns = (uint64_t)s->own.lease_ms * 1000000;
    s->qp = NULL;
    s->posted = 0;
    s->retired = 0;
    s->unsignalled = 0;
    list_push_back(&s->lane->sessions, &s->link);
}

static enum err connect_start(struct rc *rc, struct rc_connect *c)
{
    struct rc_wire_end peer;
    struct rc_gid gid;
    struct rc_session *s;

    TRY(rc_wire_take_request(c->request, &peer));
    if (c->user.len == 0 || c->user.len > RC_USER_MAX)
        return ERR_DENIED;
    struct rc_device *device = rc_device_for(rc, peer.gid, &gid);
    if (!device)
        return ERR_UNSUPPORTED;
    pthread_mutex_lock(&rc->lock);
    enum err e = connect_claim(rc, device, c->user, &s);
    pthread_mutex_unlock(&rc->lock);
    TRY(e);
    s->gid = gid;
    s->connect = c;
    session_begin(s, &peer);
    s->work.run = connect_run;
    work_start(&s->work);
    return ERR_OK;
}

void rc_connect(struct transport *T, struct rc_connect *c)
{
    op_start(&c->op);
    enum err e = connect_start(container_of(T, struct rc, transport), c);
    if (e)
        op_complete(&c->op, e);
}

static void session_live(struct rc_session *s, struct rc_connect *c)
{
    struct rc_wire_answer a = {.end = s->own};
    struct buf b = buf_over(c->answer, sizeof(c->answer));

    digest_random(a.session_id, RC_ID_BYTES);
    digest_random(a.session_key, RC_KEY_BYTES);
    a.session_id[0] = (uint8_t)s->slot;
    a.session_id[1] = (uint8_t)(s->slot >> 8);
    rc_wire_put_answer(&a, &b);
    pthread_mutex_lock(&s->rc->lock);
    memcpy(s->id, a.session_id, RC_ID_BYTES);
    memcpy(s->key, a.session_key, RC_KEY_BYTES);
    s->lease_until_ns = clock_ns() + s->lease_ns;
    s->life = RC_LIVE;
    pthread_mutex_unlock(&s->rc->lock);
}

void rc_connect_done(struct rc_session *s)
{
    struct rc_connect *c = s->connect;
    enum err e = s->work.op.err;

    s->connect = NULL;
    if (!e && s->lane->is_stopping)
        e = ERR_UNSUPPORTED;
    if (e) {
        rc_session_end(s);
    } else {
        session_live(s, c);
        rc_lane_join(s->lane);
    }
    op_complete(&c->op, e);
}
