/*
 * GetBucketCors, PutBucketCors, DeleteBucketCors.
 *
 *   put: READING --body.c--> EDITING --bucket.h--> answer        delete: EDITING --> answer
 */
#include "s3/bucket.h"
#include "s3/cors.h"
#include "s3/finish.h"
#include "s3/ops.h"

enum { WHY_BYTES = 256 };

struct bucket_cors {
    struct s3_request *request;
    struct s3_small_body body;
    struct bucket_edit edit;
    struct view xml; /* what shall be stored; empty: nothing */
    unsigned status; /* of the answer */
    char why[WHY_BYTES];
};

/* Woken by bucket.h. */
static void on_edited(struct op *op)
{
    struct bucket_cors *b = container_of(op, struct bucket_cors, edit.op);

    if (op->err) {
        s3_finish_error(b->request, b->edit.code, b->edit.detail);
        return;
    }
    s3_reply(b->request, b->status);
    s3_finish_empty(b->request);
}

static enum s3_code set(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io)
{
    const struct bucket_cors *b = e->ctx;

    (void)flags_io;
    m->cors = b->xml;
    return S3_None;
}

static void edit(struct bucket_cors *b)
{
    b->edit.request = b->request;
    b->edit.edit = set;
    b->edit.ctx = b;
    op_init(&b->edit.op, on_edited);
    bucket_edit(&b->edit);
}

static enum s3_code check(struct bucket_cors *b)
{
    struct buf why = buf_over(b->why, sizeof b->why - 1);
    struct cors *c = NULL;

    if (!b->body.was_protected) {
        buf_put_str(&why, "Missing required header for this request: Content-MD5");
        return S3_InvalidRequest;
    }
    enum s3_code code = cors_parse(b->body.body, &c, &why);
    cors_free(c);
    return code;
}

/* Woken by body.c. */
static void on_body(struct op *op)
{
    struct bucket_cors *b = container_of(op, struct bucket_cors, body.op);
    enum s3_code code;

    if (op->err) {
        s3_finish_error(b->request, b->body.code, b->body.detail);
        return;
    }
    code = check(b);
    if (code) {
        s3_finish_error(b->request, code, b->why[0] ? b->why : NULL);
        return;
    }
    b->xml = b->body.body;
    edit(b);
}

void bucket_cors_put_start(struct s3_request *r)
{
    struct bucket_cors *b = region_take_zero(r->region, sizeof *b);

    if (!b) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    b->request = r;
    b->status = 200;
    b->body.request = r;
    b->body.bytes_max = CORS_BYTES_MAX;
    op_init(&b->body.op, on_body);
    s3_wait(r, "PutBucketCors.reading-body");
    s3_small_body(&b->body);
}

void bucket_cors_delete_start(struct s3_request *r)
{
    struct bucket_cors *b = region_take_zero(r->region, sizeof *b);

    if (!b) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    b->request = r;
    b->status = 204;
    edit(b);
}

void bucket_cors_get_start(struct s3_request *r)
{
    const struct cors *c = r->conf->cors;

    if (!c) {
        s3_finish_error(r, S3_NoSuchCORSConfiguration, NULL);
        return;
    }
    size_t cap = cors_xml_bytes(c);
    struct buf x = buf_over(region_take(r->region, cap), cap);
    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    cors_put_xml(&x, c);
    s3_finish_xml(r, 200, buf_view(&x));
}
