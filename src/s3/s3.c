/*
 * The door: one HTTP request becomes one struct s3_request, is routed, authenticated, decided about
 * and handed to its operation.
 *
 *   routed --> bucket in the cache? --> authenticated --> decided --> op->start
 *                  | no                       ^
 *                  v                          |
 *              FINDING_BUCKET ----bucket.c----+
 *
 * One wait, and only when the bucket is not in the cache.
 */
#include "s3/s3.h"

#include <assert.h>

#include "base/clock.h"
#include "s3/access.h"
#include "s3/authenticate.h"
#include "s3/cors.h"
#include "s3/ops.h"
#include "s3/proxy.h"
#include "s3/route.h"

struct view s3_param(const struct s3_request *r, const char *name)
{
    struct view n = view_str(name);

    for (unsigned i = 0; i < r->param_count; i++)
        if (view_eq(r->params[i].name, n))
            return r->params[i].value;
    return VIEW_EMPTY;
}

static struct view hoisted(const struct s3_request *r, struct view name)
{
    for (unsigned i = 0; i < r->param_count; i++)
        if (view_eq_nocase(r->params[i].name, name))
            return r->params[i].value;
    return VIEW_EMPTY;
}

struct view s3_header(const struct s3_request *r, const char *name)
{
    struct view v = http_header(r->http, name);

    if (v.at || r->param_count == 0)
        return v;
    bool is_hoisted = view_starts(view_str(name), VIEW("x-amz-")) ||
                      (r->auth.is_v2 && r->auth.form == SIGV4_PRESIGNED &&
                       (strcmp(name, "content-type") == 0 || strcmp(name, "content-md5") == 0));
    return is_hoisted ? hoisted(r, view_str(name)) : VIEW_EMPTY;
}

void s3_wait(struct s3_request *r, const char *wait)
{
    r->http->wait = wait;
}

static enum s3_code read_request(struct s3_request *r, bool *is_foreign_out)
{
    struct http_request *q = r->http;
    struct route route;
    enum s3_code code = route_target(r->service, r->host, q->path, r->region, &route);

    r->bucket = route.bucket;
    r->key = route.key;
    if (code)
        return code;
    code = route_params(q->query, r->region, r->params, &r->param_count);
    if (code)
        return code;
    r->op = route_op(r, route.level, is_foreign_out);
    if (r->op)
        q->op_index = (unsigned)(r->op - s3_ops);
    return S3_None;
}

/* --- the door ----------------------------------------------------------------------------- */

struct door {
    struct s3_request request;
    struct bucket_find find;
    bool is_foreign;
};

static struct door *door_of(struct s3_request *r)
{
    return container_of(r, struct door, request);
}

/* The header counts against whoever owns the bucket, or would. */
static bool owner_is_another(const struct s3_request *r)
{
    struct view expected = s3_header(r, "x-amz-expected-bucket-owner");

    if (!expected.at)
        return false;
    if (r->conf)
        return !view_eq(expected, access_bucket_owner(r->service, r->conf));
    return !r->user || !view_eq(expected, r->user->id);
}

/* S3_None: it may start, and r->is_decided says whether find.c (or the operation) asks again. */
static enum s3_code decide(struct s3_request *r)
{
    const struct s3_op *op = r->op;
    struct view version = s3_param(r, "versionId");
    const struct access_ask ask = {
        .action = version.at && op->version_action ? op->version_action : op->action,
        .right = op->right,
        .bucket = r->conf,
        .key = r->key,
        .version_id = version,
    };
    enum access_verdict verdict;

    if (!op->action) /* op->asks says what it asks itself */
        return S3_None;
    verdict = access_decide(r, &ask);
    r->is_decided = verdict == ACCESS_YES;
    if (verdict == ACCESS_AFTER_LOOKUP && (op->finds || op->asks_again))
        return S3_None;
    return verdict == ACCESS_YES ? S3_None : S3_AccessDenied;
}

/* What `found` says of the bucket comes last: to who is let in at all. */
static enum s3_code check(struct s3_request *r, enum err found)
{
    if (!r->op)
        return S3_MethodNotAllowed;
    if (door_of(r)->is_foreign || !r->op->start)
        return S3_NotImplemented;
    if (found)
        return s3_code_from_err(found, false);
    if (owner_is_another(r))
        return S3_AccessDenied;
    return decide(r);
}

/* The bucket is there (r->conf), or `found` says why not. */
static void enter(struct s3_request *r, enum err found)
{
    struct view extra = VIEW_EMPTY;
    const char *detail = NULL;
    enum s3_code code;

    if (r->http->method == HTTP_OPTIONS) {
        if (found)
            s3_finish_err(r, found);
        else
            cors_preflight(r);
        return;
    }
    code = authenticate_request(r, &detail, &extra);
    if (!code)
        code = check(r, found);
    if (code)
        s3_finish_error_extra(r, code, detail, extra);
    else
        r->op->start(r);
}

/* Woken by bucket.c. */
static void on_found(struct op *op)
{
    struct door *d = container_of(op, struct door, find.op);

    d->request.conf = d->find.bucket;
    enter(&d->request, op->err);
}

/* Before anything is known of the caller, because answers to strangers have CORS headers, too. */
static void find_bucket(struct s3_request *r)
{
    struct bucket_find *f = &door_of(r)->find;

    f->service = r->service;
    f->name = r->bucket;
    if (bucket_find_now(f)) {
        r->conf = f->bucket;
        enter(r, ERR_OK);
        return;
    }
    op_init(&f->op, on_found);
    s3_wait(r, "Door.finding-bucket");
    bucket_find(f);
}

static void route_and_enter(struct s3_request *r)
{
    enum s3_code code = read_request(r, &door_of(r)->is_foreign);
    bool makes_it = r->op && r->op->start == create_bucket_start;

    if (code)
        s3_finish_error(r, code, NULL);
    else if (r->bucket.len == 0 || makes_it)
        enter(r, ERR_OK);
    else
        find_bucket(r);
}

void s3_handle(struct http_request *q, void *ctx)
{
    struct door *d = region_take_zero(q->region, sizeof *d);

    assert(ctx);
    if (!d) {
        /* Not even memory to say so in: the head alone, then the connection closes. */
        http_reply(q, s3_code_status(S3_SlowDown));
        http_request_end(q);
        return;
    }
    struct s3_request *r = &d->request;
    r->http = q;
    r->service = ctx;
    r->region = q->region;
    r->now_ms = clock_wall_ms();
    q->way = "-";
    proxy_read(r);
    route_and_enter(r);
}
