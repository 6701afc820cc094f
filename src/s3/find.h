/*
 * Find: the object (or version of it) an operation is about, and whether the caller may. Every
 * operation on an existing object, and every copy source, goes through here.
 *
 *   LOOKING_UP --engine--> decoded, decided
 *
 * A delete marker is answered as AWS does: NoSuchKey with x-amz-delete-marker when the latest is
 * one; MethodNotAllowed when it was named (op may take it: takes_marker). Sets the request's
 * version id and marker for the answer, errors too.
 */
#ifndef PENSTOCK_S3_FIND_H
#define PENSTOCK_S3_FIND_H

#include "s3/access.h"
#include "s3/meta.h"
#include "s3/s3.h"

struct find {
    struct op op; /* the caller's */

    /* in */
    struct s3_request *request;
    const struct bucket *bucket; /* NULL: the request's */
    struct view key;             /* at == NULL: the request's */
    struct view version_id;      /* at == NULL: the latest */
    const char *action;          /* decided here unless is_decided */
    enum acl_right right;
    bool is_decided;   /* the door said yes already */
    bool takes_marker; /* a named marker is found, not refused */
    bool is_source;    /* a copy source: its version id is not the answer's */

    /* out; object is pinned: find_done */
    struct engine_object *object;
    bool is_latest;
    struct meta meta;
    enum s3_code code; /* set when op.err is */
    const char *detail;

    struct engine_lookup lookup; /* private */
};

void find_start(struct find *f);
/* f for the request's own bucket, key and versionId, with the action of its row. */
void find_init(struct find *f, struct s3_request *r, op_advance_fn *advance);
void find_done(struct find *f); /* unpins; fine when nothing was found */
/* A commit made this version (or marker) of the request's key, or removed it: x-amz-version-id and
 * x-amz-delete-marker of the answer. */
void find_say_version(struct s3_request *r, const struct engine_info *info);
/* The same of a write, which says nothing of a null version (ceph/s3-tests; PutObject of the API
 * reference names an id for enabled buckets only). */
void find_say_written(struct s3_request *r, const struct engine_info *info);

#endif
