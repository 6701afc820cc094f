/*
 * Store: one object or part from a request into the engine, from token and length to commit.
 * PutObject and UploadPart share it.
 *
 *   looking up bucket (large bodies) -> opening window (token) -> receiving (ingest.h)
 *   -> closing window -> committing | aborting
 */
#ifndef PENSTOCK_S3_STORE_H
#define PENSTOCK_S3_STORE_H

#include "s3/direct.h"
#include "s3/ingest.h"
#include "s3/meta.h"

#define STORE_BYTES_MAX (5 * GIB)

enum store_wait {
    STORE_IDLE,
    STORE_LOOKING_UP,
    STORE_OPENING,
    STORE_RECEIVING,
    STORE_CLOSING,
    STORE_COMMITTING,
    STORE_ABORTING
};

struct store {
    struct op op; /* the caller's */

    /* in */
    struct s3_request *request;
    struct engine_key key;
    struct engine_condition condition;
    struct engine_key require;
    struct meta *meta; /* filled but for the checksum, which store adds */
    /* Computed when the client sends no checksum, and then the only one it may send; or NONE. */
    enum checksum_kind default_kind;
    struct form_body *form; /* the bytes are the file of a form; NULL: the body, or a window */
    bool bucket_is_known;   /* somebody looked already */

    /* out */
    enum s3_code code; /* set when op.err is */
    const char *detail;
    char etag[2 * DIGEST_BYTES_MAX + 1];
    uint64_t bytes;
    struct engine_info info; /* what became visible */

    /* private */
    enum store_wait wait;
    struct direct direct;
    struct digests digests;
    struct ingest ingest;
    struct engine_lookup lookup;
    struct engine_put put;
    bool put_is_open; /* commit or abort is due */
    uint64_t length;
    bool is_open_ended; /* chunked, and nothing says how long */
};

/* store_start(s): all of `in` set, the rest zero. */
void store_start(struct store *s);
/* After an error: the answer (a declined PUT has its own form); the request is gone. */
void store_finish_error(struct store *s);
/* After s3_reply: ETag, checksum and what the direct path adds. */
void store_reply_headers(struct store *s);

#endif
