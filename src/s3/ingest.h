/*
 * Ingest: an object's bytes from the request into an engine_put, chunk by chunk through the arena,
 * digested as they pass. Three sources: the HTTP body (aws-chunked framing removed), the file in
 * the body of a form, and an open window of the direct path.
 *
 *   chunks go round a ring of slots:  empty -> filling -> full -> writing -> empty
 *   filling  socket: one at a time; window: all at once
 *   full     digested and given to the engine strictly in order
 *
 * The first chunk is waited for (at most S3_CHUNK_WAIT_MS, or until the window's deadline); further
 * ones are taken only when there is one (arena.h).
 */
#ifndef PENSTOCK_S3_INGEST_H
#define PENSTOCK_S3_INGEST_H

#include "loop/reactor.h"
#include "mem/arena_wait.h"
#include "s3/digests.h"
#include "s3/form_body.h"

enum {
    INGEST_DIGEST_INLINE_BYTES = 128 << 10,
    INGEST_SLOTS = 4,
    INGEST_SOCKET_SLOTS = 3,
    INGEST_TAIL_BYTES = 4096
};

struct ingest;

enum ingest_state { INGEST_EMPTY, INGEST_FILLING, INGEST_FULL, INGEST_WRITING };

struct ingest_slot {
    struct ingest *ingest;
    enum ingest_state state;
    struct chunk *chunk;
    size_t filled, target; /* target: payload bytes this slot will hold */
    struct transfer transfer;
    struct engine_write write;
};

struct ingest {
    struct op op; /* the caller's */

    /* in */
    struct s3_request *request;
    struct engine_put *put;
    struct digests *digests; /* read and started */
    struct window *window;   /* open, or NULL: the body */
    struct form_body *form;  /* at its file, or NULL */
    /* Payload bytes to expect, exactly. Of a form, and when is_open_ended (a chunked body of which
     * nothing says how long it is): more than may come, and out: what came. */
    uint64_t length;
    bool is_open_ended;

    /* out: when op.err is set, code says what to answer. The put must then be aborted. */
    enum s3_code code;
    const char *detail;
    bool transfer_failed; /* by the window, not by us */

    /* private */
    struct ingest_slot slots[INGEST_SLOTS];
    unsigned slot_count;
    unsigned fill_next, write_next; /* ring positions */
    unsigned inflight;              /* fills, writes, a take, a tail read, a digest */
    unsigned chunks_held;
    uint64_t planned;  /* payload bytes given to slots */
    uint64_t received; /* payload bytes arrived from the socket */
    bool body_ended, tail_is_reading, is_taking, is_digesting;
    struct work digesting;
    struct arena_wait take;
    struct http_body body;
    struct chunked *chunked; /* NULL: no aws-chunked framing */
    uint8_t *tail;
};

/*
 * ingest_start(g): all of `in` set, the rest zero. When advance runs nothing of it is in flight and
 * every chunk is given back.
 */
void ingest_start(struct ingest *g);

#endif
