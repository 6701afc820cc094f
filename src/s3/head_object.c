/*
 * HeadObject: the head GetObject would send. A token is ignored.
 *
 *   looking up -> the answer
 */
#include "s3/object_reply.h"
#include "s3/ops.h"

struct head_object {
    struct engine_lookup lookup;
    struct object_reply reply;
};

/* Woken by the engine. The head holds copies: the object can go before it is sent. */
static void on_looked_up(struct op *op)
{
    struct head_object *h = container_of(op, struct head_object, lookup.op);
    struct s3_request *r = h->reply.request;
    enum s3_code code;

    if (op->err) {
        s3_finish_err(r, op->err);
        return;
    }
    code = object_reply_decide(&h->reply, &h->lookup.object->info);
    if (code == S3_NotModified) {
        object_reply_not_modified(&h->reply);
    } else if (!code) {
        object_reply_head(&h->reply);
        http_reply_length(r->http, h->reply.range.len);
    }
    engine_release(h->lookup.object);
    if (code && code != S3_NotModified)
        s3_finish_error(r, code, NULL);
    else
        s3_finish_head(r);
}

void head_object_start(struct s3_request *r)
{
    struct head_object *h = region_take_zero(r->region, sizeof *h);
    const char *detail;
    enum s3_code code;

    if (!h) {
        s3_finish_err(r, ERR_BUSY);
        return;
    }
    h->reply.request = r;
    code = object_reply_read(&h->reply, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    h->lookup.key = (struct engine_key){SPACE_OBJECT, r->bucket, r->key};
    s3_wait(r, "HeadObject.looking_up");
    op_init(&h->lookup.op, on_looked_up);
    engine_lookup(r->service->engine, &h->lookup);
}
