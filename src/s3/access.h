/*
 * The decision: may this caller do this to that? One place for all operations and routes.
 *
 * AWS's order: an explicit deny (bucket policy, attached policies) ends it; then, inside one
 * account, the owner, an attached policy or the bucket's policy allows; across accounts both sides
 * must: the attached policies of a caller who has some, and the bucket's policy or an ACL. ACLs
 * count where the bucket's ownership is not BucketOwnerEnforced. Public access block takes public
 * ACLs and policies out of it. Root owns everything, but an explicit deny binds it, except for the
 * policy operations (so that a policy cannot lock everybody out). Source: Amazon S3 user guide,
 * "How Amazon S3 authorizes a request".
 *
 * bucket NULL is the caller's account: CreateBucket, ListAllMyBuckets. An object of another account
 * than its bucket's (where ACLs count) is read by who its ACL lets read: the bucket's owner and
 * policy can only forbid. Where memory is short the answer is no.
 *
 * The door (s3.c) asks for the row's action before any operation starts. What depends on the object
 * (its ACL, s3:ExistingObjectTag) is asked again by find.c with the object at hand. Operations ask
 * for what else they do: copy sources, each key of DeleteObjects, tags, ACLs, locks, bypass.
 */
#ifndef PENSTOCK_S3_ACCESS_H
#define PENSTOCK_S3_ACCESS_H

#include "s3/acl.h"
#include "s3/bucket.h"
#include "s3/meta.h"

struct s3_request;

enum access_verdict { ACCESS_NO, ACCESS_YES, ACCESS_AFTER_LOOKUP };

struct access_ask {
    const char *action; /* "s3:GetObject" */
    enum acl_right right;
    const struct bucket *bucket;
    struct view key;        /* empty: the bucket itself */
    struct view version_id; /* at == NULL: none was named */
    bool object_is_known;   /* looked up; object NULL: it is not there */
    const struct meta *object;
    struct view location; /* CreateBucket: the constraint; at == NULL: none */
    struct view prefix;   /* what a listing would have been of; at == NULL: the request says it */
};

/* AFTER_LOOKUP only when !object_is_known. */
enum access_verdict access_decide(struct s3_request *r, const struct access_ask *ask);
/* The same for the request's own bucket and key, something more that it does: S3_None or
 * S3_AccessDenied. The action must not depend on the object. Owner and policies decide, no ACL. */
enum s3_code access_also(struct s3_request *r, const char *action);
/* Canonical ids: whose bucket, whose object it is (of an object in b; its bucket's owner where ACLs
 * are off). */
struct view access_bucket_owner(const struct s3_service *S, const struct bucket *b);
struct view
access_object_owner(const struct s3_service *S, const struct bucket *b, const struct meta *object);
/* Do ACLs count in this bucket? */
bool access_has_acls(const struct bucket *b);
/* What to say of a key that is not there: NoSuchKey, or AccessDenied to who may not list it. */
enum s3_code access_missing(struct s3_request *r, const struct bucket *b, struct view key);

#endif
