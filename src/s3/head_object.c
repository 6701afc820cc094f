/*
 * HeadObject: the head GetObject would send. A token is ignored.
 *
 *   finding (find.h) -> the answer
 */
#include "s3/find.h"
#include "s3/object_reply.h"
#include "s3/ops.h"

struct head_object {
    struct find find;
    struct object_reply reply;
};

/* Woken by find. The head holds copies: the object can go before it is sent. */
static void on_found(struct op *op)
{
    struct head_object *h = container_of(op, struct head_object, find.op);
    struct s3_request *r = h->reply.request;
    enum s3_code code;

    if (op->err) {
        s3_finish_error(r, h->find.code, h->find.detail);
        return;
    }
    code = object_reply_decide(&h->reply, &h->find.object->info, &h->find.meta);
    if (code == S3_NotModified) {
        object_reply_not_modified(&h->reply);
    } else if (!code) {
        object_reply_head(&h->reply);
        http_reply_length(r->http, h->reply.range.len);
    }
    find_done(&h->find);
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
    s3_wait(r, "HeadObject.finding");
    find_init(&h->find, r, on_found);
    find_start(&h->find);
}
