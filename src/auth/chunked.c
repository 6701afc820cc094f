/*
 * The aws-chunked decoder.
 *
 *   SIZE --"n..."--> DATA --n bytes--> DATA_END --CRLF--> SIZE
 *   SIZE --"0..."--> LAST --CRLF--> DONE                            no trailers in this form
 *   SIZE --"0..."--> TRAILERS --empty line--> DONE
 *
 * Each chunk's signature covers the one before (the first covers the request's), so that verifying
 * the last verifies the order and the number of all. A chunk is checked when its last byte has
 * passed. The trailers' signature covers "name:value\n" of all trailers, sorted, and the last
 * chunk's signature.
 *
 * Lines end with CRLF. Lenient where clients need it: minio-go ends its trailers with LF alone and
 * sends one empty line more, before x-amz-trailer-signature or at the very end.
 */
#include "auth/chunked.h"

#include <assert.h>

#include "base/text.h"

#define NO_BYTES_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TRAILER_SIGNATURE "x-amz-trailer-signature"

enum state {
    SIZE,     /* in a chunk's first line */
    DATA,     /* `left` bytes of data to come */
    DATA_END, /* in the CRLF behind them */
    LAST,     /* in the CRLF behind the last chunk */
    TRAILERS, /* in a trailer line */
    DONE
};

static bool has_trailers(const struct chunked *c)
{
    return c->form != SIGV4_PAYLOAD_STREAMING;
}

enum err chunked_init(struct chunked *c, const struct sigv4 *s)
{
    memset(c, 0, sizeof *c);
    c->form = s->payload;
    c->is_signed =
        s->payload == SIGV4_PAYLOAD_STREAMING || s->payload == SIGV4_PAYLOAD_STREAMING_TRAILER;
    if (!c->is_signed && s->payload != SIGV4_PAYLOAD_UNSIGNED_TRAILER)
        return ERR_INVALID;
    if (c->is_signed && (s->form == SIGV4_ANONYMOUS || s->scope.len > sizeof c->scope))
        return ERR_INVALID;
    c->line = buf_over(c->line_bytes, sizeof c->line_bytes);
    c->trailer_text = buf_over(c->trailer_bytes, sizeof c->trailer_bytes);
    c->state = SIZE;
    if (!c->is_signed)
        return ERR_OK;
    memcpy(c->previous, s->seed, sizeof c->previous);
    memcpy(c->signing_key, s->signing_key, sizeof c->signing_key);
    memcpy(c->amz_date, s->amz_date, sizeof c->amz_date);
    memcpy(c->scope, s->scope.at, s->scope.len);
    c->scope_len = s->scope.len;
    return digest_start(&c->digest, DIGEST_SHA256);
}

void chunked_done(struct chunked *c)
{
    digest_done(&c->digest);
    explicit_bzero(c->signing_key, sizeof c->signing_key);
}

bool chunked_is_done(const struct chunked *c)
{
    return c->state == DONE && !c->failed && c->line.len == 0;
}

/* ---- signatures ---- */

/* Adds a link to the chain: what is signed is the algorithm, the place, the link before, hashes. */
static enum err
check_link(struct chunked *c, const char *algorithm, const char *between, const uint8_t hash[32])
{
    uint8_t text[512], expected[32];
    struct buf b = buf_over(text, sizeof text);

    buf_printf(&b, "%s\n%s\n", algorithm, c->amz_date);
    buf_put(&b, view_of(c->scope, c->scope_len));
    buf_put_byte(&b, '\n');
    text_put_hex(&b, view_of(c->previous, sizeof c->previous));
    buf_put_byte(&b, '\n');
    buf_put_str(&b, between);
    text_put_hex(&b, view_of(hash, 32));
    assert(!b.overflow);
    digest_hmac_sha256(view_of(c->signing_key, 32), buf_view(&b), expected);
    if (!view_same(view_of(expected, 32), view_of(c->chunk_signature, 32)))
        return ERR_BAD_SIGNATURE;
    memcpy(c->previous, expected, sizeof c->previous);
    return ERR_OK;
}

/* The chunk is whole. */
static enum err check_chunk(struct chunked *c)
{
    uint8_t hash[32];

    if (!c->is_signed)
        return ERR_OK;
    digest_finish(&c->digest, hash);
    TRY(check_link(c, "AWS4-HMAC-SHA256-PAYLOAD", NO_BYTES_SHA256 "\n", hash));
    return digest_start(&c->digest, DIGEST_SHA256);
}

static void hash_trailer(struct chunked *c, const struct sigv4_header *h)
{
    digest_update(&c->digest, h->name.at, h->name.len);
    digest_update(&c->digest, ":", 1);
    digest_update(&c->digest, h->value.at, h->value.len);
    digest_update(&c->digest, "\n", 1);
}

/* x-amz-trailer-signature has been read into chunk_signature. */
static enum err check_trailers(struct chunked *c)
{
    unsigned order[CHUNKED_TRAILERS_MAX] = {0};
    uint8_t hash[32];

    for (unsigned n = 0; n < c->trailer_count; n++) {
        unsigned i = n;
        for (; i > 0 && view_compare(c->trailers[order[i - 1]].name, c->trailers[n].name) > 0; i--)
            order[i] = order[i - 1];
        order[i] = n;
    }
    for (unsigned n = 0; n < c->trailer_count; n++)
        hash_trailer(c, &c->trailers[order[n]]);
    digest_finish(&c->digest, hash);
    return check_link(c, "AWS4-HMAC-SHA256-TRAILER", "", hash);
}

static enum err read_signature(struct chunked *c, struct view hex)
{
    size_t len;

    if (text_from_hex(hex, c->chunk_signature, sizeof c->chunk_signature, &len) || len != 32)
        return ERR_MALFORMED;
    return ERR_OK;
}

/* ---- lines ---- */

static enum err read_size(struct chunked *c, struct view line)
{
    const struct view extension = VIEW("chunk-signature=");
    size_t semicolon = view_index(line, ';');
    struct view rest = semicolon == SIZE_MAX ? VIEW_EMPTY : view_from(line, semicolon + 1);

    if (text_hex_to_u64(view_upto(line, semicolon), &c->left))
        return ERR_MALFORMED;
    /* no payload is that long, and payload_bytes + left must not overflow */
    if (c->left > INT64_MAX - c->payload_bytes)
        return ERR_MALFORMED;
    if (c->is_signed) {
        if (!view_starts(rest, extension))
            return ERR_MALFORMED;
        TRY(read_signature(c, view_from(rest, extension.len)));
    } else if (semicolon != SIZE_MAX)
        return ERR_MALFORMED;
    if (c->left > 0) {
        c->state = DATA;
        return ERR_OK;
    }
    c->state = has_trailers(c) ? TRAILERS : LAST;
    return check_chunk(c);
}

static bool is_name(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] <= ' ' || v.at[i] >= 0x7f)
            return false;
    return v.len > 0;
}

static struct view keep(struct chunked *c, struct view v, bool in_lower_case)
{
    size_t from = c->trailer_text.len;

    for (size_t i = 0; i < v.len; i++) {
        bool is_upper = in_lower_case && v.at[i] >= 'A' && v.at[i] <= 'Z';
        buf_put_byte(&c->trailer_text, (uint8_t)(v.at[i] + (is_upper ? 'a' - 'A' : 0)));
    }
    return view_of(c->trailer_text.at + from, c->trailer_text.len - from);
}

static enum err read_trailer(struct chunked *c, struct view line)
{
    size_t colon = view_index(line, ':');
    struct view name = view_upto(line, colon), value;

    /* after its signature nothing may be added */
    if (colon == SIZE_MAX || !is_name(name) || c->is_trailer_signed)
        return ERR_MALFORMED;
    value = view_trim(view_from(line, colon + 1));
    if (view_eq_nocase(name, VIEW(TRAILER_SIGNATURE))) {
        if (!c->is_signed)
            return ERR_MALFORMED;
        c->is_trailer_signed = true;
        TRY(read_signature(c, value));
        return check_trailers(c);
    }
    if (c->has_blank_line)
        return ERR_MALFORMED;
    if (c->trailer_count == CHUNKED_TRAILERS_MAX)
        return ERR_TOO_LARGE;
    struct sigv4_header *h = &c->trailers[c->trailer_count];
    h->name = keep(c, name, true);
    h->value = keep(c, value, false);
    if (c->trailer_text.overflow)
        return ERR_TOO_LARGE;
    c->trailer_count++;
    return ERR_OK;
}

/* An empty line ends the trailers, unless their signature is still to come: then one is allowed. */
static enum err read_empty_line(struct chunked *c)
{
    if (c->is_signed && !c->is_trailer_signed) {
        if (c->has_blank_line)
            return ERR_MALFORMED;
        c->has_blank_line = true;
        return ERR_OK;
    }
    c->state = DONE;
    return ERR_OK;
}

static enum err read_line(struct chunked *c, struct view line)
{
    switch ((enum state)c->state) {
    case SIZE:
        return read_size(c, line);
    case DATA_END:
        c->state = SIZE;
        return line.len == 0 ? ERR_OK : ERR_MALFORMED;
    case LAST:
        c->state = DONE;
        return line.len == 0 ? ERR_OK : ERR_MALFORMED;
    case TRAILERS:
        return line.len == 0 ? read_empty_line(c) : read_trailer(c, line);
    case DONE: /* minio-go's second empty line, once */
        if (line.len > 0 || !has_trailers(c) || c->has_blank_line)
            return ERR_MALFORMED;
        c->has_blank_line = true;
        return ERR_OK;
    case DATA:
        break;
    }
    assert(c->state != DATA); /* data has no lines */
    return ERR_INVALID;
}

/* Where only an empty line may be, a wrong byte is told at once, not at the line's end. */
static enum err check_partial(const struct chunked *c)
{
    if (c->state == SIZE || c->state == TRAILERS)
        return c->line.overflow ? ERR_TOO_LARGE : ERR_OK;
    return view_starts(VIEW("\r\n"), buf_view(&c->line)) && !c->line.overflow ? ERR_OK
                                                                              : ERR_MALFORMED;
}

/* Takes bytes up to and with the next LF off *in; a whole line goes to read_line. */
static enum err take_line(struct chunked *c, struct view *in)
{
    size_t newline = view_index(*in, '\n');
    struct view part = view_upto(*in, newline == SIZE_MAX ? in->len : newline + 1), line;

    *in = view_from(*in, part.len);
    buf_put(&c->line, part);
    TRY(check_partial(c));
    if (newline == SIZE_MAX)
        return ERR_OK;

    line = view_upto(buf_view(&c->line), c->line.len - 1);
    bool has_cr = view_ends(line, VIEW("\r"));
    if (has_cr)
        line.len--;
    /* LF alone: trailers only. CR elsewhere: nowhere. */
    if ((!has_cr && c->state != TRAILERS) || view_index(line, '\r') != SIZE_MAX)
        return ERR_MALFORMED;
    c->line.len = 0;
    return read_line(c, line);
}

/* ---- data ---- */

static enum err take_data(struct chunked *c, struct view *in, uint8_t *to, size_t *n_out)
{
    size_t n = (size_t)MIN(c->left, in->len);

    if (c->is_signed)
        digest_update(&c->digest, in->at, n);
    if (to != in->at)
        memmove(to, in->at, n);
    *in = view_from(*in, n);
    *n_out = n;
    c->left -= n;
    c->payload_bytes += n;
    if (c->left > 0)
        return ERR_OK;
    c->state = DATA_END;
    return check_chunk(c);
}

enum err chunked_decode(struct chunked *c, uint8_t *at, size_t len, size_t *payload_out)
{
    struct view in = view_of(at, len);
    size_t payload = 0, n;

    while (!c->failed && in.len > 0) {
        if (c->state == DATA) {
            c->failed = take_data(c, &in, at + payload, &n);
            payload += n;
        } else {
            c->failed = take_line(c, &in);
        }
    }
    if (!c->failed)
        *payload_out = payload;
    return c->failed;
}
