/*
 * ListMultipartUploads.
 *
 *   LISTING --engine--> LISTING (the next page, as long as the answer's is not full) ... -> answer
 *
 * Entries are named key, NUL, upload id, so they come in the order of keys. Common prefixes are
 * made here and not by the engine, because a delimiter must not be found in an id. Behind a group
 * the engine is asked to go on after all of it: keys are UTF-8, so group and 0xff is that place.
 */
#include "s3/list.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/upload.h"
#include "s3/xml.h"

enum { UPLOAD_XML_BYTES = 1024, GROUPED_PAGE = 128 };

struct upload_item {
    struct view key, id, owner, initiator; /* a common prefix has a key only */
    int64_t mtime_ms;
};

struct list_uploads {
    struct s3_request *request;
    struct engine_list list;
    struct view prefix, delimiter, key_marker, id_marker;
    unsigned max_uploads;
    bool is_url, is_truncated;
    struct region page; /* of the engine's page */
    uint8_t after[ENGINE_NAME_BYTES_MAX + 1];
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

/* What the engine shall go on behind. */
static void set_after(struct list_uploads *l, struct view name, struct view group)
{
    struct buf b = buf_over(l->after, sizeof l->after);

    buf_put(&b, group.len ? group : name);
    if (group.len)
        buf_put_byte(&b, 0xff);
    l->list.after = buf_view(&b);
}

static bool is_last_item(const struct list_uploads *l, struct view group)
{
    if (l->count == 0)
        return false;
    const struct upload_item *last = &l->items[l->count - 1];
    return !last->id.at && view_eq(last->key, group);
}

static enum err add_group(struct list_uploads *l, struct view group)
{
    struct upload_item *item = &l->items[l->count];

    *item = (struct upload_item){.key = region_copy(l->request->region, group)};
    if (!item->key.at)
        return ERR_BUSY;
    l->count++;
    return ERR_OK;
}

static enum err
add(struct list_uploads *l, struct view key, struct view id, const struct engine_info *info)
{
    struct region *R = l->request->region;
    struct upload_item *item = &l->items[l->count];

    *item = (struct upload_item){
        .mtime_ms = info->mtime_ms,
        .key = region_copy(R, key),
        .id = region_copy(R, id),
        .owner = region_copy(R, list_owner(l->request, info->meta)),
        .initiator = region_copy(R, list_initiator(l->request, info->meta)),
    };
    if (!item->key.at || !item->id.at || !item->owner.at || !item->initiator.at)
        return ERR_BUSY;
    l->count++;
    return ERR_OK;
}

static enum err collect_one(struct list_uploads *l, const struct engine_item *item)
{
    struct view key, id, group;

    if (!upload_split(item->name, &key, &id) || !view_starts(key, l->prefix))
        return ERR_OK;
    group = group_of(l, key);
    set_after(l, item->name, group);
    if (group.len && is_last_item(l, group))
        return ERR_OK;
    if (l->count == l->max_uploads) {
        l->is_truncated = l->max_uploads > 0;
        return ERR_OK;
    }
    return group.len ? add_group(l, group) : add(l, key, id, &item->info);
}

/* Rolls the engine's page up; stops when the answer's page is full. */
static enum err collect(struct list_uploads *l)
{
    for (unsigned i = 0; i < l->list.count && !l->is_truncated; i++)
        TRY(collect_one(l, &l->list.items[i]));
    return ERR_OK;
}

static void put_upload(struct buf *x, const struct list_uploads *l, const struct upload_item *u)
{
    xml_open(x, "Upload");
    list_put_name(x, "Key", u->key, l->is_url);
    xml_text(x, "UploadId", u->id);
    list_put_person(x, l->request, "Initiator", u->initiator);
    list_put_person(x, l->request, "Owner", u->owner);
    xml_text(x, "StorageClass", VIEW("STANDARD"));
    xml_date(x, "Initiated", u->mtime_ms);
    xml_close(x, "Upload");
}

static void put_head(struct buf *x, const struct list_uploads *l)
{
    xml_text(x, "Bucket", l->request->bucket);
    list_put_name(x, "KeyMarker", l->key_marker, l->is_url);
    xml_text(x, "UploadIdMarker", l->id_marker);
    if (l->is_truncated) {
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

    for (unsigned i = 0; i < l->count; i++)
        cap += UPLOAD_XML_BYTES + list_name_bytes(l->items[i].key) +
               list_person_bytes(r, l->items[i].owner) +
               list_person_bytes(r, l->items[i].initiator);
    struct buf x = buf_over(region_take(r->region, cap), cap);
    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "ListMultipartUploadsResult");
    put_head(&x, l);
    put_items(&x, l);
    xml_close(&x, "ListMultipartUploadsResult");
    list_finish(r, &x);
}

static void list_next(struct list_uploads *l);

/* Woken by the engine, once per page of its own. */
static void list_uploads_advance(struct op *op)
{
    struct list_uploads *l = container_of(op, struct list_uploads, list.op);
    enum err e = op->err ? op->err : collect(l);
    bool has_more = l->list.is_truncated && !l->is_truncated && l->max_uploads > 0;

    region_done(&l->page);
    if (e)
        s3_finish_err(l->request, e);
    else if (has_more)
        list_next(l);
    else
        answer(l);
}

static void list_next(struct list_uploads *l)
{
    struct s3_request *r = l->request;

    region_init(&l->page, r->region->pool);
    op_init(&l->list.op, list_uploads_advance);
    l->list.space = SPACE_UPLOAD;
    l->list.bucket = r->bucket;
    l->list.prefix = l->prefix;
    /* One more than fits says whether there is one more. */
    l->list.max_items = l->delimiter.len ? GROUPED_PAGE : l->max_uploads - l->count + 1;
    l->list.region = &l->page;
    l->list.meta_max = META_UPLOAD_BYTES;
    s3_wait(r, "ListMultipartUploads.listing");
    engine_list(r->service->engine, &l->list);
}

/* --- the request -------------------------------------------------------------------------- */

/* Behind the group the marker is in; else behind the marked upload; behind all uploads of the
 * marked key when no id is given. */
static enum s3_code read_marker(struct list_uploads *l)
{
    struct view id = l->id_marker.len ? l->id_marker : VIEW("\xff");
    struct view group =
        view_starts(l->key_marker, l->prefix) ? group_of(l, l->key_marker) : VIEW_EMPTY;
    struct region *R = l->request->region;

    if (l->key_marker.len == 0)
        return S3_None;
    if (group.len > 0 && group.len < sizeof l->after)
        set_after(l, VIEW_EMPTY, group);
    else
        l->list.after = upload_name(R, l->key_marker, id);
    return l->list.after.at ? S3_None : S3_SlowDown;
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
    return code ? code : read_marker(l);
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
    if (code)
        s3_finish_error(r, code, NULL);
    else
        list_next(l);
}
