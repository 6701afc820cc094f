/*
 * ListMultipartUploads.
 *
 *   LISTING --engine--> answer
 *
 * Entries are named key, NUL, upload id, so they come in the order of keys. Common prefixes are
 * made here and not by the engine, because a delimiter must not be found in an id; a page may
 * therefore hold fewer entries than asked for and still be followed by another, as S3 allows.
 */
#include "s3/list.h"
#include "s3/ops.h"
#include "s3/upload.h"
#include "s3/xml.h"

enum { UPLOAD_XML_BYTES = 1024 };

struct upload_item {
    struct view key, id; /* a common prefix has no id */
    int64_t mtime_ms;
};

struct list_uploads {
    struct s3_request *request;
    struct engine_list list;
    struct view prefix, delimiter, key_marker, id_marker;
    unsigned max_uploads;
    bool is_url, is_truncated;
    struct upload_item items[LIST_PAGE_MAX];
    unsigned count;
};

/* The group `key` is rolled up into; empty when it stands for itself. */
static struct view group_of(const struct list_uploads *l, struct view key)
{
    struct view rest = view_from(key, l->prefix.len);
    size_t at = l->delimiter.len ? view_find(rest, l->delimiter) : SIZE_MAX;

    if (at == SIZE_MAX)
        return VIEW_EMPTY;
    return view_upto(key, l->prefix.len + at + l->delimiter.len);
}

static bool is_seen(const struct list_uploads *l, struct view group)
{
    if (l->count && !l->items[l->count - 1].id.at && view_eq(l->items[l->count - 1].key, group))
        return true;
    return l->key_marker.len && view_compare(group, l->key_marker) <= 0;
}

/* Rolls the engine's page up; stops when the answer's page is full. */
static void collect(struct list_uploads *l)
{
    for (unsigned i = 0; i < l->list.count; i++) {
        struct view key, id, group;
        if (!upload_split(l->list.items[i].name, &key, &id))
            continue;
        group = group_of(l, key);
        if (group.len && is_seen(l, group))
            continue;
        if (l->count == l->max_uploads) {
            l->is_truncated = true;
            return;
        }
        l->items[l->count++] = (struct upload_item){
            .key = group.len ? group : key,
            .id = group.len ? VIEW_EMPTY : id,
            .mtime_ms = l->list.items[i].info.mtime_ms,
        };
    }
    l->is_truncated = l->list.is_truncated && l->max_uploads > 0;
}

static void put_upload(struct buf *x, const struct list_uploads *l, const struct upload_item *u)
{
    xml_open(x, "Upload");
    list_put_name(x, "Key", u->key, l->is_url);
    xml_text(x, "UploadId", u->id);
    list_put_owner(x, l->request->service, "Initiator");
    list_put_owner(x, l->request->service, "Owner");
    xml_text(x, "StorageClass", VIEW("STANDARD"));
    xml_date(x, "Initiated", u->mtime_ms);
    xml_close(x, "Upload");
}

static void put_head(struct buf *x, const struct list_uploads *l)
{
    xml_text(x, "Bucket", l->request->bucket);
    list_put_name(x, "KeyMarker", l->key_marker, l->is_url);
    xml_text(x, "UploadIdMarker", l->id_marker);
    if (l->is_truncated && l->count) {
        const struct upload_item *last = &l->items[l->count - 1];
        list_put_name(x, "NextKeyMarker", last->key, l->is_url);
        xml_text(x, "NextUploadIdMarker", last->id);
    }
    list_put_name(x, "Prefix", l->prefix, l->is_url);
    if (l->delimiter.len)
        list_put_name(x, "Delimiter", l->delimiter, l->is_url);
    if (l->is_url)
        xml_text(x, "EncodingType", VIEW("url"));
    xml_u64(x, "MaxUploads", l->max_uploads);
    xml_bool(x, "IsTruncated", l->is_truncated);
}

static void put_items(struct buf *x, const struct list_uploads *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->items[i].id.at)
            put_upload(x, l, &l->items[i]);
    for (unsigned i = 0; i < l->count; i++) {
        if (l->items[i].id.at)
            continue;
        xml_open(x, "CommonPrefixes");
        list_put_name(x, "Prefix", l->items[i].key, l->is_url);
        xml_close(x, "CommonPrefixes");
    }
}

static void answer(struct list_uploads *l)
{
    struct s3_request *r = l->request;
    size_t cap = 4096 + 2 * list_name_bytes(l->prefix) + list_name_bytes(l->delimiter) +
                 list_name_bytes(l->key_marker) + list_name_bytes(l->id_marker) + 8192;

    collect(l);
    for (unsigned i = 0; i < l->count; i++)
        cap += UPLOAD_XML_BYTES + list_name_bytes(l->items[i].key);
    struct buf x = buf_over(region_take(r->region, cap), cap);
    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "ListMultipartUploadsResult");
    put_head(&x, l);
    put_items(&x, l);
    xml_close(&x, "ListMultipartUploadsResult");
    s3_finish_xml(r, 200, buf_view(&x));
}

/* Woken by the engine. */
static void list_uploads_advance(struct op *op)
{
    struct list_uploads *l = container_of(op, struct list_uploads, list.op);

    if (op->err)
        s3_finish_err(l->request, op->err);
    else
        answer(l);
}

/* Behind the marked upload; behind all uploads of the marked key when no id is given. */
static struct view after_marker(struct list_uploads *l)
{
    struct view id = l->id_marker.len ? l->id_marker : VIEW("\xff");

    if (l->key_marker.len == 0)
        return VIEW("");
    return upload_name(l->request->region, l->key_marker, id);
}

static enum s3_code read_params(struct list_uploads *l)
{
    struct s3_request *r = l->request;
    unsigned max = LIST_PAGE_MAX;
    enum s3_code code = list_take_count(r, "max-uploads", 0, &max);

    if (!code)
        code = list_take_encoding(r, &l->is_url);
    l->max_uploads = MIN(max, LIST_PAGE_MAX);
    l->prefix = s3_param(r, "prefix");
    l->delimiter = s3_param(r, "delimiter");
    l->key_marker = s3_param(r, "key-marker");
    l->id_marker = s3_param(r, "upload-id-marker");
    return code;
}

void list_uploads_start(struct s3_request *r)
{
    struct list_uploads *l = region_take_zero(r->region, sizeof *l);

    if (!l) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    l->request = r;
    enum s3_code code = read_params(l);
    l->list.after = code ? VIEW_EMPTY : after_marker(l);
    if (!code && !l->list.after.at)
        code = S3_SlowDown;
    if (code) {
        s3_finish_error(r, code, NULL);
        return;
    }
    op_init(&l->list.op, list_uploads_advance);
    l->list.space = SPACE_UPLOAD;
    l->list.bucket = r->bucket;
    l->list.prefix = l->prefix;
    l->list.max_items = LIST_PAGE_MAX;
    l->list.region = r->region;
    s3_wait(r, "ListMultipartUploads.listing");
    engine_list(r->service->engine, &l->list);
}
