#include "s3/route.h"

#include <assert.h>

#include "base/text.h"

/* --- bucket names ------------------------------------------------------------------------- */

static bool is_lower_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* "192.168.5.4": four groups of digits. */
static bool looks_like_address(struct view v)
{
    unsigned dots = 0;

    for (size_t i = 0; i < v.len; i++) {
        if (v.at[i] == '.')
            dots++;
        else if (v.at[i] < '0' || v.at[i] > '9')
            return false;
    }
    return dots == 3;
}

static bool has_reserved_affix(struct view v)
{
    static const char *const starts[] = {"xn--", "sthree-", "amzn-s3-demo-"};
    static const char *const ends[] = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};

    for (size_t i = 0; i < ARRAY_COUNT(starts); i++)
        if (view_starts(v, view_str(starts[i])))
            return true;
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
        if (view_ends(v, view_str(ends[i])))
            return true;
    return false;
}

bool route_bucket_is_valid(struct view b)
{
    if (b.len < 3 || b.len > ENGINE_BUCKET_BYTES_MAX)
        return false;
    if (!is_lower_or_digit(b.at[0]) || !is_lower_or_digit(b.at[b.len - 1]))
        return false;
    for (size_t i = 0; i < b.len; i++) {
        if (b.at[i] == '.' && b.at[i - 1] == '.')
            return false;
        if (!is_lower_or_digit(b.at[i]) && b.at[i] != '.' && b.at[i] != '-')
            return false;
    }
    return !looks_like_address(b) && !has_reserved_affix(b);
}

/* --- target ------------------------------------------------------------------------------- */

/* The host without its port. "[::1]:9000" is never a bucket, so brackets need no care. */
static struct view host_without_port(struct view host)
{
    return view_upto(host, MIN(view_index(host, ':'), host.len));
}

struct view route_host_bucket(const struct s3_service *S, struct view host)
{
    host = host_without_port(host);
    for (unsigned i = 0; i < S->domain_count; i++) {
        struct view domain = S->domains[i];

        if (host.len <= domain.len + 1 || host.at[host.len - domain.len - 1] != '.')
            continue;
        if (view_eq_nocase(view_from(host, host.len - domain.len), domain))
            return view_upto(host, host.len - domain.len - 1);
    }
    return VIEW_EMPTY;
}

/* Names of hosts know no case, those of buckets have no capitals. */
static struct view lower_copy(struct region *R, struct view v)
{
    uint8_t *to = region_take(R, v.len + 1);

    for (size_t i = 0; to && i < v.len; i++)
        to[i] = v.at[i] >= 'A' && v.at[i] <= 'Z' ? (uint8_t)(v.at[i] + 32) : v.at[i];
    return view_of(to, to ? v.len : 0);
}

static enum s3_code decode(struct view raw, bool plus_is_space, struct region *R, struct view *out)
{
    uint8_t *to = region_take(R, raw.len + 1);
    size_t len = 0;

    if (!to)
        return S3_SlowDown;
    if (text_from_uri(raw, plus_is_space, to, raw.len, &len))
        return S3_InvalidURI;
    *out = view_of(to, len);
    return S3_None;
}

static enum s3_code decode_key(struct view raw, struct region *R, struct view *key_out)
{
    enum s3_code code = decode(raw, false, R, key_out);

    if (code)
        return code;
    if (key_out->len > ROUTE_KEY_BYTES_MAX)
        return S3_KeyTooLongError;
    /* NUL ends the key in the names of uploads (engine.h, SPACE_UPLOAD). */
    if (!text_is_utf8(*key_out) || view_index(*key_out, 0) != SIZE_MAX)
        return S3_InvalidURI;
    return S3_None;
}

enum s3_code route_target(
    const struct s3_service *S, struct view host, struct view path, struct region *R,
    struct route *out)
{
    struct view bucket = route_host_bucket(S, host), key;

    *out = (struct route){.level = S3_SERVICE};
    if (path.len == 0 || path.at[0] != '/')
        return S3_InvalidURI;
    key = view_from(path, 1);
    if (!bucket.at) {
        if (key.len == 0)
            return S3_None;
        bucket = view_upto(key, MIN(view_index(key, '/'), key.len));
        key = view_from(key, bucket.len + 1);
    } else {
        bucket = lower_copy(R, bucket);
        if (!bucket.at)
            return S3_SlowDown;
    }
    out->level = key.len == 0 ? S3_BUCKET : S3_OBJECT;
    enum s3_code code = decode(bucket, false, R, &out->bucket);
    if (code)
        return code;
    if (!route_bucket_is_valid(out->bucket))
        return S3_InvalidBucketName;
    return key.len == 0 ? S3_None : decode_key(key, R, &out->key);
}

/* --- parameters --------------------------------------------------------------------------- */

static enum s3_code take_param(struct view part, struct region *R, struct s3_param *out)
{
    size_t equals = MIN(view_index(part, '='), part.len);
    enum s3_code code = decode(view_upto(part, equals), true, R, &out->name);

    return code ? code : decode(view_from(part, equals + 1), true, R, &out->value);
}

enum s3_code
route_params(struct view query, struct region *R, struct s3_param *params_out, unsigned *count_out)
{
    struct view rest = query, part;

    *count_out = 0;
    while (view_split(&rest, '&', &part)) {
        if (part.len == 0)
            continue;
        if (*count_out == S3_PARAMS_MAX)
            return S3_InvalidURI;
        enum s3_code code = take_param(part, R, &params_out[*count_out]);
        if (code)
            return code;
        ++*count_out;
    }
    return S3_None;
}

/* --- operation ---------------------------------------------------------------------------- */

static bool fits(const struct s3_request *r, const struct s3_op *op)
{
    return (!op->subresource || s3_param(r, op->subresource).at) &&
           (!op->header || s3_header(r, op->header).at);
}

static bool is_word_of(struct view word, const char *words)
{
    struct view rest = view_str(words), part;

    while (view_split(&rest, ' ', &part))
        if (view_eq(part, word))
            return true;
    return false;
}

static bool names_a_subresource(struct view name)
{
    for (unsigned i = 0; i < s3_op_count; i++)
        if (s3_ops[i].subresource && view_is(name, s3_ops[i].subresource))
            return true;
    return false;
}

/*
 * Parameters nobody knows: on a plain read AWS lets "name=value" pass (clients put marks for their
 * access logs there); a bare "?name" looks like a subresource of tomorrow, and on a write a guess
 * could change data. Both are refused.
 */
static bool is_foreign(const struct s3_op *op, const struct s3_param *p)
{
    static const char everywhere[] = "x-id AWSAccessKeyId Signature Expires "
                                     "content-type content-md5"; /* presigned, version 2 */
    bool is_read = op->method == HTTP_GET || op->method == HTTP_HEAD;

    if (op->subresource && view_is(p->name, op->subresource))
        return false;
    if (is_word_of(p->name, op->params) || is_word_of(p->name, everywhere))
        return false;
    if (view_starts_nocase(p->name, VIEW("x-amz-")))
        return false;
    if (names_a_subresource(p->name))
        return true;
    return !view_starts(p->name, VIEW("x-")) && (!is_read || p->value.len == 0);
}

const struct s3_op *route_op(const struct s3_request *r, enum s3_level level, bool *is_foreign_out)
{
    *is_foreign_out = false;
    for (unsigned i = 1; i < s3_op_count; i++) {
        const struct s3_op *op = &s3_ops[i];

        if (op->method != r->http->method || op->level != level || !fits(r, op))
            continue;
        for (unsigned k = 0; k < r->param_count; k++)
            *is_foreign_out |= is_foreign(op, &r->params[k]);
        return op;
    }
    return NULL;
}
