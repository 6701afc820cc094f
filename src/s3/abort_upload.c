/*
 * AbortMultipartUpload: the upload and all its parts in one commit. Parts whose bytes are on their
 * way meanwhile need the upload at their own commit, and fail there.
 *
 *   REMOVING --engine--> answer
 */
#include "s3/ops.h"
#include "s3/upload.h"

struct abort_upload {
    struct s3_request *request;
    struct engine_remove remove;
};

/* Woken by the engine. */
static void abort_upload_advance(struct op *op)
{
    struct abort_upload *a = container_of(op, struct abort_upload, remove.op);

    if (op->err) {
        s3_finish_err(a->request, op->err == ERR_NOT_FOUND ? ERR_NO_UPLOAD : op->err);
        return;
    }
    s3_reply(a->request, 204);
    s3_finish_empty(a->request);
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
    op_init(&a->remove.op, abort_upload_advance);
    s3_wait(r, "AbortMultipartUpload.removing");
    engine_remove(r->service->engine, &a->remove);
}
