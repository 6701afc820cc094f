/*
 * DeleteObject: what is not there is deleted already, also under a condition.
 *
 *   REMOVING --remove_version.c--> the answer
 */
#include "base/text.h"
#include "s3/conditions.h"
#include "s3/find.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/remove_version.h"
#include "s3/version.h"

struct delete_object {
    struct s3_request *request;
    struct remove_version removal;
};

/* Which version it was, if there was one to name: also when it was gone already. */
static void say_version(struct delete_object *d, enum err e)
{
    struct s3_request *r = d->request;
    struct view id = d->removal.version_id;

    if (!e && (d->removal.made_marker || id.at))
        find_say_version(r, &d->removal.info);
    else if (id.at)
        memcpy(r->version_id, id.at, MIN(id.len, sizeof r->version_id - 1));
}

/* Woken by remove_version. */
static void on_removed(struct op *op)
{
    struct delete_object *d = container_of(op, struct delete_object, removal.op);

    if (op->err && op->err != ERR_NOT_FOUND) {
        s3_finish_error(d->request, d->removal.code, d->removal.detail);
        return;
    }
    say_version(d, op->err);
    s3_reply(d->request, 204);
    s3_finish_empty(d->request);
}

static enum s3_code read_conditions(struct s3_request *r, struct remove_version *v)
{
    struct view match = s3_header(r, "if-match"), size = s3_header(r, "x-amz-if-match-size");
    struct view time = s3_header(r, "x-amz-if-match-last-modified-time");

    if (s3_header(r, "if-none-match").at)
        return S3_NotImplemented;
    if (match.at) {
        v->condition.etag = conditions_unquote(match);
        v->condition.kind = view_is(v->condition.etag, "*") ? IF_EXISTS : IF_ETAG;
    }
    v->wants.has_size = size.at;
    v->wants.has_mtime = time.at;
    if (size.at && text_to_u64(size, &v->wants.size))
        return S3_InvalidArgument;
    if (time.at && text_to_http_date(time, &v->wants.mtime_ms) &&
        text_to_iso_date(time, &v->wants.mtime_ms))
        return S3_InvalidArgument;
    return S3_None;
}

static enum s3_code read_request(struct delete_object *d, const char **detail_out)
{
    struct s3_request *r = d->request;
    struct remove_version *v = &d->removal;
    enum s3_code code = object_headers_refused(r);

    if (!code)
        code = read_conditions(r, v);
    if (code)
        return code;
    v->version_id = s3_param(r, "versionId");
    *detail_out = "Invalid version id specified";
    return version_read(v->version_id, &v->version);
}

void delete_object_start(struct s3_request *r)
{
    struct delete_object *d = region_take_zero(r->region, sizeof *d);
    const char *detail = NULL;
    enum s3_code code;

    if (!d) {
        s3_finish_err(r, ERR_BUSY);
        return;
    }
    d->request = r;
    code = read_request(d, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    d->removal.request = r;
    d->removal.key = r->key;
    s3_wait(r, "DeleteObject.removing");
    op_init(&d->removal.op, on_removed);
    remove_version_start(&d->removal);
}
