#include "iam/iam_builtin.h"

#define ALLOW(actions)                                                                             \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[" actions        \
    "],\"Resource\":[\"arn:aws:s3:::*\"]}]}"

static const struct {
    const char *name, *json;
} builtins[IAM_BUILTIN_COUNT] = {
    {"admin", ALLOW("\"admin:*\",\"s3:*\"")},
    {"readonly", ALLOW("\"s3:GetBucketLocation\",\"s3:GetObject\"")},
    {"readwrite", ALLOW("\"s3:*\"")},
    {"writeonly", ALLOW("\"s3:PutObject\"")},
};

enum err iam_builtin_new(unsigned index, struct iam_doc **doc_out, struct buf *why)
{
    struct iam_doc *doc = iam_doc_new(IAM_POLICY);

    if (!doc)
        return ERR_NO_MEMORY;
    doc->is_builtin = true;
    doc->name = view_str(builtins[index].name);
    doc->json = view_str(builtins[index].json);
    enum err e = policy_parse(doc->json, POLICY_IDENTITY, VIEW_EMPTY, &doc->policy, why);
    if (e)
        iam_doc_unref(doc);
    else
        *doc_out = doc;
    return e;
}
