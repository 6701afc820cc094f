/*
 * CreateMultipartUpload: an entry in SPACE_UPLOAD that carries what the object will.
 *
 *   COMMITTING --engine--> answer
 */
#include "base/text.h"
#include "s3/acl_request.h"
#include "s3/meta.h"
#include "s3/object_extras.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/upload.h"
#include "s3/xml.h"

struct create_upload {
    struct s3_request *request;
    struct meta meta;
    struct engine_put put;
    char id[UPLOAD_ID_LEN + 1];
};

static void answer(struct create_upload *u)
{
    struct s3_request *r = u->request;
    size_t cap = 1024 + 6 * r->key.len;
    struct buf x = buf_over(region_take(r->region, cap), cap);

    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "InitiateMultipartUploadResult");
    xml_text(&x, "Bucket", r->bucket);
    xml_text(&x, "Key", r->key);
    xml_text(&x, "UploadId", view_str(u->id));
    xml_close(&x, "InitiateMultipartUploadResult");
    s3_reply(r, 200);
    if (u->meta.checksum_kind != CHECKSUM_NONE) {
        http_reply_header(
            r->http, "x-amz-checksum-algorithm", view_str(checksum_name(u->meta.checksum_kind)));
        http_reply_header(
            r->http, "x-amz-checksum-type",
            u->meta.checksum_type == CHECKSUM_COMPOSITE ? VIEW("COMPOSITE") : VIEW("FULL_OBJECT"));
    }
    s3_finish_body(r, buf_view(&x), "application/xml");
}

/* Woken by the engine. */
static void create_upload_advance(struct op *op)
{
    struct create_upload *u = container_of(op, struct create_upload, put.op);

    if (op->err)
        s3_finish_err(u->request, op->err);
    else
        answer(u);
}

/* The truth table of checksum kinds and types (auth/checksum.h). */
static enum s3_code read_checksum(struct create_upload *u)
{
    struct view kind = s3_header(u->request, "x-amz-checksum-algorithm");
    struct view type = s3_header(u->request, "x-amz-checksum-type");

    if (!kind.at)
        return type.at ? S3_InvalidRequest : S3_None;
    u->meta.checksum_kind = checksum_from_name(kind);
    if (u->meta.checksum_kind == CHECKSUM_NONE)
        return S3_InvalidRequest;
    u->meta.checksum_type = checksum_type_default(u->meta.checksum_kind);
    if (!type.at)
        return S3_None;
    if (view_eq_nocase(type, VIEW("COMPOSITE")))
        u->meta.checksum_type = CHECKSUM_COMPOSITE;
    else if (view_eq_nocase(type, VIEW("FULL_OBJECT")))
        u->meta.checksum_type = CHECKSUM_FULL_OBJECT;
    else
        return S3_InvalidRequest;
    return checksum_type_allowed(u->meta.checksum_kind, u->meta.checksum_type) ? S3_None
                                                                               : S3_InvalidRequest;
}

/* A default retention begins when there is an object: CompleteMultipartUpload adds it. */
static enum s3_code read_request(struct create_upload *u, const char **detail_out)
{
    struct s3_request *r = u->request;
    enum s3_code code = object_headers_refused(r);

    if (!code)
        code = object_headers_meta(r, &u->meta);
    if (!code)
        code = object_extras_read(r, &u->meta, detail_out);
    if (!code)
        code = read_checksum(u);
    if (!code)
        code = acl_request_headers(r, &u->meta, detail_out);
    if (!view_eq(acl_request_account(r), u->meta.owner_id))
        u->meta.initiator = acl_request_account(r);
    return code;
}

static void make_id(struct create_upload *u)
{
    uint8_t random[UPLOAD_ID_LEN / 2];
    struct buf b = buf_over(u->id, UPLOAD_ID_LEN);

    digest_random(random, sizeof random);
    text_put_hex(&b, view_of(random, sizeof random));
}

static enum err prepare(struct create_upload *u)
{
    struct s3_request *r = u->request;
    struct engine_key key = {
        .space = SPACE_UPLOAD,
        .bucket = r->bucket,
        .name = upload_name(r->region, r->key, view_str(u->id)),
    };

    struct view meta;

    if (!key.name.at)
        return ERR_BUSY;
    TRY(meta_encode(&u->meta, r->region, &meta));
    engine_put_init(r->service->engine, &u->put, key, 0);
    op_init(&u->put.op, create_upload_advance);
    u->put.mtime_ms = r->now_ms;
    u->put.meta = meta;
    u->put.condition.bucket_seq = r->conf->seq;
    return ERR_OK;
}

void create_upload_start(struct s3_request *r)
{
    struct create_upload *u = region_take_zero(r->region, sizeof *u);
    const char *detail = NULL;

    if (!u) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    u->request = r;
    enum s3_code code = read_request(u, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    make_id(u);
    enum err e = prepare(u);
    if (e) {
        s3_finish_err(r, e);
        return;
    }
    s3_wait(r, "CreateMultipartUpload.committing");
    engine_commit(&u->put);
}
