#include "s3/object_reply.h"

#include <assert.h>
#include <inttypes.h>

#include "base/text.h"
#include "s3/object_extras.h"
#include "s3/object_headers.h"

/* --- the request -------------------------------------------------------------------------- */

static const char bad_number[] = "Part number must be an integer between 1 and 10000, inclusive";
static const char range_and_part[] =
    "Cannot specify both Range header and partNumber query parameter";
static const char bad_override[] = "A response-* parameter cannot be sent as a header";

/* They go into a head: nothing that ends a line there, and not without bounds. */
static enum s3_code check_overrides(const struct s3_request *r, const char **detail_out)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < r->param_count; i++) {
        struct view v = r->params[i].value;

        if (!view_starts(r->params[i].name, VIEW("response-")))
            continue;
        bytes += v.len;
        for (size_t k = 0; k < v.len; k++)
            if (v.at[k] < 0x20 || v.at[k] == 0x7f)
                bytes = SIZE_MAX / 2;
        if (bytes > OBJECT_REPLY_OVERRIDES_BYTES_MAX) {
            *detail_out = bad_override;
            return S3_InvalidArgument;
        }
    }
    return S3_None;
}

static enum s3_code read_part_number(struct object_reply *o, const char **detail_out)
{
    struct view text = s3_param(o->request, "partNumber");
    uint64_t number;

    if (!text.at)
        return S3_None;
    if (text_to_u64(text, &number) || number < 1 || number > META_PARTS_MAX) {
        *detail_out = bad_number;
        return S3_InvalidArgument;
    }
    if (o->range_text.at) {
        *detail_out = range_and_part;
        return S3_InvalidRequest;
    }
    o->part_number = (unsigned)number;
    return S3_None;
}

enum s3_code object_reply_read(struct object_reply *o, const char **detail_out)
{
    struct s3_request *r = o->request;
    enum s3_code code = object_headers_refused(r);

    *detail_out = NULL;
    o->conditions.if_match = s3_header(r, "if-match");
    o->conditions.if_none_match = s3_header(r, "if-none-match");
    o->conditions.if_modified_since = s3_header(r, "if-modified-since");
    o->conditions.if_unmodified_since = s3_header(r, "if-unmodified-since");
    o->range_text = s3_header(r, "range");
    o->if_range = s3_header(r, "if-range");
    o->wants_checksum = view_eq_nocase(s3_header(r, "x-amz-checksum-mode"), VIEW("ENABLED"));
    if (!code)
        code = check_overrides(r, detail_out);
    return code ? code : read_part_number(o, detail_out);
}

/* --- the object --------------------------------------------------------------------------- */

static enum s3_code decide_part(struct object_reply *o)
{
    const struct meta *m = o->meta;
    uint64_t off = 0;

    if (m->part_count == 0) {
        /* A whole object is its own only part. There is no Content-Range of nothing. */
        o->is_part = o->info->size > 0;
        return o->part_number == 1 ? S3_None : S3_InvalidPart;
    }
    for (unsigned i = 0; i < m->part_count; off += m->parts[i++].size) {
        if (i + 1 != o->part_number)
            continue;
        o->range = (struct range){off, m->parts[i].size};
        o->is_part = m->parts[i].size > 0;
        o->part_index = i;
        return off + m->parts[i].size <= o->info->size ? S3_None : S3_InternalError;
    }
    return S3_InvalidPart;
}

static enum s3_code decide_range(struct object_reply *o)
{
    if (!conditions_range_holds(o->if_range, o->info->etag, o->info->mtime_ms))
        return S3_None;
    switch (range_resolve(o->range_text, o->info->size, &o->range)) {
    case RANGE_WHOLE:
        return S3_None;
    case RANGE_PART:
        o->is_part = true;
        return S3_None;
    case RANGE_UNSATISFIABLE:
        break;
    }
    o->request->has_total = true;
    o->request->total_bytes = o->info->size;
    return S3_InvalidRange;
}

enum s3_code
object_reply_decide(struct object_reply *o, const struct engine_info *info, const struct meta *m)
{
    o->meta = m;
    o->info = info;
    o->range = (struct range){0, info->size};
    switch (conditions_check(&o->conditions, info->etag, info->mtime_ms)) {
    case CONDITIONS_FAILED:
        return S3_PreconditionFailed;
    case CONDITIONS_NOT_MODIFIED:
        return S3_NotModified;
    case CONDITIONS_HOLD:
        break;
    }
    return o->part_number ? decide_part(o) : decide_range(o);
}

/* --- the head ----------------------------------------------------------------------------- */

static void
put_text(struct object_reply *o, const char *name, struct view stored, const char *override)
{
    struct view v = s3_param(o->request, override);

    if (v.len == 0)
        v = stored;
    if (v.len > 0)
        http_reply_header(o->request->http, name, v);
}

static void put_user(struct object_reply *o)
{
    char name[16 + META_USER_BYTES_MAX];

    for (unsigned i = 0; i < o->meta->user_count; i++) {
        struct buf b = buf_over(name, sizeof name - 1);

        buf_put_str(&b, "x-amz-meta-");
        buf_put(&b, o->meta->user[i].name);
        if (b.overflow) /* not by us: our writes bound it */
            continue;
        name[b.len] = '\0';
        http_reply_header(o->request->http, name, o->meta->user[i].value);
    }
}

static void put_validators(struct object_reply *o)
{
    struct http_request *q = o->request->http;
    char date[40];
    struct buf b = buf_over(date, sizeof date);

    text_put_http_date(&b, o->info->mtime_ms);
    http_reply_header(q, "Last-Modified", buf_view(&b));
    http_reply_headerf(q, "ETag", "\"%.*s\"", VIEW_FMT(o->info->etag));
}

static void
put_checksum(struct object_reply *o, enum checksum_kind kind, const uint8_t *bytes, unsigned parts)
{
    char text[CHECKSUM_TEXT_MAX + 16];
    struct buf b = buf_over(text, sizeof text);

    checksum_put_text(&b, kind, bytes);
    if (parts > 0)
        buf_printf(&b, "-%u", parts);
    http_reply_header(o->request->http, checksum_header(kind), buf_view(&b));
}

static void put_checksum_type(struct object_reply *o, bool is_composite)
{
    http_reply_header(
        o->request->http, "x-amz-checksum-type",
        is_composite ? VIEW("COMPOSITE") : VIEW("FULL_OBJECT"));
}

/* Checksums are of the whole object, or of the part asked for: never of a range. */
static void put_checksums(struct object_reply *o)
{
    const struct meta *m = o->meta;
    bool is_composite = m->checksum_kind && m->checksum_type == CHECKSUM_COMPOSITE;

    if (!o->wants_checksum || (o->is_part && !o->part_number))
        return;
    if (o->part_number && m->part_count > 0) {
        if (m->checksum_kind == CHECKSUM_NONE)
            return;
        put_checksum(o, m->checksum_kind, m->parts[o->part_index].checksum, 0);
        put_checksum_type(o, is_composite);
        return;
    }
    if (m->checksum_kind != CHECKSUM_NONE) {
        put_checksum(o, m->checksum_kind, m->checksum, is_composite ? m->part_count : 0);
    } else {
        uint8_t crc64[8];

        checksum_put_crc64(o->info->crc64, crc64);
        put_checksum(o, CHECKSUM_CRC64NVME, crc64, 0);
    }
    put_checksum_type(o, is_composite);
}

static void put_amz(struct object_reply *o)
{
    struct http_request *q = o->request->http;

    if (o->meta->website_redirect.len > 0)
        http_reply_header(q, "x-amz-website-redirect-location", o->meta->website_redirect);
    if (o->meta->storage_class.len > 0)
        http_reply_header(q, "x-amz-storage-class", o->meta->storage_class);
    if (o->part_number && o->meta->part_count > 0)
        http_reply_headerf(q, "x-amz-mp-parts-count", "%u", o->meta->part_count);
    object_extras_reply(o->request, o->meta);
    put_user(o);
    put_checksums(o);
}

void object_reply_head(struct object_reply *o)
{
    struct http_request *q = o->request->http;
    const struct meta *m = o->meta;
    struct view type = m->content_type.len > 0 ? m->content_type : VIEW("binary/octet-stream");

    s3_reply(o->request, o->is_part ? 206 : 200);
    put_validators(o);
    http_reply_header(q, "Accept-Ranges", VIEW("bytes"));
    put_text(o, "Content-Type", type, "response-content-type");
    put_text(o, "Content-Encoding", m->content_encoding, "response-content-encoding");
    put_text(o, "Content-Disposition", m->content_disposition, "response-content-disposition");
    put_text(o, "Content-Language", m->content_language, "response-content-language");
    put_text(o, "Cache-Control", m->cache_control, "response-cache-control");
    put_text(o, "Expires", m->expires, "response-expires");
    put_amz(o);
    if (o->is_part)
        http_reply_headerf(
            q, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, o->range.off,
            o->range.off + o->range.len - 1, o->info->size);
}

void object_reply_not_modified(struct object_reply *o)
{
    s3_reply(o->request, 304);
    put_validators(o);
    put_text(o, "Cache-Control", o->meta->cache_control, "response-cache-control");
    put_text(o, "Expires", o->meta->expires, "response-expires");
}
