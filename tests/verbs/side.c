#include "side.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WAIT_MS = 20000, DEPTH = 64, READS = 16, REST = 0xa5, PORT = 1, PSN = 0x123456 };

/* Retried 3 times after 4.096 us * 2^14 = 67 ms each. */
enum { TIMEOUT_CODE = 14, RETRIES = 3 };

static void must(bool ok, const char *what)
{
    if (!ok)
        err(1, "%s", what);
}

/* --- the side --- */

static struct ibv_context *open_device(const char *name)
{
    struct ibv_device **list = ibv_get_device_list(NULL);
    struct ibv_context *found = NULL;

    must(list, "ibv_get_device_list");
    for (struct ibv_device **d = list; *d && !found; d++)
        if (strcmp(ibv_get_device_name(*d), name) == 0)
            found = ibv_open_device(*d);
    ibv_free_device_list(list);
    must(found, name);
    return found;
}

static struct ibv_qp *new_qp(const struct side *s)
{
    struct ibv_qp_init_attr attr = {
        .send_cq = s->cq,
        .recv_cq = s->cq,
        .qp_type = IBV_QPT_RC,
        .cap = {.max_send_wr = DEPTH, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1},
    };
    struct ibv_qp *qp = ibv_create_qp(s->pd, &attr);

    must(qp, "ibv_create_qp");
    return qp;
}

void side_open(struct side *s, const char *device, size_t bytes, int access)
{
    size_t whole = bytes + 2 * SIDE_GUARD;
    uint8_t *map = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(map != MAP_FAILED, "mmap");
    *s = (struct side){.memory = map + SIDE_GUARD, .bytes = bytes};
    s->context = open_device(device);
    s->pd = ibv_alloc_pd(s->context);
    must(s->pd, "ibv_alloc_pd");
    s->channel = ibv_create_comp_channel(s->context);
    must(s->channel, "ibv_create_comp_channel");
    s->cq = ibv_create_cq(s->context, 2 * DEPTH, NULL, s->channel, 0);
    must(s->cq, "ibv_create_cq");
    s->mr = ibv_reg_mr(s->pd, map, whole, (unsigned)(access | IBV_ACCESS_LOCAL_WRITE));
    must(s->mr, "ibv_reg_mr");
    s->qp = new_qp(s);
    side_clear(s);
}

void side_close(struct side *s)
{
    must(!ibv_destroy_qp(s->qp), "ibv_destroy_qp");
    must(!ibv_dereg_mr(s->mr), "ibv_dereg_mr");
    must(!ibv_destroy_cq(s->cq), "ibv_destroy_cq");
    must(!ibv_destroy_comp_channel(s->channel), "ibv_destroy_comp_channel");
    must(!ibv_dealloc_pd(s->pd), "ibv_dealloc_pd");
    must(!ibv_close_device(s->context), "ibv_close_device");
    munmap(s->memory - SIDE_GUARD, s->bytes + 2 * SIDE_GUARD);
}

/* The first GID that says an IPv4 address: RoCE version 2. */
static int gid_index(const struct side *s, union ibv_gid *gid_out)
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};

    for (int i = 0; i < 16; i++) {
        union ibv_gid gid;
        if (ibv_query_gid(s->context, PORT, i, &gid) || memcmp(gid.raw, v4, sizeof v4) != 0)
            continue;
        *gid_out = gid;
        return i;
    }
    errx(1, "no GID of an IPv4 address");
}

struct side_address side_address(const struct side *s)
{
    struct side_address a = {
        .at = (uintptr_t)s->memory,
        .bytes = s->bytes,
        .qpn = s->qp->qp_num,
        .psn = PSN,
        .rkey = s->mr->rkey,
    };

    gid_index(s, &a.gid);
    return a;
}

void side_renew(struct side *s)
{
    must(!ibv_destroy_qp(s->qp), "ibv_destroy_qp");
    s->qp = new_qp(s);
}

static void to_init(const struct side *s)
{
    struct ibv_qp_attr attr = {
        .qp_state = IBV_QPS_INIT,
        .port_num = PORT,
        .qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_MW_BIND,
    };

    must(
        !ibv_modify_qp(
            s->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS),
        "to INIT");
}

static void to_ready_to_receive(const struct side *s, const struct side_address *other)
{
    struct ibv_port_attr port;
    union ibv_gid mine;

    must(!ibv_query_port(s->context, PORT, &port), "ibv_query_port");
    struct ibv_qp_attr attr = {
        .qp_state = IBV_QPS_RTR,
        .path_mtu = port.active_mtu,
        .dest_qp_num = other->qpn,
        .rq_psn = other->psn,
        .max_dest_rd_atomic = READS,
        .min_rnr_timer = 12,
        .ah_attr =
            {.is_global = 1,
             .port_num = PORT,
             .grh =
                 {.dgid = other->gid, .sgid_index = (uint8_t)gid_index(s, &mine), .hop_limit = 64}},
    };
    must(
        !ibv_modify_qp(
            s->qp, &attr,
            IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER),
        "to RTR");
}

static void to_ready_to_send(const struct side *s)
{
    struct ibv_qp_attr attr = {
        .qp_state = IBV_QPS_RTS,
        .sq_psn = PSN,
        .timeout = TIMEOUT_CODE,
        .retry_cnt = RETRIES,
        .rnr_retry = RETRIES,
        .max_rd_atomic = READS,
    };

    must(
        !ibv_modify_qp(
            s->qp, &attr,
            IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
                IBV_QP_MAX_QP_RD_ATOMIC),
        "to RTS");
}

void side_connect(struct side *s, const struct side_address *other)
{
    to_init(s);
    to_ready_to_receive(s, other);
    to_ready_to_send(s);
}

bool side_is_in_error(const struct side *s)
{
    struct ibv_qp_attr attr;
    struct ibv_qp_init_attr init;

    must(!ibv_query_qp(s->qp, &attr, IBV_QP_STATE, &init), "ibv_query_qp");
    return attr.qp_state == IBV_QPS_ERR;
}

/* --- transfers --- */

static void post(struct side *s, struct ibv_send_wr *wr)
{
    struct ibv_send_wr *bad;

    wr->send_flags = IBV_SEND_SIGNALED;
    must(!ibv_post_send(s->qp, wr, &bad), "ibv_post_send");
}

void side_post(struct side *s, const struct side_transfer *t)
{
    struct ibv_sge sge = {
        .addr = (uintptr_t)s->memory + t->offset, .length = t->bytes, .lkey = s->mr->lkey};
    struct ibv_send_wr wr = {
        .sg_list = &sge,
        .num_sge = 1,
        .opcode = t->opcode,
        .wr.rdma = {.remote_addr = t->remote, .rkey = t->rkey},
    };

    post(s, &wr);
}

/* Arm, look again, and only then sleep: what completed before the arming raises no event. */
enum ibv_wc_status side_wait(struct side *s)
{
    struct pollfd ready = {.fd = s->channel->fd, .events = POLLIN};
    struct ibv_cq *cq;
    struct ibv_wc wc;
    void *context;

    for (;;) {
        if (ibv_poll_cq(s->cq, 1, &wc) == 1)
            return wc.status;
        must(!ibv_req_notify_cq(s->cq, 0), "ibv_req_notify_cq");
        if (ibv_poll_cq(s->cq, 1, &wc) == 1)
            return wc.status;
        if (poll(&ready, 1, WAIT_MS) != 1)
            errx(1, "no completion in %d s", WAIT_MS / 1000);
        must(!ibv_get_cq_event(s->channel, &cq, &context), "ibv_get_cq_event");
        ibv_ack_cq_events(cq, 1);
    }
}

enum ibv_wc_status side_transfer(struct side *s, const struct side_transfer *t)
{
    side_post(s, t);
    return side_wait(s);
}

struct ibv_mw *side_bind(struct side *s, size_t offset, size_t bytes, uint32_t *key_out)
{
    struct ibv_mw *mw = ibv_alloc_mw(s->pd, IBV_MW_TYPE_2);

    must(mw, "ibv_alloc_mw");
    struct ibv_send_wr wr = {
        .opcode = IBV_WR_BIND_MW,
        .bind_mw =
            {.mw = mw,
             .rkey = ibv_inc_rkey(mw->rkey),
             .bind_info =
                 {.mr = s->mr,
                  .addr = (uintptr_t)s->memory + offset,
                  .length = bytes,
                  .mw_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ}},
    };
    post(s, &wr);
    must(side_wait(s) == IBV_WC_SUCCESS, "bind");
    *key_out = wr.bind_mw.rkey;
    return mw;
}

void side_invalidate(struct side *s, uint32_t key)
{
    struct ibv_send_wr wr = {.opcode = IBV_WR_LOCAL_INV, .invalidate_rkey = key};

    post(s, &wr);
    must(side_wait(s) == IBV_WC_SUCCESS, "invalidate");
}

/* --- bytes --- */

static uint8_t pattern(size_t i, uint32_t seed)
{
    uint32_t x = ((uint32_t)i + seed * 0x9e3779b1u) * 0x85ebca6bu;

    return (uint8_t)(x >> 24);
}

void side_fill(struct side *s, size_t offset, size_t bytes, uint32_t seed)
{
    for (size_t i = 0; i < bytes; i++)
        s->memory[offset + i] = pattern(i, seed);
}

static bool is_at_rest(const uint8_t *from, const uint8_t *to)
{
    while (from < to && *from == REST)
        from++;
    return from == to;
}

bool side_holds(const struct side *s, size_t offset, size_t bytes, uint32_t seed)
{
    const uint8_t *at = s->memory + offset;

    for (size_t i = 0; i < bytes; i++)
        if (at[i] != pattern(i, seed))
            return false;
    return is_at_rest(s->memory - SIDE_GUARD, at) &&
           is_at_rest(at + bytes, s->memory + s->bytes + SIDE_GUARD);
}

void side_clear(struct side *s)
{
    memset(s->memory - SIDE_GUARD, REST, s->bytes + 2 * SIDE_GUARD);
}
