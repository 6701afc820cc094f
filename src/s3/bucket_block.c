/* GetPublicAccessBlock, PutPublicAccessBlock, DeletePublicAccessBlock. */
#include "s3/ops.h"
#include "s3/setting.h"

enum { ANSWER_BYTES = 1024 };

static const struct {
    const char *name;
    unsigned bit;
} fields[] = {
    {"BlockPublicAcls", BLOCK_PUBLIC_ACLS},
    {"IgnorePublicAcls", IGNORE_PUBLIC_ACLS},
    {"BlockPublicPolicy", BLOCK_PUBLIC_POLICY},
    {"RestrictPublicBuckets", RESTRICT_PUBLIC_BUCKETS},
};

static void put_block(struct buf *x, const struct bucket *b)
{
    xml_open_root(x, "PublicAccessBlockConfiguration");
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
        xml_bool(x, fields[i].name, b->meta.block & fields[i].bit);
    xml_close(x, "PublicAccessBlockConfiguration");
}

void bucket_block_get_start(struct s3_request *r)
{
    if (!r->conf->meta.has_block)
        s3_finish_error(r, S3_NoSuchPublicAccessBlockConfiguration, NULL);
    else
        setting_answer(r, ANSWER_BYTES, put_block);
}

static enum s3_code read_block(struct setting *s, struct view body)
{
    struct xml_node *root;
    enum s3_code code = setting_parse(s, body, "PublicAccessBlockConfiguration", &root);

    if (code)
        return code;
    if (!xml_has_only(
            root, "BlockPublicAcls IgnorePublicAcls BlockPublicPolicy RestrictPublicBuckets"))
        return S3_MalformedXML;
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        struct view text = view_trim(xml_child_text(root, fields[i].name));

        if (view_eq_nocase(text, VIEW("true")) || view_is(text, "1"))
            s->next.block |= fields[i].bit;
        else if (text.at && !view_eq_nocase(text, VIEW("false")) && !view_is(text, "0"))
            return S3_MalformedXML;
    }
    s->next.has_block = true;
    return S3_None;
}

static enum s3_code apply_block(struct setting *s, struct bucket_meta *m, unsigned *flags_io)
{
    (void)flags_io;
    m->has_block = s->next.has_block;
    m->block = s->next.block;
    return S3_None;
}

void bucket_block_put_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "PutPublicAccessBlock.waiting",
        .status = 200,
        .read = read_block,
        .apply = apply_block,
    };

    setting_start(r, &rule);
}

void bucket_block_delete_start(struct s3_request *r)
{
    static const struct setting_rule rule = {
        .wait = "DeletePublicAccessBlock.waiting",
        .status = 204,
        .apply = apply_block, /* of nothing */
    };

    setting_start(r, &rule);
}
