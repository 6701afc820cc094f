/*
 * Copying inside the store: find the source, check its conditions, move a range of it into a put.
 * CopyObject and UploadPartCopy share it; what they commit is theirs.
 *
 *   FINDING_BUCKET (of the source) --bucket.c--> FINDING (source) --find.c--> done
 *   TAKING_CHUNK --arena--> READING --engine--> WRITING --engine--> TAKING_CHUNK ... -> done
 *
 * Whether the caller may read the source is decided here, in its own bucket, as by GetObject.
 *
 * One chunk, sequentially: a copy is a background kind of work, and two thirds of its time would be
 * spent waiting for the drive either way.
 */
#ifndef PENSTOCK_S3_COPY_H
#define PENSTOCK_S3_COPY_H

#include "auth/checksum.h"
#include "mem/arena_wait.h"
#include "s3/find.h"

#define COPY_BYTES_MAX (5 * GIB)

enum copy_wait { COPY_FINDING_BUCKET, COPY_FINDING, COPY_TAKING_CHUNK, COPY_READING, COPY_WRITING };

struct copy {
    struct op op; /* the caller's: copy_find, copy_run */

    /* in; set by copy_init from the request */
    struct s3_request *request;
    struct view source_bucket, source_key, source_version; /* version: at == NULL: the latest */

    /* out of copy_find: pinned until copy_done */
    struct engine_object *source;
    const struct meta *source_meta; /* views of the source */
    bool source_is_latest;
    char source_version_id[33]; /* x-amz-copy-source-version-id; empty: none */
    enum s3_code code;          /* set when op.err is */
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
    struct bucket_find bucket;
    const struct bucket *conf; /* of the source */
    struct find find;
    struct arena_wait take;
    struct engine_read read;
    struct engine_write write;
    uint64_t done;
    struct digest md5_run;
    struct checksum checksum_run;
};

/* Reads x-amz-copy-source. */
enum s3_code copy_init(struct copy *c, struct s3_request *r, const char **detail_out);
/* Find the source, decide whether it may be read, check x-amz-copy-source-if-*. */
void copy_find(struct copy *c);
void copy_run(struct copy *c);
/* May the caller also do that ("s3:GetObjectTagging") to the source? Between copy_find and
 * copy_done. */
bool copy_may(const struct copy *c, const char *action);
/* After s3_reply: x-amz-copy-source-version-id. */
void copy_reply_headers(const struct copy *c);
/* Unpins the source. */
void copy_done(struct copy *c);

#endif
