/*
 * Remove: one version of an object, or its latest, unless object lock forbids it. What DeleteObject
 * and DeleteObjects share.
 *
 *   VERSION_LATEST   REMOVING --engine--> done (a version that is locked only gets a marker before
 *                    it: lock needs a versioned bucket)
 *   a version, or    LOOKING_UP --engine--> decided -> REMOVING, under the revision that was looked
 *   wants            at --engine--> done | changed meanwhile: again
 *
 * So a lock that was answered before this ends holds. Whether the caller may delete is decided
 * before; whether it may go past GOVERNANCE (x-amz-bypass-governance-retention and
 * s3:BypassGovernanceRetention) is decided here, for the key.
 */
#ifndef PENSTOCK_S3_REMOVE_VERSION_H
#define PENSTOCK_S3_REMOVE_VERSION_H

#include "s3/s3.h"

/* What else must hold of what is named, when it is there: else PreconditionFailed. */
struct remove_wants {
    bool has_size, has_mtime;
    uint64_t size;
    int64_t mtime_ms; /* HTTP knows whole seconds only */
};

struct remove_version {
    struct op op; /* the caller's */

    /* in */
    struct s3_request *request;
    struct view key;
    struct engine_version version;
    struct view version_id;            /* as it was named, for the decision; at == NULL: none */
    struct engine_condition condition; /* kind and etag */
    struct remove_wants wants;

    /* out */
    enum s3_code code; /* set when op.err is; ERR_NOT_FOUND: what was named is not there */
    const char *detail;
    bool made_marker;        /* VERSION_LATEST: a delete marker was put before what there was */
    struct engine_info info; /* the marker made, or what is gone (flags: a marker?); no views */

    struct engine_lookup lookup; /* the rest is private */
    struct engine_remove remove;
    unsigned tries;
};

/* remove_version_start(v): all of `in` set, the rest zero. In a bucket that is not there:
 * ERR_NO_BUCKET. */
void remove_version_start(struct remove_version *v);

#endif
