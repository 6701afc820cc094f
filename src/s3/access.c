#include "s3/access.h"

#include "s3/s3.h"

struct view access_bucket_owner(const struct s3_service *S, const struct bucket *b)
{
    return b->meta.owner_id.len ? b->meta.owner_id : S->owner_id;
}

bool access_has_acls(const struct bucket *b)
{
    return b->meta.ownership != OWNERSHIP_ENFORCED || b->meta.ownership_is_deleted;
}

struct view
access_object_owner(const struct s3_service *S, const struct bucket *b, const struct meta *object)
{
    if (!access_has_acls(b))
        return access_bucket_owner(S, b);
    return object->owner_id.len ? object->owner_id : S->owner_id;
}

enum access_verdict access_decide(struct s3_request *r, const struct access_ask *ask)
{
    const struct iam_user *u = r->user;

    if (!u)
        return ACCESS_NO;
    if (u->is_root)
        return ACCESS_YES;
    if (!u->owns_account || u->policy_count)
        return ACCESS_NO;
    if (ask->bucket && !view_eq(u->id, access_bucket_owner(r->service, ask->bucket)))
        return ACCESS_NO;
    return ACCESS_YES;
}

enum s3_code access_also(struct s3_request *r, const char *action)
{
    const struct access_ask ask = {
        .action = action, .bucket = r->conf, .key = r->key, .object_is_known = true};

    return access_decide(r, &ask) == ACCESS_YES ? S3_None : S3_AccessDenied;
}

enum s3_code access_missing(struct s3_request *r, const struct bucket *b)
{
    const struct access_ask ask = {
        .action = "s3:ListBucket", .right = ACL_BUCKET_READ, .bucket = b, .object_is_known = true};

    return access_decide(r, &ask) == ACCESS_YES ? S3_NoSuchKey : S3_AccessDenied;
}
