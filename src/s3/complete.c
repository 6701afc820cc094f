#include "s3/complete.h"

#include <stdio.h>

#include "base/text.h"
#include "s3/conditions.h"
#include "s3/finish.h"
#include "s3/xml.h"

/* --- the body ----------------------------------------------------------------------------- */

static enum s3_code read_checksum(struct complete_named *p, const struct xml_node *n)
{
    for (enum checksum_kind k = CHECKSUM_CRC32; k <= CHECKSUM_CRC64NVME; k++) {
        struct view text = view_trim(xml_child_text(n, checksum_element(k)));
        if (text.len == 0)
            continue;
        if (checksum_from_text(k, text, p->checksum))
            return S3_InvalidPart;
        p->checksum_kind = k;
    }
    return S3_None;
}

static enum s3_code read_part(struct complete *c, const struct xml_node *n)
{
    struct complete_named *p = &c->parts[c->part_count];
    struct view number = view_trim(xml_child_text(n, "PartNumber"));
    uint64_t value;

    if (text_to_u64(number, &value) || value < 1 || value > UPLOAD_PARTS_MAX)
        return number.len ? S3_InvalidArgument : S3_MalformedXML;
    p->number = (unsigned)value;
    p->etag = conditions_unquote(view_trim(xml_child_text(n, "ETag")));
    if (p->etag.len == 0)
        return S3_MalformedXML;
    if (c->part_count > 0 && c->parts[c->part_count - 1].number >= p->number)
        return S3_InvalidPartOrder;
    c->part_count++;
    return read_checksum(p, n);
}

static unsigned count_parts(const struct xml_node *root)
{
    unsigned n = 0;

    for (const struct xml_node *c = root->first; c; c = c->next)
        n += view_is(c->name, "Part");
    return n;
}

enum s3_code complete_read(struct complete *c, struct s3_request *r, struct view body)
{
    struct xml_node *root = NULL;
    enum err e = xml_parse(body, r->region, &root);

    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_MalformedXML;
    unsigned n = count_parts(root);
    if (!view_is(root->name, "CompleteMultipartUpload") || n == 0 || n > UPLOAD_PARTS_MAX)
        return S3_MalformedXML;
    c->parts = region_take_zero(r->region, n * sizeof *c->parts);
    c->objects = region_take_zero(r->region, n * sizeof(struct engine_object *));
    c->meta.parts = region_take_zero(r->region, n * sizeof *c->meta.parts);
    if (!c->parts || !c->objects || !c->meta.parts)
        return S3_SlowDown;
    for (const struct xml_node *x = root->first; x; x = x->next) {
        enum s3_code code = view_is(x->name, "Part") ? read_part(c, x) : S3_None;
        if (code)
            return code;
    }
    return S3_None;
}

/* --- upload and parts --------------------------------------------------------------------- */

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
    return S3_None;
}

static enum s3_code check_part(
    struct complete *c, const struct complete_named *p, const struct engine_info *info,
    const struct meta *m, bool is_last)
{
    if (!view_eq(info->etag, p->etag))
        return S3_InvalidPart;
    if (!is_last && info->size < UPLOAD_PART_BYTES_MIN)
        return S3_EntityTooSmall;
    if (p->checksum_kind == CHECKSUM_NONE)
        return S3_None;
    if (c->meta.checksum_kind != CHECKSUM_NONE && p->checksum_kind != c->meta.checksum_kind) {
        c->detail = "The parts have checksums of another kind than the upload.";
        return S3_BadDigest;
    }
    if (m->checksum_kind == p->checksum_kind &&
        memcmp(m->checksum, p->checksum, checksum_bytes(p->checksum_kind)) != 0)
        return S3_InvalidPart;
    return S3_None;
}

static void put_crc64(uint64_t crc, uint8_t *to)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(crc >> (56 - 8 * i));
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
    to->number = (uint16_t)c->parts[index].number;
    to->size = info->size;
    c->size += info->size;
    if (c->meta.checksum_kind == CHECKSUM_NONE)
        return S3_None;
    /* The engine knows the CRC-64/NVME of every part; the others come with UploadPart. */
    if (m.checksum_kind == c->meta.checksum_kind)
        memcpy(to->checksum, m.checksum, sizeof to->checksum);
    else if (c->meta.checksum_kind == CHECKSUM_CRC64NVME)
        put_crc64(info->crc64, to->checksum);
    else
        return S3_InvalidPart;
    return S3_None;
}

/* --- the object --------------------------------------------------------------------------- */

/* MD5 of the parts' MD5s, "-", how many: what AWS does, and clients compare. */
static enum s3_code make_etag(struct complete *c)
{
    struct digest d = {0};
    uint8_t md5[16], part[ENGINE_ETAG_BYTES_MAX];
    struct buf b = buf_over(c->etag, sizeof c->etag - 1);
    size_t len = 0;

    if (digest_start(&d, DIGEST_MD5))
        return S3_SlowDown;
    for (unsigned i = 0; i < c->part_count; i++) {
        struct view etag = c->objects[i]->info.etag;
        if (text_from_hex(etag, part, sizeof part, &len))
            digest_update(&d, etag.at, etag.len);
        else
            digest_update(&d, part, len);
    }
    digest_finish(&d, md5);
    digest_done(&d);
    text_put_hex(&b, view_of(md5, sizeof md5));
    buf_printf(&b, "-%u", c->part_count);
    return S3_None;
}

static enum s3_code make_composite(struct complete *c)
{
    size_t bytes = checksum_bytes(c->meta.checksum_kind);
    struct checksum sum = {0};

    if (checksum_start(&sum, c->meta.checksum_kind))
        return S3_SlowDown;
    for (unsigned i = 0; i < c->part_count; i++)
        checksum_update(&sum, c->meta.parts[i].checksum, bytes);
    checksum_finish(&sum, c->meta.checksum);
    checksum_done(&sum);
    return S3_None;
}

static enum s3_code make_checksum(struct complete *c)
{
    if (c->meta.checksum_kind == CHECKSUM_NONE)
        return S3_None;
    if (c->meta.checksum_type == CHECKSUM_COMPOSITE)
        return make_composite(c);
    memcpy(c->meta.checksum, c->meta.parts[0].checksum, sizeof c->meta.checksum);
    for (unsigned i = 1; i < c->part_count; i++)
        checksum_combine(
            c->meta.checksum_kind, c->meta.checksum, c->meta.parts[i].checksum,
            c->meta.parts[i].size);
    return S3_None;
}

/* A checksum of the whole object sent with Complete: composite ones with "-N" behind. */
static enum s3_code check_whole(struct complete *c, struct s3_request *r, enum checksum_kind k)
{
    struct view text = s3_header(r, checksum_header(k));
    uint8_t value[CHECKSUM_BYTES_MAX];

    if (!text.at)
        return S3_None;
    text = view_upto(text, MIN(view_index(text, '-'), text.len));
    if (checksum_from_text(k, text, value))
        return S3_InvalidRequest;
    if (k == c->meta.checksum_kind)
        return memcmp(value, c->meta.checksum, checksum_bytes(k)) == 0 ? S3_None : S3_BadDigest;
    if (k != CHECKSUM_CRC64NVME || c->meta.checksum_kind != CHECKSUM_NONE)
        return S3_InvalidRequest;
    for (unsigned i = 0; i < 8; i++)
        c->crc64_expected = c->crc64_expected << 8 | value[i];
    c->has_crc64_expected = true;
    return S3_None;
}

static enum s3_code check_request(struct complete *c, struct s3_request *r)
{
    struct view type = s3_header(r, "x-amz-checksum-type");
    struct view size = s3_header(r, "x-amz-mp-object-size");
    bool is_composite = c->meta.checksum_kind && c->meta.checksum_type == CHECKSUM_COMPOSITE;
    uint64_t bytes;

    if (type.at && view_eq_nocase(type, VIEW("COMPOSITE")) != is_composite)
        return S3_InvalidRequest;
    if (size.at && (text_to_u64(size, &bytes) || bytes != c->size))
        return S3_InvalidRequest;
    for (enum checksum_kind k = CHECKSUM_CRC32; k <= CHECKSUM_CRC64NVME; k++) {
        enum s3_code code = check_whole(c, r, k);
        if (code)
            return code;
    }
    return S3_None;
}

enum s3_code complete_finish(struct complete *c, struct s3_request *r)
{
    enum s3_code code = make_etag(c);

    c->meta.part_count = c->part_count;
    if (!code)
        code = make_checksum(c);
    return code ? code : check_request(c, r);
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

    put_crc64(c->crc64, crc64);
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
