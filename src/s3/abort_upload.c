/*
 * AbortMultipartUpload: the upload and all its parts in one commit. Parts whose bytes are on their
 * way meanwhile need the upload at their own commit, and fail there.
 *
 *   LOOKING_UP (whose it is) --engine--> REMOVING --engine--> answer
 */
#include "s3/ops.h"
#include "s3/upload.h"

struct abort_upload {
    struct s3_request *request;
    struct engine_lookup lookup;
    struct engine_remove remove;
};

static void fail(struct abort_upload *a, enum err e)
{
    s3_finish_err(a->request, e == ERR_NOT_FOUND ? ERR_NO_UPLOAD : e);
}

/* Woken by the engine. */
static void on_removed(struct op *op)
{
    struct abort_upload *a = container_of(op, struct abort_upload, remove.op);

    if (op->err) {
        fail(a, op->err);
        return;
    }
    s3_reply(a->request, 204);
    s3_finish_empty(a->request);
}

/* Woken by the engine. */
static void on_looked_up(struct op *op)
{
    struct abort_upload *a = container_of(op, struct abort_upload, lookup.op);
    struct s3_request *r = a->request;

    if (op->err) {
        fail(a, op->err);
        return;
    }
    enum s3_code code = upload_check_caller(r, a->lookup.object->info.meta);
    engine_release(a->lookup.object);
    if (code) {
        s3_finish_error(r, code, NULL);
        return;
    }
    op_init(&a->remove.op, on_removed);
    s3_wait(r, "AbortMultipartUpload.removing");
    engine_remove(r->service->engine, &a->remove);
}

void abort_upload_start(struct s3_request *r)
{
    struct abort_upload *a = region_take_zero(r->region, sizeof *a);
    struct view id;

    /* A condition that is not looked at must not look met. */
    if (s3_header(r, "x-amz-if-match-initiated-time").at) {
        s3_finish_error(r, S3_NotImplemented, NULL);
        return;
    }
    enum err e = a ? upload_entry(r, &a->remove.key, &id) : ERR_BUSY;

    if (!e) {
        a->remove.purge_parts = upload_parts_prefix(r->region, id);
        e = a->remove.purge_parts.at ? ERR_OK : ERR_BUSY;
    }
    if (e) {
        s3_finish_err(r, e);
        return;
    }
    a->request = r;
    a->lookup.key = a->remove.key;
    op_init(&a->lookup.op, on_looked_up);
    s3_wait(r, "AbortMultipartUpload.looking-up");
    engine_lookup(r->service->engine, &a->lookup);
}
