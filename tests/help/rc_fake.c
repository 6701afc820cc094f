#include "rc_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static struct rc_fake *fake_of(void *ctx)
{
    return ctx;
}

/* Under the lock or not: counts, and says whether it shall fail. */
static bool is_failing(struct rc_fake *f, enum rc_fake_call call)
{
    f->calls[call]++;
    return f->fail_nth && f->fail_call == call && f->calls[call] == f->fail_nth;
}

static enum err failing(struct rc_fake *f, enum rc_fake_call call)
{
    pthread_mutex_lock(&f->lock);
    bool is = is_failing(f, call);
    pthread_mutex_unlock(&f->lock);
    return is ? ERR_SYSTEM : ERR_OK;
}

static unsigned fake_count(void *ctx)
{
    (void)ctx;
    return 1;
}

static enum err fake_open(void *ctx, unsigned index, struct rc_facts *facts_out, void **dev_out)
{
    struct rc_fake *f = fake_of(ctx);

    (void)index;
    TRY(failing(f, RC_FAKE_OPEN));
    *facts_out = f->facts;
    *dev_out = f;
    f->opened++;
    return ERR_OK;
}

static void fake_close(void *dev)
{
    fake_of(dev)->opened--;
}

static enum err fake_reg(void *dev, void *at, size_t len, void **mr_out, uint32_t *lkey_out)
{
    struct rc_fake *f = fake_of(dev);

    TRY(failing(f, RC_FAKE_REG));
    f->at = at;
    f->len = len;
    f->mrs++;
    *mr_out = f;
    *lkey_out = RC_FAKE_LKEY;
    return ERR_OK;
}

static void fake_dereg(void *mr)
{
    fake_of(mr)->mrs--;
}

/* --- completion queue --- */

static enum err fake_create_cq(void *dev, unsigned depth, void **cq_out, int *fd_out)
{
    struct rc_fake *f = fake_of(dev);

    (void)depth;
    TRY(failing(f, RC_FAKE_CQ));
    f->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(f->fd >= 0);
    f->cqs++;
    *cq_out = f;
    *fd_out = f->fd;
    return ERR_OK;
}

static void fake_destroy_cq(void *cq)
{
    close(fake_of(cq)->fd);
    fake_of(cq)->cqs--;
}

static bool is_due(const struct rc_fake *f, const struct rc_fake_qp *q)
{
    return q->is_there && q->count && !(q->state == IBV_QPS_ERR ? f->holds_flushes : f->is_held);
}

static void signal_when_due(struct rc_fake *f)
{
    bool is_any = false;

    for (unsigned i = 0; i < RC_FAKE_QPS; i++)
        is_any = is_any || is_due(f, &f->qp[i]);
    if (f->is_armed && is_any) {
        f->is_armed = false;
        (void)!write(f->fd, &(uint64_t){1}, sizeof(uint64_t));
    }
}

static enum err fake_arm(void *cq)
{
    struct rc_fake *f = fake_of(cq);

    TRY(failing(f, RC_FAKE_ARM));
    pthread_mutex_lock(&f->lock);
    f->is_armed = true;
    signal_when_due(f);
    pthread_mutex_unlock(&f->lock);
    return ERR_OK;
}

static void fake_acknowledge(void *cq)
{
    uint64_t n;

    (void)!read(fake_of(cq)->fd, &n, sizeof(n));
}

/* --- carrying out --- */

static bool is_within(const void *base, size_t bytes, uint64_t at, uint64_t len)
{
    uint64_t off = at - (uintptr_t)base;

    return at >= (uintptr_t)base && off <= bytes && len <= bytes - off;
}

static enum ibv_wc_status carry_out(struct rc_fake *f, const struct rc_fake_wr *w)
{
    const struct ibv_send_wr *wr = &w->wr;
    void *there = (void *)(uintptr_t)wr->wr.rdma.remote_addr;
    void *here = (void *)(uintptr_t)w->sge.addr;

    if (w->sge.lkey != RC_FAKE_LKEY || !is_within(f->at, f->len, w->sge.addr, w->sge.length))
        return IBV_WC_LOC_PROT_ERR;
    if (wr->wr.rdma.rkey != RC_FAKE_RKEY ||
        !is_within(f->memory, f->bytes, wr->wr.rdma.remote_addr, w->sge.length))
        return IBV_WC_REM_ACCESS_ERR;
    f->executed++;
    if (wr->opcode == IBV_WR_RDMA_WRITE)
        memcpy(there, here, w->sge.length);
    else
        memcpy(here, there, w->sge.length);
    return IBV_WC_SUCCESS;
}

/* Takes the oldest off; true when it has a completion. log_index of a wr: kept in `next`. */
static bool step(struct rc_fake *f, struct rc_fake_qp *q, struct ibv_wc *wc)
{
    struct rc_fake_wr *w = &q->queue[q->head % RC_FAKE_WRS];
    unsigned nth = (unsigned)(uintptr_t)w->wr.next;
    bool is_signalled = w->wr.send_flags & IBV_SEND_SIGNALED;
    enum ibv_wc_status status = IBV_WC_WR_FLUSH_ERR;

    if (q->state == IBV_QPS_RTS)
        status = f->error_nth == nth ? f->error_status : carry_out(f, w);
    if (status != IBV_WC_SUCCESS)
        q->state = IBV_QPS_ERR;
    q->head++;
    q->count--;
    *wc = (struct ibv_wc){.wr_id = w->wr.wr_id, .status = status};
    return (is_signalled || status != IBV_WC_SUCCESS) && f->lose_nth != nth;
}

static int fake_poll(void *cq, int max, struct ibv_wc *wc)
{
    struct rc_fake *f = fake_of(cq);
    int n = 0;

    pthread_mutex_lock(&f->lock);
    bool is_late = f->hold_polls && ++f->polls % (f->hold_polls + 1) != 0;
    for (unsigned i = 0; i < RC_FAKE_QPS && !is_late; i++) {
        struct rc_fake_qp *q = &f->qp[(i + f->polls) % RC_FAKE_QPS];

        while (n < max && is_due(f, q))
            n += step(f, q, &wc[n]);
    }
    pthread_mutex_unlock(&f->lock);
    return f->is_lost ? -1 : n;
}

/* --- queue pairs --- */

static enum err
fake_create_qp(void *dev, void *cq, const struct ibv_qp_cap *cap, void **qp_out, uint32_t *qpn_out)
{
    struct rc_fake *f = fake_of(dev);
    unsigned i = 0;

    assert_ptr_equal(cq, f);
    TRY(failing(f, RC_FAKE_QP));
    pthread_mutex_lock(&f->lock);
    while (i < RC_FAKE_QPS && f->qp[i].is_there)
        i++;
    assert_true(i < RC_FAKE_QPS && cap->max_send_wr <= RC_FAKE_WRS);
    f->qp[i] = (struct rc_fake_qp){.fake = f, .is_there = true, .cap = *cap};
    f->qps++;
    pthread_mutex_unlock(&f->lock);
    *qp_out = &f->qp[i];
    *qpn_out = 100 + i;
    return ERR_OK;
}

static void attr_merge(struct rc_fake_qp *q, const struct ibv_qp_attr *a)
{
    struct ibv_qp_attr old = q->attr;

    q->attr = *a;
    if (a->qp_state == IBV_QPS_RTS) { /* keep what INIT and RTR have set */
        q->attr = old;
        q->attr.sq_psn = a->sq_psn;
        q->attr.timeout = a->timeout;
        q->attr.retry_cnt = a->retry_cnt;
        q->attr.rnr_retry = a->rnr_retry;
        q->attr.max_rd_atomic = a->max_rd_atomic;
    } else if (a->qp_state == IBV_QPS_RTR) {
        q->attr.port_num = old.port_num;
        q->attr.pkey_index = old.pkey_index;
        q->attr.qp_access_flags = old.qp_access_flags;
    }
}

static enum err fake_modify(void *qp, struct ibv_qp_attr *attr, int mask)
{
    struct rc_fake_qp *q = qp;
    struct rc_fake *f = q->fake;

    TRY(failing(f, RC_FAKE_MODIFY));
    pthread_mutex_lock(&f->lock);
    assert_true(q->is_there && (mask & IBV_QP_STATE));
    if (attr->qp_state != IBV_QPS_ERR) {
        assert_int_equal(attr->qp_state, q->state + 1);
        attr_merge(q, attr);
        q->mask |= mask;
    }
    q->state = attr->qp_state;
    signal_when_due(f);
    pthread_mutex_unlock(&f->lock);
    return ERR_OK;
}

static enum err fake_post(void *qp, struct ibv_send_wr *wr)
{
    struct rc_fake_qp *q = qp;
    struct rc_fake *f = q->fake;

    TRY(failing(f, RC_FAKE_POST));
    pthread_mutex_lock(&f->lock);
    assert_true(q->is_there && q->state >= IBV_QPS_RTS && q->count < q->cap.max_send_wr);
    assert_true(wr->num_sge == 1 && wr->next == NULL);
    struct rc_fake_wr *w = &q->queue[(q->head + q->count++) % RC_FAKE_WRS];
    *w = (struct rc_fake_wr){.wr = *wr, .sge = *wr->sg_list};
    w->wr.sg_list = NULL;
    if (f->logged < RC_FAKE_LOG)
        f->log[f->logged] = *w;
    f->logged++;
    w->wr.next = (void *)(uintptr_t)f->logged;
    signal_when_due(f);
    pthread_mutex_unlock(&f->lock);
    return ERR_OK;
}

static enum err fake_destroy_qp(void *qp)
{
    struct rc_fake_qp *q = qp;
    struct rc_fake *f = q->fake;

    TRY(failing(f, RC_FAKE_DESTROY));
    pthread_mutex_lock(&f->lock);
    assert_true(q->is_there);
    q->is_there = false;
    f->qps--;
    pthread_mutex_unlock(&f->lock);
    return ERR_OK;
}

void rc_fake_init(struct rc_fake *f)
{
    static const uint8_t gid[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 77, [15] = 1};

    memset(f, 0, sizeof(*f));
    pthread_mutex_init(&f->lock, NULL);
    f->verbs = (struct rc_verbs){
        .ctx = f,
        .count = fake_count,
        .open = fake_open,
        .close = fake_close,
        .reg = fake_reg,
        .dereg = fake_dereg,
        .create_cq = fake_create_cq,
        .destroy_cq = fake_destroy_cq,
        .arm = fake_arm,
        .acknowledge = fake_acknowledge,
        .poll = fake_poll,
        .create_qp = fake_create_qp,
        .modify = fake_modify,
        .post = fake_post,
        .destroy_qp = fake_destroy_qp,
    };
    f->facts = (struct rc_facts){
        .name = "fake0",
        .message_bytes_max = 1u << 30,
        .queue_depth_max = 128,
        .cq_depth_max = 4096,
        .reads_max = 16,
        .gid_count = 1,
        .gids = {{.port = 1, .index = 3, .mtu = 4096, .lid = 7}},
    };
    memcpy(f->facts.gids[0].raw, gid, sizeof(gid));
}

void rc_fake_done(struct rc_fake *f)
{
    assert_int_equal(f->qps, 0);
    assert_int_equal(f->cqs, 0);
    assert_int_equal(f->mrs, 0);
    assert_int_equal(f->opened, 0);
    pthread_mutex_destroy(&f->lock);
}

void rc_fake_release(struct rc_fake *f)
{
    pthread_mutex_lock(&f->lock);
    f->is_held = false;
    f->holds_flushes = false;
    signal_when_due(f);
    pthread_mutex_unlock(&f->lock);
}
