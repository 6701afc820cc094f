/*
 * Small bodies (XML), whole: read into the region, framing removed, every digest the request names
 * verified. One wait, for the connection, until the body has ended.
 */
#include <assert.h>

#include "base/text.h"
#include "s3/digests.h"

/* FRAMING: room behind the payload for what a piece of aws-chunked framing may need at once.
 * PIECE: what is digested in one step (invariant 7). */
enum { FRAMING_BYTES = 4096, PIECE_BYTES = 262144 };

struct small_state {
    struct digests digests;
    struct chunked *chunked; /* NULL: no aws-chunked framing */
    uint8_t *at;
    size_t filled, cap;
    uint64_t length; /* announced; UINT64_MAX: not */
};

static void on_read(struct op *op);

static void end(struct s3_small_body *b, enum s3_code code, const char *detail)
{
    struct small_state *st = b->state;

    if (st) {
        digests_done(&st->digests);
        if (st->chunked)
            chunked_done(st->chunked);
    }
    b->code = code;
    b->detail = detail;
    op_complete(&b->op, code ? ERR_INVALID : ERR_OK);
}

static void verify(struct s3_small_body *b)
{
    struct small_state *st = b->state;
    const char *detail = NULL;
    enum s3_code code = S3_None;

    b->body = view_of(st->at, st->filled);
    b->was_protected = digests_protect(&st->digests);
    if (st->chunked)
        code = chunked_is_done(st->chunked) ? digests_trailer(&st->digests, st->chunked, &detail)
                                            : S3_IncompleteBody;
    if (!code && st->length != UINT64_MAX && st->filled != st->length)
        code = S3_IncompleteBody;
    if (!code)
        code = digests_finish(&st->digests, &detail);
    end(b, code, detail);
}

static void read_more(struct s3_small_body *b)
{
    struct small_state *st = b->state;

    op_init(&b->read.op, on_read);
    b->read.request = b->request->http;
    b->read.to = st->at + st->filled;
    b->read.cap = MIN(st->cap - st->filled, PIECE_BYTES);
    s3_wait(b->request, "SmallBody.receiving");
    http_body_read(&b->read);
}

/* Woken by the connection: the piece is full or the body has ended. */
static void on_read(struct op *op)
{
    struct s3_small_body *b = container_of(op, struct s3_small_body, read.op);
    struct small_state *st = b->state;
    size_t payload = b->read.got;
    enum err e = op->err;

    if (!e && st->chunked)
        e = chunked_decode(st->chunked, b->read.to, b->read.got, &payload);
    if (e) {
        end(b, s3_code_from_err(e == ERR_TOO_LARGE ? ERR_MALFORMED : e, false), NULL);
        return;
    }
    digests_update(&st->digests, b->read.to, payload);
    st->filled += payload;
    if (st->filled > b->bytes_max || (st->filled == st->cap && !b->read.is_end))
        end(b, S3_MaxMessageLengthExceeded, NULL);
    else if (b->read.is_end || b->read.got < b->read.cap)
        verify(b);
    else
        read_more(b);
}

/* How many bytes to be ready for: what was announced, else the bound. */
static enum s3_code plan(struct s3_small_body *b, struct small_state *st)
{
    struct s3_request *r = b->request;
    struct view decoded = s3_header(r, "x-amz-decoded-content-length");

    st->length = UINT64_MAX;
    if (decoded.at && digests_body_is_framed(r)) {
        if (text_to_u64(decoded, &st->length))
            return S3_InvalidArgument;
    } else if (!r->http->is_chunked && !digests_body_is_framed(r)) {
        st->length = r->http->has_content_length ? r->http->content_length : 0;
    }
    if (st->length != UINT64_MAX && st->length > b->bytes_max)
        return S3_MaxMessageLengthExceeded;
    st->cap = MIN((size_t)st->length, b->bytes_max) + FRAMING_BYTES;
    st->at = region_take(r->region, st->cap);
    return st->at ? S3_None : S3_SlowDown;
}

static enum s3_code prepare(struct s3_small_body *b, const char **detail_out)
{
    struct s3_request *r = b->request;
    struct small_state *st = region_take_zero(r->region, sizeof *st);
    enum s3_code code;

    b->state = st;
    if (!st)
        return S3_SlowDown;
    code = b->ignores_checksums ? digests_read_body(r, &st->digests)
                                : digests_read(r, &st->digests, detail_out);
    if (!code)
        code = plan(b, st);
    if (code)
        return code;
    if (digests_start(&st->digests))
        return S3_SlowDown;
    if (!digests_body_is_framed(r))
        return S3_None;
    struct chunked *c = region_take(r->region, sizeof *c);
    if (!c || chunked_init(c, &r->auth))
        return S3_SlowDown;
    st->chunked = c;
    return S3_None;
}

void s3_small_body(struct s3_small_body *b)
{
    const char *detail = NULL;
    enum s3_code code;

    assert(b->bytes_max > 0);
    op_start(&b->op);
    b->body = VIEW_EMPTY;
    b->was_protected = false;
    code = prepare(b, &detail);
    if (code)
        end(b, code, detail);
    else if (http_has_body(b->request->http))
        read_more(b);
    else
        verify(b);
}
