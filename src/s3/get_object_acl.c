/*
 * GetObjectAcl, of the latest version or of the one that is named.
 *
 *   FINDING --find.h--> answer
 */
#include "s3/access.h"
#include "s3/acl_request.h"
#include "s3/acl_xml.h"
#include "s3/find.h"
#include "s3/ops.h"

struct get_object_acl {
    struct s3_request *request;
    struct find find;
};

static enum s3_code make_answer(struct get_object_acl *g, struct view *xml_out)
{
    struct s3_request *r = g->request;
    const struct meta *m = &g->find.meta;
    struct acl a = {0};

    if (access_has_acls(r->conf)) {
        enum err e = acl_decode(m->acl, r->region, &a);
        if (e)
            return s3_code_from_err(e, true);
    }
    *xml_out = acl_xml_make(&a, access_object_owner(r->service, r->conf, m), r->people, r->region);
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
