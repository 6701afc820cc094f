/* GetBucketVersioning, PutBucketVersioning: two flags of the bucket's entry. */
#include "s3/ops.h"
#include "s3/setting.h"

enum { VERSIONING_FLAGS = ENGINE_BUCKET_VERSIONED | ENGINE_BUCKET_SUSPENDED, ANSWER_BYTES = 512 };

static const char is_locked[] = "An Object Lock configuration is present on this bucket, so the "
                                "versioning state cannot be changed.";

static void put_versioning(struct buf *x, const struct bucket *b)
{
    xml_open_root(x, "VersioningConfiguration");
    if (b->versioning == VERSIONING_ENABLED)
        xml_text(x, "Status", VIEW("Enabled"));
    else if (b->versioning == VERSIONING_SUSPENDED)
        xml_text(x, "Status", VIEW("Suspended"));
    xml_close(x, "VersioningConfiguration");
}

void bucket_versioning_get_start(struct s3_request *r)
{
    setting_answer(r, ANSWER_BYTES, put_versioning);
}

static enum s3_code read_versioning(struct setting *s, struct view body)
{
    struct xml_node *root;
    enum s3_code code = setting_parse(s, body, "VersioningConfiguration", &root);

    if (code)
        return code;
    struct view status = xml_child_text(root, "Status"), mfa = xml_child_text(root, "MfaDelete");
    if (!xml_has_only(root, "Status MfaDelete"))
        return S3_MalformedXML;
    if (mfa.at && !view_is(mfa, "Disabled"))
        return view_is(mfa, "Enabled") ? S3_NotImplemented : S3_MalformedXML;
    if (s3_header(s->request, "x-amz-mfa").at)
        return S3_NotImplemented;
    if (!status.at)
        return S3_IllegalVersioningConfigurationException;
    if (view_is(status, "Enabled"))
        s->next_flags = ENGINE_BUCKET_VERSIONED;
    else if (view_is(status, "Suspended"))
        s->next_flags = ENGINE_BUCKET_SUSPENDED;
    else
        return S3_MalformedXML;
    return S3_None;
}

static enum s3_code apply_versioning(struct setting *s, struct bucket_meta *m, unsigned *flags_io)
{
    if (m->lock.is_enabled && s->next_flags == ENGINE_BUCKET_SUSPENDED) {
        s->detail = is_locked;
        return S3_InvalidBucketState;
    }
    *flags_io = (*flags_io & ~(unsigned)VERSIONING_FLAGS) | s->next_flags;
    return S3_None;
}

void bucket_versioning_put_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "PutBucketVersioning.waiting",
        .status = 200,
        .read = read_versioning,
        .apply = apply_versioning,
    };

    setting_start(r, &rule);
}
