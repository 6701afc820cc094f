/* A client with a real queue pair, on the first port that has a RoCE v2 or InfiniBand address. */
#ifndef PENSTOCK_TESTS_RC_PEER_H
#define PENSTOCK_TESTS_RC_PEER_H

#include "rc_help.h"

struct rc_peer {
    struct rc_client client;
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_cq *cq;
    struct ibv_qp *qp;
    struct ibv_mr *mr;
    uint8_t port, gid_index;
};

/* NULL device list, no port: false, nothing to free. `device`: NULL for any. */
bool rc_peer_open(struct rc_peer *p, const char *device, uint8_t *memory, size_t bytes);
/* After rc_client_connect: INIT was set by open, here RTR and RTS. */
void rc_peer_finish(struct rc_peer *p);
void rc_peer_close(struct rc_peer *p);

#endif
