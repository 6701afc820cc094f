/*
 * PutObjectAcl, of the latest version or of the one that is named.
 *
 *   READING_BODY --body.c--> EDITING --object_edit.h--> answer
 */
#include "s3/acl_request.h"
#include "s3/acl_xml.h"
#include "s3/object_edit.h"
#include "s3/ops.h"

struct put_object_acl {
    struct s3_request *request;
    struct s3_small_body body;
    struct object_edit edit;
};

/* The owner is the object's, and so known only here. */
static enum s3_code edit(struct object_edit *e, struct meta *m)
{
    struct put_object_acl *p = e->ctx;
    struct s3_request *r = p->request;
    struct acl_request_put put = {
        .of =
            {.owner = access_object_owner(r->service, r->conf, m),
             .bucket_owner = access_bucket_owner(r->service, r->conf)},
        .body = p->body.body,
    };
    enum s3_code code = acl_request_put(r, &put, &e->detail);

    if (!code && !put.is_off)
        m->acl = put.stored;
    return code;
}

/* Woken by object_edit.c. */
static void on_edited(struct op *op)
{
    struct put_object_acl *p = container_of(op, struct put_object_acl, edit.op);

    if (op->err) {
        s3_finish_error(p->request, p->edit.code, p->edit.detail);
        return;
    }
    s3_reply(p->request, 200);
    s3_finish_empty(p->request);
}

/* Woken by body.c. */
static void on_body(struct op *op)
{
    struct put_object_acl *p = container_of(op, struct put_object_acl, body.op);

    if (op->err) {
        s3_finish_error(p->request, p->body.code, p->body.detail);
        return;
    }
    op_init(&p->edit.op, on_edited);
    p->edit.request = p->request;
    p->edit.edit = edit;
    p->edit.ctx = p;
    s3_wait(p->request, "PutObjectAcl.editing");
    object_edit_start(&p->edit);
}

void put_object_acl_start(struct s3_request *r)
{
    struct put_object_acl *p = region_take_zero(r->region, sizeof *p);

    if (!p) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    p->request = r;
    op_init(&p->body.op, on_body);
    p->body.request = r;
    p->body.bytes_max = ACL_XML_BYTES_MAX;
    s3_wait(r, "PutObjectAcl.reading-body");
    s3_small_body(&p->body);
}
