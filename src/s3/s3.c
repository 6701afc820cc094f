/*
 * The door: one HTTP request becomes one struct s3_request, is routed, authenticated and handed to
 * its operation. Plain functions in a row; the first wait is the operation's own.
 */
#include "s3/s3.h"

#include <assert.h>

#include "base/clock.h"
#include "s3/authenticate.h"
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
    return view_starts(view_str(name), VIEW("x-amz-")) ? hoisted(r, view_str(name)) : VIEW_EMPTY;
}

void s3_wait(struct s3_request *r, const char *wait)
{
    r->http->wait = wait;
}

/* Who can be asked to pay or to own is one root account, and it is not an AWS account. */
static bool owner_is_another(const struct s3_request *r)
{
    struct view expected = s3_header(r, "x-amz-expected-bucket-owner");

    return expected.at && !view_eq(expected, r->service->owner_id);
}

static enum s3_code read_request(struct s3_request *r, bool *is_foreign_out)
{
    struct http_request *q = r->http;
    struct route route;
    enum s3_code code = route_target(r->service, q->host, q->path, r->region, &route);

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

static void dispatch(struct s3_request *r, bool is_foreign)
{
    if (!r->op) {
        s3_finish_error(r, S3_MethodNotAllowed, NULL);
    } else if (is_foreign || !r->op->start) {
        s3_finish_error(r, S3_NotImplemented, NULL);
    } else if (owner_is_another(r)) {
        s3_finish_error(r, S3_AccessDenied, NULL);
    } else {
        r->op->start(r);
    }
}

static void route_and_start(struct s3_request *r)
{
    struct view extra = VIEW_EMPTY;
    const char *detail = NULL;
    bool is_foreign = false;
    enum s3_code code;

    if (r->http->method == HTTP_OPTIONS) {
        s3_finish_error(r, S3_AccessForbidden, NULL);
        return;
    }
    code = read_request(r, &is_foreign);
    if (!code)
        code = authenticate_request(r, &detail, &extra);
    if (code)
        s3_finish_error_extra(r, code, detail, extra);
    else
        dispatch(r, is_foreign);
}

void s3_handle(struct http_request *q, void *ctx)
{
    struct s3_request *r = region_take_zero(q->region, sizeof *r);

    assert(ctx);
    if (!r) {
        /* Not even memory to say so in: the head alone, then the connection closes. */
        http_reply(q, s3_code_status(S3_SlowDown));
        http_request_end(q);
        return;
    }
    r->http = q;
    r->service = ctx;
    r->region = q->region;
    r->now_ms = clock_wall_ms();
    q->way = "-";
    proxy_read(r);
    route_and_start(r);
}
