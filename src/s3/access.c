#include "s3/access.h"

#include <assert.h>

#include "s3/access_value.h"
#include "s3/route.h"
#include "s3/s3.h"

enum {
    ARN_BYTES_MAX = 16 + ENGINE_BUCKET_BYTES_MAX + 1 + ROUTE_KEY_BYTES_MAX /* "arn:aws:s3:::" */
};

struct decision {
    struct s3_request *request;
    const struct access_ask *ask;
    const struct iam_user *user; /* NULL: anonymous */
    struct view bucket_owner;    /* of bucket NULL: the caller's account */
    struct view owner;           /* of what is asked about: the bucket, or the object */
    enum policy_effect by_bucket, by_user;
    struct policy_principal who;
    struct policy_request asks;
    struct access_value value;
    char arn[ARN_BYTES_MAX];
};

/* --- the words ---------------------------------------------------------------------------- */

static bool is_about_object(enum acl_right right)
{
    return right == ACL_OBJECT_READ || right == ACL_OBJECT_READ_ACP ||
           right == ACL_OBJECT_WRITE_ACP;
}

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

/* Owns an account, and nothing was attached that could say less. */
static bool is_master(const struct iam_user *u)
{
    return u && (u->is_root || (u->owns_account && u->policy_count == 0));
}

static bool is_in(const struct iam_user *u, struct view account)
{
    return u && view_eq(u->id, account);
}

/* Actions whose conditions may ask for the tags of the object there is (s3:ExistingObjectTag). */
static bool may_depend_on_tags(const char *action)
{
    static const char *const actions[] = {
        "s3:GetObject",           "s3:GetObjectVersion",           "s3:GetObjectAcl",
        "s3:GetObjectVersionAcl", "s3:GetObjectAttributes",        "s3:GetObjectVersionAttributes",
        "s3:GetObjectTagging",    "s3:GetObjectVersionTagging",    "s3:PutObjectAcl",
        "s3:PutObjectVersionAcl", "s3:PutObjectTagging",           "s3:PutObjectVersionTagging",
        "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging", "s3:GetObjectRetention",
        "s3:PutObjectRetention",  "s3:GetObjectLegalHold",         "s3:PutObjectLegalHold",
    };

    for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
        if (strcmp(action, actions[i]) == 0)
            return true;
    return false;
}

/* --- policies ----------------------------------------------------------------------------- */

static void make_arn(struct decision *d)
{
    const struct access_ask *ask = d->ask;
    struct buf b = buf_over(d->arn, sizeof d->arn);

    buf_put_str(&b, "arn:aws:s3:::");
    if (ask->bucket)
        buf_put(&b, ask->bucket->name);
    else /* CreateBucket has a name, ListAllMyBuckets none */
        buf_put(&b, d->request->bucket.len ? d->request->bucket : VIEW("*"));
    if (ask->key.len) {
        buf_put_byte(&b, '/');
        buf_put(&b, ask->key);
    }
    assert(!b.overflow); /* route.c bounds both */
    d->asks.resource = buf_view(&b);
}

static void make_principal(struct decision *d)
{
    const struct iam_user *u = d->user;

    if (u)
        d->who =
            (struct policy_principal){.account = u->id, .user_arn = u->arn, .canonical_id = u->id};
    else
        d->who.is_anonymous = true;
}

static bool asks_for(const struct decision *d, struct view key)
{
    const struct bucket *b = d->ask->bucket;
    struct view action = d->asks.action;

    if (b && policy_asks(b->policy, action, key))
        return true;
    for (unsigned i = 0; d->user && i < d->user->policy_count; i++)
        if (policy_asks(d->user->policies[i], action, key))
            return true;
    return false;
}

/* What the body says and a policy wants to know: before it is read a decision is worth nothing. */
static bool asks_for_body(const struct decision *d)
{
    static const struct view tags[] = {
        VIEW("s3:requestobjecttag/"), VIEW("s3:requestobjecttagkeys"), VIEW("aws:requesttag/"),
        VIEW("aws:tagkeys")};
    static const struct view locks[] = {
        VIEW("s3:object-lock-mode"), VIEW("s3:object-lock-legal-hold"),
        VIEW("s3:object-lock-retain-until-date"), VIEW("s3:object-lock-remaining-retention-days")};
    const struct s3_request *r = d->request;
    struct view name = view_str(r->op->name);

    if ((view_is(name, "PutObjectTagging") || view_is(name, "PutBucketTagging")) &&
        !r->request_tags)
        for (size_t i = 0; i < ARRAY_COUNT(tags); i++)
            if (asks_for(d, tags[i]))
                return true;
    if ((view_is(name, "PutObjectRetention") || view_is(name, "PutObjectLegalHold")) &&
        !r->request_lock)
        for (size_t i = 0; i < ARRAY_COUNT(locks); i++)
            if (asks_for(d, locks[i]))
                return true;
    return false;
}

static void evaluate_policies(struct decision *d)
{
    const struct bucket *b = d->ask->bucket;

    d->asks.principal = NULL;
    d->by_user = POLICY_NONE;
    for (unsigned i = 0; d->user && i < d->user->policy_count; i++)
        d->by_user = MAX(d->by_user, policy_evaluate(d->user->policies[i], &d->asks));
    d->who.needs_own_name = d->user && !d->user->owns_account && d->by_user != POLICY_ALLOW;
    d->asks.principal = &d->who;
    d->by_bucket = policy_evaluate(b ? b->policy : NULL, &d->asks);
    d->asks.principal = NULL;
}
_Static_assert(POLICY_NONE < POLICY_ALLOW && POLICY_ALLOW < POLICY_DENY, "the strongest wins");

/* Whoever owns the account must be able to take a policy back that locks everybody out. */
static bool may_mend_policy(const struct decision *d)
{
    static const char *const actions[] = {
        "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"};

    if (!is_master(d->user) || (!d->user->is_root && !is_in(d->user, d->bucket_owner)))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
        if (strcmp(d->ask->action, actions[i]) == 0)
            return true;
    return false;
}

static bool is_denied(const struct decision *d)
{
    return d->by_user == POLICY_DENY || (d->by_bucket == POLICY_DENY && !may_mend_policy(d));
}

static bool bucket_policy_allows(const struct decision *d)
{
    const struct bucket *b = d->ask->bucket;

    if (d->by_bucket != POLICY_ALLOW || !view_eq(d->owner, d->bucket_owner))
        return false;
    /* RestrictPublicBuckets: a public policy is for the account that owns the bucket. */
    return !(b->meta.block & RESTRICT_PUBLIC_BUCKETS) || is_in(d->user, d->bucket_owner) ||
           !policy_is_public(b->policy);
}

/* --- access control lists ------------------------------------------------------------------- */

static unsigned permission_of(enum acl_right right)
{
    switch (right) {
    case ACL_BUCKET_READ:
    case ACL_OBJECT_READ:
        return ACL_READ;
    case ACL_BUCKET_WRITE:
        return ACL_WRITE;
    case ACL_BUCKET_READ_ACP:
    case ACL_OBJECT_READ_ACP:
        return ACL_READ_ACP;
    case ACL_BUCKET_WRITE_ACP:
    case ACL_OBJECT_WRITE_ACP:
        return ACL_WRITE_ACP;
    case ACL_NO_RIGHT:
        break;
    }
    return 0;
}

/* By its id, or as one of all. A list that cannot be read gives nothing. */
static bool acl_gives(const struct decision *d, struct view account)
{
    const struct access_ask *ask = d->ask;
    unsigned permission = permission_of(ask->right);
    struct view blob = VIEW_EMPTY;
    struct acl acl;

    if (!permission || !ask->bucket || !access_has_acls(ask->bucket))
        return false;
    /* Old versions are deleted by owner and policies only. */
    if (ask->right == ACL_BUCKET_WRITE && ask->version_id.at)
        return false;
    if (!is_about_object(ask->right))
        blob = ask->bucket->meta.acl;
    else if (ask->object)
        blob = ask->object->acl;
    if (acl_decode(blob, d->request->region, &acl))
        return false;
    if (ask->bucket->meta.block & IGNORE_PUBLIC_ACLS)
        return acl_allows_account(&acl, permission, account);
    return acl_allows(&acl, permission, account);
}

/* --- the decision ------------------------------------------------------------------------- */

/* One of the account's people, to whom the grants of its owner do not apply. */
static struct view nobody_in_particular(const struct decision *d)
{
    return d->user ? VIEW(" ") : VIEW_EMPTY; /* no id is that */
}

static bool is_allowed(const struct decision *d)
{
    const struct iam_user *u = d->user;

    if (u && u->is_root && u->policy_count == 0)
        return true;
    if (is_in(u, d->owner))
        return is_master(u) || d->by_user == POLICY_ALLOW || bucket_policy_allows(d) ||
               acl_gives(d, nobody_in_particular(d));
    if (!d->ask->bucket)
        return false;
    if (u && u->policy_count && d->by_user != POLICY_ALLOW)
        return false;
    return bucket_policy_allows(d) || acl_gives(d, u ? u->id : VIEW_EMPTY);
}

static void find_owners(struct decision *d)
{
    const struct access_ask *ask = d->ask;

    if (!ask->bucket)
        d->bucket_owner = d->user ? d->user->id : VIEW_EMPTY;
    else
        d->bucket_owner = access_bucket_owner(d->request->service, ask->bucket);
    d->owner = d->bucket_owner;
    if (ask->object && is_about_object(ask->right))
        d->owner = access_object_owner(d->request->service, ask->bucket, ask->object);
}

static bool needs_object(const struct decision *d)
{
    if (d->ask->object_is_known)
        return false;
    if (asks_for_body(d) ||
        (may_depend_on_tags(d->ask->action) && asks_for(d, VIEW("s3:existingobjecttag/"))))
        return true;
    if (is_denied(d) || (d->user && d->user->is_root))
        return false;
    return is_about_object(d->ask->right) && d->ask->bucket && access_has_acls(d->ask->bucket);
}

/* Root, where nobody has said anything: nearly every request of nearly every server. */
static bool is_plain(const struct s3_request *r, const struct access_ask *ask)
{
    return r->user && r->user->is_root && r->user->policy_count == 0 &&
           (!ask->bucket || !ask->bucket->policy);
}

enum access_verdict access_decide(struct s3_request *r, const struct access_ask *ask)
{
    struct decision d;

    assert(ask->action);
    if (ask->key.len > ROUTE_KEY_BYTES_MAX)
        return ACCESS_NO; /* there is no such key */
    if (is_plain(r, ask))
        return ACCESS_YES;
    memset(&d, 0, offsetof(struct decision, arn));
    d.request = r;
    d.ask = ask;
    d.user = r->user;
    d.value.request = r;
    d.value.ask = ask;
    d.asks.action = view_str(ask->action);
    d.asks.value = access_value;
    d.asks.ctx = &d.value;
    make_arn(&d);
    make_principal(&d);
    find_owners(&d);
    evaluate_policies(&d);
    if (needs_object(&d))
        return ACCESS_AFTER_LOOKUP;
    return is_allowed(&d) && !is_denied(&d) && !d.value.failed ? ACCESS_YES : ACCESS_NO;
}

enum s3_code access_also(struct s3_request *r, const char *action)
{
    const struct access_ask ask = {
        .action = action, .bucket = r->conf, .key = r->key, .object_is_known = true};

    return access_decide(r, &ask) == ACCESS_YES ? S3_None : S3_AccessDenied;
}

enum s3_code access_missing(struct s3_request *r, const struct bucket *b, struct view key)
{
    const struct access_ask ask = {
        .action = "s3:ListBucket",
        .right = ACL_BUCKET_READ,
        .bucket = b,
        .object_is_known = true,
        .prefix = key};

    return access_decide(r, &ask) == ACCESS_YES ? S3_NoSuchKey : S3_AccessDenied;
}
