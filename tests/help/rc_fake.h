/*
 * Verbs in memory: queue pairs whose work requests are carried out by memcpy when the completion
 * queue is polled, in order per queue pair, and with what a test asks for: late, lost, failing.
 *
 * It checks as a device would: lkey and rkey, bounds, direction, states; and what no device checks:
 * nothing is posted to a queue pair that is gone, everything is destroyed in the end.
 */
#ifndef PENSTOCK_TESTS_RC_FAKE_H
#define PENSTOCK_TESTS_RC_FAKE_H

#include <pthread.h>

#include "direct/rc/rc_verbs.h"

enum {
    RC_FAKE_QPS = 64,
    RC_FAKE_WRS = 256,
    RC_FAKE_LOG = 4096,
    RC_FAKE_LKEY = 0x4c,
    RC_FAKE_RKEY = 0x52
};

enum rc_fake_call {
    RC_FAKE_OPEN,
    RC_FAKE_REG,
    RC_FAKE_CQ,
    RC_FAKE_QP,
    RC_FAKE_MODIFY,
    RC_FAKE_POST,
    RC_FAKE_ARM,
    RC_FAKE_DESTROY,
    RC_FAKE_CALLS
};

struct rc_fake_wr {
    struct ibv_send_wr wr;
    struct ibv_sge sge;
};

struct rc_fake_qp {
    struct rc_fake *fake;
    bool is_there;
    enum ibv_qp_state state;
    struct ibv_qp_attr attr; /* all that modify has set */
    int mask;
    struct ibv_qp_cap cap;
    unsigned head, count;
    struct rc_fake_wr queue[RC_FAKE_WRS];
};

struct rc_fake {
    struct rc_verbs verbs;
    /* set by the test */
    struct rc_facts facts;
    uint8_t *memory; /* the client's, under RC_FAKE_RKEY, at its own address */
    size_t bytes;
    unsigned hold_polls; /* polls before a work request is carried out */
    bool is_held;        /* nothing is carried out; flushes come */
    bool holds_flushes;  /* nor do they */
    unsigned lose_nth;   /* the completion of the nth work request posted, from 1 */
    unsigned error_nth;  /* that one fails */
    enum ibv_wc_status error_status;
    enum rc_fake_call fail_call;
    unsigned fail_nth; /* the nth call of that kind fails, from 1; 0: none */
    bool is_lost;      /* polling fails */
    /* seen */
    unsigned calls[RC_FAKE_CALLS];
    unsigned opened, mrs, cqs, qps; /* there now */
    unsigned logged, executed;
    struct rc_fake_wr log[RC_FAKE_LOG]; /* what was posted */
    struct rc_fake_qp qp[RC_FAKE_QPS];
    /* its own */
    pthread_mutex_t lock;
    void *at;
    size_t len;
    int fd;
    bool is_armed;
    unsigned polls;
};

/* One device, one v4-mapped address 10.77.0.1. */
void rc_fake_init(struct rc_fake *f);
/* Nothing is held any more: completions come. */
void rc_fake_release(struct rc_fake *f);
/* Fails when anything is left. */
void rc_fake_done(struct rc_fake *f);

#endif
