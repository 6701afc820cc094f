#include "s3/acl_request.h"

#include <assert.h>

#include "s3/access.h"
#include "s3/acl_xml.h"
#include "s3/s3.h"

/* --- who owns ------------------------------------------------------------------------------- */

struct view acl_request_account(const struct s3_request *r)
{
    return r->user ? r->user->id : acl_xml_anonymous;
}

/* --- what is asked for ---------------------------------------------------------------------- */

void acl_request_read(const struct s3_request *r, struct acl_text *t_out)
{
    t_out->canned = s3_header(r, "x-amz-acl");
    for (unsigned i = 0; i < ACL_TEXT_GRANTS; i++)
        t_out->grants[i] = s3_header(r, acl_text_grants[i].header);
}

static enum s3_code
resolve_grant(const struct s3_request *r, struct acl_grant *g, const char **detail_out)
{
    const struct iam_user *u;

    if (g->grantee == ACL_EMAIL) {
        u = r->people ? iam_find_email(r->people, g->id) : NULL;
        if (!u)
            return S3_UnresolvableGrantByEmailAddress;
        *g = (struct acl_grant){ACL_ACCOUNT, u->id, g->permission};
        return S3_None;
    }
    if (g->grantee != ACL_ACCOUNT || view_eq(g->id, acl_xml_anonymous))
        return S3_None;
    if (r->people && iam_find_account(r->people, g->id))
        return S3_None;
    *detail_out = "Invalid id";
    return S3_InvalidArgument;
}

/* Grantees become accounts that exist. */
static enum s3_code resolve(const struct s3_request *r, struct acl *a, const char **detail_out)
{
    struct acl_grant *grants = region_take(r->region, (a->count + 1) * sizeof *grants);
    enum s3_code code = S3_None;

    if (!grants)
        return S3_SlowDown;
    for (unsigned i = 0; i < a->count && !code; i++) {
        grants[i] = a->grants[i];
        code = resolve_grant(r, &grants[i], detail_out);
    }
    a->grants = grants;
    return code;
}

static enum s3_code read_text(
    const struct s3_request *r, const struct acl_text *t, const struct acl_text_of *of,
    struct acl *a_out, const char **detail_out)
{
    enum s3_code code = acl_text_read(t, of, r->region, a_out, detail_out);

    if (code || t->canned.at)
        return code;
    return resolve(r, a_out, detail_out);
}

/* --- what may be asked for ------------------------------------------------------------------ */

static bool gives_all_to(const struct acl *a, struct view owner)
{
    unsigned given = 0;

    for (unsigned i = 0; i < a->count; i++)
        given |= a->grants[i].permission;
    return acl_is_private(a, owner) && (!a->is_explicit || given == ACL_FULL_CONTROL);
}

/*
 * Where lists are off: does it ask for what holds anyway? `private` of the bucket's owner does, too
 * (clients send it unasked); of another account it asks for the object to be that account's.
 */
static bool is_what_holds(
    const struct s3_request *r, const struct acl_text *t, const struct acl *a,
    struct view bucket_owner)
{
    if (view_is(t->canned, "bucket-owner-full-control"))
        return true;
    if (t->canned.at && !view_eq(acl_request_account(r), bucket_owner))
        return false;
    return gives_all_to(a, bucket_owner);
}

static bool is_blocked(const struct bucket *b, const struct acl *a)
{
    return b->meta.has_block && (b->meta.block & BLOCK_PUBLIC_ACLS) && acl_is_public(a);
}

/*
 * Setting a list while writing is s3:PutObjectAcl on what the writer is about to own, even where
 * it goes to the bucket's owner then: across accounts a bucket policy that lets write is enough,
 * but a deny, or attached policies that do not allow it, are not.
 */
static enum s3_code check_may_set(struct s3_request *r, struct meta *m)
{
    static const uint8_t everybody_may[] = {1, ACL_ALL_USERS, ACL_WRITE_ACP, 0, 0, 0, 0};
    const struct view owner_id = m->owner_id;

    m->owner_id = acl_request_account(r);
    m->acl = r->user ? VIEW_EMPTY : view_of(everybody_may, sizeof everybody_may);
    enum access_verdict v = access_decide(
        r, &(struct access_ask){
               .action = "s3:PutObjectAcl",
               .right = ACL_OBJECT_WRITE_ACP,
               .bucket = r->conf,
               .key = r->key,
               .object_is_known = true,
               .object = m});
    m->owner_id = owner_id;
    m->acl = VIEW_EMPTY;
    return v == ACCESS_YES ? S3_None : S3_AccessDenied;
}

/* FULL_CONTROL of the owner alone is what an object without a list has. */
static enum s3_code
store(const struct s3_request *r, const struct acl *a, struct view owner, struct view *stored_out)
{
    *stored_out = VIEW_EMPTY;
    if (a->count == 1 && gives_all_to(a, owner))
        return S3_None;
    return acl_encode(a, r->region, stored_out) ? S3_SlowDown : S3_None;
}

static bool is_preferred(const struct bucket *b)
{
    return b->meta.ownership == OWNERSHIP_PREFERRED && !b->meta.ownership_is_deleted;
}

/* --- objects -------------------------------------------------------------------------------- */

static enum s3_code ask_where_on(
    struct s3_request *r, const struct acl_text *t, const struct acl_text_of *of, struct meta *m,
    const char **detail_out)
{
    struct acl a;
    enum s3_code code = read_text(r, t, of, &a, detail_out);

    if (!code)
        code = check_may_set(r, m);
    if (!code && is_blocked(r->conf, &a))
        code = S3_AccessDenied;
    if (code)
        return code;
    bool is_given_up = is_preferred(r->conf) && view_is(t->canned, "bucket-owner-full-control");
    if (!is_given_up)
        return store(r, &a, m->owner_id, &m->acl);
    m->owner_id = of->bucket_owner;
    return S3_None;
}

enum s3_code acl_request_object(
    struct s3_request *r, const struct acl_text *t, struct meta *m, const char **detail_out)
{
    const struct acl_text_of of = {
        .owner = acl_request_account(r), .bucket_owner = access_bucket_owner(r->service, r->conf)};
    struct acl a;

    *detail_out = NULL;
    m->owner_id = of.owner;
    m->acl = VIEW_EMPTY;
    if (access_has_acls(r->conf))
        return acl_text_is_empty(t) ? S3_None : ask_where_on(r, t, &of, m, detail_out);
    m->owner_id = of.bucket_owner;
    if (acl_text_is_empty(t))
        return S3_None;
    enum s3_code code = read_text(r, t, &of, &a, detail_out);
    if (code)
        return code;
    return is_what_holds(r, t, &a, of.bucket_owner) ? S3_None : S3_AccessControlListNotSupported;
}

enum s3_code acl_request_headers(struct s3_request *r, struct meta *m, const char **detail_out)
{
    struct acl_text t;

    acl_request_read(r, &t);
    return acl_request_object(r, &t, m, detail_out);
}

/* --- buckets, and both put ------------------------------------------------------------------ */

enum s3_code acl_request_new_bucket(struct s3_request *r, struct bucket *b, const char **detail_out)
{
    struct view owner = access_bucket_owner(r->service, b);
    const struct acl_text_of of = {.is_bucket = true, .owner = owner, .bucket_owner = owner};
    struct acl_text t;
    struct acl a;

    *detail_out = NULL;
    acl_request_read(r, &t);
    b->meta.acl = VIEW_EMPTY;
    if (acl_text_is_empty(&t))
        return S3_None;
    enum s3_code code = read_text(r, &t, &of, &a, detail_out);
    if (code)
        return code;
    if (!access_has_acls(b))
        return gives_all_to(&a, owner) ? S3_None : S3_InvalidBucketAclWithObjectOwnership;
    enum access_verdict v = access_decide(
        r, &(struct access_ask){
               .action = "s3:PutBucketAcl",
               .right = ACL_BUCKET_WRITE_ACP,
               .bucket = b,
               .object_is_known = true});
    if (v != ACCESS_YES)
        return S3_AccessDenied;
    return store(r, &a, owner, &b->meta.acl);
}

static enum s3_code read_body(
    const struct s3_request *r, const struct acl_request_put *p, struct acl *a_out,
    const char **detail_out)
{
    struct view owner;
    enum s3_code code = acl_xml_read(p->body, r->region, &owner, a_out, detail_out);

    if (code)
        return code;
    if (!view_eq(owner, p->of.owner)) /* an owner is not changed in this way */
        return S3_AccessDenied;
    return resolve(r, a_out, detail_out);
}

enum s3_code
acl_request_put(struct s3_request *r, struct acl_request_put *p, const char **detail_out)
{
    struct acl_text t;
    struct acl a;
    enum s3_code code;

    *detail_out = NULL;
    p->is_off = false;
    acl_request_read(r, &t);
    if (acl_text_is_empty(&t) && p->body.len == 0)
        return S3_MissingSecurityHeader;
    if (!acl_text_is_empty(&t) && p->body.len > 0)
        return S3_UnexpectedContent;
    code = p->body.len > 0 ? read_body(r, p, &a, detail_out)
                           : read_text(r, &t, &p->of, &a, detail_out);
    if (code)
        return code;
    if (!access_has_acls(r->conf)) {
        p->is_off = is_what_holds(r, &t, &a, p->of.bucket_owner);
        return p->is_off ? S3_None : S3_AccessControlListNotSupported;
    }
    if (is_blocked(r->conf, &a))
        return S3_AccessDenied;
    return store(r, &a, p->of.owner, &p->stored);
}
