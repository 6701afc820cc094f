#include "s3/direct.h"

#include <assert.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "s3/signature.h"

static const char token_header[] = "x-amz-rdma-token";
/* Another dialect's. Its clients go by the status alone: reads and writes both end in an error. */
static const char foreign_header[] = "x-rdma-info";

void direct_will_reply(struct s3_request *r, unsigned status)
{
    r->rdma_reply = status;
}

void direct_will_decline(struct s3_request *r)
{
    r->rdma_reply = 501;
    metrics_add(METRIC_DIRECT_DECLINED, 1);
}

void direct_will_fail(struct s3_request *r)
{
    r->rdma_reply = 500;
    metrics_add(METRIC_DIRECT_FAILED, 1);
}

static enum s3_code refuse(enum s3_code code)
{
    metrics_add(METRIC_DIRECT_REFUSED, 1);
    return code;
}

/*
 * A token in the query would be in everybody's access log. It must not be overlooked either: a
 * write would store an empty object (invariant 3).
 */
static bool is_elsewhere(const struct s3_request *r)
{
    for (unsigned i = 0; i < r->param_count; i++)
        if (view_eq_nocase(r->params[i].name, view_str(token_header)))
            return true;
    return false;
}

enum s3_code direct_look(struct s3_request *r, struct direct *d, const char **detail_out)
{
    struct view token = http_header(r->http, token_header);
    enum token_shape shape = TOKEN_FOREIGN;

    memset(d, 0, sizeof *d);
    *detail_out = NULL;
    if (!r->op->takes_token)
        return S3_None;
    if (is_elsewhere(r)) {
        *detail_out = "The token belongs into the x-amz-rdma-token header.";
        return refuse(S3_InvalidRDMAToken);
    }
    if (!token.at && http_header(r->http, foreign_header).at) {
        direct_will_decline(r);
        return S3_RDMANotSupported;
    }
    if (!token.at)
        return S3_None;
    if (!signature_covers(r, token_header) || http_header_count(r->http, token_header) != 1) {
        *detail_out = "The x-amz-rdma-token header must be there once and be signed.";
        return refuse(S3_AccessDenied);
    }
    if (r->service->direct_is_on)
        d->transport = transport_pick(
            &r->service->transports, view_upto(token, TRANSPORT_TOKEN_BYTES_MAX), &shape);
    if (shape == TOKEN_BROKEN || (d->transport && token.len > TRANSPORT_TOKEN_BYTES_MAX))
        return refuse(S3_InvalidRDMAToken);
    d->state = d->transport ? DIRECT_OFFERED : DIRECT_DECLINED;
    d->window.token = token;
    d->window.user = r->auth.access_key;
    return S3_None;
}

void direct_open(
    struct s3_request *r, struct direct *d, enum window_direction direction, op_advance_fn *advance)
{
    assert(d->state == DIRECT_OFFERED);
    op_init(&d->window.op, advance);
    d->window.direction = direction;
    /* Clients give up 10 s after they asked: the clock runs since the request came. */
    d->window.deadline_ns = r->http->start_ns + TRANSPORT_DEADLINE_MS * UINT64_C(1000000);
    transport_open_window(d->transport, &d->window);
}

enum s3_code direct_opened(struct s3_request *r, struct direct *d)
{
    enum err e = d->window.op.err;

    if (e == ERR_OK || e == ERR_UNSUPPORTED) {
        d->state = e ? DIRECT_DECLINED : DIRECT_OPEN;
        return S3_None;
    }
    if (e == ERR_MALFORMED)
        return refuse(S3_InvalidRDMAToken);
    if (e == ERR_DENIED) /* counted by the transport */
        return S3_AccessDenied;
    if (e == ERR_BUSY || e == ERR_NO_MEMORY)
        return S3_SlowDown;
    direct_will_fail(r);
    return S3_RDMATransferFailed;
}

void direct_close(struct direct *d)
{
    assert(d->state == DIRECT_OPEN);
    d->state = DIRECT_OFFERED;
    transport_close_window(&d->window);
}

void direct_put_bytes(struct s3_request *r, uint64_t bytes)
{
    http_reply_headerf(r->http, "x-amz-rdma-bytes-transferred", "%" PRIu64, bytes);
}
