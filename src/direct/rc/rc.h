/*
 * Transport `rc`: the client's memory on another host, reached by RDMA READ and WRITE over one
 * reliable connection per client. docs/wire/rc.md has the messages and the token; docs/adr/0012 the
 * reasons.
 *
 * A connection lives on the reactor that set it up; transfers from others hop there. Any error of
 * it ends it, and it alone. The work pool must run.
 */
#ifndef PENSTOCK_DIRECT_RC_RC_H
#define PENSTOCK_DIRECT_RC_RC_H

#include "direct/rc/rc_verbs.h"
#include "direct/rc/rc_wire.h"
#include "direct/transport.h"

struct rc_config {
    const struct rc_verbs *verbs;
    struct view arena;               /* arena_memory(): registered with every device */
    const char *device;              /* only this one; NULL: all that open */
    unsigned reactors;               /* indices below this; 0: 1 */
    unsigned sessions_max;           /* 0: 1024 */
    unsigned sessions_per_user;      /* 0: sessions_max */
    unsigned jobs_max;               /* transfers that are in flight or wait; 0: 4096 */
    uint64_t window_bytes_max;       /* of all open windows; 0: no limit */
    uint64_t window_bytes_per_user;  /* 0: no limit */
    uint32_t message_bytes_max;      /* of one work request; 0: 1 MiB */
    unsigned queue_depth;            /* work requests of one connection; 0: 64 */
    unsigned signal_every;           /* 0: 8. The last of a transfer is signalled always */
    unsigned lease_ms_max, drain_ms; /* 0: 300000; 500 */
    unsigned spin_us_max;            /* busy polling before sleep, at most; 0: 50 */
    uint8_t traffic_class, service_level, hop_limit, timeout; /* hop_limit, timeout 0: 64, 14 */
    uint16_t pkey_index;
};

/* why_out: a sentence on failure. ERR_UNSUPPORTED: no device with an address opens. */
enum err rc_new(
    const struct rc_config *config, struct transport **transport_out,
    struct buf *why_out) MUST_CHECK;

/*
 * rc_connect(T, c): take a request that `user` signed, bring up a queue pair, make the answer.
 *
 * Out      answer, RC_ANSWER_BYTES: holds the session's key.
 * Errors   ERR_MALFORMED; ERR_UNSUPPORTED (another version, or no device reaches the GID, or
 *          stopping); ERR_BUSY (a limit); ERR_IO, ERR_SYSTEM ... (the device refused).
 * Owner    request and user stay until advance.
 */
struct rc_connect {
    struct op op;
    struct view request, user;
    uint8_t answer[RC_ANSWER_BYTES];
};
void rc_connect(struct transport *T, struct rc_connect *c);

/* End a session of the user's; its windows fail. ERR_DENIED: it has none of that id. Any reactor.
 */
enum err rc_disconnect(struct transport *T, struct view session_id, struct view user) MUST_CHECK;

struct rc_stats {
    uint64_t sessions, windows_open, window_bytes, jobs;
};
void rc_stats(struct transport *T, struct rc_stats *out);

#endif
