/*
 * Answers. The head is built in c->out and kept back until the first http_send, so that one system
 * call carries head and body; what it says about length and connection is added then, when both are
 * known.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "http/conn.h"

static const char *reason_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } table[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {416, "Range Not Satisfiable"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(table); i++)
        if (table[i].status == status)
            return table[i].reason;
    return "Unknown";
}

void reply_begin(struct http_conn *c, bool is_http10)
{
    struct conn_reply *r = &c->reply;

    *r = (struct conn_reply){.is_http10 = is_http10};
}

static void head_start(struct http_conn *c, unsigned status)
{
    struct buf *b = &c->reply.head;

    *b = buf_over(c->out, CONN_OUT_BYTES);
    buf_put(b, VIEW("HTTP/1.1 "));
    buf_put_u64(b, status);
    buf_put_byte(b, ' ');
    buf_put_str(b, reason_of(status));
    buf_put(b, VIEW("\r\n"));
    buf_put(b, server_date(c->server));
    buf_put(b, VIEW("x-amz-request-id: "));
    buf_put(b, view_of(c->request.id, HTTP_REQUEST_ID_LEN));
    buf_put(b, VIEW("\r\n"));
}

void http_reply(struct http_request *q, unsigned status)
{
    struct conn_reply *r = &q->conn->reply;

    assert(!r->has_left && !r->send && status >= 200 && status <= 999);
    r->is_started = true;
    r->framing = REPLY_UNDECIDED;
    r->length = 0;
    q->status = status;
    head_start(q->conn, status);
}

/* Nothing a handler echoes can end the line, or the head. */
static void blank_controls(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((at[i] < 0x20 && at[i] != '\t') || at[i] == 0x7f)
            at[i] = ' ';
}

static struct buf *header_begin(struct http_request *q, const char *name)
{
    struct conn_reply *r = &q->conn->reply;

    assert(r->is_started && !r->has_left);
    buf_put_str(&r->head, name);
    buf_put(&r->head, VIEW(": "));
    return &r->head;
}

static void header_end(struct buf *b, size_t value_at)
{
    blank_controls(b->at + value_at, b->len - value_at);
    buf_put(b, VIEW("\r\n"));
    assert(!b->overflow && b->len <= HTTP_HEAD_BYTES_MAX);
}

void http_reply_header(struct http_request *q, const char *name, struct view value)
{
    struct buf *b = header_begin(q, name);
    size_t at = b->len;

    buf_put(b, value);
    header_end(b, at);
}

void http_reply_headerf(struct http_request *q, const char *name, const char *fmt, ...)
{
    struct buf *b = header_begin(q, name);
    size_t at = b->len;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf((char *)b->at + at, b->cap - at, fmt, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < b->cap - at);
    b->len += (size_t)n;
    header_end(b, at);
}

void http_reply_length(struct http_request *q, uint64_t bytes)
{
    assert(q->conn->reply.is_started && !q->conn->reply.has_left);
    q->conn->reply.framing = REPLY_LENGTH;
    q->conn->reply.length = bytes;
}

void http_reply_chunked(struct http_request *q)
{
    struct conn_reply *r = &q->conn->reply;

    assert(r->is_started && !r->has_left);
    r->framing = r->is_http10 ? REPLY_UNTIL_CLOSE : REPLY_CHUNKED;
}

void http_reply_close(struct http_request *q)
{
    q->conn->reply.is_close = true;
}

bool http_reply_has_left(const struct http_request *q)
{
    return q->conn->reply.has_left;
}

/* RFC 9110 section 6.4.1: these have a head only. */
static bool is_bodyless(const struct http_request *q)
{
    return q->method == HTTP_HEAD || q->status == 204 || q->status == 304;
}

static void put_length(struct http_conn *c)
{
    const struct conn_reply *r = &c->reply;
    unsigned status = c->request.status;

    if (status == 204 || (status == 304 && !r->length)) /* RFC 9110 section 8.6 */
        return;
    if (r->framing == REPLY_LENGTH) {
        buf_put(&c->reply.head, VIEW("Content-Length: "));
        buf_put_u64(&c->reply.head, r->length);
        buf_put(&c->reply.head, VIEW("\r\n"));
    } else if (r->framing == REPLY_CHUNKED) {
        buf_put(&c->reply.head, VIEW("Transfer-Encoding: chunked\r\n"));
    }
}

static void head_end(struct http_conn *c)
{
    struct conn_reply *r = &c->reply;

    put_length(c);
    if (r->is_close || r->framing == REPLY_UNTIL_CLOSE || c->server->is_draining ||
        !body_is_passable(c))
        c->is_keep = false;
    if (!c->is_keep)
        buf_put(&r->head, VIEW("Connection: close\r\n"));
    else if (r->is_http10)
        buf_put(&r->head, VIEW("Connection: keep-alive\r\n"));
    buf_put(&r->head, VIEW("\r\n"));
    assert(!r->head.overflow);
}

static void iov_add(struct http_conn *c, const void *at, size_t len)
{
    struct stream_send *s = &c->send;

    if (!len)
        return;
    assert(s->iov_count < IO_IOV_MAX);
    s->iov[s->iov_count++] = (struct iovec){(void *)(uintptr_t)at, len};
}

static void iov_add_chunk(struct http_conn *c, struct view bytes, bool is_last)
{
    struct conn_reply *r = &c->reply;

    if (bytes.len) {
        int n = snprintf(r->chunk_line, sizeof(r->chunk_line), "%zx\r\n", bytes.len);

        iov_add(c, r->chunk_line, (size_t)n);
        iov_add(c, bytes.at, bytes.len);
        iov_add(c, is_last ? "\r\n0\r\n\r\n" : "\r\n", is_last ? 7 : 2);
    } else if (is_last) {
        iov_add(c, "0\r\n\r\n", 5);
    }
}

static void send_done(struct http_conn *c, enum err e)
{
    struct conn_reply *r = &c->reply;
    struct http_send *s = r->send;

    r->send = NULL;
    if (e) {
        r->err = e;
    } else if (!is_bodyless(&c->request)) {
        r->sent += s->bytes.len;
        c->request.bytes_out += s->bytes.len;
        metrics_add(METRIC_BYTES_OUT_TCP, s->bytes.len);
    }
    if (!e && s->is_last)
        r->is_whole =
            is_bodyless(&c->request) || r->framing != REPLY_LENGTH || r->sent == r->length;
    op_complete(&s->op, e);
}

static void send_go(struct http_conn *c)
{
    struct conn_reply *r = &c->reply;
    const struct http_send *s = r->send;

    c->send.iov_count = 0;
    if (!r->has_left) {
        if (r->framing == REPLY_UNDECIDED) {
            assert(s->is_last); /* else nobody can know the length */
            http_reply_length(&c->request, s->bytes.len);
        }
        head_end(c);
        r->has_left = true;
        iov_add(c, r->head.at, r->head.len);
    }
    if (!is_bodyless(&c->request)) {
        assert(r->framing != REPLY_LENGTH || s->bytes.len <= r->length - r->sent);
        if (r->framing == REPLY_CHUNKED)
            iov_add_chunk(c, s->bytes, s->is_last);
        else
            iov_add(c, s->bytes.at, s->bytes.len);
    }
    if (c->send.iov_count)
        conn_send(c);
    else
        send_done(c, ERR_OK);
}

void http_send(struct http_send *s)
{
    struct http_conn *c = s->request->conn;
    struct conn_reply *r = &c->reply;

    assert(c->wait == CONN_HANDLING && r->is_started && !r->send && !r->is_whole);
    op_start(&s->op);
    r->send = s;
    if (r->err)
        send_done(c, r->err);
    else if (!r->is_continuing) /* else reply_sent goes on */
        send_go(c);
}

void reply_continue(struct http_conn *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

    assert(!c->reply.has_left && !c->reply.send);
    c->reply.is_continuing = true;
    c->send.iov_count = 0;
    iov_add(c, text, sizeof(text) - 1);
    conn_send(c);
}

void reply_sent(struct http_conn *c, enum err e)
{
    struct conn_reply *r = &c->reply;

    if (!r->is_continuing) {
        send_done(c, e);
        return;
    }
    r->is_continuing = false;
    r->err = e;
    if (!r->send)
        return;
    if (e)
        send_done(c, e);
    else
        send_go(c);
}

bool reply_is_kept_back(const struct http_conn *c)
{
    return c->reply.is_started && !c->reply.has_left && !c->reply.err;
}

void reply_head_only(struct http_conn *c)
{
    struct conn_reply *r = &c->reply;

    http_reply_length(&c->request, 0);
    r->is_close = true;
    head_end(c);
    r->has_left = true;
    c->send.iov_count = 0;
    iov_add(c, r->head.at, r->head.len);
    conn_send(c);
}

void reply_refuse(struct http_conn *c, const struct head_refusal *no)
{
    struct conn_reply *r = &c->reply;
    char body[512];
    int n = snprintf(
        body, sizeof(body),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message>"
        "<RequestId>%s</RequestId></Error>",
        no->code, no->text, c->request.id);

    assert(n > 0 && (size_t)n < sizeof(body));
    reply_begin(c, false);
    head_start(c, no->status);
    buf_printf(
        &r->head,
        "Content-Type: application/xml\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", n);
    buf_put(&r->head, view_of(body, (size_t)n));
    c->send.iov_count = 0;
    iov_add(c, r->head.at, r->head.len);
    conn_send(c);
}
