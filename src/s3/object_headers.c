#include "s3/object_headers.h"

#include "s3/conditions.h"
#include "s3/ops.h"

static const char user_prefix[] = "x-amz-meta-";

/* --- refusals ----------------------------------------------------------------------------- */

static bool is_refused(const struct s3_request *r, struct view name)
{
    static const char *const prefixes[] = {"x-amz-server-side-encryption"};
    static const char *const names[] = {
        "x-amz-write-offset-bytes",
        "x-amz-mfa",
        "x-amz-rename-source",
    };

    /* Conditions that only one operation knows. */
    if (view_starts_nocase(name, VIEW("x-amz-if-match-")))
        return r->op->start != delete_object_start;
    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++)
        if (view_starts_nocase(name, view_str(prefixes[i])))
            return true;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (view_eq_nocase(name, view_str(names[i])))
            return true;
    return false;
}

enum s3_code object_headers_refused(const struct s3_request *r)
{
    for (unsigned i = 0; i < r->http->header_count; i++) {
        const struct http_header *h = &r->http->headers[i];

        if (view_starts_nocase(h->name, VIEW("x-amz-")) && is_refused(r, h->name))
            return S3_NotImplemented;
    }
    for (unsigned i = 0; i < r->param_count; i++)
        if (view_starts_nocase(r->params[i].name, VIEW("x-amz-")) &&
            is_refused(r, r->params[i].name))
            return S3_NotImplemented;
    return S3_None;
}

/* --- metadata ----------------------------------------------------------------------------- */

/* What will be sent back in a head must not be able to end a line there. */
static bool is_printable(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((v.at[i] < 0x20 && v.at[i] != '\t') || v.at[i] == 0x7f)
            return false;
    return true;
}

/* Of the header that will be sent back: fields of forms and parameters can be named anything. */
static bool is_name(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] <= ' ' || v.at[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", v.at[i]))
            return false;
    return v.len > 0;
}

static struct view lower_copy(struct region *R, struct view v)
{
    uint8_t *to = region_take(R, v.len + 1);

    if (!to)
        return VIEW_EMPTY;
    for (size_t i = 0; i < v.len; i++)
        to[i] = v.at[i] >= 'A' && v.at[i] <= 'Z' ? (uint8_t)(v.at[i] + 32) : v.at[i];
    return view_of(to, v.len);
}

static struct meta_pair *find_pair(struct meta *m, struct view name)
{
    for (unsigned i = 0; i < m->user_count; i++)
        if (view_eq(m->user[i].name, name))
            return &m->user[i];
    return NULL;
}

/* Repeated headers are one list (RFC 9110 5.3). */
static enum s3_code join(struct region *R, struct meta_pair *pair, struct view more)
{
    uint8_t *to = region_take(R, pair->value.len + 1 + more.len);

    if (!to)
        return S3_SlowDown;
    struct buf b = buf_over(to, pair->value.len + 1 + more.len);
    buf_put(&b, pair->value);
    buf_put_byte(&b, ',');
    buf_put(&b, more);
    pair->value = buf_view(&b);
    return S3_None;
}

static enum s3_code
take_pair(struct s3_request *r, struct meta *m, struct view name, struct view value)
{
    struct meta_pair *pair;

    if (!view_starts_nocase(name, view_str(user_prefix)))
        return S3_None;
    name = lower_copy(r->region, view_from(name, sizeof user_prefix - 1));
    if (!name.at)
        return S3_SlowDown;
    if (!is_name(name) || !is_printable(value))
        return S3_InvalidArgument;
    pair = find_pair(m, name);
    if (pair)
        return join(r->region, pair, value);
    if (m->user_count == META_USER_MAX)
        return S3_MetadataTooLarge;
    m->user[m->user_count++] = (struct meta_pair){name, value};
    return S3_None;
}

static enum s3_code take_user(struct s3_request *r, struct meta *m)
{
    size_t bytes = 0;
    enum s3_code code = S3_None;

    for (unsigned i = 0; i < r->http->header_count && !code; i++)
        code = take_pair(r, m, r->http->headers[i].name, r->http->headers[i].value);
    for (unsigned i = 0; i < r->param_count && !code; i++)
        code = take_pair(r, m, r->params[i].name, r->params[i].value);
    if (code)
        return code;
    for (unsigned i = 0; i < m->user_count; i++)
        bytes += m->user[i].name.len + m->user[i].value.len;
    return bytes > META_USER_BYTES_MAX ? S3_MetadataTooLarge : S3_None;
}

/* The framing of this one request is not a property of the object; the rest stays as it was sent.
 */
static enum s3_code take_encoding(struct s3_request *r, struct view text, struct view *out)
{
    struct view part, sent;

    if (text.len == 0)
        return S3_None;
    void *at = region_take(r->region, text.len + 1);
    if (!at)
        return S3_SlowDown;
    struct buf b = buf_over(at, text.len + 1);
    while (view_split(&text, ',', &sent)) {
        part = view_trim(sent);
        if (part.len == 0 || view_eq_nocase(part, VIEW("aws-chunked")))
            continue;
        if (b.len > 0) { /* with the space before it */
            buf_put_byte(&b, ',');
            part = view_of(sent.at, (size_t)(part.at - sent.at) + part.len);
        }
        buf_put(&b, part);
    }
    *out = buf_view(&b);
    return S3_None;
}

static enum s3_code take_storage_class(struct view text, struct view *out)
{
    if (text.len == 0 || view_is(text, "STANDARD"))
        return S3_None;
    if (!view_is(text, "REDUCED_REDUNDANCY"))
        return S3_InvalidStorageClass;
    *out = text;
    return S3_None;
}

enum s3_code object_headers_meta(struct s3_request *r, struct meta *m)
{
    m->content_type = s3_header(r, "content-type");
    m->content_disposition = s3_header(r, "content-disposition");
    m->content_language = s3_header(r, "content-language");
    m->cache_control = s3_header(r, "cache-control");
    m->expires = s3_header(r, "expires");
    m->website_redirect = s3_header(r, "x-amz-website-redirect-location");
    size_t bytes = m->content_type.len + m->content_disposition.len + m->content_language.len +
                   m->cache_control.len + m->expires.len + m->website_redirect.len;
    if (bytes + s3_header(r, "content-encoding").len > OBJECT_HEADERS_SYSTEM_BYTES_MAX)
        return S3_MetadataTooLarge;
    if (!is_printable(m->website_redirect)) /* the one that may come from the query */
        return S3_InvalidArgument;
    enum s3_code code = take_encoding(r, s3_header(r, "content-encoding"), &m->content_encoding);
    if (!code)
        code = take_storage_class(s3_header(r, "x-amz-storage-class"), &m->storage_class);
    return code ? code : take_user(r, m);
}

/* --- conditions --------------------------------------------------------------------------- */

enum s3_code object_headers_condition(const struct s3_request *r, struct engine_condition *out)
{
    struct view match = s3_header(r, "if-match"), none = s3_header(r, "if-none-match");

    *out = (struct engine_condition){.kind = IF_ANY};
    if (s3_header(r, "if-modified-since").at || s3_header(r, "if-unmodified-since").at)
        return S3_NotImplemented;
    if (match.at && none.at)
        return S3_InvalidRequest;
    if (none.at) {
        if (view_index(none, ',') != SIZE_MAX) /* a list: the engine knows one */
            return S3_NotImplemented;
        out->etag = conditions_unquote(none);
        out->kind = view_is(out->etag, "*") ? IF_ABSENT : IF_NOT_ETAG;
    } else if (match.at) {
        out->etag = conditions_unquote(match);
        out->kind = view_is(out->etag, "*") ? IF_EXISTS : IF_ETAG;
    }
    return S3_None;
}
