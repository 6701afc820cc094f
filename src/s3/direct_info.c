#include "s3/direct_info.h"

#include "base/clock.h"
#include "s3/authenticate.h"
#include "s3/proxy.h"

void direct_info_handle(struct http_request *q, void *ctx)
{
    struct s3_request *r = region_take_zero(q->region, sizeof *r);
    struct view extra = VIEW_EMPTY;
    const char *detail = NULL;

    if (!r) {
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
    enum s3_code code = authenticate_request(r, &detail, &extra);
    if (!code && !r->user)
        code = S3_AccessDenied;
    if (!code && q->method != HTTP_GET)
        code = S3_MethodNotAllowed;
    if (code) {
        s3_finish_error_extra(r, code, detail, extra);
        return;
    }
    s3_reply(r, 200);
    s3_finish_body(r, r->service->direct_json, "application/json");
}
