/*
 * UploadPartCopy: a part whose bytes are a range of an object.
 *
 *   LOOKING_UP (the upload) -> FINDING (source) -> COPYING -> COMMITTING -> answer
 *                                                     `-- failed -> ABORTING -> error
 */
#include "base/clock.h"
#include "base/text.h"
#include "s3/copy.h"
#include "s3/meta.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/range.h"
#include "s3/upload.h"
#include "s3/xml.h"

struct upload_part_copy {
    struct s3_request *request;
    struct engine_lookup lookup;
    struct engine_key upload, part;
    struct copy copy;
    struct meta meta;
    struct engine_put put;
    char etag[33];
};

static void answer(struct upload_part_copy *u)
{
    struct s3_request *r = u->request;
    uint8_t *at = region_take(r->region, 1024);
    struct buf x = buf_over(at, 1024);
    char text[CHECKSUM_TEXT_MAX];
    struct buf sum = buf_over(text, sizeof text);

    if (!at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "CopyPartResult");
    xml_date(&x, "LastModified", u->put.mtime_ms);
    xml_etag(&x, view_str(u->etag));
    if (u->meta.checksum_kind != CHECKSUM_NONE) {
        checksum_put_text(&sum, u->meta.checksum_kind, u->meta.checksum);
        xml_text(&x, checksum_element(u->meta.checksum_kind), buf_view(&sum));
    }
    xml_close(&x, "CopyPartResult");
    s3_reply(r, 200);
    copy_reply_headers(&u->copy);
    s3_finish_body(r, buf_view(&x), "application/xml");
}

/* Woken by the engine. */
static void on_committed(struct op *op)
{
    struct upload_part_copy *u = container_of(op, struct upload_part_copy, put.op);

    copy_done(&u->copy);
    if (op->err)
        s3_finish_err(u->request, op->err);
    else
        answer(u);
}

/* Woken by the engine. */
static void on_aborted(struct op *op)
{
    struct upload_part_copy *u = container_of(op, struct upload_part_copy, put.op);

    copy_done(&u->copy);
    s3_finish_error(u->request, u->copy.code, u->copy.detail);
}

static void abort_put(struct upload_part_copy *u, enum s3_code code)
{
    u->copy.code = code;
    op_init(&u->put.op, on_aborted);
    s3_wait(u->request, "UploadPartCopy.aborting");
    engine_abort(&u->put);
}

/* Woken by the copy. */
static void on_copied(struct op *op)
{
    struct upload_part_copy *u = container_of(op, struct upload_part_copy, copy.op);
    struct s3_request *r = u->request;
    struct buf b = buf_over(u->etag, sizeof u->etag - 1);

    if (op->err) {
        abort_put(u, u->copy.code);
        return;
    }
    text_put_hex(&b, view_of(u->copy.md5, sizeof u->copy.md5));
    u->meta.checksum_kind = u->copy.kind;
    u->meta.checksum_type = CHECKSUM_FULL_OBJECT;
    memcpy(u->meta.checksum, u->copy.checksum, sizeof u->meta.checksum);
    if (meta_encode(&u->meta, r->region, &u->put.meta)) {
        abort_put(u, S3_SlowDown);
        return;
    }
    op_init(&u->put.op, on_committed);
    u->put.mtime_ms = clock_wall_ms();
    u->put.etag = view_str(u->etag);
    u->put.require = u->upload;
    u->put.condition.bucket_seq = r->conf->seq;
    s3_wait(r, "UploadPartCopy.committing");
    engine_commit(&u->put);
}

/* AWS: a range, when given, must lie inside the source. */
static enum s3_code read_range(struct upload_part_copy *u)
{
    struct view text = s3_header(u->request, "x-amz-copy-source-range");
    struct range range = {.off = 0, .len = u->copy.source->info.size};

    if (text.at) {
        enum err e = range_resolve_strict(text, u->copy.source->info.size, &range);
        if (e) {
            u->copy.detail = "Range specified is not valid for source object";
            return e == ERR_INVALID ? S3_InvalidRange : S3_InvalidArgument;
        }
    }
    u->copy.off = range.off;
    u->copy.len = range.len;
    if (range.len <= COPY_BYTES_MAX)
        return S3_None;
    u->copy.detail = "The specified copy source is larger than the maximum allowable size for a "
                     "copy source: 5368709120";
    return S3_InvalidRequest;
}

/* Woken by the copy. */
static void on_found(struct op *op)
{
    struct upload_part_copy *u = container_of(op, struct upload_part_copy, copy.op);
    struct s3_request *r = u->request;
    enum s3_code code = op->err ? u->copy.code : read_range(u);

    if (code) {
        copy_done(&u->copy);
        s3_finish_error(r, code, u->copy.detail);
        return;
    }
    engine_put_init(r->service->engine, &u->put, u->part, u->copy.len);
    u->copy.put = &u->put;
    u->copy.wants_md5 = true;
    op_init(&u->copy.op, on_copied);
    copy_run(&u->copy);
}

/* Woken by the engine. */
static void on_looked_up(struct op *op)
{
    struct upload_part_copy *u = container_of(op, struct upload_part_copy, lookup.op);
    enum checksum_type type;
    enum s3_code code;

    if (op->err) {
        s3_finish_err(u->request, op->err == ERR_NOT_FOUND ? ERR_NO_UPLOAD : op->err);
        return;
    }
    meta_checksum_kind(u->lookup.object->info.meta, &u->copy.kind, &type);
    code = upload_check_writer(u->request, u->lookup.object->info.meta);
    engine_release(u->lookup.object);
    if (code) {
        s3_finish_error(u->request, code, NULL);
        return;
    }
    op_init(&u->copy.op, on_found);
    copy_find(&u->copy);
}

static enum s3_code name_part(struct upload_part_copy *u, const char **detail_out)
{
    struct s3_request *r = u->request;
    struct view id;
    uint64_t number;

    if (text_to_u64(s3_param(r, "partNumber"), &number) || number < 1 ||
        number > UPLOAD_PARTS_MAX) {
        *detail_out = "Part number must be an integer between 1 and 10000, inclusive";
        return S3_InvalidArgument;
    }
    enum err e = upload_entry(r, &u->upload, &id);
    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_NoSuchUpload;
    u->part = (struct engine_key){
        .space = SPACE_PART,
        .bucket = r->bucket,
        .name = upload_name_part(r->region, id, (unsigned)number),
    };
    return u->part.name.at ? copy_init(&u->copy, r, detail_out) : S3_SlowDown;
}

void upload_part_copy_start(struct s3_request *r)
{
    struct upload_part_copy *u = region_take_zero(r->region, sizeof *u);
    const char *detail = NULL;

    if (!u) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    u->request = r;
    enum s3_code code = object_headers_refused(r);
    if (!code)
        code = name_part(u, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    op_init(&u->lookup.op, on_looked_up);
    u->lookup.key = u->upload;
    s3_wait(r, "UploadPartCopy.looking-up");
    engine_lookup(r->service->engine, &u->lookup);
}
