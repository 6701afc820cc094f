#include "s3/setting.h"

#include <assert.h>

enum { SETTING_BODY_BYTES_MAX = 256 << 10 };

static void answer(struct setting *s)
{
    s3_reply(s->request, s->rule->status);
    s3_finish_empty(s->request);
}

/* Woken by bucket.c. */
static void on_edited(struct op *op)
{
    struct setting *s = container_of(op, struct setting, edit.op);

    if (op->err)
        s3_finish_error(s->request, s->edit.code, s->edit.detail);
    else
        answer(s);
}

static enum s3_code apply(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io)
{
    struct setting *s = e->ctx;

    s->detail = NULL;
    enum s3_code code = s->rule->apply(s, m, flags_io);
    e->detail = s->detail;
    return code;
}

static void edit(struct setting *s)
{
    op_init(&s->edit.op, on_edited);
    s->edit.request = s->request;
    s->edit.edit = apply;
    s->edit.ctx = s;
    bucket_edit(&s->edit);
}

static enum s3_code read(struct setting *s)
{
    if (s->rule->needs_digest && !s->body.was_protected) {
        s->detail = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return S3_InvalidRequest;
    }
    return s->rule->read(s, s->body.body);
}

/* Woken by body.c. */
static void on_body(struct op *op)
{
    struct setting *s = container_of(op, struct setting, body.op);
    enum s3_code code = s->body.code;

    s->detail = s->body.detail;
    if (!op->err)
        code = read(s);
    if (op->err || code)
        s3_finish_error(s->request, code, s->detail);
    else if (s->rule->apply)
        edit(s);
    else
        answer(s);
}

void setting_start(struct s3_request *r, const struct setting_rule *rule)
{
    struct setting *s = region_take_zero(r->region, sizeof *s);

    assert(rule->read || rule->apply);
    if (!s) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    s->request = r;
    s->rule = rule;
    s3_wait(r, rule->wait);
    if (!rule->read) {
        edit(s);
        return;
    }
    op_init(&s->body.op, on_body);
    s->body.request = r;
    s->body.bytes_max = SETTING_BODY_BYTES_MAX;
    s3_small_body(&s->body);
}

enum s3_code
setting_parse(struct setting *s, struct view body, const char *root, struct xml_node **root_out)
{
    enum err e = xml_parse(body, s->request->region, root_out);

    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_MalformedXML;
    return view_is((*root_out)->name, root) ? S3_None : S3_MalformedXML;
}

void setting_answer(
    struct s3_request *r, size_t bytes, void (*put)(struct buf *x, const struct bucket *b))
{
    struct buf x = buf_over(region_take(r->region, bytes), bytes);

    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    put(&x, r->conf);
    assert(!x.overflow);
    s3_finish_xml(r, 200, buf_view(&x));
}
