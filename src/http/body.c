/*
 * Bodies of requests. Bytes come out of the connection's input buffer while there are any; a large
 * body is then received straight into the reader's memory. Chunked framing goes through the buffer,
 * large chunks' data does not.
 */
#include <assert.h>

#include "base/clock.h"
#include "http/conn.h"

enum { BODY_DIRECT_BYTES_MIN = 16384 }; /* chunked: below it, the buffer saves system calls */

void body_begin(struct http_conn *c)
{
    const struct http_request *q = &c->request;
    struct conn_body *b = &c->body;

    b->kind = q->is_chunked ? BODY_CHUNKED : q->content_length ? BODY_LENGTH : BODY_NONE;
    b->is_end = b->kind == BODY_NONE;
    b->wants_continue = q->expects_continue && !b->is_end;
    b->is_direct = false;
    b->err = ERR_OK;
    b->left = q->content_length;
    b->read = NULL;
    chunk_init(&b->chunk);
}

bool body_is_passable(const struct http_conn *c)
{
    const struct conn_body *b = &c->body;

    if (b->err)
        return false;
    if (b->is_end)
        return true;
    /* Whether a client that was never told to continue sends the body is its own choice. */
    if (b->wants_continue)
        return false;
    return b->kind == BODY_CHUNKED ||
           b->left <= conn_buffered(c).len + (uint64_t)CONN_DRAIN_BYTES_MAX;
}

static size_t take_length(struct http_conn *c, uint8_t *to, size_t cap)
{
    struct view in = conn_buffered(c);
    size_t n = (size_t)MIN((uint64_t)MIN(cap, in.len), c->body.left);

    if (to && n)
        memcpy(to, in.at, n);
    c->in_start += n;
    c->body.left -= n;
    c->body.is_end = c->body.left == 0;
    return n;
}

enum err body_take(struct http_conn *c, uint8_t *to, size_t cap, size_t *got_out)
{
    struct view in = conn_buffered(c);

    *got_out = 0;
    if (c->body.is_end)
        return ERR_OK;
    if (c->body.kind == BODY_LENGTH) {
        *got_out = take_length(c, to, cap);
        return ERR_OK;
    }
    TRY(chunk_feed(&c->body.chunk, &in, to, cap, got_out));
    c->in_start = c->in_end - in.len;
    c->body.is_end = chunk_is_done(&c->body.chunk);
    return ERR_OK;
}

static void read_done(struct http_conn *c, enum err e)
{
    struct http_body *r = c->body.read;

    c->body.read = NULL;
    if (e && !c->body.err)
        c->body.err = e;
    r->is_end = c->body.is_end;
    op_complete(&r->op, e);
}

static void got_bytes(struct http_conn *c, size_t n)
{
    c->body.read->got += n;
    c->request.bytes_in += n;
    metrics_add(METRIC_BYTES_IN_TCP, n);
}

/* How much may be received straight into the reader's memory. */
static size_t direct_bytes(const struct http_conn *c)
{
    const struct http_body *r = c->body.read;
    uint64_t room = r->cap - r->got;
    uint64_t data = c->body.kind == BODY_LENGTH ? c->body.left : chunk_data_left(&c->body.chunk);
    uint64_t n = MIN(room, data);

    if (c->in_start != c->in_end)
        return 0;
    return c->body.kind == BODY_CHUNKED && n < BODY_DIRECT_BYTES_MIN ? 0 : (size_t)n;
}

static void read_receive(struct http_conn *c)
{
    uint64_t due = clock_ns() + c->server->config.body_timeout_ms * (uint64_t)1000000;
    struct http_body *r = c->body.read;
    size_t direct = direct_bytes(c);

    c->body.is_direct = direct > 0;
    if (!direct) {
        conn_receive(c, due);
        return;
    }
    c->recv_due_ns = due;
    c->is_recv_late = false;
    c->recv.at = r->to + r->got;
    c->recv.len = direct;
    stream_recv(&c->recv);
}

static void read_more(struct http_conn *c)
{
    struct http_body *r = c->body.read;
    size_t got;
    enum err e = body_take(c, r->to + r->got, r->cap - r->got, &got);

    if (e) {
        read_done(c, e);
        return;
    }
    got_bytes(c, got);
    if (r->got == r->cap || c->body.is_end)
        read_done(c, ERR_OK);
    else
        read_receive(c);
}

void body_received(struct http_conn *c, enum err e)
{
    size_t got = c->recv.got;

    assert(c->body.read);
    if (e || !got) {
        read_done(c, !e ? ERR_TRUNCATED : e == ERR_TIMEOUT ? e : ERR_CLOSED);
        return;
    }
    if (!c->body.is_direct) {
        c->in_end += got;
        read_more(c);
        return;
    }
    if (c->body.kind == BODY_LENGTH) {
        c->body.left -= got;
        c->body.is_end = c->body.left == 0;
    } else {
        chunk_skip(&c->body.chunk, got);
    }
    got_bytes(c, got);
    read_more(c);
}

void http_body_read(struct http_body *r)
{
    struct http_conn *c = r->request->conn;
    struct conn_body *b = &c->body;

    assert(c->wait == CONN_HANDLING && !b->read);
    op_start(&r->op);
    b->read = r;
    r->got = 0;
    if (b->err) {
        read_done(c, b->err);
        return;
    }
    if (b->wants_continue) {
        b->wants_continue = false;
        /* Not needed when the body comes already (RFC 9110 section 10.1.1). */
        if (c->in_start == c->in_end && !c->reply.has_left)
            reply_continue(c);
    }
    read_more(c);
}
