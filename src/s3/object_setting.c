#include "s3/object_setting.h"

enum { OBJECT_SETTING_BODY_BYTES_MAX = 64 << 10 };

/* Woken by object_edit.c. */
static void on_edited(struct op *op)
{
    struct object_setting *s = container_of(op, struct object_setting, edit.op);

    if (op->err) {
        s3_finish_error(s->request, s->edit.code, s->edit.detail);
        return;
    }
    s3_reply(s->request, s->rule->status);
    s3_finish_empty(s->request);
}

static enum s3_code apply(struct object_edit *e, struct meta *m)
{
    struct object_setting *s = e->ctx;

    s->detail = NULL;
    enum s3_code code = s->rule->apply(s, m);
    e->detail = s->detail;
    return code;
}

static void edit(struct object_setting *s)
{
    op_init(&s->edit.op, on_edited);
    s->edit.request = s->request;
    s->edit.edit = apply;
    s->edit.ctx = s;
    object_edit_start(&s->edit);
}

/* Woken by body.c. */
static void on_body(struct op *op)
{
    struct object_setting *s = container_of(op, struct object_setting, body.op);
    enum s3_code code = s->body.code;

    s->detail = s->body.detail;
    if (!op->err && s->rule->needs_digest && !s->body.was_protected) {
        s->detail = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        code = S3_InvalidRequest;
    } else if (!op->err) {
        code = s->rule->read(s, s->body.body);
    }
    if (op->err || code)
        s3_finish_error(s->request, code, s->detail);
    else
        edit(s);
}

void object_setting_start(struct s3_request *r, const struct object_setting_rule *rule)
{
    struct object_setting *s = region_take_zero(r->region, sizeof *s);

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
    s->body.bytes_max = OBJECT_SETTING_BODY_BYTES_MAX;
    s3_small_body(&s->body);
}
