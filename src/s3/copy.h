/*
 * Copying inside the store: find the source, check its conditions, move a range of it into a put.
 * CopyObject and UploadPartCopy share it; what they commit is theirs.
 *
 *   LOOKING_UP (source) --engine--> TAKING_CHUNK --arena--> READING --engine--> WRITING --engine-->
 * READING ...
 *   -> done
 *
 * One chunk, sequentially: a copy is a background kind of work, and two thirds of its time would be
 * spent waiting for the drive either way.
 */
#ifndef PENSTOCK_S3_COPY_H
#define PENSTOCK_S3_COPY_H

#include "auth/checksum.h"
#include "mem/arena_wait.h"
#include "s3/s3.h"

#define COPY_BYTES_MAX (5 * GIB)

enum copy_wait { COPY_LOOKING_UP, COPY_TAKING_CHUNK, COPY_READING, COPY_WRITING };

struct copy {
    struct op op; /* the caller's: copy_find, copy_run */

    /* in; set by copy_init from the request */
    struct s3_request *request;
    struct view source_bucket, source_key;

    /* out of copy_find: pinned until copy_done */
    struct engine_object *source;
    enum s3_code code; /* set when op.err is */
    const char *detail;

    /* in of copy_run: the range, the put (initialised), what to compute */
    uint64_t off, len;
    struct engine_put *put;
    bool wants_md5;
    enum checksum_kind kind; /* NONE: none */

    /* out of copy_run. After an error the put must be aborted. */
    uint8_t md5[16];
    uint8_t checksum[CHECKSUM_BYTES_MAX];

    /* private */
    enum copy_wait wait;
    struct engine_lookup lookup;
    struct arena_wait take;
    struct engine_read read;
    struct engine_write write;
    uint64_t done;
    struct digest md5_run;
    struct checksum checksum_run;
};

/* Reads x-amz-copy-source. */
enum s3_code copy_init(struct copy *c, struct s3_request *r, const char **detail_out);
/* Look the source up and check x-amz-copy-source-if-*. */
void copy_find(struct copy *c);
void copy_run(struct copy *c);
/* Unpins the source. */
void copy_done(struct copy *c);

#endif
