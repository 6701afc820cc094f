/*
 * ListObjectVersions: every version and delete marker, by key and from the newest to the oldest.
 *
 *   [version-id-marker=null] LOOKING_UP (where it stands) -> LISTING --engine--> answer
 *
 * A page may end inside a key. NextVersionIdMarker is then the id of a place, for a null version,
 * too: should that be replaced before the next page, its place is still known. max-keys=0 is
 * answered without items, but the bucket must exist: one is asked for and left out.
 */
#include "s3/list.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/route.h"
#include "s3/version.h"
#include "s3/xml.h"

enum { ITEM_XML_BYTES = 768, HEAD_XML_BYTES = 4096 };

struct list_versions {
    struct s3_request *request;
    unsigned max_keys;
    bool is_url;
    struct view key_marker, id_marker; /* as sent */
    struct engine_lookup lookup;
    struct engine_list list;
};

/* --- the answer --------------------------------------------------------------------------- */

static bool is_truncated(const struct list_versions *o)
{
    return o->max_keys > 0 && o->list.is_truncated;
}

static const struct engine_item *last_item(const struct list_versions *o)
{
    return &o->list.items[o->list.count - 1];
}

static void put_next(struct buf *x, const struct list_versions *o)
{
    const struct engine_item *last = last_item(o);
    char id[VERSION_TEXT_BYTES];

    list_put_name(x, "NextKeyMarker", last->name, o->is_url);
    if (last->is_prefix)
        return;
    version_text(last->info.seq, ENGINE_VERSION_NAMED, id);
    xml_text(x, "NextVersionIdMarker", view_str(id));
}

static void put_head(struct buf *x, const struct list_versions *o)
{
    xml_text(x, "Name", o->request->bucket);
    list_put_name(x, "Prefix", o->list.prefix, o->is_url);
    if (o->list.delimiter.len)
        list_put_name(x, "Delimiter", o->list.delimiter, o->is_url);
    list_put_name(x, "KeyMarker", o->key_marker, o->is_url);
    xml_text(x, "VersionIdMarker", o->id_marker);
    xml_u64(x, "MaxKeys", o->max_keys);
    if (o->is_url)
        xml_text(x, "EncodingType", VIEW("url"));
    xml_bool(x, "IsTruncated", is_truncated(o));
    if (is_truncated(o))
        put_next(x, o);
}

/* Of an object about which no checksum is known, the engine's own counts (meta.h). */
static void put_checksum(struct buf *x, struct view meta)
{
    enum checksum_kind kind;
    enum checksum_type type;
    struct view owner;

    meta_listing(meta, &kind, &type, &owner);
    xml_text(
        x, "ChecksumAlgorithm",
        view_str(checksum_name(kind == CHECKSUM_NONE ? CHECKSUM_CRC64NVME : kind)));
    xml_text(
        x, "ChecksumType", type == CHECKSUM_COMPOSITE ? VIEW("COMPOSITE") : VIEW("FULL_OBJECT"));
}

static void put_entry(struct buf *x, const struct list_versions *o, const struct engine_item *item)
{
    bool is_marker = item->info.flags & ENGINE_MARKER;
    const char *element = is_marker ? "DeleteMarker" : "Version";
    char id[VERSION_TEXT_BYTES];

    version_text(item->info.seq, item->info.flags, id);
    xml_open(x, element);
    list_put_name(x, "Key", item->name, o->is_url);
    xml_text(x, "VersionId", view_str(id));
    xml_bool(x, "IsLatest", item->is_latest);
    xml_date(x, "LastModified", item->info.mtime_ms);
    if (!is_marker) {
        xml_etag(x, item->info.etag);
        put_checksum(x, item->info.meta);
        xml_u64(x, "Size", item->info.size);
        xml_text(x, "StorageClass", VIEW("STANDARD"));
    }
    list_put_person(x, o->request, "Owner", list_owner(o->request, item->info.meta));
    xml_close(x, element);
}

static void put_items(struct buf *x, const struct list_versions *o)
{
    unsigned count = o->max_keys ? o->list.count : 0;

    for (unsigned i = 0; i < count; i++)
        if (!o->list.items[i].is_prefix)
            put_entry(x, o, &o->list.items[i]);
    list_put_prefixes(x, o->list.items, count, o->is_url);
}

static size_t bytes_max(const struct list_versions *o)
{
    size_t sum = HEAD_XML_BYTES + list_name_bytes(o->list.prefix) +
                 list_name_bytes(o->list.delimiter) + list_name_bytes(o->key_marker) +
                 list_name_bytes(o->id_marker);

    for (unsigned i = 0; i < o->list.count; i++) {
        const struct engine_item *item = &o->list.items[i];

        sum += ITEM_XML_BYTES + list_name_bytes(item->name);
        if (!item->is_prefix)
            sum += list_person_bytes(o->request, list_owner(o->request, item->info.meta));
    }
    return o->list.count ? sum + list_name_bytes(last_item(o)->name) : sum;
}

/* Woken by the engine. */
static void on_listed(struct op *op)
{
    struct list_versions *o = container_of(op, struct list_versions, list.op);
    struct s3_request *r = o->request;

    if (op->err) {
        s3_finish_err(r, op->err);
        return;
    }
    size_t cap = bytes_max(o);
    struct buf x = buf_over(region_take(r->region, cap), cap);
    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "ListVersionsResult");
    put_head(&x, o);
    put_items(&x, o);
    xml_close(&x, "ListVersionsResult");
    list_finish(r, &x);
}

/* --- steps -------------------------------------------------------------------------------- */

static void list(struct list_versions *o)
{
    struct s3_request *r = o->request;

    op_init(&o->list.op, on_listed);
    o->list.space = SPACE_OBJECT;
    o->list.bucket = r->bucket;
    o->list.with_versions = true;
    o->list.after = o->key_marker;
    o->list.max_items = MAX(o->max_keys, 1);
    o->list.region = r->region;
    o->list.meta_max = META_LISTING_BYTES;
    s3_wait(r, "ListObjectVersions.listing");
    engine_list(r->service->engine, &o->list);
}

/* Woken by the engine. Where it stood when there is none any more nobody knows: behind the key. */
static void on_looked_up(struct op *op)
{
    struct list_versions *o = container_of(op, struct list_versions, lookup.op);

    if (op->err && op->err != ERR_NOT_FOUND) {
        s3_finish_err(o->request, op->err);
        return;
    }
    if (!op->err) {
        o->list.after_seq = o->lookup.object->info.seq;
        engine_release(o->lookup.object);
    }
    list(o);
}

static void look_up_null(struct list_versions *o)
{
    struct s3_request *r = o->request;

    op_init(&o->lookup.op, on_looked_up);
    o->lookup.key = (struct engine_key){SPACE_OBJECT, r->bucket, o->key_marker};
    o->lookup.version.kind = VERSION_NULL;
    s3_wait(r, "ListObjectVersions.looking-up");
    engine_lookup(r->service->engine, &o->lookup);
}

/* --- the request -------------------------------------------------------------------------- */

static enum s3_code
read_markers(struct list_versions *o, struct engine_version *after_out, const char **detail_out)
{
    struct s3_request *r = o->request;
    struct view id = s3_param(r, "version-id-marker");

    o->key_marker = s3_param(r, "key-marker");
    o->id_marker = id;
    *after_out = (struct engine_version){.kind = VERSION_LATEST};
    if (id.len == 0)
        return S3_None;
    *detail_out = "A version-id marker cannot be specified without a key marker.";
    if (o->key_marker.len == 0)
        return S3_InvalidArgument;
    *detail_out = "Invalid version id specified";
    return version_read(id, after_out);
}

static enum s3_code
read_params(struct list_versions *o, struct engine_version *after_out, const char **detail_out)
{
    struct s3_request *r = o->request;
    unsigned max = LIST_PAGE_MAX;

    *detail_out = "max-keys is a number from 0 to 2147483647";
    enum s3_code code = list_take_count(r, "max-keys", 0, &max);
    if (code)
        return code;
    *detail_out = "encoding-type can only be url";
    code = list_take_encoding(r, &o->is_url);
    if (code)
        return code;
    o->max_keys = MIN(max, LIST_PAGE_MAX);
    o->list.prefix = s3_param(r, "prefix");
    o->list.delimiter = s3_param(r, "delimiter");
    return read_markers(o, after_out, detail_out);
}

void list_object_versions_start(struct s3_request *r)
{
    struct list_versions *o = region_take_zero(r->region, sizeof *o);
    struct engine_version after;
    const char *detail = NULL;

    if (!o) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    o->request = r;
    enum s3_code code = read_params(o, &after, &detail);
    if (code) {
        s3_finish_error(r, code, code == S3_InvalidArgument ? detail : NULL);
        return;
    }
    o->list.after_seq = after.seq;
    /* A marker may be longer than a key can be. */
    if (after.kind == VERSION_NULL && o->key_marker.len <= ROUTE_KEY_BYTES_MAX)
        look_up_null(o);
    else
        list(o);
}
