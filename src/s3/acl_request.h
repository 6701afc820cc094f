/*
 * What a request says of an ACL, under the ownership of its bucket and for the people there are.
 *
 * BucketOwnerEnforced: everything belongs to the bucket's owner and lists are off: reads answer
 * FULL_CONTROL for the owner, writes may only ask for what comes to the same, else
 * AccessControlListNotSupported. BucketOwnerPreferred: what is written with
 * bucket-owner-full-control belongs to the bucket's owner. ObjectWriter, and no ownership controls
 * at all: to who wrote it. Source: Amazon S3 user guide, "Controlling ownership of objects and
 * disabling ACLs for your bucket".
 */
#ifndef PENSTOCK_S3_ACL_REQUEST_H
#define PENSTOCK_S3_ACL_REQUEST_H

#include "s3/acl_text.h"
#include "s3/bucket.h"
#include "s3/meta.h"

struct s3_request;

/* Who asks, as an owner: the account, or the canonical id that AWS gives to anonymous writers. */
struct view acl_request_account(const struct s3_request *r);

/* x-amz-acl and x-amz-grant-*. */
void acl_request_read(const struct s3_request *r, struct acl_text *t_out);

/*
 * A write of an object: acl_request_object(r, t, m, detail_out) sets m->owner_id, always, and
 * m->acl. t: what is asked for, of headers or form fields; may be empty. Views of the region.
 * Answers  as acl_text_read; S3_AccessControlListNotSupported; S3_AccessDenied (a public list where
 *          those are blocked, or who may write but not set a list);
 *          S3_UnresolvableGrantByEmailAddress; S3_InvalidArgument (an account nobody has).
 */
enum s3_code acl_request_object(
    struct s3_request *r, const struct acl_text *t, struct meta *m,
    const char **detail_out) MUST_CHECK;
/* The same with the headers of the request: PutObject, CopyObject, CreateMultipartUpload. */
enum s3_code
acl_request_headers(struct s3_request *r, struct meta *m, const char **detail_out) MUST_CHECK;

/*
 * CreateBucket: b is the bucket as it will be (name, meta.owner_id, meta.ownership); the headers of
 * the request set b->meta.acl. Answers  besides: S3_InvalidBucketAclWithObjectOwnership.
 */
enum s3_code
acl_request_new_bucket(struct s3_request *r, struct bucket *b, const char **detail_out) MUST_CHECK;

/*
 * PutBucketAcl and PutObjectAcl: the list of headers or body (one of them), for an owner. stored is
 * set for storing; is_off: the bucket's lists are off and what was asked for is what holds
 * anyway, nothing is to be stored.
 */
struct acl_request_put {
    struct acl_text_of of;
    struct view body;
    struct view stored; /* out */
    bool is_off;        /* out */
};
enum s3_code acl_request_put(
    struct s3_request *r, struct acl_request_put *p, const char **detail_out) MUST_CHECK;

#endif
