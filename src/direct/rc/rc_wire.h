/*
 * The two messages that set up a connection of transport `rc`: docs/wire/rc.md.
 * Pure: no I/O, no allocation. Shared by both halves.
 */
#ifndef PENSTOCK_DIRECT_RC_WIRE_H
#define PENSTOCK_DIRECT_RC_WIRE_H

#include "base/bytes.h"

enum {
    RC_WIRE_VERSION = 1,
    RC_GID_BYTES = 16,
    RC_ID_BYTES = 16,
    RC_KEY_BYTES = 32,
    RC_REQUEST_BYTES = 48,
    RC_ANSWER_BYTES = RC_REQUEST_BYTES + RC_ID_BYTES + RC_KEY_BYTES
};

/* One end of the connection, as the other must know it. */
struct rc_wire_end {
    uint8_t gid[RC_GID_BYTES]; /* wire order, not all zero */
    uint32_t qpn;              /* 24 bits, not 0 */
    uint32_t psn;              /* the first one it sends; 24 bits */
    uint32_t mtu;              /* 256, 512, 1024, 2048 or 4096 */
    uint16_t lid;              /* InfiniBand only */
    uint8_t reads;             /* READs of the other end that it serves at once; at least 1 */
    uint32_t lease_ms;         /* asked for, or granted; not 0 */
};

struct rc_wire_answer {
    struct rc_wire_end end;
    uint8_t session_id[RC_ID_BYTES];
    uint8_t session_key[RC_KEY_BYTES];
};

/* They append RC_REQUEST_BYTES, RC_ANSWER_BYTES. */
void rc_wire_put_request(const struct rc_wire_end *end, struct buf *to);
void rc_wire_put_answer(const struct rc_wire_answer *a, struct buf *to);
/* The whole of v is one message, else ERR_MALFORMED; of a later version: ERR_UNSUPPORTED. */
enum err rc_wire_take_request(struct view v, struct rc_wire_end *end_out) MUST_CHECK;
enum err rc_wire_take_answer(struct view v, struct rc_wire_answer *a_out) MUST_CHECK;

#endif
