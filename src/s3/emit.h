/*
 * Emit: object bytes [off, off + len) from the engine to the socket, or into an open window of the
 * direct path.
 *
 *   slots go round a ring:  empty -> reading -> read -> moving -> out -> empty
 *   moving  socket: one at a time, in order; window: as they come
 *
 * So the read of slot i + 1 is in flight while slot i is on its way out. The engine may lend less
 * than a slot asked for; the slot then reads and moves again until its stretch is done.
 */
#ifndef PENSTOCK_S3_EMIT_H
#define PENSTOCK_S3_EMIT_H

#include "s3/s3.h"

enum { EMIT_SLOTS = 4, EMIT_SOCKET_SLOTS = 3 };

struct emit;

enum emit_state {
    EMIT_EMPTY,
    EMIT_READING,
    EMIT_POSTPONED, /* reading ahead met a shortage; again when it is the oldest */
    EMIT_READ,
    EMIT_MOVING,
    EMIT_OUT /* its stretch is out; stretches retire in order */
};

struct emit_slot {
    struct emit *emit;
    enum emit_state state;
    uint64_t off, end; /* what is left of this slot's stretch of the object */
    uint64_t crc64;    /* of what it has read, when wanted */
    uint64_t bytes;    /* how much that is */
    struct engine_read read;
    struct transfer transfer;
};

struct emit {
    struct op op; /* the caller's */

    /* in */
    struct s3_request *request;
    struct engine_object *object;
    uint64_t off, len;     /* len >= 1; within the object */
    struct window *window; /* open and at least len bytes, or NULL: the socket */
    bool wants_crc64;      /* of the bytes delivered */

    /* out; op.err says how it ended */
    uint64_t crc64;
    bool transfer_failed; /* by the window, not by the engine */

    /* private */
    enum err err;
    struct emit_slot slots[EMIT_SLOTS];
    unsigned slot_count;
    unsigned read_next, out_next; /* ring positions: to start, oldest */
    unsigned inflight;
    uint64_t planned; /* object offset behind what slots were given */
    struct http_send send;
};

/*
 * emit_start(g): all of `in` set, the rest zero. Socket: the head is complete but for the body
 * (http_reply_length was called); it leaves with the first bytes, and the last send is_last. When
 * advance runs nothing is in flight and nothing is lent.
 */
void emit_start(struct emit *g);

#endif
