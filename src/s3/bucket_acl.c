/*
 * GetBucketAcl and PutBucketAcl.
 *
 *   GetBucketAcl   answer
 *   PutBucketAcl   READING_BODY --body.c--> EDITING --bucket.h--> answer
 */
#include "s3/access.h"
#include "s3/acl_request.h"
#include "s3/acl_xml.h"
#include "s3/ops.h"

/* --- GetBucketAcl --------------------------------------------------------------------------- */

void get_bucket_acl_start(struct s3_request *r)
{
    struct view owner = access_bucket_owner(r->service, r->conf);
    struct acl a = {0};
    struct view xml;
    enum err e = ERR_OK;

    if (access_has_acls(r->conf))
        e = acl_decode(r->conf->meta.acl, r->region, &a);
    if (e) {
        s3_finish_err(r, e);
        return;
    }
    xml = acl_xml_make(&a, owner, r->people, r->region);
    if (xml.at)
        s3_finish_xml(r, 200, xml);
    else
        s3_finish_error(r, S3_SlowDown, NULL);
}

/* --- PutBucketAcl --------------------------------------------------------------------------- */

struct put_bucket_acl {
    struct s3_request *request;
    struct s3_small_body body;
    struct bucket_edit edit;
    struct acl_request_put put;
};

static void answer(struct put_bucket_acl *p)
{
    s3_reply(p->request, 200);
    s3_finish_empty(p->request);
}

/* Lists may have been turned off since the request began: then this one is not kept for later. */
static enum s3_code edit(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io)
{
    const struct put_bucket_acl *p = e->ctx;

    (void)flags_io;
    if (m->ownership == OWNERSHIP_ENFORCED && !m->ownership_is_deleted)
        return S3_AccessControlListNotSupported;
    m->acl = p->put.stored;
    return S3_None;
}

/* Woken by bucket.c. */
static void on_edited(struct op *op)
{
    struct put_bucket_acl *p = container_of(op, struct put_bucket_acl, edit.op);

    if (op->err)
        s3_finish_error(p->request, p->edit.code, p->edit.detail);
    else
        answer(p);
}

/* Woken by body.c. */
static void on_body(struct op *op)
{
    struct put_bucket_acl *p = container_of(op, struct put_bucket_acl, body.op);
    struct s3_request *r = p->request;
    struct view owner = access_bucket_owner(r->service, r->conf);
    const char *detail = p->body.detail;
    enum s3_code code = op->err ? p->body.code : S3_None;

    p->put.of = (struct acl_text_of){.is_bucket = true, .owner = owner, .bucket_owner = owner};
    p->put.body = p->body.body;
    if (!code)
        code = acl_request_put(r, &p->put, &detail);
    if (code) {
        s3_finish_error(r, code, detail);
    } else if (p->put.is_off) {
        answer(p);
    } else {
        op_init(&p->edit.op, on_edited);
        p->edit.request = r;
        p->edit.edit = edit;
        p->edit.ctx = p;
        s3_wait(r, "PutBucketAcl.editing");
        bucket_edit(&p->edit);
    }
}

void put_bucket_acl_start(struct s3_request *r)
{
    struct put_bucket_acl *p = region_take_zero(r->region, sizeof *p);

    if (!p) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    p->request = r;
    op_init(&p->body.op, on_body);
    p->body.request = r;
    p->body.bytes_max = ACL_XML_BYTES_MAX;
    s3_wait(r, "PutBucketAcl.reading-body");
    s3_small_body(&p->body);
}
