#include "iam/iam_doc.h"

#include <stdatomic.h>
#include <stdlib.h>

struct iam_doc *iam_doc_new(enum iam_kind kind)
{
    struct iam_doc *doc = calloc(1, sizeof *doc);

    if (!doc)
        return NULL;
    doc->refs = 1;
    doc->kind = kind;
    return doc;
}

struct iam_doc *iam_doc_ref(struct iam_doc *doc)
{
    atomic_fetch_add_explicit(&doc->refs, 1, memory_order_relaxed);
    return doc;
}

void iam_doc_unref(struct iam_doc *doc)
{
    if (!doc || atomic_fetch_sub_explicit(&doc->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (doc->policy)
        policy_free(doc->policy);
    iam_heap_done(&doc->heap);
    free(doc);
}
