/* GetBucketTagging, PutBucketTagging, DeleteBucketTagging. */
#include "s3/access.h"
#include "s3/ops.h"
#include "s3/setting.h"
#include "s3/tags.h"

void bucket_tagging_get_start(struct s3_request *r)
{
    struct view blob = r->conf->meta.tags;
    struct tags set;

    if (blob.len == 0) {
        s3_finish_error(r, S3_NoSuchTagSet, NULL);
        return;
    }
    enum err e = tags_decode(blob, r->region, &set);
    struct buf x = {0};
    if (!e)
        x = buf_over(region_take(r->region, tags_xml_bytes(&set)), tags_xml_bytes(&set));
    if (e || !x.at) {
        s3_finish_err(r, e ? e : ERR_BUSY);
        return;
    }
    tags_put_xml(&x, &set);
    s3_finish_xml(r, 200, buf_view(&x));
}

static enum s3_code read_tags(struct setting *s, struct view body)
{
    struct s3_request *r = s->request;
    struct tags *set = region_take(r->region, sizeof *set);
    enum s3_code code =
        set ? tags_from_xml(body, TAGS_BUCKET_MAX, r->region, set, &s->detail) : S3_SlowDown;

    if (code)
        return code;
    r->request_tags = set; /* what a policy that asks for them was waiting for */
    if (!r->is_decided && access_also(r, r->op->action))
        return S3_AccessDenied;
    return tags_encode(set, r->region, &s->next.tags) ? S3_SlowDown : S3_None;
}

static enum s3_code apply_tags(struct setting *s, struct bucket_meta *m, unsigned *flags_io)
{
    (void)flags_io;
    m->tags = s->next.tags;
    return S3_None;
}

void bucket_tagging_put_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "PutBucketTagging.waiting",
        .status = 204,
        .read = read_tags,
        .apply = apply_tags,
    };

    setting_start(r, &rule);
}

void bucket_tagging_delete_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "DeleteBucketTagging.waiting", .status = 204, .apply = apply_tags, /* of nothing */
    };

    setting_start(r, &rule);
}
