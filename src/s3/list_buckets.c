/*
 * ListBuckets: those of the caller's account; root sees all.
 *
 *   LISTING --engine--> LISTING (the next page, as long as the answer's is not full) ... -> answer
 *
 * One page holds max-buckets, 10,000 at most; the token is the last name. Buckets of others and of
 * other regions are left out here, so an answer may take more than one page of the engine.
 */
#include "s3/bucket_meta.h"
#include "s3/list.h"
#include "s3/ops.h"
#include "s3/xml.h"

enum { BUCKETS_MAX = 10000, ENGINE_PAGE = 1000, BUCKET_XML_BYTES = 192 };

struct bucket_item {
    struct bucket_item *next;
    struct view name, region;
    int64_t created_ms;
};

struct list_buckets {
    struct s3_request *request;
    struct engine_list list;
    struct region page; /* of the engine's page */
    struct view region; /* only these; at == NULL: all */
    struct view prefix, after;
    unsigned max;
    bool is_truncated;
    struct bucket_item *first, *last;
    unsigned count;
};

/* --- the answer ----------------------------------------------------------------------------- */

static void put_bucket(struct buf *x, const struct bucket_item *item)
{
    xml_open(x, "Bucket");
    xml_text(x, "Name", item->name);
    xml_date(x, "CreationDate", item->created_ms);
    xml_text(x, "BucketRegion", item->region);
    xml_close(x, "Bucket");
}

static void answer(struct list_buckets *b)
{
    struct s3_request *r = b->request;
    size_t cap = 2048 + list_name_bytes(b->prefix) + list_person_bytes(r, r->user->id);

    for (const struct bucket_item *i = b->first; i; i = i->next)
        cap += BUCKET_XML_BYTES + i->name.len + i->region.len;
    struct buf x = buf_over(region_take(r->region, cap), cap);
    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "ListAllMyBucketsResult");
    list_put_person(&x, r, "Owner", r->user->id);
    xml_open(&x, "Buckets");
    for (const struct bucket_item *i = b->first; i; i = i->next)
        put_bucket(&x, i);
    xml_close(&x, "Buckets");
    if (b->prefix.len)
        xml_text(&x, "Prefix", b->prefix);
    if (b->is_truncated)
        xml_text(&x, "ContinuationToken", b->last->name);
    xml_close(&x, "ListAllMyBucketsResult");
    list_finish(r, &x);
}

/* --- collecting ----------------------------------------------------------------------------- */

static enum err append(struct list_buckets *b, const struct engine_item *item, struct view location)
{
    struct region *R = b->request->region;
    struct bucket_item *to = region_take(R, sizeof *to);

    if (!to)
        return ERR_BUSY;
    *to = (struct bucket_item){
        .name = region_copy(R, item->name),
        .region = region_copy(R, location),
        .created_ms = item->info.mtime_ms};
    if (!to->name.at || !to->region.at)
        return ERR_BUSY;
    if (b->last)
        b->last->next = to;
    else
        b->first = to;
    b->last = to;
    b->count++;
    return ERR_OK;
}

static enum err add(struct list_buckets *b, const struct engine_item *item)
{
    struct s3_request *r = b->request;
    struct view location, owner;

    bucket_meta_listing(item->info.meta, &location, &owner);
    if (!owner.len)
        owner = r->service->owner_id;
    if (!location.len)
        location = r->service->region;
    if (!r->user->is_root && !view_eq(owner, r->user->id))
        return ERR_OK;
    if (b->region.len && !view_eq(location, b->region))
        return ERR_OK;
    b->is_truncated = b->count == b->max;
    if (b->is_truncated)
        return ERR_OK;
    return append(b, item, location);
}

static enum err collect(struct list_buckets *b)
{
    struct engine_list *l = &b->list;

    for (unsigned i = 0; i < l->count && !b->is_truncated; i++)
        TRY(add(b, &l->items[i]));
    if (!l->is_truncated || b->is_truncated)
        return ERR_OK;
    b->after = region_copy(b->request->region, l->items[l->count - 1].name);
    return b->after.at ? ERR_OK : ERR_BUSY;
}

static void list_next(struct list_buckets *b);

/* Woken by the engine, once per page of its own. */
static void list_buckets_advance(struct op *op)
{
    struct list_buckets *b = container_of(op, struct list_buckets, list.op);
    enum err e = op->err ? op->err : collect(b);
    bool has_more = b->list.is_truncated && !b->is_truncated;

    region_done(&b->page);
    if (e)
        s3_finish_err(b->request, e);
    else if (has_more)
        list_next(b);
    else
        answer(b);
}

static void list_next(struct list_buckets *b)
{
    struct s3_request *r = b->request;

    region_init(&b->page, r->region->pool);
    op_init(&b->list.op, list_buckets_advance);
    b->list.space = SPACE_BUCKET;
    b->list.meta_max = BUCKET_META_LISTING_BYTES;
    b->list.prefix = b->prefix;
    b->list.after = b->after;
    /* One more than fits says whether there is one more. */
    b->list.max_items = MIN(b->max - b->count + 1, ENGINE_PAGE);
    b->list.region = &b->page;
    s3_wait(r, "ListBuckets.listing");
    engine_list(r->service->engine, &b->list);
}

void list_buckets_start(struct s3_request *r)
{
    struct list_buckets *b = region_take_zero(r->region, sizeof *b);
    unsigned max = BUCKETS_MAX;

    if (!b) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    if (list_take_count(r, "max-buckets", BUCKETS_MAX, &max) || max == 0) {
        s3_finish_error(r, S3_InvalidArgument, "max-buckets is a number from 1 to 10000");
        return;
    }
    b->request = r;
    b->max = max;
    b->region = s3_param(r, "bucket-region");
    b->prefix = s3_param(r, "prefix");
    b->after = s3_param(r, "continuation-token");
    list_next(b);
}
