/* HeadBucket and GetBucketLocation: the door has found the bucket; they say where it is. */
#include "s3/bucket.h"
#include "s3/ops.h"
#include "s3/xml.h"

void head_bucket_start(struct s3_request *r)
{
    struct view location = r->conf->meta.location;

    s3_reply(r, 200);
    http_reply_header(r->http, "x-amz-bucket-region", location.len ? location : r->service->region);
    s3_finish_empty(r);
}

/* us-east-1 is told as an empty element. */
void get_bucket_location_start(struct s3_request *r)
{
    struct view location = r->conf->meta.location;
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
