/*
 * UploadPart: like PutObject, into the parts of an upload that must exist when the part is
 * committed.
 *
 *   looking up the upload -> storing (store.h) -> the answer
 */
#include "base/text.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/store.h"
#include "s3/upload.h"

struct upload_part {
    struct s3_request *request;
    struct engine_lookup lookup;
    struct meta meta;
    struct store store;
};

/* Woken by the store. */
static void on_stored(struct op *op)
{
    struct upload_part *u = container_of(op, struct upload_part, store.op);

    if (op->err) {
        store_finish_error(&u->store);
        return;
    }
    s3_reply(u->request, 200);
    store_reply_headers(&u->store);
    s3_finish_empty(u->request);
}

static void store(struct upload_part *u, enum checksum_kind kind)
{
    u->store.request = u->request;
    u->store.meta = &u->meta;
    u->store.default_kind = kind;
    u->store.bucket_is_known = true;
    op_init(&u->store.op, on_stored);
    store_start(&u->store);
}

/* Woken by the engine. The upload may end while the part is on its way: `require` sees that. */
static void on_looked_up(struct op *op)
{
    struct upload_part *u = container_of(op, struct upload_part, lookup.op);
    enum checksum_kind kind = CHECKSUM_NONE;
    enum checksum_type type;
    enum s3_code code;

    if (op->err == ERR_NOT_FOUND) {
        s3_finish_error(u->request, S3_NoSuchUpload, NULL);
        return;
    }
    if (op->err) {
        s3_finish_err(u->request, op->err);
        return;
    }
    meta_checksum_kind(u->lookup.object->info.meta, &kind, &type);
    code = upload_check_writer(u->request, u->lookup.object->info.meta);
    engine_release(u->lookup.object);
    if (code)
        s3_finish_error(u->request, code, NULL);
    else
        store(u, kind);
}

static const char bad_number[] = "Part number must be an integer between 1 and 10000, inclusive";

static enum s3_code name_part(struct upload_part *u, const char **detail_out)
{
    struct s3_request *r = u->request;
    struct view id = s3_param(r, "uploadId");
    uint64_t number;
    struct view upload, part;

    if (text_to_u64(s3_param(r, "partNumber"), &number) || number < 1 || number > META_PARTS_MAX) {
        *detail_out = bad_number;
        return S3_InvalidArgument;
    }
    if (!upload_name_is_valid(id))
        return S3_NoSuchUpload;
    upload = upload_name(r->region, r->key, id);
    part = upload_name_part(r->region, id, (unsigned)number);
    if (!upload.at || !part.at)
        return S3_SlowDown;
    u->store.require = (struct engine_key){SPACE_UPLOAD, r->bucket, upload};
    u->store.key = (struct engine_key){SPACE_PART, r->bucket, part};
    return object_headers_refused(r);
}

void upload_part_start(struct s3_request *r)
{
    struct upload_part *u = region_take_zero(r->region, sizeof *u);
    const char *detail = NULL;
    enum s3_code code;

    if (!u) {
        s3_finish_err(r, ERR_BUSY);
        return;
    }
    u->request = r;
    code = name_part(u, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    u->lookup.key = u->store.require;
    s3_wait(r, "UploadPart.looking_up");
    op_init(&u->lookup.op, on_looked_up);
    engine_lookup(r->service->engine, &u->lookup);
}
