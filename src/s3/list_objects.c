/*
 * ListObjects and ListObjectsV2: two texts of one page.
 *
 *   LISTING --engine--> answer
 *
 * max-keys=0 is answered without asking for items, but the bucket must exist: one item is asked for
 * and left out.
 */
#include "s3/list.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/xml.h"

enum list_form { LIST_V1, LIST_V2 };
enum { ITEM_XML_BYTES = 640 };

struct list_objects {
    struct s3_request *request;
    enum list_form form;
    unsigned max_keys;
    bool is_url, wants_owner;
    struct view marker; /* as sent: marker, start-after */
    struct view token;
    struct engine_list list;
};

static struct view last_name(const struct list_objects *o)
{
    return o->list.items[o->list.count - 1].name;
}

static bool is_truncated(const struct list_objects *o)
{
    return o->max_keys > 0 && o->list.is_truncated;
}

static void put_echo(struct buf *x, const char *element, struct view v, bool is_url)
{
    list_put_name(x, element, v, is_url);
}

static void put_head_v1(struct buf *x, const struct list_objects *o)
{
    put_echo(x, "Marker", o->marker, o->is_url);
    /* AWS names the next marker only with a delimiter; clients take the last key otherwise. */
    if (is_truncated(o) && o->list.delimiter.len)
        put_echo(x, "NextMarker", last_name(o), o->is_url);
}

static void put_head_v2(struct buf *x, const struct list_objects *o)
{
    xml_u64(x, "KeyCount", o->max_keys ? o->list.count : 0);
    if (o->token.at)
        xml_text(x, "ContinuationToken", o->token);
    if (o->marker.at)
        put_echo(x, "StartAfter", o->marker, o->is_url);
    if (is_truncated(o))
        list_put_token(x, "NextContinuationToken", last_name(o));
}

static bool has_control(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < 0x20 && v.at[i] != '\t' && v.at[i] != '\n' && v.at[i] != '\r')
            return true;
    return false;
}

/* botocore decodes what v1 tells but for the prefix: it is encoded only where XML could not have
 * it. */
static void put_prefix(struct buf *x, const struct list_objects *o)
{
    bool is_url = o->is_url && (o->form == LIST_V2 || has_control(o->list.prefix));

    put_echo(x, "Prefix", o->list.prefix, is_url);
}

static void put_head(struct buf *x, const struct list_objects *o)
{
    xml_text(x, "Name", o->request->bucket);
    put_prefix(x, o);
    if (o->list.delimiter.len)
        put_echo(x, "Delimiter", o->list.delimiter, o->is_url);
    xml_u64(x, "MaxKeys", o->max_keys);
    if (o->is_url)
        xml_text(x, "EncodingType", VIEW("url"));
    xml_bool(x, "IsTruncated", is_truncated(o));
    if (o->form == LIST_V1)
        put_head_v1(x, o);
    else
        put_head_v2(x, o);
}

static void put_entry(struct buf *x, const struct list_objects *o, const struct engine_item *item)
{
    xml_open(x, "Contents");
    list_put_name(x, "Key", item->name, o->is_url);
    xml_date(x, "LastModified", item->info.mtime_ms);
    xml_etag(x, item->info.etag);
    xml_u64(x, "Size", item->info.size);
    xml_text(x, "StorageClass", VIEW("STANDARD"));
    if (o->wants_owner)
        list_put_person(x, o->request, "Owner", list_owner(o->request, item->info.meta));
    xml_close(x, "Contents");
}

static void put_items(struct buf *x, const struct list_objects *o)
{
    unsigned count = o->max_keys ? o->list.count : 0;

    for (unsigned i = 0; i < count; i++)
        if (!o->list.items[i].is_prefix)
            put_entry(x, o, &o->list.items[i]);
    list_put_prefixes(x, o->list.items, count, o->is_url);
}

static size_t bytes_max(const struct list_objects *o)
{
    size_t sum = 4096 + 8 * list_name_bytes(o->list.prefix) + list_name_bytes(o->list.delimiter) +
                 4 * list_name_bytes(o->marker) + list_name_bytes(o->token);

    for (unsigned i = 0; i < o->list.count; i++) {
        const struct engine_item *item = &o->list.items[i];

        sum += ITEM_XML_BYTES + list_name_bytes(item->name);
        if (o->wants_owner && !item->is_prefix)
            sum += list_person_bytes(o->request, list_owner(o->request, item->info.meta));
    }
    if (o->list.count)
        sum += 2 * list_name_bytes(last_name(o));
    return sum;
}

static void answer(struct list_objects *o)
{
    struct s3_request *r = o->request;
    size_t cap = bytes_max(o);
    struct buf x = buf_over(region_take(r->region, cap), cap);

    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "ListBucketResult");
    put_head(&x, o);
    put_items(&x, o);
    xml_close(&x, "ListBucketResult");
    list_finish(r, &x);
}

/* Woken by the engine. */
static void list_objects_advance(struct op *op)
{
    struct list_objects *o = container_of(op, struct list_objects, list.op);

    if (op->err)
        s3_finish_err(o->request, op->err);
    else
        answer(o);
}

static enum s3_code read_marker(struct list_objects *o)
{
    static const char *const names[] = {"marker", "start-after"};
    struct s3_request *r = o->request;

    o->marker = s3_param(r, names[o->form]);
    o->list.after = o->marker;
    if (o->form != LIST_V2)
        return S3_None;
    o->token = s3_param(r, "continuation-token");
    if (o->token.len == 0) /* absent, or empty, which is said back */
        return S3_None;
    return list_take_token(r, o->token, &o->list.after);
}

static enum s3_code read_params(struct list_objects *o, const char **detail_out)
{
    struct s3_request *r = o->request;
    struct view fetch_owner = s3_param(r, "fetch-owner");
    unsigned max = LIST_PAGE_MAX;

    *detail_out = "max-keys is a number from 0 to 2147483647";
    enum s3_code code = list_take_count(r, "max-keys", 0, &max);
    if (code)
        return code;
    *detail_out = "encoding-type can only be url";
    code = list_take_encoding(r, &o->is_url);
    if (code)
        return code;
    *detail_out = "the continuation token is not one of ours";
    code = read_marker(o);
    if (code)
        return code;
    *detail_out = "list-type can only be 2";
    if (o->form == LIST_V2 && !view_is(s3_param(r, "list-type"), "2"))
        return S3_InvalidArgument;
    o->max_keys = MIN(max, LIST_PAGE_MAX);
    o->wants_owner = o->form != LIST_V2 || (fetch_owner.at && view_is(fetch_owner, "true"));
    o->list.prefix = s3_param(r, "prefix");
    o->list.delimiter = s3_param(r, "delimiter");
    return S3_None;
}

static void start(struct s3_request *r, enum list_form form)
{
    struct list_objects *o = region_take_zero(r->region, sizeof *o);
    const char *detail = NULL;

    if (!o) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    o->request = r;
    o->form = form;
    enum s3_code code = read_params(o, &detail);
    if (code) {
        s3_finish_error(r, code, code == S3_InvalidArgument ? detail : NULL);
        return;
    }
    op_init(&o->list.op, list_objects_advance);
    o->list.space = SPACE_OBJECT;
    o->list.bucket = r->bucket;
    o->list.max_items = MAX(o->max_keys, 1);
    o->list.region = r->region;
    o->list.meta_max = o->wants_owner ? list_meta_bytes(r) : 0;
    s3_wait(r, "ListObjects.listing");
    engine_list(r->service->engine, &o->list);
}

void list_objects_start(struct s3_request *r)
{
    start(r, LIST_V1);
}

void list_objects_v2_start(struct s3_request *r)
{
    start(r, LIST_V2);
}
