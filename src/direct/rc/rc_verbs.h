/*
 * What transport `rc` needs of the verbs, and nothing else: rc_ibv.c is the real table, the tests
 * have a fake one (tests/help/rc_fake.h).
 *
 * Handles are opaque. Reactors call poll, arm, acknowledge and post, which do not block; all others
 * are called on work threads, or at start. destroy_qp: nothing of the queue pair moves any more
 * when it has returned ERR_OK.
 */
#ifndef PENSTOCK_DIRECT_RC_VERBS_H
#define PENSTOCK_DIRECT_RC_VERBS_H

#include <infiniband/verbs.h>

#include "base/bytes.h"

enum { RC_GIDS_MAX = 64, RC_NAME_MAX = 64 };

/* An address of a port that is up. */
struct rc_gid {
    uint8_t raw[16];
    uint8_t port, index;
    uint16_t lid;
    uint32_t mtu; /* bytes; the port's active one */
    bool is_roce1, is_infiniband;
};

struct rc_facts {
    char name[RC_NAME_MAX];
    uint32_t message_bytes_max; /* over all ports */
    unsigned queue_depth_max, cq_depth_max;
    uint8_t reads_max; /* READs one queue pair may have under way */
    unsigned gid_count;
    struct rc_gid gids[RC_GIDS_MAX];
};

struct rc_verbs {
    void *ctx;
    unsigned (*count)(void *ctx); /* devices */
    enum err (*open)(void *ctx, unsigned index, struct rc_facts *facts_out, void **dev_out);
    void (*close)(void *dev);
    enum err (*reg)(void *dev, void *at, size_t len, void **mr_out, uint32_t *lkey_out);
    void (*dereg)(void *mr);
    /* fd: readable after arm and a completion. */
    enum err (*create_cq)(void *dev, unsigned depth, void **cq_out, int *fd_out);
    void (*destroy_cq)(void *cq);
    enum err (*arm)(void *cq);
    void (*acknowledge)(void *cq);                     /* takes the events off the fd */
    int (*poll)(void *cq, int max, struct ibv_wc *wc); /* < 0: the device is lost */
    enum err (*create_qp)(
        void *dev, void *cq, const struct ibv_qp_cap *cap, void **qp_out, uint32_t *qpn_out);
    enum err (*modify)(void *qp, struct ibv_qp_attr *attr, int mask);
    enum err (*post)(void *qp, struct ibv_send_wr *wr);
    enum err (*destroy_qp)(void *qp);
};

#endif
