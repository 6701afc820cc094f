/*
 * The policy of a POST form: JSON that its signer made, saying until when and with which fields the
 * form may be sent. Pure, but for the JSON reader's memory. Source: Amazon S3 API reference,
 * "Creating a POST policy".
 *
 *     {"expiration": "2026-01-02T03:04:05Z", "conditions": [
 *         {"acl": "private"}, ["eq", "$bucket", "b"], ["starts-with", "$key", "user/"],
 *         ["content-length-range", 1, 10485760]]}
 *
 * Names of fields know no case, their values do. Every field must stand in a condition, but for
 * those that carry the policy and its signature, the file, the x-amz-checksum-* of it, and
 * x-ignore-*.
 */
#ifndef PENSTOCK_S3_POST_POLICY_H
#define PENSTOCK_S3_POST_POLICY_H

#include "base/bytes.h"
#include "s3/errors.h"

enum { POST_POLICY_BYTES_MAX = 20480, POST_POLICY_CONDITIONS_MAX = 200 };

struct post_policy_field {
    struct view name, value;
    bool is_covered; /* out */
};
/* What is asked: all fields, `bucket` (where the form was sent to) among them. */
struct post_policy {
    struct view json;
    struct post_policy_field *fields;
    unsigned field_count;
    int64_t now_ms;
    uint64_t bytes_min, bytes_max; /* out: of the file; 0 and UINT64_MAX when nothing is said */
};
/* S3_None; InvalidPolicyDocument; AccessDenied: expired, or a condition does not hold. `why`: a
 * sentence for it. */
enum s3_code post_policy_check(struct post_policy *p, struct buf *why);

#endif
