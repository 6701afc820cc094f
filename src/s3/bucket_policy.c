/*
 * GetBucketPolicy, GetBucketPolicyStatus, PutBucketPolicy, DeleteBucketPolicy.
 *
 *   READING_BODY --body.c--> parsed --> EDITING --bucket.c--> answer        (put)
 *                                       EDITING --bucket.c--> answer        (delete)
 *
 * A policy is stored as it was sent, and read back so. x-amz-confirm-remove-self-bucket-access
 * needs no deed: who owns the bucket keeps its policy operations whatever the policy says
 * (access.h).
 */
#include "s3/access.h"
#include "s3/ops.h"
#include "s3/xml.h"

/* More than a policy may have, so that it is told what is wrong with it. */
enum { BODY_BYTES_MAX = 65536, WHY_BYTES = 256, STATUS_BYTES = 512 };

enum policy_wait { POLICY_READING_BODY, POLICY_EDITING };

struct change {
    struct s3_request *request;
    enum policy_wait wait;
    bool is_public;
    struct view text; /* empty: none from now on */
    struct s3_small_body body;
    struct bucket_edit edit;
    char why[WHY_BYTES];
};

static void change_advance(struct change *c, enum err e);

static void on_body(struct op *op)
{
    change_advance(container_of(op, struct change, body.op), op->err);
}

static void on_edited(struct op *op)
{
    change_advance(container_of(op, struct change, edit.op), op->err);
}

/* Decided under the block that is in force when the policy is. */
static enum s3_code edit(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io)
{
    const struct change *c = container_of(e, struct change, edit);

    if (c->is_public && m->has_block && m->block & BLOCK_PUBLIC_POLICY) {
        e->detail = "The bucket's public access block does not allow public policies.";
        return S3_AccessDenied;
    }
    m->policy = c->text;
    return S3_None;
}

static void start_edit(struct change *c)
{
    op_init(&c->edit.op, on_edited);
    c->edit.request = c->request;
    c->edit.edit = edit;
    c->wait = POLICY_EDITING;
    s3_wait(c->request, "BucketPolicy.editing");
    bucket_edit(&c->edit);
}

/* What is stored parses, so that nobody meets a policy that cannot be followed. */
static enum s3_code parse(struct change *c)
{
    struct policy *p = NULL;
    struct buf why = buf_over(c->why, sizeof c->why - 1);
    enum err e = policy_parse(c->body.body, POLICY_BUCKET, c->request->bucket, &p, &why);

    c->why[why.len] = 0;
    if (e)
        return e == ERR_NO_MEMORY ? S3_SlowDown : S3_MalformedPolicy;
    c->is_public = policy_is_public(p);
    c->text = c->body.body;
    policy_free(p);
    return S3_None;
}

static void change_advance(struct change *c, enum err e)
{
    struct s3_request *r = c->request;
    enum s3_code code = S3_None;

    switch (c->wait) {
    case POLICY_READING_BODY: /* woken by body.c */
        code = e ? c->body.code : parse(c);
        if (code)
            s3_finish_error(r, code, e ? c->body.detail : c->why[0] ? c->why : NULL);
        else
            start_edit(c);
        break;
    case POLICY_EDITING: /* woken by bucket.c */
        if (e) {
            s3_finish_error(r, c->edit.code, c->edit.detail);
            break;
        }
        s3_reply(r, 204);
        s3_finish_empty(r);
        break;
    }
}

/* A policy gives to others what it says, never itself: 405, as AWS. False when that was said. */
static bool is_of_account(struct s3_request *r)
{
    const struct iam_user *u = r->user;

    if (u && (u->is_root || view_eq(u->id, access_bucket_owner(r->service, r->conf))))
        return true;
    s3_finish_error(r, S3_MethodNotAllowed, NULL);
    return false;
}

static struct change *change_new(struct s3_request *r)
{
    struct change *c;

    if (!is_of_account(r))
        return NULL;
    c = region_take_zero(r->region, sizeof *c);
    if (c)
        c->request = r;
    else
        s3_finish_error(r, S3_SlowDown, NULL);
    return c;
}

void bucket_policy_put_start(struct s3_request *r)
{
    struct change *c = change_new(r);

    if (!c)
        return;
    op_init(&c->body.op, on_body);
    c->body.request = r;
    c->body.bytes_max = BODY_BYTES_MAX;
    c->wait = POLICY_READING_BODY;
    s3_wait(r, "BucketPolicy.reading-body");
    s3_small_body(&c->body);
}

void bucket_policy_delete_start(struct s3_request *r)
{
    struct change *c = change_new(r);

    if (c)
        start_edit(c);
}

/* --- reading -----------------------------------------------------------------------------------
 */

void bucket_policy_get_start(struct s3_request *r)
{
    struct view text = r->conf->meta.policy;

    if (!is_of_account(r))
        return;
    if (text.len == 0) {
        s3_finish_error(r, S3_NoSuchBucketPolicy, NULL);
        return;
    }
    s3_reply(r, 200);
    s3_finish_body(r, text, "application/json"); /* conf is held as long as the request is */
}

/* By its policy, or by its ACL where that counts. */
static enum s3_code is_public(struct s3_request *r, bool *is_public_out)
{
    const struct bucket *b = r->conf;
    bool ignores_acl = b->meta.has_block && b->meta.block & IGNORE_PUBLIC_ACLS;
    struct acl acl;

    *is_public_out = policy_is_public(b->policy);
    if (*is_public_out || ignores_acl || !access_has_acls(b))
        return S3_None;
    enum err e = acl_decode(b->meta.acl, r->region, &acl);
    if (e)
        return s3_code_from_err(e, false);
    *is_public_out = acl_is_public(&acl);
    return S3_None;
}

void bucket_policy_status_start(struct s3_request *r)
{
    uint8_t *at = region_take(r->region, STATUS_BYTES);
    struct buf x = buf_over(at, STATUS_BYTES);
    bool yes = false;
    enum s3_code code = at ? is_public(r, &yes) : S3_SlowDown;

    if (code) {
        s3_finish_error(r, code, NULL);
        return;
    }
    xml_open_root(&x, "PolicyStatus");
    buf_put_str(&x, yes ? "<IsPublic>true</IsPublic>" : "<IsPublic>false</IsPublic>");
    xml_close(&x, "PolicyStatus");
    s3_finish_xml(r, 200, buf_view(&x));
}
