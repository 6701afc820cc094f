/*
 * CreateBucket.
 *
 *   READING_BODY --body.c--> COMMITTING --engine--> answer
 *                                 | it exists
 *                                 v
 *                              FINDING --bucket.c--> answer: whose it is
 *   COMMITTING -- the account has been removed meanwhile --> TAKING_BACK --engine--> refused
 *
 * The location constraint of the body, if any, is kept and told by GetBucketLocation; any name is
 * fine, as one server is all the regions there are. Making one's own bucket again is what it is on
 * AWS: in us-east-1 it succeeds when nothing would change, elsewhere it is an error.
 */
#include "s3/access.h"
#include "s3/acl_request.h"
#include "s3/ops.h"
#include "s3/tags.h"
#include "s3/xml.h"

enum { CREATE_BODY_BYTES_MAX = 65536 };

enum create_bucket_wait {
    CREATE_READING_BODY,
    CREATE_COMMITTING,
    CREATE_FINDING,
    CREATE_TAKING_BACK
};

struct create_bucket {
    struct s3_request *request;
    enum create_bucket_wait wait;
    struct s3_small_body body;
    struct tags tags;
    struct bucket bucket; /* as it will be */
    struct engine_put put;
    struct bucket_find find;
    struct engine_remove remove;
};

static void create_bucket_advance(struct create_bucket *c, enum err e);

static void on_commit(struct op *op)
{
    create_bucket_advance(container_of(op, struct create_bucket, put.op), op->err);
}

static void on_body(struct op *op)
{
    create_bucket_advance(container_of(op, struct create_bucket, body.op), op->err);
}

static void on_found(struct op *op)
{
    create_bucket_advance(container_of(op, struct create_bucket, find.op), op->err);
}

static void on_taken_back(struct op *op)
{
    create_bucket_advance(container_of(op, struct create_bucket, remove.op), op->err);
}

/* --- what is asked for ---------------------------------------------------------------------- */

/* Nothing at all when there is no body. */
static enum s3_code read_body(struct create_bucket *c, const char **detail_out)
{
    struct bucket_meta *m = &c->bucket.meta;
    struct region *R = c->request->region;
    struct xml_node *root = NULL;

    if (c->body.body.len == 0)
        return S3_None;
    enum err e = xml_parse(c->body.body, R, &root);
    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_MalformedXML;
    if (!view_is(root->name, "CreateBucketConfiguration"))
        return S3_MalformedXML;
    if (xml_child(root, "Location") || xml_child(root, "Bucket")) /* of directory buckets */
        return S3_NotImplemented;
    if (!xml_has_only(root, "LocationConstraint Tags"))
        return S3_MalformedXML;
    m->location = view_trim(xml_child_text(root, "LocationConstraint"));
    if (!bucket_meta_location_is_valid(m->location))
        return S3_IllegalLocationConstraintException;
    const struct xml_node *list = xml_child(root, "Tags");
    if (!list)
        return S3_None;
    c->request->request_tags = &c->tags;
    enum s3_code code = tags_from_node(list, TAGS_BUCKET_MAX, R, &c->tags, detail_out);
    if (!code && c->tags.count && tags_encode(&c->tags, R, &m->tags))
        return S3_SlowDown;
    return code;
}

static enum s3_code read_ownership(const struct s3_request *r, enum bucket_ownership *to)
{
    struct view v = s3_header(r, "x-amz-object-ownership");

    *to = (enum bucket_ownership)r->service->ownership_default;
    return !v.at || bucket_meta_read_ownership(v, to) ? S3_None : S3_InvalidArgument;
}

static enum s3_code read_lock(const struct s3_request *r, bool *is_enabled_out)
{
    struct view v = s3_header(r, "x-amz-bucket-object-lock-enabled");

    *is_enabled_out = v.at && view_eq_nocase(v, VIEW("true"));
    return !v.at || *is_enabled_out || view_eq_nocase(v, VIEW("false")) ? S3_None
                                                                        : S3_InvalidArgument;
}

/* Buckets of a namespace of the account's own are another kind of bucket. */
static enum s3_code check_namespace(const struct s3_request *r)
{
    struct view v = s3_header(r, "x-amz-bucket-namespace");

    return !v.at || view_is(v, "global") ? S3_None : S3_NotImplemented;
}

static enum s3_code decide(const struct create_bucket *c)
{
    struct view location = c->bucket.meta.location;
    const struct access_ask ask = {
        .action = "s3:CreateBucket", .location = location.len ? location : VIEW_EMPTY};

    return access_decide(c->request, &ask) == ACCESS_YES ? S3_None : S3_AccessDenied;
}

static enum s3_code read_all(struct create_bucket *c, const char **detail_out)
{
    struct s3_request *r = c->request;
    struct bucket *b = &c->bucket;
    enum s3_code code = read_body(c, detail_out);

    if (!code)
        code = decide(c);
    if (!code)
        code = check_namespace(r);
    if (!code)
        code = read_ownership(r, &b->meta.ownership);
    if (!code)
        code = read_lock(r, &b->meta.lock.is_enabled);
    if (code)
        return code;
    b->name = r->bucket;
    if (!view_eq(r->user->id, r->service->owner_id))
        b->meta.owner_id = r->user->id;
    return acl_request_new_bucket(r, b, detail_out);
}

/* --- making it ------------------------------------------------------------------------------ */

static void commit(struct create_bucket *c)
{
    struct s3_request *r = c->request;
    struct engine_key key = {.space = SPACE_BUCKET, .bucket = r->bucket};
    const char *detail = NULL;
    struct view meta;
    enum s3_code code = read_all(c, &detail);

    if (!code && bucket_meta_encode(&c->bucket.meta, r->region, &meta))
        code = S3_SlowDown;
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    engine_put_init(r->service->engine, &c->put, key, 0);
    op_init(&c->put.op, on_commit);
    c->put.mtime_ms = r->now_ms;
    c->put.meta = meta;
    c->put.condition.kind = IF_ABSENT;
    /* A lock without versions would lock nothing. */
    c->put.flags = c->bucket.meta.lock.is_enabled ? ENGINE_BUCKET_VERSIONED : 0;
    c->wait = CREATE_COMMITTING;
    s3_wait(r, "CreateBucket.committing");
    engine_commit(&c->put);
}

static void find(struct create_bucket *c)
{
    struct s3_request *r = c->request;

    op_init(&c->find.op, on_found);
    c->find.service = r->service;
    c->find.name = r->bucket;
    c->wait = CREATE_FINDING;
    s3_wait(r, "CreateBucket.finding");
    bucket_find(&c->find);
}

static void answer_made(struct s3_request *r)
{
    s3_reply(r, 200);
    http_reply_headerf(r->http, "Location", "/%.*s", VIEW_FMT(r->bucket));
    s3_finish_empty(r);
}

/* As of now: whoever removes an account disables it before the last look for its buckets, so one of
 * the two sees the other (admin_api.c). */
static bool account_is_gone(const struct s3_request *r)
{
    const struct iam_snapshot *now = r->service->iam ? iam_hold(r->service->iam) : NULL;
    const struct iam_user *u = now ? iam_find_account(now, r->user->id) : NULL;
    bool is_gone = now && !(u && u->is_enabled);

    iam_release(now);
    return is_gone;
}

static void take_back(struct create_bucket *c)
{
    struct s3_request *r = c->request;

    c->remove.key = c->put.key;
    c->remove.condition.rev = c->put.info.rev;
    op_init(&c->remove.op, on_taken_back);
    c->wait = CREATE_TAKING_BACK;
    s3_wait(r, "CreateBucket.taking-back");
    engine_remove(r->service->engine, &c->remove);
}

/* What is left when that fails is root's to remove. */
static void taken_back(struct create_bucket *c)
{
    bucket_changed(c->request->service, c->request->bucket);
    s3_finish_error(c->request, S3_AccessDenied, NULL);
}

static void committed(struct create_bucket *c, enum err e)
{
    struct s3_request *r = c->request;

    /* Also after an error: its outcome may not be known. */
    bucket_changed(r->service, r->bucket);
    if (e == ERR_EXISTS || e == ERR_PRECONDITION)
        find(c);
    else if (e)
        s3_finish_err(r, e);
    else if (account_is_gone(r))
        take_back(c);
    else
        answer_made(r);
}

/* --- it is there already -------------------------------------------------------------------- */

static enum s3_code compare(const struct create_bucket *c, const struct bucket *there)
{
    const struct s3_service *S = c->request->service;
    const struct bucket_meta *asked = &c->bucket.meta;

    if (!view_eq(access_bucket_owner(S, there), c->request->user->id))
        return S3_BucketAlreadyExists;
    if (!view_eq(asked->acl, there->meta.acl))
        return S3_BucketAlreadyExists; /* as a name that is taken: nothing of it is changed */
    if (asked->lock.is_enabled && !there->meta.lock.is_enabled)
        return S3_BucketAlreadyOwnedByYou;
    return view_is(S->region, "us-east-1") ? S3_None : S3_BucketAlreadyOwnedByYou;
}

static void answer_found(struct create_bucket *c, enum err e)
{
    struct s3_request *r = c->request;
    enum s3_code code;

    /* Gone meanwhile: asked again it can be made. */
    if (e == ERR_NO_BUCKET) {
        s3_finish_error(r, S3_OperationAborted, NULL);
        return;
    }
    code = e ? s3_code_from_err(e, false) : compare(c, c->find.bucket);
    bucket_release(c->find.bucket);
    if (code)
        s3_finish_error(r, code, NULL);
    else
        answer_made(r);
}

/* --- the steps ------------------------------------------------------------------------------ */

static void create_bucket_advance(struct create_bucket *c, enum err e)
{
    switch (c->wait) {
    case CREATE_READING_BODY: /* woken by body.c */
        if (e)
            s3_finish_error(c->request, c->body.code, c->body.detail);
        else
            commit(c);
        break;
    case CREATE_COMMITTING: /* woken by the engine */
        committed(c, e);
        break;
    case CREATE_FINDING: /* woken by bucket.c */
        answer_found(c, e);
        break;
    case CREATE_TAKING_BACK: /* woken by the engine */
        taken_back(c);
        break;
    }
}

void create_bucket_start(struct s3_request *r)
{
    struct create_bucket *c = region_take_zero(r->region, sizeof *c);

    /* Strangers own nothing; what others may is decided once the body has told where. */
    if (!c || !r->user) {
        s3_finish_error(r, c ? S3_AccessDenied : S3_SlowDown, NULL);
        return;
    }
    c->request = r;
    c->wait = CREATE_READING_BODY;
    op_init(&c->body.op, on_body);
    c->body.request = r;
    c->body.bytes_max = CREATE_BODY_BYTES_MAX;
    s3_wait(r, "CreateBucket.reading-body");
    s3_small_body(&c->body);
}
