/*
 * Reading what a request says about its signature, and judging all that needs no secret.
 *
 * Two forms: the Authorization header and, for presigned URLs, parameters of the query. Both fill
 * the same struct sigv4, then pass the same checks: scope, date, signed headers, payload.
 */
#include <assert.h>

#include "auth/sigv4_impl.h"
#include "base/digest.h"
#include "base/text.h"

enum query_param {
    Q_ALGORITHM,
    Q_CREDENTIAL,
    Q_DATE,
    Q_EXPIRES,
    Q_SIGNED_HEADERS,
    Q_SIGNATURE,
    Q_CONTENT_SHA256, /* the only one that may be missing */
    Q_COUNT
};

static const char *const query_names[Q_COUNT] = {
    "X-Amz-Algorithm",     "X-Amz-Credential", "X-Amz-Date",          "X-Amz-Expires",
    "X-Amz-SignedHeaders", "X-Amz-Signature",  "X-Amz-Content-Sha256"};

static const struct {
    const char *text;
    enum sigv4_payload payload;
} payload_forms[] = {
    {SIGV4_UNSIGNED, SIGV4_PAYLOAD_UNSIGNED},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", SIGV4_PAYLOAD_STREAMING},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", SIGV4_PAYLOAD_STREAMING_TRAILER},
    {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", SIGV4_PAYLOAD_UNSIGNED_TRAILER},
};

static enum sigv4_verdict malformed(const struct sigv4 *s)
{
    return s->form == SIGV4_PRESIGNED ? SIGV4_MALFORMED_QUERY : SIGV4_MALFORMED_HEADER;
}

/* ---- scope and signed headers ---- */

/* Takes what follows the last '/' off *v. */
static bool split_last(struct view *v, struct view *part_out)
{
    size_t i = v->len;

    while (i > 0 && v->at[i - 1] != '/')
        i--;
    if (i == 0)
        return false;
    *part_out = view_from(*v, i);
    *v = view_upto(*v, i - 1);
    return true;
}

/* KEY/20260102/us-east-1/s3/aws4_request; the key itself may hold slashes. */
bool sigv4_read_credential(struct sigv4 *s, struct view v)
{
    struct view whole = v, last;
    uint64_t date;

    if (!split_last(&v, &last) || !split_last(&v, &s->service) || !split_last(&v, &s->region) ||
        !split_last(&v, &s->scope_date))
        return false;
    s->access_key = v;
    s->scope = view_from(whole, v.len + 1);
    return v.len > 0 && view_is(last, "aws4_request") && view_is(s->service, "s3") &&
           s->region.len > 0 && s->scope_date.len == 8 && !text_to_u64(s->scope_date, &date);
}

static bool is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Lower-case header names with ';' between. */
static bool read_signed_headers(struct sigv4 *s, struct view v)
{
    struct view rest = v, name;

    if (v.len == 0 || v.at[v.len - 1] == ';')
        return false;
    while (view_split(&rest, ';', &name)) {
        if (name.len == 0)
            return false;
        for (size_t i = 0; i < name.len; i++)
            if (!is_name_byte(name.at[i]))
                return false;
    }
    s->signed_headers = v;
    return true;
}

static bool is_signed(const struct sigv4 *s, struct view name)
{
    struct view rest = s->signed_headers, one;

    while (view_split(&rest, ';', &one))
        if (view_eq_nocase(one, name))
            return true;
    return false;
}

static enum sigv4_verdict check_signed(const struct sigv4_request *q, const struct sigv4 *s)
{
    if (!is_signed(s, VIEW("host")))
        return SIGV4_UNSIGNED_HEADER;
    for (unsigned i = 0; i < q->header_count; i++)
        if (view_starts_nocase(q->headers[i].name, VIEW("x-amz-")) &&
            !is_signed(s, q->headers[i].name))
            return SIGV4_UNSIGNED_HEADER;
    return SIGV4_OK;
}

/* ---- dates ---- */

/* The scope's day must be the date's. */
static enum sigv4_verdict set_date(struct sigv4 *s, int64_t ms)
{
    struct buf b = buf_over(s->amz_date, sizeof s->amz_date - 1);

    s->date_ms = ms;
    text_put_amz_date(&b, ms);
    if (b.overflow || b.len != 16)
        return malformed(s);
    s->amz_date[16] = '\0';
    return view_eq(view_of(s->amz_date, 8), s->scope_date) ? SIGV4_OK : malformed(s);
}

enum err sigv4_read_time(struct view v, int64_t *ms_out)
{
    static const char *const zones[] = {" +0000", " -0000", " UTC"};
    char text[40];
    struct buf b = buf_over(text, sizeof text);

    for (size_t i = 0; i < ARRAY_COUNT(zones); i++) {
        if (!view_ends(v, view_str(zones[i])))
            continue;
        buf_put(&b, view_upto(v, v.len - strlen(zones[i])));
        buf_put_str(&b, " GMT");
        return b.overflow ? ERR_MALFORMED : text_to_http_date(buf_view(&b), ms_out);
    }
    return text_to_http_date(v, ms_out) ? text_to_amz_date(v, ms_out) : ERR_OK;
}

static enum sigv4_verdict read_header_date(const struct sigv4_request *q, struct sigv4 *s)
{
    struct view v = sigv4_canonical_header(q, VIEW("x-amz-date"), NULL);
    int64_t ms;

    if (v.at) {
        if (text_to_amz_date(view_trim(v), &ms))
            return SIGV4_NO_DATE;
    } else {
        v = view_trim(sigv4_canonical_header(q, VIEW("date"), NULL));
        if (sigv4_read_time(v, &ms))
            return SIGV4_NO_DATE;
    }
    return set_date(s, ms);
}

static enum sigv4_verdict check_skew(const struct sigv4_request *q, const struct sigv4 *s)
{
    int64_t skew = q->now_ms - s->date_ms;

    return skew > SIGV4_SKEW_MS || skew < -SIGV4_SKEW_MS ? SIGV4_SKEWED : SIGV4_OK;
}

static enum sigv4_verdict check_lifetime(const struct sigv4_request *q, const struct sigv4 *s)
{
    if (s->date_ms > q->now_ms + SIGV4_SKEW_MS)
        return SIGV4_NOT_YET;
    if (s->expires_s == 0)
        return SIGV4_EXPIRED;
    return q->now_ms > s->date_ms + s->expires_s * 1000 ? SIGV4_EXPIRED : SIGV4_OK;
}

/* ---- payload ---- */

static enum sigv4_verdict read_payload(struct sigv4 *s, struct view v)
{
    size_t len;

    s->payload_hash = v;
    for (size_t i = 0; i < ARRAY_COUNT(payload_forms); i++)
        if (view_is(v, payload_forms[i].text)) {
            s->payload = payload_forms[i].payload;
            bool is_chain = s->payload == SIGV4_PAYLOAD_STREAMING ||
                            s->payload == SIGV4_PAYLOAD_STREAMING_TRAILER;
            /* a chain of signatures needs a first one */
            bool has_first = s->form != SIGV4_ANONYMOUS && !s->is_v2;
            return is_chain && !has_first ? SIGV4_BAD_PAYLOAD_HASH : SIGV4_OK;
        }
    if (text_from_hex(v, s->payload_sha256, sizeof s->payload_sha256, &len) || len != 32)
        return SIGV4_BAD_PAYLOAD_HASH;
    s->payload = SIGV4_PAYLOAD_SHA256;
    return SIGV4_OK;
}

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static enum sigv4_verdict
find_payload(const struct sigv4_request *q, struct sigv4 *s, struct view in_query)
{
    struct view v = in_query;
    unsigned count = 0;

    if (!v.at)
        v = view_trim(sigv4_canonical_header(q, VIEW("x-amz-content-sha256"), &count));
    if (count > 1)
        return SIGV4_BAD_PAYLOAD_HASH;
    if (v.at)
        return read_payload(s, v);
    if (s->form == SIGV4_HEADER && !s->is_v2)
        return q->has_no_body ? read_payload(s, VIEW(EMPTY_SHA256)) : SIGV4_NO_PAYLOAD_HASH;
    s->payload = SIGV4_PAYLOAD_NONE_GIVEN;
    s->payload_hash = VIEW(SIGV4_UNSIGNED);
    return SIGV4_OK;
}

enum sigv4_verdict sigv4_find_payload(const struct sigv4_request *q, struct sigv4 *s)
{
    return find_payload(q, s, VIEW_EMPTY);
}

/* ---- the Authorization header ---- */

static bool read_field(struct sigv4 *s, struct view field, unsigned *seen)
{
    static const struct view names[] = {
        VIEW("Credential="), VIEW("SignedHeaders="), VIEW("Signature=")};

    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        if (!view_starts(field, names[i]))
            continue;
        struct view v = view_from(field, names[i].len);
        if (*seen & 1u << i || v.len == 0)
            return false;
        *seen |= 1u << i;
        s->signature = i == 2 ? v : s->signature;
        return i == 0 ? sigv4_read_credential(s, v) : i == 1 ? read_signed_headers(s, v) : true;
    }
    return false;
}

static enum sigv4_verdict read_authorization(struct sigv4 *s, struct view v)
{
    struct view field;
    unsigned seen = 0;

    if (!view_starts(v, VIEW(SIGV4_ALGORITHM)))
        return SIGV4_UNSUPPORTED;
    v = view_from(v, sizeof SIGV4_ALGORITHM - 1);
    if (v.len > 0 && v.at[0] != ' ' && v.at[0] != '\t')
        return SIGV4_UNSUPPORTED;
    while (view_split(&v, ',', &field))
        if (!read_field(s, view_trim(field), &seen))
            return SIGV4_MALFORMED_HEADER;
    return seen == 7 ? SIGV4_OK : SIGV4_MALFORMED_HEADER;
}

static enum sigv4_verdict
parse_header(const struct sigv4_request *q, struct sigv4 *s, struct view authorization)
{
    enum sigv4_verdict verdict = read_authorization(s, authorization);

    if (!verdict)
        verdict = read_header_date(q, s);
    if (!verdict)
        verdict = check_skew(q, s);
    if (!verdict)
        verdict = check_signed(q, s);
    return verdict ? verdict : find_payload(q, s, VIEW_EMPTY);
}

/* ---- the presigned query ---- */

/* Collects the raw values; false when one is given twice. */
static bool collect_query(struct view query, struct view found[Q_COUNT], bool *is_v2)
{
    struct view piece;

    while (view_split(&query, '&', &piece)) {
        size_t equals = view_index(piece, '=');
        struct view name = view_upto(piece, equals);

        *is_v2 = *is_v2 || view_is(name, "AWSAccessKeyId");
        for (unsigned i = 0; i < Q_COUNT; i++) {
            if (!view_is(name, query_names[i]))
                continue;
            if (found[i].at)
                return false;
            found[i] =
                equals == SIZE_MAX ? view_from(piece, piece.len) : view_from(piece, equals + 1);
        }
    }
    return true;
}

bool sigv4_decode(struct sigv4 *s, size_t *used, struct view *v)
{
    uint8_t *to = s->decoded + *used;
    size_t len;

    if (text_from_uri(*v, false, to, sizeof s->decoded - *used, &len))
        return false;
    *used += len;
    *v = view_of(to, len);
    return true;
}

/* Zero, and less than that, is a time that is over: such a link is expired, not malformed. */
static bool read_expires(struct sigv4 *s, struct view v)
{
    bool is_negative = v.len > 0 && v.at[0] == '-';
    uint64_t n;

    if (text_to_u64(is_negative ? view_from(v, 1) : v, &n) || n > SIGV4_EXPIRES_SECONDS_MAX)
        return false;
    s->expires_s = is_negative ? 0 : (int64_t)n;
    return true;
}

static bool read_query(struct sigv4 *s, struct view found[Q_COUNT], int64_t *date_ms_out)
{
    size_t used = 0;

    for (unsigned i = 0; i < Q_COUNT; i++)
        if (i != Q_CONTENT_SHA256 && !found[i].at)
            return false;
    for (unsigned i = 0; i < Q_COUNT; i++)
        if (found[i].at && !sigv4_decode(s, &used, &found[i]))
            return false;
    s->signature = found[Q_SIGNATURE];
    return view_is(found[Q_ALGORITHM], SIGV4_ALGORITHM) && s->signature.len > 0 &&
           sigv4_read_credential(s, found[Q_CREDENTIAL]) && read_expires(s, found[Q_EXPIRES]) &&
           read_signed_headers(s, found[Q_SIGNED_HEADERS]) &&
           !text_to_amz_date(found[Q_DATE], date_ms_out);
}

static enum sigv4_verdict
parse_query(const struct sigv4_request *q, struct sigv4 *s, struct view found[Q_COUNT])
{
    int64_t date_ms;
    enum sigv4_verdict verdict;

    if (!read_query(s, found, &date_ms))
        return SIGV4_MALFORMED_QUERY;
    verdict = set_date(s, date_ms);
    if (!verdict)
        verdict = check_lifetime(q, s);
    if (!verdict)
        verdict = check_signed(q, s);
    return verdict ? verdict : find_payload(q, s, found[Q_CONTENT_SHA256]);
}

enum sigv4_verdict sigv4_parse(const struct sigv4_request *q, struct sigv4 *s)
{
    struct view found[Q_COUNT] = {VIEW_EMPTY}, authorization;
    bool is_v2 = false, is_presigned;
    unsigned count;

    memset(s, 0, sizeof *s);
    if (!collect_query(q->query, found, &is_v2)) {
        s->form = SIGV4_PRESIGNED;
        return SIGV4_MALFORMED_QUERY;
    }
    is_presigned = found[Q_ALGORITHM].at || found[Q_CREDENTIAL].at || found[Q_SIGNATURE].at;
    authorization = view_trim(sigv4_canonical_header(q, VIEW("authorization"), &count));
    if (authorization.len > 0 || count > 1) {
        s->form = SIGV4_HEADER;
        if (is_presigned)
            return SIGV4_BOTH;
        return count > 1 ? SIGV4_MALFORMED_HEADER : parse_header(q, s, authorization);
    }
    if (is_presigned) {
        s->form = SIGV4_PRESIGNED;
        return parse_query(q, s, found);
    }
    return is_v2 ? SIGV4_UNSUPPORTED : find_payload(q, s, VIEW_EMPTY);
}
