/* Reading what a request says about its version 2 signature; what is judged without a secret. */
#include "auth/sigv2.h"

#include "auth/sigv4_impl.h"
#include "base/digest.h"
#include "base/text.h"

enum { P_ACCESS_KEY, P_SIGNATURE, P_EXPIRES, P_COUNT };

static const char *const param_names[P_COUNT] = {"AWSAccessKeyId", "Signature", "Expires"};

static const struct view scheme = VIEW("AWS ");

/* Raw values by name; false when one is given twice. */
static bool collect(struct view query, struct view found[P_COUNT])
{
    struct view piece;

    while (view_split(&query, '&', &piece)) {
        size_t equals = MIN(view_index(piece, '='), piece.len);

        for (unsigned i = 0; i < P_COUNT; i++) {
            if (!view_is(view_upto(piece, equals), param_names[i]))
                continue;
            if (found[i].at)
                return false;
            found[i] = view_from(piece, equals + 1);
        }
    }
    return true;
}

static struct view authorization_of(const struct sigv4_request *q, unsigned *count)
{
    return view_trim(sigv4_canonical_header(q, VIEW("authorization"), count));
}

bool sigv2_is(const struct sigv4_request *q)
{
    struct view found[P_COUNT] = {VIEW_EMPTY};

    if (view_starts(authorization_of(q, NULL), scheme))
        return true;
    return !collect(q->query, found) || found[P_ACCESS_KEY].at;
}

/* ---- the Authorization header ---- */

static enum sigv4_verdict read_date(const struct sigv4_request *q, struct sigv4 *s)
{
    struct view v = sigv4_canonical_header(q, VIEW("x-amz-date"), NULL);

    if (!v.at)
        v = sigv4_canonical_header(q, VIEW("date"), NULL);
    if (sigv4_read_time(view_trim(v), &s->date_ms) || s->date_ms < 0)
        return SIGV4_NO_DATE;
    int64_t skew = q->now_ms - s->date_ms;
    return skew > SIGV4_SKEW_MS || skew < -SIGV4_SKEW_MS ? SIGV4_SKEWED : SIGV4_OK;
}

/* Does v, percent-decoded, begin with that prefix, in either case? */
static bool starts_decoded(struct view v, struct view prefix)
{
    for (size_t i = 0; i < prefix.len; i++) {
        uint8_t c = v.len ? v.at[0] : 0;
        size_t used = 1, len;

        if (c == '%' && v.len >= 3 && !text_from_hex(view_of(v.at + 1, 2), &c, 1, &len))
            used = 3;
        if (!view_eq_nocase(view_of(&c, 1), view_of(prefix.at + i, 1)))
            return false;
        v = view_from(v, used);
    }
    return true;
}

/* The server looks for x-amz-* headers in the query, too, and this form does not sign them. */
static bool has_amz_params(struct view query)
{
    struct view piece;

    while (view_split(&query, '&', &piece))
        if (starts_decoded(piece, VIEW("x-amz-")))
            return true;
    return false;
}

static enum sigv4_verdict parse_header(const struct sigv4_request *q, struct sigv4 *s)
{
    unsigned count;
    struct view v = view_trim(view_from(authorization_of(q, &count), scheme.len));
    size_t colon = view_index(v, ':');

    if (count > 1 || colon == SIZE_MAX || colon == 0 || colon + 1 == v.len)
        return SIGV4_V2_MALFORMED_HEADER;
    s->access_key = view_upto(v, colon);
    s->signature = view_from(v, colon + 1);
    return has_amz_params(q->query) ? SIGV4_UNSIGNED_HEADER : read_date(q, s);
}

/* ---- the presigned query; a '+' that nobody escaped is one of the base64 text ---- */

static enum sigv4_verdict
parse_query(const struct sigv4_request *q, struct sigv4 *s, struct view found[P_COUNT])
{
    size_t used = 0;
    uint64_t expires;

    for (unsigned i = 0; i < P_COUNT; i++)
        if (found[i].len == 0 || !sigv4_decode(s, &used, &found[i]) || found[i].len == 0)
            return SIGV4_V2_MALFORMED_QUERY;
    s->access_key = found[P_ACCESS_KEY];
    s->signature = found[P_SIGNATURE];
    s->v2_expires = found[P_EXPIRES];
    if (text_to_u64(s->v2_expires, &expires) || expires > INT64_MAX / 1000)
        return SIGV4_V2_MALFORMED_QUERY;
    s->date_ms = q->now_ms;
    s->expires_s = (int64_t)expires - q->now_ms / 1000;
    return (int64_t)expires * 1000 < q->now_ms ? SIGV4_EXPIRED : SIGV4_OK;
}

enum sigv4_verdict sigv2_parse(const struct sigv4_request *q, struct sigv4 *s)
{
    struct view found[P_COUNT] = {VIEW_EMPTY};
    enum sigv4_verdict verdict;
    bool is_whole;

    memset(s, 0, sizeof *s);
    s->is_v2 = true;
    s->form = SIGV4_PRESIGNED;
    is_whole = collect(q->query, found);
    if (authorization_of(q, NULL).len > 0) {
        s->form = SIGV4_HEADER;
        if (!is_whole || found[P_ACCESS_KEY].at || found[P_SIGNATURE].at)
            return SIGV4_BOTH;
        verdict = parse_header(q, s);
    } else {
        verdict = is_whole ? parse_query(q, s, found) : SIGV4_V2_MALFORMED_QUERY;
    }
    return verdict ? verdict : sigv4_find_payload(q, s);
}

void sigv2_sign(struct view secret, struct view text, struct buf *b)
{
    uint8_t mac[20];

    digest_hmac_sha1(secret, text, mac);
    text_put_base64(b, view_of(mac, sizeof mac));
}
