/* GetObjectTagging, PutObjectTagging, DeleteObjectTagging. */
#include "s3/object_setting.h"
#include "s3/ops.h"
#include "s3/tags.h"

struct object_tagging {
    struct s3_request *request;
    struct find find;
};

static enum err put_answer(struct object_tagging *t, struct buf *x)
{
    struct region *R = t->request->region;
    struct tags set;

    TRY(tags_decode(t->find.meta.tags, R, &set));
    size_t bytes = tags_xml_bytes(&set);
    *x = buf_over(region_take(R, bytes), bytes);
    if (!x->at)
        return ERR_BUSY;
    tags_put_xml(x, &set);
    return ERR_OK;
}

/* Woken by find.c. */
static void on_found(struct op *op)
{
    struct object_tagging *t = container_of(op, struct object_tagging, find.op);
    struct s3_request *r = t->request;
    struct buf x = {0};

    if (op->err) {
        s3_finish_error(r, t->find.code, t->find.detail);
        return;
    }
    enum err e = put_answer(t, &x);
    find_done(&t->find);
    if (e)
        s3_finish_err(r, e);
    else
        s3_finish_xml(r, 200, buf_view(&x));
}

void object_tagging_get_start(struct s3_request *r)
{
    struct object_tagging *t = region_take_zero(r->region, sizeof *t);

    if (!t) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    t->request = r;
    s3_wait(r, "GetObjectTagging.finding");
    find_init(&t->find, r, on_found);
    find_start(&t->find);
}

/* --- changes ------------------------------------------------------------------------------ */

static enum s3_code read_tags(struct object_setting *s, struct view body)
{
    struct region *R = s->request->region;
    struct tags *set = region_take(R, sizeof *set);
    enum s3_code code =
        set ? tags_from_xml(body, TAGS_OBJECT_MAX, R, set, &s->detail) : S3_SlowDown;

    if (code)
        return code;
    s->request->request_tags = set;
    return tags_encode(set, R, &s->tags) ? S3_SlowDown : S3_None;
}

static enum s3_code apply_tags(struct object_setting *s, struct meta *m)
{
    m->tags = s->tags;
    return S3_None;
}

void object_tagging_put_start(struct s3_request *r)
{
    static const struct object_setting_rule rule = {
        .wait = "PutObjectTagging.waiting",
        .status = 200,
        .read = read_tags,
        .apply = apply_tags,
    };

    object_setting_start(r, &rule);
}

void object_tagging_delete_start(struct s3_request *r)
{
    static const struct object_setting_rule rule = {
        .wait = "DeleteObjectTagging.waiting", .status = 204, .apply = apply_tags, /* of nothing */
    };

    object_setting_start(r, &rule);
}
