/*
 * Inside transport `rc`.
 *
 *   device   a port's addresses, the arena registered                 rc_device.c  set once at
 * start lane     one per device and reactor that has clients: a completion queue    rc_lane.c
 *   session  one client: a queue pair on a lane                       rc_session.c, rc_connect.c
 *   job      one transfer, cut into work requests                     rc_queue.c
 *
 * A session's queue is touched by its lane's reactor only; rc.lock guards tables and what
 * windows are opened by. The lock is held for table work only.
 *
 * Life of a session:
 *
 *   FREE -> CONNECTING -> LIVE -> BREAKING -> DRAINING -> DESTROYING -> GONE -> FREE
 *                 \___________________________________________^
 *
 *   CONNECTING  waits for a work thread that brings the queue pair up
 *   BREAKING    waits for a work thread that moves it to the error state
 *   DRAINING    waits for what is posted to be flushed, or the drain timer
 *   DESTROYING  waits for a work thread that destroys it; after that nothing moves
 *   GONE        waits for the last window to close
 */
#ifndef PENSTOCK_DIRECT_RC_IMPL_H
#define PENSTOCK_DIRECT_RC_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "direct/rc/rc.h"
#include "direct/rc/rc_token.h"

enum { RC_DEVICES_MAX = 8, RC_USER_MAX = 128, RC_DEPTH_MAX = 256, RC_WINDOWS_MAX = 4096 };

struct rc_device {
    void *dev, *mr;
    uint32_t lkey;
    atomic_bool is_lost; /* takes no new sessions */
    struct rc_facts facts;
};

struct rc_user {
    uint8_t name[RC_USER_MAX];
    size_t len;
    unsigned sessions; /* 0: the entry is free */
    uint64_t bytes;    /* of open windows */
};

/* A transfer; from a table made at start. transfer->state[0] points here. */
struct rc_job {
    struct list link; /* rc.jobs_free, or session.waiting */
    struct op hop;    /* to the session's reactor */
    struct transfer *t;
    struct rc_window *w;
    size_t posted;   /* bytes */
    unsigned flying; /* work requests posted, not retired */
    enum err err;    /* why it will fail */
};

/* An open window; from a table made at start. window->state[0] points here. */
struct rc_window {
    struct list link; /* rc.windows_free */
    struct window *window;
    struct rc_session *session;
    uint32_t rkey;
    uint64_t remote;         /* address of its first byte */
    struct op cancel, close; /* hops to the session's reactor */
    /* there */
    unsigned jobs;
    enum err why; /* of jobs that end because of cancel or close */
    bool is_closing;
};

enum rc_life { RC_FREE, RC_CONNECTING, RC_LIVE, RC_BREAKING, RC_DRAINING, RC_DESTROYING, RC_GONE };

struct rc_slot {
    struct rc_job *job;
    bool is_signalled;
};

struct rc_session {
    struct rc *rc; /* set once */
    unsigned slot; /* in rc.sessions, and in the first two bytes of the id */
    /* rc.lock */
    enum rc_life life; /* written by the lane's reactor, but FREE -> CONNECTING */
    struct rc_user *user;
    unsigned windows;
    uint64_t fence, lease_until_ns;
    uint8_t id[RC_ID_BYTES], key[RC_KEY_BYTES];
    bool is_leaving; /* `bye` is under way */
    struct op bye;
    uint16_t generation;  /* of the slot */
    struct rc_lane *lane; /* set by connect */
    /* set by connect */
    struct rc_connect *connect;
    struct rc_wire_end peer, own;
    struct rc_gid gid;
    uint64_t lease_ns;
    void *qp;
    /* the lane's reactor */
    struct list link;         /* lane.sessions */
    uint32_t posted, retired; /* work requests, ever */
    unsigned unsignalled;     /* since the last signalled one */
    struct list waiting;      /* jobs not wholly posted */
    enum err why;
    struct work work;
    struct timer drain;
    struct rc_slot ring[RC_DEPTH_MAX];
};

struct rc_lane {
    struct rc *rc;
    struct rc_device *device;
    struct reactor *home;
    unsigned credits; /* of the completion queue; rc.lock */
    void *cq;         /* rc.setup; then home */
    int fd;
    /* home only */
    struct list sessions;
    unsigned flying; /* work requests posted, not retired */
    uint64_t spin_ns, spin_until_ns;
    struct op spin, hop;
    struct io poll;
    struct timer sweep;
    bool is_stopping, is_down;
};

struct rc {
    struct transport transport;
    struct rc_config config; /* set once */
    struct rc_device devices[RC_DEVICES_MAX];
    unsigned device_count;
    struct rc_session *sessions;
    struct rc_user *users;
    struct rc_window *windows;
    struct rc_job *jobs;
    pthread_mutex_t setup; /* work threads: making completion queues */

    pthread_mutex_t lock;   /* guards what follows */
    struct rc_lane **lanes; /* device_count x config.reactors */
    struct list windows_free, jobs_free;
    uint64_t session_count, window_count, window_bytes, job_count;
    struct op *stopping;
    unsigned lanes_left;
    struct work end;
};

/* rc_device.c */
enum err rc_device_open_all(struct rc *rc, struct buf *why) MUST_CHECK;
void rc_device_close_all(struct rc *rc);
/* The address that reaches the peer best; NULL: none does. */
struct rc_device *
rc_device_for(struct rc *rc, const uint8_t peer[RC_GID_BYTES], struct rc_gid *out);

/* rc_lane.c. The lane of this reactor; under rc.lock. NULL: out of memory, or an index too high. */
struct rc_lane *rc_lane_of(struct rc *rc, struct rc_device *device);
enum err rc_lane_make_cq(struct rc_lane *L) MUST_CHECK; /* a work thread */
void rc_lane_join(struct rc_lane *L);                   /* a session came up: poll, sweep */
void rc_lane_wake(struct rc_lane *L);                   /* something was posted */
void rc_lane_settle(struct rc_lane *L);                 /* a session has gone */
unsigned rc_lane_cq_depth(const struct rc_lane *L);

/* rc_session.c: the lane's reactor, if not said otherwise */
struct rc_session *rc_session_find(struct rc *rc, const uint8_t *id); /* under rc.lock; live */
void rc_session_init(struct rc *rc, struct rc_session *s, unsigned slot);
void rc_session_break(struct rc_session *s, enum err why); /* harmless unless live */
void rc_session_end(struct rc_session *s);  /* the queue pair came up half: destroy it */
void rc_session_idle(struct rc_session *s); /* all that was posted is retired */
void rc_session_settle(struct rc_session *s);
void rc_session_window_end(struct rc_window *w); /* its last job has ended */

/* rc_connect.c */
void rc_connect_done(struct rc_session *s); /* the work is done */

/* rc_queue.c: the lane's reactor */
void rc_queue_move(struct op *hop);                                 /* a job's */
void rc_queue_take_back(struct rc_session *s, struct rc_window *w); /* unposted jobs of w */
void rc_queue_fail(struct rc_session *s, enum err why);             /* what is not posted */
void rc_queue_complete(struct rc_lane *L, const struct ibv_wc *wc);
void rc_queue_forget(struct rc_session *s); /* no queue pair any more: all that was posted ends */

/* rc_tables.c */
void rc_tables_fill(struct rc_config *c);
enum err rc_tables_new(struct rc *rc) MUST_CHECK; /* after the devices */
void rc_tables_free(struct rc *rc);

/* rc.c */
void rc_end(struct rc *rc); /* every lane is down */
void rc_cancel_advance(struct op *op);
void rc_close_advance(struct op *op);

static inline enum err rc_window_why(const struct rc_window *w, enum err otherwise)
{
    return w->why ? w->why : otherwise;
}

static inline unsigned rc_in_flight(const struct rc_session *s)
{
    return s->posted - s->retired;
}

#endif
