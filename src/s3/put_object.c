/*
 * PutObject.
 *
 *   headers -> storing (store.h) -> the answer
 */
#include "s3/put_object.h"

#include "s3/acl_request.h"
#include "s3/object_extras.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/store.h"

struct put_object {
    struct s3_request *request;
    struct meta meta;
    struct store store;
};

/* Woken by the store: the object is visible, or nothing of it is. */
static void on_stored(struct op *op)
{
    struct put_object *p = container_of(op, struct put_object, store.op);

    if (op->err) {
        store_finish_error(&p->store);
        return;
    }
    s3_reply(p->request, 200);
    store_reply_headers(&p->store);
    http_reply_header(p->request->http, "x-amz-checksum-type", VIEW("FULL_OBJECT"));
    s3_finish_empty(p->request);
}

enum s3_code put_object_read(
    struct s3_request *r, struct meta *m, struct engine_condition *condition_out,
    const char **detail_out)
{
    enum s3_code code = object_headers_refused(r);

    if (!code)
        code = object_headers_condition(r, condition_out);
    if (!code)
        code = object_headers_meta(r, m);
    if (!code)
        code = object_extras_check_body(r, detail_out);
    if (!code)
        code = object_extras_read(r, m, detail_out);
    if (!code)
        object_extras_default(r, m);
    return code ? code : acl_request_headers(r, m, detail_out);
}

void put_object_start(struct s3_request *r)
{
    struct put_object *p = region_take_zero(r->region, sizeof *p);
    const char *detail = NULL;
    enum s3_code code;

    if (!p) {
        s3_finish_err(r, ERR_BUSY);
        return;
    }
    p->request = r;
    code = put_object_read(r, &p->meta, &p->store.condition, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    p->store.request = r;
    p->store.key = (struct engine_key){SPACE_OBJECT, r->bucket, r->key};
    p->store.meta = &p->meta;
    op_init(&p->store.op, on_stored);
    store_start(&p->store);
}
