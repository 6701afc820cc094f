/*
 * DeleteObject: what is not there is deleted already, also under a condition.
 *
 *   removing -> the answer
 */
#include "s3/conditions.h"
#include "s3/object_headers.h"
#include "s3/ops.h"

struct delete_object {
    struct s3_request *request;
    struct engine_remove remove;
};

/* Woken by the engine. */
static void on_removed(struct op *op)
{
    struct delete_object *d = container_of(op, struct delete_object, remove.op);

    if (op->err && op->err != ERR_NOT_FOUND) {
        s3_finish_err(d->request, op->err);
        return;
    }
    s3_reply(d->request, 204);
    s3_finish_empty(d->request);
}

static enum s3_code read_request(const struct s3_request *r, struct engine_condition *out)
{
    struct view version = s3_param(r, "versionId"), match = s3_header(r, "if-match");
    enum s3_code code = object_headers_refused(r);

    if (code)
        return code;
    if (version.at && !view_is(version, "null"))
        return S3_InvalidArgument;
    if (s3_header(r, "if-none-match").at)
        return S3_NotImplemented;
    if (match.at) {
        out->etag = conditions_unquote(match);
        out->kind = view_is(out->etag, "*") ? IF_EXISTS : IF_ETAG;
    }
    return S3_None;
}

void delete_object_start(struct s3_request *r)
{
    struct delete_object *d = region_take_zero(r->region, sizeof *d);
    enum s3_code code;

    if (!d) {
        s3_finish_err(r, ERR_BUSY);
        return;
    }
    d->request = r;
    code = read_request(r, &d->remove.condition);
    if (code) {
        s3_finish_error(r, code, NULL);
        return;
    }
    d->remove.key = (struct engine_key){SPACE_OBJECT, r->bucket, r->key};
    s3_wait(r, "DeleteObject.removing");
    op_init(&d->remove.op, on_removed);
    engine_remove(r->service->engine, &d->remove);
}
