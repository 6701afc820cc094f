/*
 * The canonical request: what both sides hash.
 *
 *   METHOD \n path \n query \n (name:value \n)* \n signed;header;names \n payload hash
 *
 * S3's rules. The path is neither normalised nor encoded twice: each byte, once decoded, is encoded
 * again strictly, so that "~" and "%7E" or "%2f" and "%2F" mean the same; a slash that came encoded
 * stays so. Parameters are treated alike, '+' being a space, and sorted by their encoded names,
 * then values; one without '=' has an empty value. Header values are trimmed, runs of blanks inside
 * become one space, and a header given more than once has its values joined with commas.
 *
 * Source: "Create a canonical request", AWS General Reference; Amazon S3 API reference, "Signature
 * Calculations for the Authorization Header".
 */
#include <assert.h>

#include "auth/sigv4_impl.h"
#include "base/digest.h"
#include "base/text.h"

struct param {
    struct view name, value; /* encoded */
};

struct params {
    unsigned count;
    struct param at[SIGV4_PARAMS_MAX];
};

static bool is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* The byte that *v begins with, decoded; *v loses what it took. A broken escape is a plain '%'. */
static uint8_t take_decoded(struct view *v)
{
    uint8_t c = v->at[0];
    size_t len;

    if (c == '%' && v->len >= 3 && !text_from_hex(view_of(v->at + 1, 2), &c, 1, &len)) {
        *v = view_from(*v, 3);
        return c;
    }
    *v = view_from(*v, 1);
    return c;
}

/* Decodes and encodes again. `plain`: a byte that stays when it came unencoded ('/'), or 0. */
static void put_reencoded(struct buf *b, struct view v, uint8_t plain, bool plus_is_space)
{
    while (v.len > 0) {
        size_t run = 0;

        while (run < v.len && (is_unreserved(v.at[run]) || (plain && v.at[run] == plain)))
            run++;
        buf_put(b, view_upto(v, run));
        v = view_from(v, run);
        if (v.len == 0)
            break;

        uint8_t c = plus_is_space && v.at[0] == '+' ? ' ' : v.at[0];
        if (c == '%')
            c = take_decoded(&v);
        else
            v = view_from(v, 1);
        text_put_uri(b, view_of(&c, 1), false);
    }
}

static int param_compare(const struct param *a, const struct param *b)
{
    int order = view_compare(a->name, b->name);

    return order ? order : view_compare(a->value, b->value);
}

static struct view put_part(struct buf *scratch, struct view raw)
{
    size_t from = scratch->len;

    put_reencoded(scratch, raw, 0, true);
    return view_of(scratch->at + from, scratch->len - from);
}

/* By insertion: parameters are few, and qsort may allocate. */
static void params_insert(struct params *p, struct param new)
{
    unsigned i = p->count++;

    for (; i > 0 && param_compare(&p->at[i - 1], &new) > 0; i--)
        p->at[i] = p->at[i - 1];
    p->at[i] = new;
}

static enum err
params_read(struct params *p, struct view query, bool drops_signature, struct buf *scratch)
{
    struct view piece;

    p->count = 0;
    while (view_split(&query, '&', &piece)) {
        size_t equals = view_index(piece, '=');
        struct view name = view_upto(piece, equals);

        if (piece.len == 0 || (drops_signature && view_is(name, "X-Amz-Signature")))
            continue;
        if (p->count == SIGV4_PARAMS_MAX)
            return ERR_TOO_LARGE;
        struct param new = {put_part(scratch, name), VIEW_EMPTY};
        new.value =
            put_part(scratch, equals == SIZE_MAX ? VIEW_EMPTY : view_from(piece, equals + 1));
        if (scratch->overflow)
            return ERR_TOO_LARGE;
        params_insert(p, new);
    }
    return ERR_OK;
}

static void params_put(const struct params *p, struct buf *b)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (i > 0)
            buf_put_byte(b, '&');
        buf_put(b, p->at[i].name);
        buf_put_byte(b, '=');
        buf_put(b, p->at[i].value);
    }
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static void put_value(struct buf *b, struct view v)
{
    v = view_trim(v);
    for (size_t i = 0; i < v.len; i++) {
        if (!is_blank(v.at[i]))
            buf_put_byte(b, v.at[i]);
        else if (!is_blank(v.at[i - 1])) /* the first is none: trimmed */
            buf_put_byte(b, ' ');
    }
}

static void put_header(struct buf *b, const struct sigv4_request *q, struct view name)
{
    bool is_first = true;

    buf_put(b, name);
    buf_put_byte(b, ':');
    for (unsigned i = 0; i < q->header_count; i++) {
        if (!view_eq_nocase(q->headers[i].name, name))
            continue;
        if (!is_first)
            buf_put_byte(b, ',');
        is_first = false;
        put_value(b, q->headers[i].value);
    }
    buf_put_byte(b, '\n');
}

struct view sigv4_canonical_header(const struct sigv4_request *q, struct view name, unsigned *count)
{
    struct view first = VIEW_EMPTY;
    unsigned n = 0;

    for (unsigned i = 0; i < q->header_count; i++)
        if (view_eq_nocase(q->headers[i].name, name) && n++ == 0)
            first = q->headers[i].value;
    if (count)
        *count = n;
    return first;
}

enum err
sigv4_canonical_request(const struct sigv4_canonical *c, struct buf *scratch, struct view *out)
{
    struct view names = c->signed_headers, name;
    struct params params;

    TRY(params_read(&params, c->q->query, c->drops_signature, scratch));

    size_t from = scratch->len;
    buf_put(scratch, c->q->method);
    buf_put_byte(scratch, '\n');
    put_reencoded(scratch, c->q->path.len ? c->q->path : VIEW("/"), '/', false);
    buf_put_byte(scratch, '\n');
    params_put(&params, scratch);
    buf_put_byte(scratch, '\n');
    while (view_split(&names, ';', &name))
        put_header(scratch, c->q, name);
    buf_put_byte(scratch, '\n');
    buf_put(scratch, c->signed_headers);
    buf_put_byte(scratch, '\n');
    buf_put(scratch, c->payload_hash);
    if (scratch->overflow)
        return ERR_TOO_LARGE;
    *out = view_of(scratch->at + from, scratch->len - from);
    return ERR_OK;
}

enum err sigv4_canonical_to_sign(
    struct view amz_date, struct view scope, struct view canonical, struct buf *scratch,
    struct view *out)
{
    size_t from = scratch->len;
    uint8_t hash[32];

    assert(amz_date.len == 16);
    digest_sha256(canonical, hash);
    buf_put(scratch, VIEW(SIGV4_ALGORITHM "\n"));
    buf_put(scratch, amz_date);
    buf_put_byte(scratch, '\n');
    buf_put(scratch, scope);
    buf_put_byte(scratch, '\n');
    text_put_hex(scratch, view_of(hash, sizeof hash));
    if (scratch->overflow)
        return ERR_TOO_LARGE;
    *out = view_of(scratch->at + from, scratch->len - from);
    return ERR_OK;
}
