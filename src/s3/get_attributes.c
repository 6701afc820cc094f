/*
 * GetObjectAttributes: what is known of an object, as XML.
 *
 *   finding (find.h) -> the answer
 *
 * Source: Amazon S3 API reference, GetObjectAttributes. A composite checksum has its "-N" here as
 * in HeadObject: ceph/s3-tests asks for it, while AWS was seen to leave it out.
 */
#include "base/text.h"
#include "s3/find.h"
#include "s3/ops.h"
#include "s3/xml.h"

enum { PARTS_MAX = 1000, PART_XML_BYTES = 320, HEAD_XML_BYTES = 2048 };

enum attribute {
    ATTRIBUTE_ETAG = 1,
    ATTRIBUTE_CHECKSUM = 2,
    ATTRIBUTE_PARTS = 4,
    ATTRIBUTE_STORAGE_CLASS = 8,
    ATTRIBUTE_SIZE = 16
};

struct get_attributes {
    struct s3_request *request;
    unsigned wanted; /* enum attribute */
    unsigned parts_max, part_marker;
    struct find find;
};

/* --- the answer --------------------------------------------------------------------------- */

/* parts: of a composite; else 0. */
static void put_value(struct buf *x, enum checksum_kind kind, const uint8_t *bytes, unsigned parts)
{
    char text[CHECKSUM_TEXT_MAX + 16];
    struct buf b = buf_over(text, sizeof text);

    checksum_put_text(&b, kind, bytes);
    if (parts > 0)
        buf_printf(&b, "-%u", parts);
    xml_text(x, checksum_element(kind), buf_view(&b));
}

static void put_checksum(struct buf *x, const struct get_attributes *g)
{
    const struct meta *m = &g->find.meta;
    uint8_t crc64[8];
    bool is_composite = m->checksum_kind != CHECKSUM_NONE && m->checksum_type == CHECKSUM_COMPOSITE;

    xml_open(x, "Checksum");
    checksum_put_crc64(g->find.object->info.crc64, crc64);
    if (m->checksum_kind == CHECKSUM_NONE)
        put_value(x, CHECKSUM_CRC64NVME, crc64, 0);
    else
        put_value(x, m->checksum_kind, m->checksum, is_composite ? m->part_count : 0);
    xml_text(x, "ChecksumType", is_composite ? VIEW("COMPOSITE") : VIEW("FULL_OBJECT"));
    xml_close(x, "Checksum");
}

static void put_part(struct buf *x, const struct meta *m, const struct meta_part *part)
{
    xml_open(x, "Part");
    if (m->checksum_kind != CHECKSUM_NONE)
        put_value(x, m->checksum_kind, part->checksum, 0);
    xml_u64(x, "PartNumber", part->number);
    xml_u64(x, "Size", part->size);
    xml_close(x, "Part");
}

/* Only of an object that was uploaded in parts. */
static void put_parts(struct buf *x, const struct get_attributes *g)
{
    const struct meta *m = &g->find.meta;
    unsigned first = 0, end;

    while (first < m->part_count && m->parts[first].number <= g->part_marker)
        first++;
    end = MIN(first + g->parts_max, m->part_count);
    xml_open(x, "ObjectParts");
    xml_u64(x, "PartsCount", m->part_count);
    xml_u64(x, "PartNumberMarker", g->part_marker);
    xml_u64(x, "NextPartNumberMarker", end > first ? m->parts[end - 1].number : g->part_marker);
    xml_u64(x, "MaxParts", g->parts_max);
    xml_bool(x, "IsTruncated", end < m->part_count);
    for (unsigned i = first; i < end; i++)
        put_part(x, m, &m->parts[i]);
    xml_close(x, "ObjectParts");
}

static void put_attributes(struct buf *x, const struct get_attributes *g)
{
    const struct engine_info *info = &g->find.object->info;
    const struct meta *m = &g->find.meta;

    xml_open_root(x, "GetObjectAttributesResponse");
    if (g->wanted & ATTRIBUTE_ETAG)
        xml_text(x, "ETag", info->etag); /* the one place where it has no quotes */
    if (g->wanted & ATTRIBUTE_CHECKSUM)
        put_checksum(x, g);
    if ((g->wanted & ATTRIBUTE_PARTS) && m->part_count > 0)
        put_parts(x, g);
    if (g->wanted & ATTRIBUTE_STORAGE_CLASS)
        xml_text(x, "StorageClass", m->storage_class.len ? m->storage_class : VIEW("STANDARD"));
    if (g->wanted & ATTRIBUTE_SIZE)
        xml_u64(x, "ObjectSize", info->size);
    xml_close(x, "GetObjectAttributesResponse");
}

static void answer(struct get_attributes *g)
{
    struct s3_request *r = g->request;
    size_t cap = HEAD_XML_BYTES + MIN(g->parts_max, g->find.meta.part_count) * PART_XML_BYTES;
    struct buf x = buf_over(region_take(r->region, cap), cap);
    char date[40];
    struct buf d = buf_over(date, sizeof date);

    if (!x.at) {
        find_done(&g->find);
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    put_attributes(&x, g);
    text_put_http_date(&d, g->find.object->info.mtime_ms);
    find_done(&g->find);
    if (x.overflow) {
        s3_finish_error(r, S3_InternalError, NULL);
        return;
    }
    s3_reply(r, 200);
    http_reply_header(r->http, "Last-Modified", buf_view(&d));
    s3_finish_body(r, buf_view(&x), "application/xml");
}

/* Besides its own action it needs that of GetObject. */
static bool may_read(const struct get_attributes *g)
{
    const struct find *f = &g->find;
    const struct access_ask ask = {
        .action = f->version_id.at ? "s3:GetObjectVersion" : "s3:GetObject",
        .right = ACL_OBJECT_READ,
        .bucket = g->request->conf,
        .key = g->request->key,
        .version_id = f->version_id,
        .object_is_known = true,
        .object = &f->meta,
    };

    return access_decide(g->request, &ask) == ACCESS_YES;
}

/* Woken by find. */
static void on_found(struct op *op)
{
    struct get_attributes *g = container_of(op, struct get_attributes, find.op);

    if (op->err) {
        s3_finish_error(g->request, g->find.code, g->find.detail);
    } else if (!may_read(g)) {
        find_done(&g->find);
        g->request->version_id[0] = '\0';
        s3_finish_error(g->request, S3_AccessDenied, NULL);
    } else {
        answer(g);
    }
}

/* --- the request -------------------------------------------------------------------------- */

static enum s3_code take_names(struct view list, unsigned *wanted_io, const char **detail_out)
{
    static const struct {
        const char *name;
        enum attribute attribute;
    } names[] = {
        {"ETag", ATTRIBUTE_ETAG},         {"Checksum", ATTRIBUTE_CHECKSUM},
        {"ObjectParts", ATTRIBUTE_PARTS}, {"StorageClass", ATTRIBUTE_STORAGE_CLASS},
        {"ObjectSize", ATTRIBUTE_SIZE},
    };
    struct view name;

    while (view_split(&list, ',', &name)) {
        size_t i = 0;

        name = view_trim(name);
        while (i < ARRAY_COUNT(names) && !view_is(name, names[i].name))
            i++;
        if (i < ARRAY_COUNT(names)) {
            *wanted_io |= names[i].attribute;
        } else if (name.len > 0) {
            *detail_out = "Invalid attribute name specified.";
            return S3_InvalidArgument;
        }
    }
    return S3_None;
}

static enum s3_code read_count(struct view text, unsigned max, unsigned *n_io)
{
    uint64_t n;

    if (!text.at)
        return S3_None;
    if (text_to_u64(text, &n) || n > INT32_MAX)
        return S3_InvalidArgument;
    *n_io = (unsigned)MIN(n, max);
    return S3_None;
}

/* The list may come as several headers (RFC 9110 5.3). */
static enum s3_code read_request(struct get_attributes *g, const char **detail_out)
{
    static const char header[] = "x-amz-object-attributes";
    struct s3_request *r = g->request;
    enum s3_code code = S3_None;

    for (unsigned i = 0; i < r->http->header_count && !code; i++)
        if (view_eq_nocase(r->http->headers[i].name, view_str(header)))
            code = take_names(r->http->headers[i].value, &g->wanted, detail_out);
    if (!code && !g->wanted)
        code = take_names(s3_header(r, header), &g->wanted, detail_out);
    if (code)
        return code;
    if (!g->wanted) {
        *detail_out = "The x-amz-object-attributes header specifying the attributes to be "
                      "retrieved is either missing or empty";
        return S3_InvalidRequest;
    }
    *detail_out = "x-amz-max-parts and x-amz-part-number-marker are numbers";
    g->parts_max = PARTS_MAX;
    code = read_count(s3_header(r, "x-amz-max-parts"), PARTS_MAX, &g->parts_max);
    return code ? code
                : read_count(s3_header(r, "x-amz-part-number-marker"), INT32_MAX, &g->part_marker);
}

void get_attributes_start(struct s3_request *r)
{
    struct get_attributes *g = region_take_zero(r->region, sizeof *g);
    const char *detail = NULL;

    if (!g) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    g->request = r;
    enum s3_code code = read_request(g, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    s3_wait(r, "GetObjectAttributes.finding");
    find_init(&g->find, r, on_found);
    find_start(&g->find);
}
