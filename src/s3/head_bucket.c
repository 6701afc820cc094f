/*
 * HeadBucket and GetBucketLocation: look the bucket up, say where it is.
 *
 *   LOOKING_UP --engine--> answer
 */
#include "s3/bucket_meta.h"
#include "s3/ops.h"
#include "s3/xml.h"

struct head_bucket {
    struct s3_request *request;
    bool is_location;
    struct engine_lookup lookup;
};

static void answer_head(struct s3_request *r, struct view location)
{
    s3_reply(r, 200);
    http_reply_header(r->http, "x-amz-bucket-region", location.len ? location : r->service->region);
    s3_finish_empty(r);
}

/* us-east-1 is told as an empty element. */
static void answer_location(struct s3_request *r, struct view location)
{
    uint8_t *at = region_take(r->region, 512);
    struct buf x = buf_over(at, 512);

    if (!at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "LocationConstraint");
    if (!view_is(location, "us-east-1"))
        buf_put(&x, location);
    xml_close(&x, "LocationConstraint");
    s3_finish_xml(r, 200, buf_view(&x));
}

/* Woken by the engine. */
static void head_bucket_advance(struct op *op)
{
    struct head_bucket *h = container_of(op, struct head_bucket, lookup.op);
    struct s3_request *r = h->request;
    struct bucket_meta meta = {0};
    enum err e = op->err;

    if (!e)
        e = bucket_meta_decode(h->lookup.object->info.meta, &meta);
    struct view copy = e ? VIEW_EMPTY : region_copy(r->region, meta.location);
    engine_release(h->lookup.object);
    if (!e && !copy.at)
        e = ERR_BUSY;
    if (e)
        s3_finish_err(r, e == ERR_NOT_FOUND ? ERR_NO_BUCKET : e);
    else if (h->is_location)
        answer_location(r, copy);
    else
        answer_head(r, copy);
}

static void start(struct s3_request *r, bool is_location)
{
    struct head_bucket *h = region_take_zero(r->region, sizeof *h);

    if (!h) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    h->request = r;
    h->is_location = is_location;
    op_init(&h->lookup.op, head_bucket_advance);
    h->lookup.key = (struct engine_key){.space = SPACE_BUCKET, .bucket = r->bucket};
    s3_wait(r, "HeadBucket.looking-up");
    engine_lookup(r->service->engine, &h->lookup);
}

void head_bucket_start(struct s3_request *r)
{
    start(r, false);
}

void get_bucket_location_start(struct s3_request *r)
{
    start(r, true);
}
