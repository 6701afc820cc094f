/*
 * ListParts.
 *
 *   LOOKING_UP (the upload) --engine--> LISTING --engine--> answer
 */
#include "base/text.h"
#include "s3/list.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/upload.h"
#include "s3/xml.h"

enum { PART_XML_BYTES = 512, PART_META_BYTES_MAX = 512 };

struct list_parts {
    struct s3_request *request;
    struct engine_lookup lookup;
    struct engine_list list;
    struct view id, owner, initiator;
    unsigned max_parts, marker;
    enum checksum_kind kind;
    enum checksum_type type;
};

/* "<id>/00042" -> 42 */
static uint64_t part_number(struct view name)
{
    uint64_t n = 0;

    if (name.len < 5 || text_to_u64(view_from(name, name.len - 5), &n))
        return 0;
    return n;
}

static void put_checksum(struct buf *x, const struct list_parts *l, struct view blob)
{
    static _Thread_local struct meta m; /* large; decoded and forgotten */
    char text[CHECKSUM_TEXT_MAX];
    struct buf b = buf_over(text, sizeof text);

    if (meta_decode(blob, l->request->region, &m) || m.checksum_kind == CHECKSUM_NONE)
        return;
    checksum_put_text(&b, m.checksum_kind, m.checksum);
    xml_text(x, checksum_element(m.checksum_kind), buf_view(&b));
}

static void put_part(struct buf *x, const struct list_parts *l, const struct engine_item *item)
{
    xml_open(x, "Part");
    xml_u64(x, "PartNumber", part_number(item->name));
    xml_date(x, "LastModified", item->info.mtime_ms);
    xml_etag(x, item->info.etag);
    xml_u64(x, "Size", item->info.size);
    put_checksum(x, l, item->info.meta);
    xml_close(x, "Part");
}

static void put_head(struct buf *x, const struct list_parts *l)
{
    struct s3_request *r = l->request;
    bool is_truncated = l->max_parts > 0 && l->list.is_truncated;

    xml_text(x, "Bucket", r->bucket);
    xml_text(x, "Key", r->key);
    xml_text(x, "UploadId", l->id);
    list_put_person(x, r, "Initiator", l->initiator);
    list_put_person(x, r, "Owner", l->owner);
    xml_text(x, "StorageClass", VIEW("STANDARD"));
    if (l->kind != CHECKSUM_NONE) {
        xml_text(x, "ChecksumAlgorithm", view_str(checksum_name(l->kind)));
        xml_text(
            x, "ChecksumType",
            l->type == CHECKSUM_COMPOSITE ? VIEW("COMPOSITE") : VIEW("FULL_OBJECT"));
    }
    xml_u64(x, "PartNumberMarker", l->marker);
    if (is_truncated)
        xml_u64(x, "NextPartNumberMarker", part_number(l->list.items[l->list.count - 1].name));
    xml_u64(x, "MaxParts", l->max_parts);
    xml_bool(x, "IsTruncated", is_truncated);
}

static void answer(struct list_parts *l)
{
    struct s3_request *r = l->request;
    unsigned count = l->max_parts ? l->list.count : 0;
    size_t cap = 2048 + 6 * r->key.len + (size_t)count * PART_XML_BYTES +
                 list_person_bytes(r, l->owner) + list_person_bytes(r, l->initiator);
    struct buf x = buf_over(region_take(r->region, cap), cap);

    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "ListPartsResult");
    put_head(&x, l);
    for (unsigned i = 0; i < count; i++)
        put_part(&x, l, &l->list.items[i]);
    xml_close(&x, "ListPartsResult");
    list_finish(r, &x);
}

/* Woken by the engine. */
static void on_listed(struct op *op)
{
    struct list_parts *l = container_of(op, struct list_parts, list.op);

    if (op->err)
        s3_finish_err(l->request, op->err);
    else
        answer(l);
}

static void list(struct list_parts *l)
{
    struct s3_request *r = l->request;

    op_init(&l->list.op, on_listed);
    l->list.space = SPACE_PART;
    l->list.bucket = r->bucket;
    l->list.prefix = upload_parts_prefix(r->region, l->id);
    l->list.after = upload_name_part(r->region, l->id, MIN(l->marker, 99999));
    l->list.max_items = MAX(l->max_parts, 1);
    l->list.meta_max = PART_META_BYTES_MAX;
    l->list.region = r->region;
    if (!l->list.prefix.at || !l->list.after.at) {
        s3_finish_err(r, ERR_BUSY);
        return;
    }
    s3_wait(r, "ListParts.listing");
    engine_list(r->service->engine, &l->list);
}

/* Woken by the engine. */
static void list_parts_advance(struct op *op)
{
    struct list_parts *l = container_of(op, struct list_parts, lookup.op);
    struct s3_request *r = l->request;

    if (op->err) {
        s3_finish_err(r, op->err == ERR_NOT_FOUND ? ERR_NO_UPLOAD : op->err);
        return;
    }
    const struct view meta = l->lookup.object->info.meta;
    meta_checksum_kind(meta, &l->kind, &l->type);
    l->owner = region_copy(r->region, list_owner(r, meta));
    l->initiator = region_copy(r->region, list_initiator(r, meta));
    enum s3_code code = upload_check_caller(r, meta);
    engine_release(l->lookup.object);
    if (code)
        s3_finish_error(r, code, NULL);
    else if (l->owner.at && l->initiator.at)
        list(l);
    else
        s3_finish_err(r, ERR_BUSY);
}

void list_parts_start(struct s3_request *r)
{
    struct list_parts *l = region_take_zero(r->region, sizeof *l);
    unsigned max = LIST_PAGE_MAX;

    if (!l) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    l->request = r;
    if (list_take_count(r, "max-parts", 0, &max) ||
        list_take_count(r, "part-number-marker", 0, &l->marker)) {
        s3_finish_error(r, S3_InvalidArgument, "max-parts and part-number-marker are numbers");
        return;
    }
    l->max_parts = MIN(max, LIST_PAGE_MAX);
    enum err e = upload_entry(r, &l->lookup.key, &l->id);
    if (e) {
        s3_finish_err(r, e);
        return;
    }
    op_init(&l->lookup.op, list_parts_advance);
    s3_wait(r, "ListParts.looking-up");
    engine_lookup(r->service->engine, &l->lookup);
}
