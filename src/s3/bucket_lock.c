/* GetObjectLockConfiguration, PutObjectLockConfiguration: once on, object lock stays on. */
#include "s3/ops.h"
#include "s3/setting.h"

enum { ANSWER_BYTES = 1024 };

static const char needs_versions[] =
    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";

static void put_lock(struct buf *x, const struct bucket *b)
{
    const struct lock_default *d = &b->meta.lock;

    xml_open_root(x, "ObjectLockConfiguration");
    xml_text(x, "ObjectLockEnabled", VIEW("Enabled"));
    if (d->mode != LOCK_NONE) {
        xml_open(x, "Rule");
        xml_open(x, "DefaultRetention");
        xml_text(x, "Mode", view_str(lock_mode_name(d->mode)));
        if (d->days > 0)
            xml_u64(x, "Days", d->days);
        else
            xml_u64(x, "Years", d->years);
        xml_close(x, "DefaultRetention");
        xml_close(x, "Rule");
    }
    xml_close(x, "ObjectLockConfiguration");
}

void bucket_lock_get_start(struct s3_request *r)
{
    if (!r->conf->meta.lock.is_enabled)
        s3_finish_error(r, S3_ObjectLockConfigurationNotFoundError, NULL);
    else
        setting_answer(r, ANSWER_BYTES, put_lock);
}

static enum s3_code read_lock(struct setting *s, struct view body)
{
    struct xml_node *root;
    enum s3_code code = setting_parse(s, body, "ObjectLockConfiguration", &root);

    if (s3_header(s->request, "x-amz-bucket-object-lock-token").at)
        return S3_NotImplemented;
    return code ? code : lock_read_default(root, &s->next.lock);
}

static enum s3_code apply_lock(struct setting *s, struct bucket_meta *m, unsigned *flags_io)
{
    if (!(*flags_io & ENGINE_BUCKET_VERSIONED)) {
        s->detail = needs_versions;
        return S3_InvalidBucketState;
    }
    m->lock = s->next.lock;
    return S3_None;
}

void bucket_lock_put_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "PutObjectLockConfiguration.waiting",
        .status = 200,
        .needs_digest = true,
        .read = read_lock,
        .apply = apply_lock,
    };

    setting_start(r, &rule);
}
