/*
 * GetObjectAcl and PutObjectAcl, of the latest version or of the one that is named.
 *
 *   GetObjectAcl   FINDING --find.h--> answer
 *   PutObjectAcl   READING_BODY --body.c--> EDITING --object_edit.h--> answer
 */
#include "s3/acl_request.h"
#include "s3/acl_xml.h"
#include "s3/object_edit.h"
#include "s3/ops.h"

/* --- GetObjectAcl --------------------------------------------------------------------------- */

struct get_object_acl {
    struct s3_request *request;
    struct find find;
};

static enum s3_code make_answer(struct get_object_acl *g, struct view *xml_out)
{
    struct s3_request *r = g->request;
    const struct meta *m = &g->find.meta;
    struct acl a = {0};

    if (acl_request_ownership(r->conf) != OWNERSHIP_ENFORCED) {
        enum err e = acl_decode(m->acl, r->region, &a);
        if (e)
            return s3_code_from_err(e, true);
    }
    *xml_out =
        acl_xml_make(&a, acl_request_object_owner(r, r->conf, m->owner_id), r->people, r->region);
    return xml_out->at ? S3_None : S3_SlowDown;
}

/* Woken by find.c. */
static void on_found(struct op *op)
{
    struct get_object_acl *g = container_of(op, struct get_object_acl, find.op);
    struct s3_request *r = g->request;
    struct view xml = VIEW_EMPTY;
    enum s3_code code = op->err ? g->find.code : make_answer(g, &xml);
    const char *detail = op->err ? g->find.detail : NULL;

    find_done(&g->find);
    if (code)
        s3_finish_error(r, code, detail);
    else
        s3_finish_xml(r, 200, xml);
}

void get_object_acl_start(struct s3_request *r)
{
    struct get_object_acl *g = region_take_zero(r->region, sizeof *g);

    if (!g) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    g->request = r;
    find_init(&g->find, r, on_found);
    s3_wait(r, "GetObjectAcl.finding");
    find_start(&g->find);
}

/* --- PutObjectAcl --------------------------------------------------------------------------- */

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
            {.owner = acl_request_object_owner(r, r->conf, m->owner_id),
             .bucket_owner = acl_request_bucket_owner(r, r->conf)},
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
