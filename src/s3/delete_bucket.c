/*
 * DeleteBucket: the engine refuses it while objects are left; uploads under way go with it.
 *
 *   REMOVING --engine--> answer
 */
#include "s3/bucket.h"
#include "s3/ops.h"

struct delete_bucket {
    struct s3_request *request;
    struct engine_remove remove;
};

/* Woken by the engine. */
static void delete_bucket_advance(struct op *op)
{
    struct delete_bucket *d = container_of(op, struct delete_bucket, remove.op);

    bucket_changed(d->request->service, d->request->bucket);
    if (op->err) {
        s3_finish_err(d->request, op->err == ERR_NOT_FOUND ? ERR_NO_BUCKET : op->err);
        return;
    }
    s3_reply(d->request, 204);
    s3_finish_empty(d->request);
}

void delete_bucket_start(struct s3_request *r)
{
    struct delete_bucket *d = region_take_zero(r->region, sizeof *d);

    if (!d) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    d->request = r;
    op_init(&d->remove.op, delete_bucket_advance);
    d->remove.key = (struct engine_key){.space = SPACE_BUCKET, .bucket = r->bucket};
    s3_wait(r, "DeleteBucket.removing");
    engine_remove(r->service->engine, &d->remove);
}
