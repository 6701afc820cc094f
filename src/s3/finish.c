/*
 * The endings: every S3 request leaves through one of these. Each fills r->send, starts it, and
 * lets go of the request when the bytes are with the kernel (or the client is gone).
 */
#include "s3/finish.h"

#include <assert.h>
#include <inttypes.h>

#include "base/metrics.h"
#include "base/text.h"
#include "s3/bucket.h"
#include "s3/cors.h"

enum { ERROR_BYTES = 768 };

static const char xml_head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

void finish_put_text(struct buf *b, struct view text)
{
    for (size_t i = 0, n = 1; i < text.len; i += n) {
        struct view rest = view_from(text, i);
        uint8_t c = text.at[i];

        n = MAX(text_utf8_bytes(rest), 1u);
        if (c == '<')
            buf_put_str(b, "&lt;");
        else if (c == '>')
            buf_put_str(b, "&gt;");
        else if (c == '&')
            buf_put_str(b, "&amp;");
        else if (c == '"')
            buf_put_str(b, "&quot;");
        else if (c == '\r')
            buf_put_str(b, "&#13;");
        else if (c < 0x20 && c != '\n' && c != '\t')
            buf_put_byte(b, '?'); /* XML 1.0 has no form for these */
        else if ((c >= 0x80 && n == 1) || finish_is_noncharacter(rest))
            buf_put_byte(b, '?');
        else
            buf_put(b, view_upto(rest, n));
    }
}

/* The one way out: what the door held goes with the request. */
static void end(struct s3_request *r)
{
    bucket_release(r->conf);
    iam_release(r->people);
    http_request_end(r->http);
}

/* Woken by the connection: sent, or the client is gone. Either way this was the last step. */
static void on_sent(struct op *op)
{
    struct s3_request *r = container_of(op, struct s3_request, send.op);

    end(r);
}

static void send_last(struct s3_request *r, struct view body)
{
    op_init(&r->send.op, on_sent);
    r->send.request = r->http;
    r->send.bytes = body;
    r->send.is_last = true;
    s3_wait(r, "Finish.sending");
    http_send(&r->send);
}

/* Which version the answer is about. */
static void reply_version(struct s3_request *r)
{
    char date[40];
    struct buf b = buf_over(date, sizeof date);

    if (r->version_id[0])
        http_reply_header(r->http, "x-amz-version-id", view_str(r->version_id));
    if (r->is_marker || r->is_no_marker)
        http_reply_header(
            r->http, "x-amz-delete-marker", r->is_marker ? VIEW("true") : VIEW("false"));
    if (!r->marker_ms)
        return;
    text_put_http_date(&b, r->marker_ms);
    http_reply_header(r->http, "Last-Modified", buf_view(&b));
    http_reply_header(r->http, "Allow", VIEW("DELETE")); /* all that can be done to it */
}

void s3_reply(struct s3_request *r, unsigned status)
{
    http_reply(r->http, status);
    http_reply_header(r->http, "x-amz-id-2", view_str(r->http->id));
    reply_version(r);
    if (r->rdma_reply)
        http_reply_headerf(r->http, "x-amz-rdma-reply", "%u", r->rdma_reply);
    if (r->has_total)
        http_reply_headerf(r->http, "Content-Range", "bytes */%" PRIu64, r->total_bytes);
    cors_reply(r);
}

void s3_finish_empty(struct s3_request *r)
{
    http_reply_length(r->http, 0);
    send_last(r, VIEW_EMPTY);
}

void s3_finish_head(struct s3_request *r)
{
    send_last(r, VIEW_EMPTY);
}

void s3_finish_body(struct s3_request *r, struct view body, const char *content_type)
{
    http_reply_header(r->http, "Content-Type", view_str(content_type));
    http_reply_length(r->http, body.len);
    send_last(r, r->http->method == HTTP_HEAD ? VIEW_EMPTY : body);
}

void s3_finish_xml(struct s3_request *r, unsigned status, struct view xml)
{
    s3_reply(r, status);
    s3_finish_body(r, xml, "application/xml");
}

void s3_finish_sent(struct s3_request *r)
{
    end(r);
}

/* --- errors ------------------------------------------------------------------------------- */

static struct view
error_xml(struct s3_request *r, enum s3_code code, const char *detail, struct view extra)
{
    struct http_request *q = r->http;
    struct view text = view_str(detail ? detail : s3_code_text(code));
    size_t bytes = ERROR_BYTES + extra.len + finish_text_bytes(text) + finish_text_bytes(q->path) +
                   finish_text_bytes(r->key) + finish_text_bytes(r->bucket);
    void *at = region_take(r->region, bytes);

    if (!at)
        return VIEW("");
    struct buf b = buf_over(at, bytes);
    buf_put_str(&b, xml_head);
    buf_printf(&b, "<Error><Code>%s</Code><Message>", s3_code_name(code));
    finish_put_text(&b, text);
    buf_put_str(&b, "</Message>");
    if (r->key.len > 0) {
        buf_put_str(&b, "<Key>");
        finish_put_text(&b, r->key);
        buf_put_str(&b, "</Key>");
    }
    if (r->bucket.len > 0) {
        buf_put_str(&b, "<BucketName>");
        finish_put_text(&b, r->bucket);
        buf_put_str(&b, "</BucketName>");
    }
    buf_put_str(&b, "<Resource>");
    finish_put_text(&b, q->path);
    buf_put_str(&b, "</Resource>");
    buf_put(&b, extra);
    buf_printf(&b, "<RequestId>%s</RequestId><HostId>%s</HostId></Error>", q->id, q->id);
    assert(!b.overflow);
    return buf_view(&b);
}

/* Who sends other bytes than announced may have sent more: what follows is no request. */
static bool is_other_body(enum s3_code code)
{
    return code == S3_BadDigest || code == S3_XAmzContentSHA256Mismatch ||
           code == S3_XAmzContentChecksumMismatch || code == S3_IncompleteBody;
}

void s3_finish_error_as(
    struct s3_request *r, unsigned status, enum s3_code code, const char *detail, struct view extra)
{
    assert(code != S3_None);
    if (http_reply_has_left(r->http)) {
        /* Half an answer is out: only a closed connection can still say that it is not whole. */
        end(r);
        return;
    }
    if (status == 503)
        metrics_add(METRIC_BUSY, 1);
    if (code == S3_NotModified) {
        s3_reply(r, status);
        s3_finish_head(r);
        return;
    }
    if (is_other_body(code))
        http_reply_close(r->http);
    s3_finish_xml(r, status, error_xml(r, code, detail, extra));
}

void s3_finish_error_extra(
    struct s3_request *r, enum s3_code code, const char *detail, struct view extra)
{
    s3_finish_error_as(r, s3_code_status(code), code, detail, extra);
}

void s3_finish_error(struct s3_request *r, enum s3_code code, const char *detail)
{
    s3_finish_error_extra(r, code, detail, VIEW_EMPTY);
}

void s3_finish_err(struct s3_request *r, enum err e)
{
    s3_finish_error(r, s3_code_from_err(e, r->key.len > 0), NULL);
}
