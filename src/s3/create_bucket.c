/*
 * CreateBucket.
 *
 *   READING_BODY --body.c--> COMMITTING --engine--> answer
 *
 * The location constraint of the body, if any, is kept and told by GetBucketLocation; any name is
 * fine, as one server is all the regions there are.
 */
#include "s3/access.h"
#include "s3/acl_request.h"
#include "s3/ops.h"
#include "s3/xml.h"

enum { CREATE_BODY_BYTES_MAX = 16384 };

enum create_bucket_wait { CREATE_READING_BODY, CREATE_COMMITTING };

struct create_bucket {
    struct s3_request *request;
    enum create_bucket_wait wait;
    struct s3_small_body body;
    struct engine_put put;
};

static void fail(struct create_bucket *c, enum s3_code code, const char *detail)
{
    s3_finish_error(c->request, code, detail);
}

static void create_bucket_advance(struct create_bucket *c, enum err e);

static void on_commit(struct op *op)
{
    create_bucket_advance(container_of(op, struct create_bucket, put.op), op->err);
}

static void on_body(struct op *op)
{
    create_bucket_advance(container_of(op, struct create_bucket, body.op), op->err);
}

/* S3_None and an empty view when the body names none. */
static enum s3_code read_location(struct create_bucket *c, struct view *location_out)
{
    struct xml_node *root = NULL;

    *location_out = VIEW_EMPTY;
    if (c->body.body.len == 0)
        return S3_None;
    enum err e = xml_parse(c->body.body, c->request->region, &root);
    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_MalformedXML;
    if (!view_is(root->name, "CreateBucketConfiguration"))
        return S3_MalformedXML;
    if (xml_child(root, "Location") || xml_child(root, "Bucket") || xml_child(root, "Tags"))
        return S3_NotImplemented;
    if (!xml_has_only(root, "LocationConstraint"))
        return S3_MalformedXML;
    *location_out = view_trim(xml_child_text(root, "LocationConstraint"));
    return bucket_meta_location_is_valid(*location_out) ? S3_None
                                                        : S3_IllegalLocationConstraintException;
}

static void commit(struct create_bucket *c)
{
    struct s3_request *r = c->request;
    struct engine_key key = {.space = SPACE_BUCKET, .bucket = r->bucket};
    /* access_also let nobody in who is not somebody. */
    struct bucket bucket = {.name = r->bucket, .meta = {.owner_id = r->user->id}};
    const char *detail = NULL;
    struct view meta;
    enum s3_code code = read_location(c, &bucket.meta.location);

    if (!code)
        code = acl_request_new_bucket(r, &bucket, &detail);
    if (!code && bucket_meta_encode(&bucket.meta, r->region, &meta))
        code = S3_SlowDown;
    if (code) {
        fail(c, code, detail);
        return;
    }
    engine_put_init(r->service->engine, &c->put, key, 0);
    op_init(&c->put.op, on_commit);
    c->put.mtime_ms = r->now_ms;
    c->put.meta = meta;
    c->put.condition.kind = IF_ABSENT;
    c->wait = CREATE_COMMITTING;
    s3_wait(r, "CreateBucket.committing");
    engine_commit(&c->put);
}

static void answer(struct create_bucket *c, enum err e)
{
    struct s3_request *r = c->request;

    if (e == ERR_EXISTS || e == ERR_PRECONDITION) {
        fail(c, S3_BucketAlreadyOwnedByYou, NULL);
        return;
    }
    if (e) {
        s3_finish_err(r, e);
        return;
    }
    s3_reply(r, 200);
    http_reply_headerf(r->http, "Location", "/%.*s", VIEW_FMT(r->bucket));
    s3_finish_empty(r);
}

static void create_bucket_advance(struct create_bucket *c, enum err e)
{
    switch (c->wait) {
    case CREATE_READING_BODY: /* woken by body.c */
        if (e)
            fail(c, c->body.code, c->body.detail);
        else
            commit(c);
        break;
    case CREATE_COMMITTING: /* woken by the engine */
        bucket_changed(c->request->service, c->request->bucket);
        answer(c, e);
        break;
    }
}

/* What we cannot do must not look done: object lock. */
static enum s3_code check_headers(const struct s3_request *r)
{
    struct view lock = s3_header(r, "x-amz-bucket-object-lock-enabled");
    struct view ownership = s3_header(r, "x-amz-object-ownership");

    if (lock.at && !view_eq_nocase(lock, VIEW("false")))
        return S3_NotImplemented;
    if (ownership.at && !view_is(ownership, "BucketOwnerEnforced"))
        return S3_NotImplemented;
    return S3_None;
}

void create_bucket_start(struct s3_request *r)
{
    struct create_bucket *c = region_take_zero(r->region, sizeof *c);
    enum s3_code code = c ? access_also(r, "s3:CreateBucket") : S3_SlowDown;

    if (!code)
        code = check_headers(r);

    if (code) {
        s3_finish_error(r, code, NULL);
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
