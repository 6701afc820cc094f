/*
 * ListBuckets.
 *
 *   LISTING --engine--> answer
 *
 * One page holds max-buckets (10,000 at most on AWS, 1,000 here); the token is the last name. A
 * page may be short, even empty, when buckets of another region were left out of it.
 */
#include "s3/bucket_meta.h"
#include "s3/list.h"
#include "s3/ops.h"
#include "s3/xml.h"

enum { BUCKETS_PAGE_MAX = 1000, BUCKET_XML_BYTES = 448, BUCKET_META_BYTES_MAX = 128 };

struct list_buckets {
    struct s3_request *request;
    struct engine_list list;
    struct view region; /* only these; at == NULL: all */
};

static struct view region_of(const struct list_buckets *b, const struct engine_item *item)
{
    struct bucket_meta meta;

    if (bucket_meta_decode(item->info.meta, &meta) || meta.location.len == 0)
        return b->request->service->region;
    return meta.location;
}

static void put_bucket(struct buf *x, const struct list_buckets *b, const struct engine_item *item)
{
    struct view region = region_of(b, item);

    if (b->region.len && !view_eq(region, b->region))
        return;
    xml_open(x, "Bucket");
    xml_text(x, "Name", item->name);
    xml_date(x, "CreationDate", item->info.mtime_ms);
    xml_text(x, "BucketRegion", region);
    xml_close(x, "Bucket");
}

static void answer(struct list_buckets *b)
{
    struct s3_request *r = b->request;
    size_t cap = 2048 + (size_t)b->list.count * BUCKET_XML_BYTES + list_name_bytes(b->list.prefix) +
                 list_person_bytes(r, r->user->id);
    struct buf x = buf_over(region_take(r->region, cap), cap);

    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "ListAllMyBucketsResult");
    list_put_person(&x, r, "Owner", r->user->id);
    xml_open(&x, "Buckets");
    for (unsigned i = 0; i < b->list.count; i++)
        put_bucket(&x, b, &b->list.items[i]);
    xml_close(&x, "Buckets");
    if (b->list.prefix.len)
        xml_text(&x, "Prefix", b->list.prefix);
    if (b->list.is_truncated)
        xml_text(&x, "ContinuationToken", b->list.items[b->list.count - 1].name);
    xml_close(&x, "ListAllMyBucketsResult");
    list_finish(r, &x);
}

/* Woken by the engine. */
static void list_buckets_advance(struct op *op)
{
    struct list_buckets *b = container_of(op, struct list_buckets, list.op);

    if (op->err)
        s3_finish_err(b->request, op->err);
    else
        answer(b);
}

void list_buckets_start(struct s3_request *r)
{
    struct list_buckets *b = region_take_zero(r->region, sizeof *b);
    unsigned max = BUCKETS_PAGE_MAX;

    if (!b) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    if (list_take_count(r, "max-buckets", 10000, &max) || max == 0) {
        s3_finish_error(r, S3_InvalidArgument, "max-buckets is a number from 1 to 10000");
        return;
    }
    b->request = r;
    op_init(&b->list.op, list_buckets_advance);
    b->list.space = SPACE_BUCKET;
    b->region = s3_param(r, "bucket-region");
    b->list.meta_max = BUCKET_META_BYTES_MAX;
    b->list.prefix = s3_param(r, "prefix");
    b->list.after = s3_param(r, "continuation-token");
    b->list.max_items = MIN(max, BUCKETS_PAGE_MAX);
    b->list.region = r->region;
    s3_wait(r, "ListBuckets.listing");
    engine_list(r->service->engine, &b->list);
}
