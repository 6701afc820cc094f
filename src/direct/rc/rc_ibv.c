/* Transport `rc` on libibverbs: one call each, and the facts of a device. */
#include "direct/rc/rc_ibv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct real_device {
    struct ibv_context *context;
    struct ibv_pd *pd;
};

struct real_queue {
    struct ibv_cq *cq;
    struct ibv_comp_channel *channel;
};

/* The verbs return an errno, some of them negated, or set it. */
static enum err err_of(int result)
{
    if (result == 0)
        return ERR_OK;
    return err_from_errno(result > 0 ? result : errno ? errno : EIO);
}

static unsigned real_count(void *ctx)
{
    int count = 0;
    struct ibv_device **list = ibv_get_device_list(&count);

    (void)ctx;
    if (list)
        ibv_free_device_list(list);
    return list && count > 0 ? (unsigned)count : 0;
}

/* --- facts --- */

static void
facts_gid(struct ibv_context *context, const struct ibv_gid_entry *g, struct rc_facts *facts)
{
    struct ibv_port_attr port;

    if (facts->gid_count == RC_GIDS_MAX || g->port_num > UINT8_MAX || g->gid_index > UINT8_MAX ||
        ibv_query_port(context, (uint8_t)g->port_num, &port) || port.state != IBV_PORT_ACTIVE)
        return;
    struct rc_gid *to = &facts->gids[facts->gid_count++];
    memcpy(to->raw, g->gid.raw, sizeof(to->raw));
    to->port = (uint8_t)g->port_num;
    to->index = (uint8_t)g->gid_index;
    to->lid = port.lid;
    to->mtu = 128u << port.active_mtu;
    to->is_roce1 = g->gid_type == IBV_GID_TYPE_ROCE_V1;
    to->is_infiniband = port.link_layer == IBV_LINK_LAYER_INFINIBAND;
    facts->message_bytes_max = MIN(facts->message_bytes_max, port.max_msg_sz);
}

static enum err facts_of(struct ibv_context *context, struct rc_facts *facts)
{
    struct ibv_device_attr attr;
    struct ibv_gid_entry gids[RC_GIDS_MAX];

    TRY(err_of(ibv_query_device(context, &attr)));
    ssize_t count = ibv_query_gid_table(context, gids, RC_GIDS_MAX, 0);
    if (count < 0)
        return err_from_errno((int)-count);
    facts->queue_depth_max = (unsigned)MAX(attr.max_qp_wr, 1);
    facts->cq_depth_max = (unsigned)MAX(attr.max_cqe, 1);
    facts->reads_max = (uint8_t)MIN(MAX(attr.max_qp_init_rd_atom, 1), UINT8_MAX);
    facts->message_bytes_max = 1u << 30;
    for (ssize_t i = 0; i < count; i++)
        facts_gid(context, &gids[i], facts);
    return ERR_OK;
}

/* --- devices --- */

static struct ibv_context *open_nth(unsigned index, char *name)
{
    int count = 0;
    struct ibv_device **list = ibv_get_device_list(&count);
    struct ibv_context *context = NULL;

    if (list && index < (unsigned)count) {
        const char *found = ibv_get_device_name(list[index]);

        memcpy(name, found, strnlen(found, RC_NAME_MAX - 1));
        context = ibv_open_device(list[index]);
    }
    if (list)
        ibv_free_device_list(list);
    return context;
}

static void real_close(void *dev)
{
    struct real_device *d = dev;

    if (d->pd)
        (void)ibv_dealloc_pd(d->pd);
    (void)ibv_close_device(d->context);
    free(d);
}

static enum err real_open(void *ctx, unsigned index, struct rc_facts *facts_out, void **dev_out)
{
    struct real_device *d = calloc(1, sizeof(*d));

    (void)ctx;
    if (!d)
        return ERR_NO_MEMORY;
    memset(facts_out, 0, sizeof(*facts_out));
    d->context = open_nth(index, facts_out->name);
    if (!d->context) {
        free(d);
        return ERR_SYSTEM;
    }
    enum err e = facts_of(d->context, facts_out);
    if (!e) {
        d->pd = ibv_alloc_pd(d->context);
        e = d->pd ? ERR_OK : err_of(-1);
    }
    if (e)
        real_close(d);
    else
        *dev_out = d;
    return e;
}

static enum err real_reg(void *dev, void *at, size_t len, void **mr_out, uint32_t *lkey_out)
{
    struct real_device *d = dev;
    struct ibv_mr *mr = ibv_reg_mr(d->pd, at, len, IBV_ACCESS_LOCAL_WRITE);

    if (!mr)
        return err_of(-1);
    *mr_out = mr;
    *lkey_out = mr->lkey;
    return ERR_OK;
}

static void real_dereg(void *mr)
{
    (void)ibv_dereg_mr(mr);
}

/* --- completion queues --- */

static void real_cq_destroy(void *cq)
{
    struct real_queue *q = cq;

    if (q->cq)
        (void)ibv_destroy_cq(q->cq);
    if (q->channel)
        (void)ibv_destroy_comp_channel(q->channel);
    free(q);
}

static enum err real_cq_create(void *dev, unsigned depth, void **cq_out, int *fd_out)
{
    struct real_device *d = dev;
    struct real_queue *q = calloc(1, sizeof(*q));

    if (!q)
        return ERR_NO_MEMORY;
    q->channel = ibv_create_comp_channel(d->context);
    if (q->channel && fcntl(q->channel->fd, F_SETFL, O_NONBLOCK) == 0)
        q->cq = ibv_create_cq(d->context, (int)depth, q, q->channel, 0);
    if (!q->cq) {
        enum err e = err_of(-1);

        real_cq_destroy(q);
        return e;
    }
    *cq_out = q;
    *fd_out = q->channel->fd;
    return ERR_OK;
}

static enum err real_arm(void *cq)
{
    return err_of(ibv_req_notify_cq(((struct real_queue *)cq)->cq, 0));
}

static void real_acknowledge(void *cq)
{
    struct real_queue *q = cq;
    struct ibv_cq *of;
    void *ctx;

    while (ibv_get_cq_event(q->channel, &of, &ctx) == 0)
        ibv_ack_cq_events(of, 1);
}

static int real_poll(void *cq, int max, struct ibv_wc *wc)
{
    return ibv_poll_cq(((struct real_queue *)cq)->cq, max, wc);
}

/* --- queue pairs --- */

static enum err
real_qp_create(void *dev, void *cq, const struct ibv_qp_cap *cap, void **qp_out, uint32_t *qpn_out)
{
    struct real_device *d = dev;
    struct real_queue *q = cq;
    struct ibv_qp_init_attr attr = {
        .send_cq = q->cq, .recv_cq = q->cq, .qp_type = IBV_QPT_RC, .sq_sig_all = 0, .cap = *cap};
    struct ibv_qp *qp = ibv_create_qp(d->pd, &attr);

    if (!qp)
        return err_of(-1);
    *qp_out = qp;
    *qpn_out = qp->qp_num;
    return ERR_OK;
}

static enum err real_modify(void *qp, struct ibv_qp_attr *attr, int mask)
{
    return err_of(ibv_modify_qp(qp, attr, mask));
}

static enum err real_post(void *qp, struct ibv_send_wr *wr)
{
    struct ibv_send_wr *bad;

    return err_of(ibv_post_send(qp, wr, &bad));
}

static enum err real_qp_destroy(void *qp)
{
    return err_of(ibv_destroy_qp(qp));
}

const struct rc_verbs *rc_ibv(void)
{
    static const struct rc_verbs table = {
        .count = real_count,
        .open = real_open,
        .close = real_close,
        .reg = real_reg,
        .dereg = real_dereg,
        .create_cq = real_cq_create,
        .destroy_cq = real_cq_destroy,
        .arm = real_arm,
        .acknowledge = real_acknowledge,
        .poll = real_poll,
        .create_qp = real_qp_create,
        .modify = real_modify,
        .post = real_post,
        .destroy_qp = real_qp_destroy,
    };

    return &table;
}
