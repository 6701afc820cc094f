/*
 * The HTTP layer, faked: one request whose body is in memory and whose answer is kept. Defines the
 * functions of http/request.h that wait or answer; include it in one file of a test program, which
 * then links without src/http's connection.
 */
#ifndef PENSTOCK_TESTS_HTTP_FAKE_H
#define PENSTOCK_TESTS_HTTP_FAKE_H

#include <stdio.h>
#include <stdlib.h>

#include "help/loop_help.h"
#include "http/request.h"

enum { FAKE_HEAD_BYTES = 65536 };

struct http_fake {
    struct http_request q;
    struct region_pool pool;
    struct region region;
    /* the request's body as it comes from the wire */
    struct view body;
    size_t body_at, body_cut_at; /* the client is gone behind body_cut_at */
    /* faults */
    unsigned fail_send_nth, sends;
    /* the answer */
    char head[FAKE_HEAD_BYTES]; /* "name: value\n" ... */
    struct buf head_buf;
    uint64_t length;
    uint8_t *sent;
    size_t sent_bytes;
    bool has_left, is_whole, is_ended;
};

static struct http_fake *fake_of(const struct http_request *q)
{
    return container_of((struct http_request *)(uintptr_t)q, struct http_fake, q);
}

void http_body_read(struct http_body *b)
{
    struct http_fake *f = fake_of(b->request);
    size_t end = MIN(f->body.len, f->body_cut_at);
    size_t n = MIN(b->cap, end - f->body_at);

    op_start(&b->op);
    if (n > 0)
        memcpy(b->to, f->body.at + f->body_at, n);
    f->body_at += n;
    b->got = n;
    b->is_end = f->body_at == f->body.len;
    f->q.bytes_in += n;
    op_complete(&b->op, n < b->cap && end < f->body.len ? ERR_TRUNCATED : ERR_OK);
}

void http_reply(struct http_request *q, unsigned status)
{
    struct http_fake *f = fake_of(q);

    assert_false(f->has_left);
    q->status = status;
    f->head_buf = buf_over(f->head, sizeof f->head - 1);
    f->length = 0;
}

void http_reply_close(struct http_request *q)
{
    (void)q;
}

void http_reply_header(struct http_request *q, const char *name, struct view value)
{
    struct http_fake *f = fake_of(q);

    assert_false(f->has_left);
    buf_printf(&f->head_buf, "%s: ", name);
    buf_put(&f->head_buf, value);
    buf_put_byte(&f->head_buf, '\n');
    assert_false(f->head_buf.overflow);
}

void http_reply_headerf(struct http_request *q, const char *name, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    http_reply_header(q, name, view_str(text));
}

void http_reply_length(struct http_request *q, uint64_t bytes)
{
    fake_of(q)->length = bytes;
}

bool http_reply_has_left(const struct http_request *q)
{
    return fake_of(q)->has_left;
}

void http_send(struct http_send *s)
{
    struct http_fake *f = fake_of(s->request);
    bool is_bodyless = f->q.method == HTTP_HEAD || f->q.status == 204 || f->q.status == 304;
    bool fails = ++f->sends == f->fail_send_nth;

    assert_false(f->is_whole);
    op_start(&s->op);
    f->has_left = true;
    if (!is_bodyless && !fails) {
        assert_true(f->sent_bytes + s->bytes.len <= f->length);
        f->sent = realloc(f->sent, f->sent_bytes + s->bytes.len + 1);
        if (s->bytes.len > 0)
            memcpy(f->sent + f->sent_bytes, s->bytes.at, s->bytes.len);
        f->sent_bytes += s->bytes.len;
        f->sent[f->sent_bytes] = 0;
        f->q.bytes_out += s->bytes.len;
    }
    f->is_whole = s->is_last && !fails && (is_bodyless || f->sent_bytes == f->length);
    op_complete(&s->op, fails ? ERR_CLOSED : ERR_OK);
}

void http_request_end(struct http_request *q)
{
    struct http_fake *f = fake_of(q);

    assert_false(f->is_ended);
    f->is_ended = true;
    /* Gone means gone: what is touched after this, ASan sees. */
    region_done(&f->region);
    region_pool_done(&f->pool);
}

/* The value of an answer's header, or at == NULL. */
static inline struct view fake_header(const struct http_fake *f, const char *name)
{
    struct view rest = buf_view(&f->head_buf), line;
    size_t len = strlen(name);

    while (view_split(&rest, '\n', &line))
        if (line.len > len && line.at[len] == ':' &&
            view_eq_nocase(view_upto(line, len), view_of(name, len)))
            return view_trim(view_from(line, len + 1));
    return VIEW_EMPTY;
}

#endif
