/* Signing, for our client: the Authorization header and presigned queries. */
#include <assert.h>

#include "auth/sigv4_impl.h"
#include "base/digest.h"
#include "base/text.h"

enum { SCOPE_BYTES_MAX = 128 };

struct signer {
    struct buf date, scope;
    uint8_t date_bytes[16], scope_bytes[SCOPE_BYTES_MAX];
};

static enum err signer_init(struct signer *g, const struct sigv4_signing *with)
{
    if (with->secret.len > SIGV4_SECRET_BYTES_MAX || with->region.len == 0)
        return ERR_INVALID;
    g->date = buf_over(g->date_bytes, sizeof g->date_bytes);
    text_put_amz_date(&g->date, with->now_ms);
    g->scope = buf_over(g->scope_bytes, sizeof g->scope_bytes);
    buf_put(&g->scope, view_upto(buf_view(&g->date), 8));
    buf_put_byte(&g->scope, '/');
    buf_put(&g->scope, with->region);
    buf_put(&g->scope, VIEW("/s3/aws4_request"));
    return g->date.overflow || g->scope.overflow || g->date.len != 16 ? ERR_INVALID : ERR_OK;
}

static enum err signer_put_signature(
    const struct signer *g, const struct sigv4_signing *with, const struct sigv4_canonical *c,
    struct buf *scratch, struct buf *to)
{
    struct view canonical, to_sign;
    uint8_t key[32], signature[32];

    TRY(sigv4_canonical_request(c, scratch, &canonical));
    TRY(sigv4_canonical_to_sign(
        buf_view(&g->date), buf_view(&g->scope), canonical, scratch, &to_sign));
    sigv4_key(with->secret, buf_view(&g->scope), key);
    digest_hmac_sha256(view_of(key, sizeof key), to_sign, signature);
    text_put_hex(to, view_of(signature, sizeof signature));
    explicit_bzero(key, sizeof key);
    return to->overflow ? ERR_TOO_LARGE : ERR_OK;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static int compare_nocase(struct view a, struct view b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return lower(a.at[i]) < lower(b.at[i]) ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

/* The smallest header name behind `last`; false when there is none. last.at NULL: the first. */
static bool next_name(const struct sigv4_request *q, struct view last, struct view *name_out)
{
    bool found = false;

    for (unsigned i = 0; i < q->header_count; i++) {
        struct view name = q->headers[i].name;

        if (last.at && compare_nocase(name, last) <= 0)
            continue;
        if (!found || compare_nocase(name, *name_out) < 0)
            *name_out = name;
        found = true;
    }
    return found;
}

/* All names, sorted, each once, in lower case. */
static struct view put_signed_headers(const struct sigv4_request *q, struct buf *b)
{
    struct view last = VIEW_EMPTY;
    size_t from = b->len;

    while (next_name(q, last, &last)) {
        if (b->len > from)
            buf_put_byte(b, ';');
        for (size_t i = 0; i < last.len; i++)
            buf_put_byte(b, lower(last.at[i]));
    }
    return view_of(b->at + from, b->len - from);
}

enum err sigv4_sign(
    const struct sigv4_request *q, const struct sigv4_signing *with, struct buf *scratch,
    struct buf *authorization_out)
{
    struct signer g;
    struct view names;

    TRY(signer_init(&g, with));
    assert(sigv4_canonical_header(q, VIEW("host"), NULL).at);
    assert(sigv4_canonical_header(q, VIEW("x-amz-date"), NULL).at);
    names = put_signed_headers(q, scratch);
    if (scratch->overflow)
        return ERR_TOO_LARGE;

    const struct sigv4_canonical c = {q, names, with->payload_hash, false};
    buf_put(authorization_out, VIEW(SIGV4_ALGORITHM " Credential="));
    buf_put(authorization_out, with->access_key);
    buf_put_byte(authorization_out, '/');
    buf_put(authorization_out, buf_view(&g.scope));
    buf_put(authorization_out, VIEW(", SignedHeaders="));
    buf_put(authorization_out, names);
    buf_put(authorization_out, VIEW(", Signature="));
    return signer_put_signature(&g, with, &c, scratch, authorization_out);
}

enum err sigv4_presign(
    const struct sigv4_request *q, const struct sigv4_signing *with, int64_t expires_s,
    struct buf *scratch, struct buf *query_out)
{
    struct signer g;
    struct sigv4_request whole = *q;
    size_t from = query_out->len;

    TRY(signer_init(&g, with));
    if (expires_s < 1 || expires_s > SIGV4_EXPIRES_SECONDS_MAX)
        return ERR_INVALID;
    assert(sigv4_canonical_header(q, VIEW("host"), NULL).at);
    buf_put(query_out, q->query);
    buf_put_str(query_out, q->query.len ? "&" : "");
    buf_put(query_out, VIEW("X-Amz-Algorithm=" SIGV4_ALGORITHM "&X-Amz-Credential="));
    text_put_uri(query_out, with->access_key, false);
    buf_put(query_out, VIEW("%2F"));
    text_put_uri(query_out, buf_view(&g.scope), false);
    buf_put(query_out, VIEW("&X-Amz-Date="));
    buf_put(query_out, buf_view(&g.date));
    buf_printf(query_out, "&X-Amz-Expires=%lld&X-Amz-SignedHeaders=host", (long long)expires_s);
    if (query_out->overflow)
        return ERR_TOO_LARGE;

    whole.query = view_of(query_out->at + from, query_out->len - from);
    const struct sigv4_canonical c = {&whole, VIEW("host"), VIEW(SIGV4_UNSIGNED), true};
    buf_put(query_out, VIEW("&X-Amz-Signature="));
    return signer_put_signature(&g, with, &c, scratch, query_out);
}
