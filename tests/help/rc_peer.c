#include "rc_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ibv_context *context_of(const char *device)
{
    struct ibv_device **list = ibv_get_device_list(NULL);
    struct ibv_context *context = NULL;

    for (unsigned i = 0; list && list[i] && !context; i++)
        if (!device || strcmp(ibv_get_device_name(list[i]), device) == 0)
            context = ibv_open_device(list[i]);
    if (list)
        ibv_free_device_list(list);
    return context;
}

static bool gid_choose(struct rc_peer *p)
{
    struct ibv_gid_entry gids[64];
    ssize_t count = ibv_query_gid_table(p->context, gids, 64, 0);
    const struct ibv_gid_entry *best = NULL;

    for (ssize_t i = 0; i < count; i++) {
        const uint8_t *raw = gids[i].gid.raw;
        bool is_v4 = raw[10] == 0xff && raw[11] == 0xff;

        if (gids[i].gid_type != IBV_GID_TYPE_ROCE_V1 && (!best || is_v4))
            best = &gids[i];
    }
    if (!best)
        return false;
    memcpy(p->client.end.gid, best->gid.raw, RC_GID_BYTES);
    p->port = (uint8_t)best->port_num;
    p->gid_index = (uint8_t)best->gid_index;
    return true;
}

static void qp_open(struct rc_peer *p)
{
    struct ibv_qp_init_attr init = {.qp_type = IBV_QPT_RC, .cap = {1, 1, 1, 1, 0}};
    struct ibv_qp_attr a = {
        .qp_state = IBV_QPS_INIT,
        .port_num = p->port,
        .qp_access_flags = IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE,
    };
    struct ibv_port_attr port;

    p->cq = ibv_create_cq(p->context, 4, NULL, NULL, 0);
    assert_non_null(p->cq);
    init.send_cq = init.recv_cq = p->cq;
    p->qp = ibv_create_qp(p->pd, &init);
    assert_non_null(p->qp);
    assert_int_equal(
        ibv_modify_qp(
            p->qp, &a, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
        0);
    assert_int_equal(ibv_query_port(p->context, p->port, &port), 0);
    p->client.end.lid = port.lid;
    p->client.end.mtu = 128u << port.active_mtu;
    p->client.end.qpn = p->qp->qp_num;
}

bool rc_peer_open(struct rc_peer *p, const char *device, uint8_t *memory, size_t bytes)
{
    memset(p, 0, sizeof(*p));
    rc_client_init(&p->client, memory, bytes, 0);
    p->context = context_of(device);
    if (!p->context)
        return false;
    if (!gid_choose(p)) {
        ibv_close_device(p->context);
        return false;
    }
    p->pd = ibv_alloc_pd(p->context);
    assert_non_null(p->pd);
    p->mr = ibv_reg_mr(
        p->pd, memory, bytes,
        IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
    assert_non_null(p->mr);
    p->client.rkey = p->mr->rkey;
    qp_open(p);
    return true;
}

void rc_peer_finish(struct rc_peer *p)
{
    const struct rc_wire_end *server = &p->client.answer.end;
    struct ibv_qp_attr a = {
        .qp_state = IBV_QPS_RTR,
        .dest_qp_num = server->qpn,
        .rq_psn = server->psn,
        .max_dest_rd_atomic = p->client.end.reads,
        .min_rnr_timer = 12,
        .ah_attr = {.is_global = 1, .port_num = p->port, .dlid = server->lid},
    };

    a.path_mtu = IBV_MTU_256;
    while (128u << a.path_mtu < server->mtu)
        a.path_mtu++;
    a.ah_attr.grh.sgid_index = p->gid_index;
    a.ah_attr.grh.hop_limit = 64;
    memcpy(a.ah_attr.grh.dgid.raw, server->gid, RC_GID_BYTES);
    assert_int_equal(
        ibv_modify_qp(
            p->qp, &a,
            IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER),
        0);
    a = (struct ibv_qp_attr){
        .qp_state = IBV_QPS_RTS,
        .sq_psn = p->client.end.psn,
        .timeout = 14,
        .retry_cnt = 7,
        .rnr_retry = 7,
        .max_rd_atomic = 1};
    assert_int_equal(
        ibv_modify_qp(
            p->qp, &a,
            IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
                IBV_QP_MAX_QP_RD_ATOMIC),
        0);
}

void rc_peer_close(struct rc_peer *p)
{
    if (p->qp)
        ibv_destroy_qp(p->qp);
    ibv_destroy_cq(p->cq);
    ibv_dereg_mr(p->mr);
    ibv_dealloc_pd(p->pd);
    ibv_close_device(p->context);
}
