/* GetBucketOwnershipControls, PutBucketOwnershipControls, DeleteBucketOwnershipControls. */
#include "s3/acl.h"
#include "s3/ops.h"
#include "s3/setting.h"

enum { ANSWER_BYTES = 512 };

static const char *const names[] = {
    [OWNERSHIP_ENFORCED] = "BucketOwnerEnforced",
    [OWNERSHIP_PREFERRED] = "BucketOwnerPreferred",
    [OWNERSHIP_WRITER] = "ObjectWriter",
};

static void put_controls(struct buf *x, const struct bucket *b)
{
    xml_open_root(x, "OwnershipControls");
    xml_open(x, "Rule");
    xml_text(x, "ObjectOwnership", view_str(names[b->meta.ownership]));
    xml_close(x, "Rule");
    xml_close(x, "OwnershipControls");
}

void bucket_ownership_get_start(struct s3_request *r)
{
    if (r->conf->meta.ownership_is_deleted)
        s3_finish_error(r, S3_OwnershipControlsNotFoundError, NULL);
    else
        setting_answer(r, ANSWER_BYTES, put_controls);
}

static enum s3_code read_controls(struct setting *s, struct view body)
{
    struct xml_node *root;
    enum s3_code code = setting_parse(s, body, "OwnershipControls", &root);

    if (code)
        return code;
    const struct xml_node *rule = xml_child(root, "Rule");
    if (!rule || !xml_has_only(root, "Rule") || !xml_has_only(rule, "ObjectOwnership"))
        return S3_MalformedXML;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (view_is(xml_child_text(rule, "ObjectOwnership"), names[i])) {
            s->next.ownership = (enum bucket_ownership)i;
            return S3_None;
        }
    }
    return S3_MalformedXML;
}

/* Enforced means that ACLs say nothing any more: what one gives to others must be taken back
 * first, so that nobody loses access unawares. */
static enum s3_code check_acl(struct setting *s, const struct bucket_meta *m)
{
    struct view owner = m->owner_id.len > 0 ? m->owner_id : s->request->service->owner_id;
    struct acl acl;

    if (m->acl.len == 0)
        return S3_None;
    enum err e = acl_decode(m->acl, s->request->region, &acl);
    if (e)
        return s3_code_from_err(e, false);
    return acl_is_private(&acl, owner) ? S3_None : S3_InvalidBucketAclWithObjectOwnership;
}

static enum s3_code apply_controls(struct setting *s, struct bucket_meta *m, unsigned *flags_io)
{
    (void)flags_io;
    enum s3_code code = s->next.ownership == OWNERSHIP_ENFORCED ? check_acl(s, m) : S3_None;
    if (code)
        return code;
    m->ownership = s->next.ownership;
    m->ownership_is_deleted = false;
    return S3_None;
}

void bucket_ownership_put_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "PutBucketOwnershipControls.waiting",
        .status = 200,
        .read = read_controls,
        .apply = apply_controls,
    };

    setting_start(r, &rule);
}

static enum s3_code remove_controls(struct setting *s, struct bucket_meta *m, unsigned *flags_io)
{
    (void)s;
    (void)flags_io;
    m->ownership = OWNERSHIP_WRITER;
    m->ownership_is_deleted = true;
    return S3_None;
}

void bucket_ownership_delete_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "DeleteBucketOwnershipControls.waiting",
        .status = 204,
        .apply = remove_controls,
    };

    setting_start(r, &rule);
}
