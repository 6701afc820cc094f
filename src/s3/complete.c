#include "s3/complete.h"

#include <assert.h>

#include "base/text.h"
#include "s3/conditions.h"
#include "s3/finish.h"

/* --- the body ----------------------------------------------------------------------------- */

#define CHECKSUM_ELEMENTS                                                                          \
    "ChecksumCRC32 ChecksumCRC32C ChecksumSHA1 ChecksumSHA256 ChecksumCRC64NVME ChecksumMD5 "      \
    "ChecksumSHA512 ChecksumXXHASH64 ChecksumXXHASH3 ChecksumXXHASH128"

/* No part is named in fewer bytes. */
static const char shortest_part[] = "<Part><ETag>x</ETag><PartNumber>1</PartNumber></Part>";

enum s3_code complete_open(struct complete *c, struct s3_request *r, size_t body_bytes)
{
    size_t n = MIN(body_bytes / strlen(shortest_part) + 1, UPLOAD_PARTS_MAX);

    c->parts = region_take_zero(r->region, n * sizeof *c->parts);
    c->objects = region_take_zero(r->region, n * sizeof(struct engine_object *));
    c->meta.parts = region_take_zero(r->region, n * sizeof *c->meta.parts);
    if (!c->parts || !c->objects || !c->meta.parts)
        return S3_SlowDown;
    c->part_cap = (unsigned)n;
    return S3_None;
}

static enum s3_code read_checksum(struct complete_named *p, const struct xml_node *n)
{
    for (enum checksum_kind k = CHECKSUM_CRC32; k <= CHECKSUM_KIND_MAX; k++) {
        struct view text = view_trim(xml_child_text(n, checksum_element(k)));
        if (text.len == 0)
            continue;
        if (p->checksum_kind != CHECKSUM_NONE)
            return S3_InvalidRequest;
        if (checksum_from_text(k, text, p->checksum))
            return S3_InvalidPart;
        p->checksum_kind = (uint8_t)k;
    }
    return S3_None;
}

/* The same part named twice: the later counts. */
static enum s3_code read_number(struct complete *c, struct view text)
{
    uint64_t value;

    if (text_to_u64(text, &value))
        return S3_MalformedXML;
    if (value < 1 || value > UPLOAD_PARTS_MAX) {
        c->detail = "PartNumber must be from 1 to 10000";
        return S3_InvalidArgument;
    }
    if (c->part_count > 0 && c->parts[c->part_count - 1].number > value)
        return S3_InvalidPartOrder;
    if (c->part_count > 0 && c->parts[c->part_count - 1].number == value)
        c->part_count--;
    if (c->part_count == c->part_cap)
        return S3_MalformedXML;
    memset(&c->parts[c->part_count], 0, sizeof c->parts[0]);
    c->parts[c->part_count].number = (uint16_t)value;
    return S3_None;
}

static bool is_checksum(struct view name)
{
    for (enum checksum_kind k = CHECKSUM_CRC32; k <= CHECKSUM_KIND_MAX; k++)
        if (view_is(name, checksum_element(k)))
            return true;
    return false;
}

/* What we do not know may be a checksum of tomorrow: not verified is not the same as right. */
static enum s3_code check_elements(const struct xml_node *n)
{
    if (xml_has_only(n, "PartNumber ETag " CHECKSUM_ELEMENTS))
        return S3_None;
    for (const struct xml_node *x = n->first; x; x = x->next)
        if (view_starts(x->name, VIEW("Checksum")) && !is_checksum(x->name))
            return S3_NotImplemented;
    return S3_MalformedXML;
}

enum s3_code complete_take(struct complete *c, const struct xml_node *n)
{
    struct view etag = conditions_unquote(xml_child_text(n, "ETag"));

    if (!view_is(n->name, "Part"))
        return S3_MalformedXML;
    enum s3_code code = check_elements(n);
    if (!code)
        code = etag.len == 0 ? S3_MalformedXML
                             : read_number(c, view_trim(xml_child_text(n, "PartNumber")));
    if (code)
        return code;
    struct complete_named *p = &c->parts[c->part_count++];
    p->etag_len = etag.len > sizeof p->etag ? COMPLETE_ETAG_ALIEN : (uint8_t)etag.len;
    memcpy(p->etag, etag.at, MIN(etag.len, sizeof p->etag));
    return read_checksum(p, n);
}

enum s3_code complete_taken(const struct complete *c)
{
    return c->part_count > 0 ? S3_None : S3_MalformedXML;
}

/* --- upload and parts --------------------------------------------------------------------- */

/* A value that is none of its kind cannot be that of the object: said before anything else. */
static enum s3_code check_values(struct s3_request *r)
{
    uint8_t value[CHECKSUM_BYTES_MAX];

    for (enum checksum_kind k = CHECKSUM_CRC32; k <= CHECKSUM_KIND_MAX; k++) {
        struct view text = s3_header(r, checksum_header(k));

        if (text.at && checksum_from_text(k, view_upto(text, view_index(text, '-')), value))
            return S3_BadDigest;
    }
    return S3_None;
}

/* The meta of the upload becomes that of the object; its texts must outlive the pin. */
enum s3_code
complete_begin(struct complete *c, struct s3_request *r, const struct engine_object *upload)
{
    struct meta_part *parts = c->meta.parts;
    struct view blob = region_copy(r->region, upload->info.meta);
    enum err e = blob.at ? meta_decode(blob, r->region, &c->meta) : ERR_BUSY;

    c->meta.parts = parts;
    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_InternalError;
    c->meta.upload_key = c->id;
    c->meta.initiator = VIEW_EMPTY; /* an object has none */
    return check_values(r);
}

/* The checksum of that kind of a stored part, if we know it: the engine knows the CRC-64/NVME of
 * every part, others come with UploadPart. */
static bool find_checksum(
    const struct engine_info *info, const struct meta *m, enum checksum_kind kind, uint8_t *to)
{
    if (m->checksum_kind == kind)
        memcpy(to, m->checksum, CHECKSUM_BYTES_MAX);
    else if (kind == CHECKSUM_CRC64NVME)
        checksum_put_crc64(info->crc64, to);
    else
        return false;
    return true;
}

static enum s3_code check_checksum(
    struct complete *c, const struct complete_named *p, const struct engine_info *info,
    const struct meta *m)
{
    enum checksum_kind kind = (enum checksum_kind)p->checksum_kind;
    uint8_t stored[CHECKSUM_BYTES_MAX];

    if (kind == CHECKSUM_NONE)
        return S3_None;
    if (c->meta.checksum_kind != CHECKSUM_NONE && kind != c->meta.checksum_kind) {
        c->detail = "The parts have checksums of another kind than the upload.";
        return S3_BadDigest;
    }
    if (!find_checksum(info, m, kind, stored) ||
        memcmp(stored, p->checksum, checksum_bytes(kind)) != 0)
        return S3_InvalidPart;
    return S3_None;
}

static enum s3_code check_part(
    struct complete *c, const struct complete_named *p, const struct engine_info *info,
    const struct meta *m, bool is_last)
{
    if (p->etag_len == COMPLETE_ETAG_ALIEN || !view_eq(info->etag, view_of(p->etag, p->etag_len)))
        return S3_InvalidPart;
    if (!is_last && info->size < UPLOAD_PART_BYTES_MIN)
        return S3_EntityTooSmall;
    return check_checksum(c, p, info, m);
}

enum s3_code complete_part(struct complete *c, struct s3_request *r, unsigned index)
{
    static _Thread_local struct meta m; /* large; decoded and forgotten */
    const struct engine_info *info = &c->objects[index]->info;
    struct meta_part *to = &c->meta.parts[index];

    if (meta_decode(info->meta, r->region, &m))
        return S3_InternalError;
    enum s3_code code = check_part(c, &c->parts[index], info, &m, index + 1 == c->part_count);
    if (code)
        return code;
    to->number = c->parts[index].number;
    to->size = info->size;
    c->size += info->size;
    if (c->meta.checksum_kind == CHECKSUM_NONE)
        return S3_None;
    return find_checksum(info, &m, c->meta.checksum_kind, to->checksum) ? S3_None : S3_InvalidPart;
}

/* --- the object --------------------------------------------------------------------------- */

static enum err start_fold(struct complete *c)
{
    TRY(digest_start(&c->etag_run, DIGEST_MD5));
    if (c->meta.checksum_kind == CHECKSUM_NONE)
        return ERR_OK;
    if (c->meta.checksum_type == CHECKSUM_COMPOSITE)
        return checksum_start(&c->composite_run, c->meta.checksum_kind);
    memcpy(c->meta.checksum, c->meta.parts[0].checksum, sizeof c->meta.checksum);
    return ERR_OK;
}

/* MD5 of the parts' MD5s: what AWS does, and clients compare. */
static void fold_etag(struct complete *c, struct view etag)
{
    uint8_t part[ENGINE_ETAG_BYTES_MAX];
    size_t len = 0;

    if (text_from_hex(etag, part, sizeof part, &len))
        digest_update(&c->etag_run, etag.at, etag.len);
    else
        digest_update(&c->etag_run, part, len);
}

static void fold_checksum(struct complete *c, unsigned i)
{
    enum checksum_kind kind = c->meta.checksum_kind;
    const struct meta_part *part = &c->meta.parts[i];

    if (kind == CHECKSUM_NONE)
        return;
    if (c->meta.checksum_type == CHECKSUM_COMPOSITE)
        checksum_update(&c->composite_run, part->checksum, checksum_bytes(kind));
    else if (i > 0)
        checksum_combine(kind, c->meta.checksum, part->checksum, part->size);
}

enum s3_code complete_fold(struct complete *c)
{
    unsigned end = MIN(c->folded + COMPLETE_FOLD_PARTS, c->part_count);

    if (c->folded == 0 && start_fold(c))
        return S3_SlowDown;
    for (; c->folded < end; c->folded++) {
        fold_etag(c, c->objects[c->folded]->info.etag);
        fold_checksum(c, c->folded);
    }
    return S3_None;
}

void complete_done(struct complete *c)
{
    digest_done(&c->etag_run);
    checksum_done(&c->composite_run);
}

static void finish_fold(struct complete *c)
{
    struct buf b = buf_over(c->etag, sizeof c->etag - 1);
    uint8_t md5[16];

    assert(c->folded == c->part_count);
    digest_finish(&c->etag_run, md5);
    text_put_hex(&b, view_of(md5, sizeof md5));
    buf_printf(&b, "-%u", c->part_count);
    c->etag[b.len] = 0;
    if (c->meta.checksum_kind != CHECKSUM_NONE && c->meta.checksum_type == CHECKSUM_COMPOSITE)
        checksum_finish(&c->composite_run, c->meta.checksum);
}

/* "-N" stands behind composite checksums only, where it may be left out. */
static enum s3_code
take_suffix(const struct complete *c, enum checksum_kind k, struct view *text_io)
{
    size_t dash = view_index(*text_io, '-');
    bool is_composite = c->meta.checksum_kind == k && c->meta.checksum_type == CHECKSUM_COMPOSITE;
    uint64_t n;

    if (dash == SIZE_MAX)
        return S3_None;
    if (!is_composite || text_to_u64(view_from(*text_io, dash + 1), &n))
        return S3_InvalidRequest;
    *text_io = view_upto(*text_io, dash);
    return n == c->part_count ? S3_None : S3_BadDigest;
}

/* A checksum of the whole object sent with Complete: composite ones with "-N" behind. */
static enum s3_code check_whole(struct complete *c, struct s3_request *r, enum checksum_kind k)
{
    struct view text = s3_header(r, checksum_header(k));
    uint8_t value[CHECKSUM_BYTES_MAX];

    if (!text.at)
        return S3_None;
    enum s3_code code = take_suffix(c, k, &text);
    if (code)
        return code;
    if (checksum_from_text(k, text, value))
        return S3_InvalidRequest;
    if (k == c->meta.checksum_kind)
        return memcmp(value, c->meta.checksum, checksum_bytes(k)) == 0 ? S3_None : S3_BadDigest;
    if (k != CHECKSUM_CRC64NVME || c->meta.checksum_kind != CHECKSUM_NONE)
        return S3_InvalidRequest;
    c->crc64_expected = checksum_get_crc64(value);
    c->has_crc64_expected = true;
    return S3_None;
}

/* A checksum we do not know is not one that holds. */
static bool has_unknown_checksum(const struct s3_request *r)
{
    static const char prefix[] = "x-amz-checksum-";

    for (unsigned i = 0; i < r->http->header_count; i++) {
        struct view name = r->http->headers[i].name;
        if (view_starts_nocase(name, view_str(prefix)) &&
            checksum_from_header(name) == CHECKSUM_NONE &&
            !view_eq_nocase(name, VIEW("x-amz-checksum-type")) &&
            !view_eq_nocase(name, VIEW("x-amz-checksum-algorithm")))
            return true;
    }
    return false;
}

static enum s3_code check_request(struct complete *c, struct s3_request *r)
{
    struct view type = s3_header(r, "x-amz-checksum-type");
    struct view size = s3_header(r, "x-amz-mp-object-size");
    bool is_composite = c->meta.checksum_kind && c->meta.checksum_type == CHECKSUM_COMPOSITE;
    uint64_t bytes;

    if (has_unknown_checksum(r))
        return S3_NotImplemented;
    if (type.at && !view_eq_nocase(type, view_str(is_composite ? "COMPOSITE" : "FULL_OBJECT")))
        return S3_InvalidRequest;
    if (size.at && (text_to_u64(size, &bytes) || bytes != c->size))
        return S3_InvalidRequest;
    for (enum checksum_kind k = CHECKSUM_CRC32; k <= CHECKSUM_KIND_MAX; k++) {
        enum s3_code code = check_whole(c, r, k);
        if (code)
            return code;
    }
    return S3_None;
}

enum s3_code complete_finish(struct complete *c, struct s3_request *r)
{
    finish_fold(c);
    c->meta.part_count = c->part_count;
    return check_request(c, r);
}

bool complete_was_done(struct complete *c, struct s3_request *r, const struct engine_object *object)
{
    struct view etag = view_upto(object->info.etag, sizeof c->etag - 1);
    struct view blob = region_copy(r->region, object->info.meta);

    c->part_count = 0;
    if (!blob.at || meta_decode(blob, r->region, &c->meta))
        return false;
    memcpy(c->etag, etag.at, etag.len);
    c->etag[etag.len] = 0;
    c->crc64 = object->info.crc64;
    return c->meta.upload_key.len && view_eq(c->meta.upload_key, c->id);
}

static void put_checksum(struct buf *x, const struct complete *c)
{
    enum checksum_kind kind = c->meta.checksum_kind;
    bool is_composite = kind && c->meta.checksum_type == CHECKSUM_COMPOSITE;
    uint8_t crc64[8];
    char text[CHECKSUM_TEXT_MAX + 8];
    struct buf b = buf_over(text, sizeof text);

    checksum_put_crc64(c->crc64, crc64);
    if (kind == CHECKSUM_NONE)
        checksum_put_text(&b, CHECKSUM_CRC64NVME, crc64);
    else
        checksum_put_text(&b, kind, c->meta.checksum);
    if (is_composite)
        buf_printf(&b, "-%u", c->meta.part_count);
    xml_text(x, checksum_element(kind ? kind : CHECKSUM_CRC64NVME), buf_view(&b));
    xml_text(x, "ChecksumType", is_composite ? VIEW("COMPOSITE") : VIEW("FULL_OBJECT"));
}

enum err complete_xml(const struct complete *c, struct s3_request *r, struct view *xml_out)
{
    size_t cap = 2048 + 9 * r->key.len + 6 * r->http->host.len;
    struct buf x = buf_over(region_take(r->region, cap), cap);

    if (!x.at)
        return ERR_BUSY;
    xml_open_root(&x, "CompleteMultipartUploadResult");
    xml_open(&x, "Location");
    buf_put_str(&x, r->http->is_tls ? "https://" : "http://");
    finish_put_text(&x, r->http->host);
    buf_put_byte(&x, '/');
    buf_put(&x, r->bucket);
    buf_put_byte(&x, '/');
    text_put_uri(&x, r->key, true);
    xml_close(&x, "Location");
    xml_text(&x, "Bucket", r->bucket);
    xml_text(&x, "Key", r->key);
    xml_etag(&x, view_str(c->etag));
    put_checksum(&x, c);
    xml_close(&x, "CompleteMultipartUploadResult");
    *xml_out = buf_view(&x);
    return ERR_OK;
}
