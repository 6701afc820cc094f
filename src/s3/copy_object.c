/*
 * CopyObject.
 *
 *   FINDING (source) -> [conditions on the destination] LOOKING_UP -> COPYING -> COMMITTING ->
 * answer
 *                                                                     `-- failed -> ABORTING ->
 * error
 *
 * Conditions are decided at the commit; looking before only spares copying for nothing.
 */
#include "base/clock.h"
#include "base/text.h"
#include "s3/access.h"
#include "s3/acl_request.h"
#include "s3/copy.h"
#include "s3/meta.h"
#include "s3/object_extras.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/xml.h"

struct copy_object {
    struct s3_request *request;
    struct copy copy;
    bool replaces;      /* x-amz-metadata-directive: REPLACE */
    bool replaces_tags; /* x-amz-tagging-directive: REPLACE */
    struct meta asked;  /* what the headers of the request say */
    struct engine_condition condition;
    struct engine_lookup lookup; /* of the destination */
    struct meta meta;
    struct engine_put put;
    char etag[ENGINE_ETAG_BYTES_MAX + 1];
};

static void put_checksum(struct buf *x, const struct meta *m, uint64_t crc64)
{
    char text[CHECKSUM_TEXT_MAX];
    struct buf b = buf_over(text, sizeof text);
    uint8_t bytes[8];

    checksum_put_crc64(crc64, bytes);
    if (m->checksum_kind == CHECKSUM_NONE)
        checksum_put_text(&b, CHECKSUM_CRC64NVME, bytes);
    else
        checksum_put_text(&b, m->checksum_kind, m->checksum);
    xml_text(
        x, checksum_element(m->checksum_kind ? m->checksum_kind : CHECKSUM_CRC64NVME),
        buf_view(&b));
    xml_text(x, "ChecksumType", VIEW("FULL_OBJECT"));
}

static void answer(struct copy_object *o)
{
    struct s3_request *r = o->request;
    uint8_t *at = region_take(r->region, 1024);
    struct buf x = buf_over(at, 1024);

    if (!at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "CopyObjectResult");
    xml_date(&x, "LastModified", o->put.mtime_ms);
    xml_etag(&x, view_str(o->etag));
    put_checksum(&x, &o->meta, o->put.info.crc64);
    xml_close(&x, "CopyObjectResult");
    find_say_written(r, &o->put.info);
    s3_reply(r, 200);
    copy_reply_headers(&o->copy);
    s3_finish_body(r, buf_view(&x), "application/xml");
}

/* Woken by the engine. */
static void on_committed(struct op *op)
{
    struct copy_object *o = container_of(op, struct copy_object, put.op);

    copy_done(&o->copy);
    if (op->err == ERR_BAD_DIGEST) /* the client sent no digest: damaged on our way */
        s3_finish_err(o->request, ERR_CHECKSUM);
    else if (op->err)
        s3_finish_err(o->request, op->err);
    else
        answer(o);
}

/* Woken by the engine. */
static void on_aborted(struct op *op)
{
    struct copy_object *o = container_of(op, struct copy_object, put.op);

    copy_done(&o->copy);
    s3_finish_error(o->request, o->copy.code, o->copy.detail);
}

static void abort_put(struct copy_object *o, enum s3_code code)
{
    o->copy.code = code;
    op_init(&o->put.op, on_aborted);
    s3_wait(o->request, "CopyObject.aborting");
    engine_abort(&o->put);
}

/* A digest of the bytes as ETag where we computed one, else that of the source, which says the
 * same. */
static void make_etag(struct copy_object *o)
{
    struct buf b = buf_over(o->etag, sizeof o->etag - 1);

    if (o->copy.wants_md5)
        text_put_hex(&b, view_of(o->copy.md5, sizeof o->copy.md5));
    else
        buf_put(&b, o->copy.source->info.etag);
}

static void commit(struct copy_object *o)
{
    struct s3_request *r = o->request;

    make_etag(o);
    if (o->copy.kind != CHECKSUM_NONE) {
        o->meta.checksum_kind = o->copy.kind;
        o->meta.checksum_type = CHECKSUM_FULL_OBJECT;
        memcpy(o->meta.checksum, o->copy.checksum, sizeof o->meta.checksum);
    }
    enum err e = meta_encode(&o->meta, r->region, &o->put.meta);
    if (e) {
        abort_put(o, s3_code_from_err(e, true));
        return;
    }
    op_init(&o->put.op, on_committed);
    o->put.mtime_ms = clock_wall_ms();
    o->put.etag = view_str(o->etag);
    o->put.condition = o->condition;
    o->put.condition.bucket_seq = r->conf->seq;
    o->put.crc64_expected = o->copy.source->info.crc64;
    o->put.has_crc64_expected = true;
    s3_wait(r, "CopyObject.committing");
    engine_commit(&o->put);
}

/* Woken by the copy. */
static void on_copied(struct op *op)
{
    struct copy_object *o = container_of(op, struct copy_object, copy.op);

    if (op->err)
        abort_put(o, o->copy.code);
    else
        commit(o);
}

/* Tags are read from the source and put to the copy: both must be allowed. */
static enum s3_code copy_tags(struct copy_object *o)
{
    const struct copy *c = &o->copy;
    bool names_version = c->source_version.at != NULL;

    if (o->replaces_tags)
        return S3_None;
    o->meta.tags = c->source_meta->tags;
    if (o->meta.tags.len == 0)
        return S3_None;
    if (!copy_may(c, names_version ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging"))
        return S3_AccessDenied;
    /* As of tags in headers: who may write by ACL may also tag what it writes. */
    const struct access_ask ask = {
        .action = "s3:PutObjectTagging",
        .right = ACL_BUCKET_WRITE,
        .bucket = o->request->conf,
        .key = o->request->key,
        .object_is_known = true,
    };
    return access_decide(o->request, &ask) == ACCESS_YES ? S3_None : S3_AccessDenied;
}

/* Computed anew where the request wants another kind, or the parts it was made of are gone. */
static enum s3_code choose_checksum(struct copy_object *o)
{
    const struct meta *source = o->copy.source_meta;
    struct view asked = s3_header(o->request, "x-amz-checksum-algorithm");
    bool is_composite =
        source->checksum_kind != CHECKSUM_NONE && source->checksum_type == CHECKSUM_COMPOSITE;

    o->meta.checksum_kind = source->checksum_kind;
    o->meta.checksum_type = source->checksum_type;
    memcpy(o->meta.checksum, source->checksum, sizeof source->checksum);
    o->copy.kind = is_composite ? source->checksum_kind : CHECKSUM_NONE;
    if (!asked.at)
        return S3_None;
    o->copy.kind = checksum_from_name(asked);
    return o->copy.kind == CHECKSUM_NONE ? S3_InvalidRequest : S3_None;
}

/*
 * The meta of the copy: the source's, or the request's. Parts and upload are the source's alone;
 * owner, ACL, locks, storage class and redirect are never copied, they are the request's or the
 * default.
 */
static enum s3_code make_meta(struct copy_object *o)
{
    struct meta *m = &o->meta;

    *m = o->replaces ? o->asked : *o->copy.source_meta;
    m->storage_class = o->asked.storage_class;
    m->website_redirect = o->asked.website_redirect;
    m->owner_id = o->asked.owner_id;
    m->acl = o->asked.acl;
    m->lock = o->asked.lock; /* never the source's */
    object_extras_default(o->request, m);
    m->tags = o->asked.tags;
    m->parts = NULL;
    m->part_count = 0;
    m->upload_key = VIEW_EMPTY;
    enum s3_code code = copy_tags(o);
    return code ? code : choose_checksum(o);
}

/* AWS refuses a copy onto itself that changes nothing; of an older version, it makes that the
 * latest again. */
static enum s3_code check_self(struct copy_object *o)
{
    struct s3_request *r = o->request;
    bool is_self = o->copy.source_is_latest && view_eq(o->copy.source_bucket, r->bucket) &&
                   view_eq(o->copy.source_key, r->key);

    if (!is_self || o->replaces || s3_header(r, "x-amz-storage-class").at ||
        s3_header(r, "x-amz-website-redirect-location").at)
        return S3_None;
    o->copy.detail = "This copy request is illegal because it is trying to copy an object to "
                     "itself without changing the object's metadata, storage class, website "
                     "redirect location or encryption attributes.";
    return S3_InvalidRequest;
}

static enum s3_code found(struct copy_object *o)
{
    struct copy *c = &o->copy;
    enum s3_code code = check_self(o);

    if (code)
        return code;
    if (c->source->info.size > COPY_BYTES_MAX) {
        c->detail = "The specified copy source is larger than the maximum allowable size for a "
                    "copy source: 5368709120";
        return S3_InvalidRequest;
    }
    c->off = 0;
    c->len = c->source->info.size;
    c->wants_md5 = view_index(c->source->info.etag, '-') != SIZE_MAX;
    return make_meta(o);
}

static void give_up(struct copy_object *o, enum s3_code code)
{
    copy_done(&o->copy);
    s3_finish_error(o->request, code, o->copy.detail);
}

static void run(struct copy_object *o)
{
    struct s3_request *r = o->request;
    struct engine_key key = {.space = SPACE_OBJECT, .bucket = r->bucket, .name = r->key};

    engine_put_init(r->service->engine, &o->put, key, o->copy.len);
    o->copy.put = &o->put;
    op_init(&o->copy.op, on_copied);
    copy_run(&o->copy);
}

/* Would the commit refuse it, as things are? */
static enum s3_code check_destination(const struct copy_object *o, enum err e)
{
    const struct engine_condition *c = &o->condition;

    if (e == ERR_NOT_FOUND)
        return c->kind == IF_ABSENT || c->kind == IF_NOT_ETAG ? S3_None : S3_NoSuchKey;
    if (e)
        return s3_code_from_err(e, true);
    bool is_same = view_eq(c->etag, o->lookup.object->info.etag);
    bool fails = c->kind == IF_ABSENT || (c->kind == IF_ETAG && !is_same) ||
                 (c->kind == IF_NOT_ETAG && is_same);
    return fails ? S3_PreconditionFailed : S3_None;
}

/* Woken by the engine. */
static void on_looked_up(struct op *op)
{
    struct copy_object *o = container_of(op, struct copy_object, lookup.op);
    enum s3_code code = check_destination(o, op->err);

    engine_release(o->lookup.object);
    if (code)
        give_up(o, code);
    else
        run(o);
}

static void look_up(struct copy_object *o)
{
    struct s3_request *r = o->request;

    op_init(&o->lookup.op, on_looked_up);
    o->lookup.key = (struct engine_key){SPACE_OBJECT, r->bucket, r->key};
    s3_wait(r, "CopyObject.looking-up");
    engine_lookup(r->service->engine, &o->lookup);
}

/* Woken by the copy. */
static void on_found(struct op *op)
{
    struct copy_object *o = container_of(op, struct copy_object, copy.op);
    enum s3_code code = op->err ? o->copy.code : found(o);

    if (code)
        give_up(o, code);
    else if (o->condition.kind != IF_ANY)
        look_up(o);
    else
        run(o);
}

static enum s3_code read_directives(struct copy_object *o, const char **detail_out)
{
    struct s3_request *r = o->request;
    struct view directive = s3_header(r, "x-amz-metadata-directive");
    struct view tagging = s3_header(r, "x-amz-tagging-directive");

    if (directive.at && !view_is(directive, "COPY") && !view_is(directive, "REPLACE"))
        return S3_InvalidArgument;
    if (tagging.at && !view_is(tagging, "COPY") && !view_is(tagging, "REPLACE"))
        return S3_InvalidArgument;
    o->replaces = directive.at && view_is(directive, "REPLACE");
    o->replaces_tags = tagging.at && view_is(tagging, "REPLACE");
    if (s3_header(r, "x-amz-copy-source-range").at) /* of UploadPartCopy: here it would be lost */
        return S3_NotImplemented;
    enum s3_code code = object_headers_meta(r, &o->asked);
    if (!code)
        code = object_headers_refused(r);
    if (!code)
        code = object_extras_read(r, &o->asked, detail_out);
    if (!code)
        code = object_headers_condition(r, &o->condition);
    return code ? code : acl_request_headers(r, &o->asked, detail_out);
}

void copy_object_start(struct s3_request *r)
{
    struct copy_object *o = region_take_zero(r->region, sizeof *o);
    const char *detail = NULL;

    if (!o) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    o->request = r;
    enum s3_code code = copy_init(&o->copy, r, &detail);
    if (!code) {
        detail = NULL;
        code = read_directives(o, &detail);
    }
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    op_init(&o->copy.op, on_found);
    copy_find(&o->copy);
}
