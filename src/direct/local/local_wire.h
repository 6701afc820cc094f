/*
 * The messages between a client and the socket of transport `local`: docs/wire/local.md.
 * Pure: no I/O, no allocation. Shared by both halves.
 */
#ifndef PENSTOCK_DIRECT_LOCAL_WIRE_H
#define PENSTOCK_DIRECT_LOCAL_WIRE_H

#include "base/bytes.h"

enum {
    LOCAL_VERSION = 1,
    LOCAL_ID_BYTES = 16,
    LOCAL_KEY_BYTES = 32,
    LOCAL_SERVER_ID_LEN = 32,
    LOCAL_TEXT_MAX = 160,
    LOCAL_MESSAGE_BYTES_MAX = 256
};

/* The numbers are the wire's. */
enum local_message_type {
    LOCAL_HELLO = 1,      /* client: version */
    LOCAL_WELCOME = 2,    /* server: version, session_id, session_key, server_id, limits */
    LOCAL_MEMFD = 3,      /* client: at = offset, bytes; one descriptor travels along */
    LOCAL_RANGE = 4,      /* client: at = address, bytes */
    LOCAL_REGISTERED = 5, /* server: region */
    LOCAL_UNREGISTER = 6, /* client: region. Answered when nothing of it is in flight */
    LOCAL_REVOKE = 7,     /* client: nonce, expiry_ms. Answered when nothing of it is in flight */
    LOCAL_DONE = 8,       /* server: to UNREGISTER and REVOKE */
    LOCAL_REFUSED = 9,    /* server: refusal, text */
    LOCAL_BYE = 10,       /* client */
    LOCAL_MESSAGE_TYPES
};

/* The numbers are the wire's. */
enum local_refusal {
    LOCAL_REFUSAL_BUSY = 1,
    LOCAL_REFUSAL_INVALID = 2,
    LOCAL_REFUSAL_UNSUPPORTED = 3,
    LOCAL_REFUSAL_DENIED = 4,
    LOCAL_REFUSAL_SYSTEM = 5
};

struct local_message {
    enum local_message_type type;
    uint16_t sequence; /* the client's; an answer repeats it */
    /* Which of these count: by type, above. */
    uint32_t version;
    uint8_t session_id[LOCAL_ID_BYTES];
    uint8_t session_key[LOCAL_KEY_BYTES];
    char server_id[LOCAL_SERVER_ID_LEN + 1];
    uint32_t regions_max;
    uint64_t mapped_bytes_max;
    uint64_t at, bytes;
    uint32_t region;
    uint64_t nonce, expiry_ms;
    uint32_t refusal;
    struct view text; /* decoded: points into the message */
};

/* Appends one message; to->overflow when it does not fit. */
void local_wire_encode(const struct local_message *m, struct buf *to);
/* The whole of v is one message, else ERR_MALFORMED. */
enum err local_wire_decode(struct view v, struct local_message *m_out) MUST_CHECK;

enum local_refusal local_wire_refusal(enum err e);
enum err local_wire_err(uint32_t refusal) MUST_CHECK;

#endif
