/*
 * Input: the name of a record, a line feed, then its document.
 *
 * Invariants. What decodes is encoded to a document that decodes to the same. A document without
 * its last byte is none. A secret opens only for the record it was sealed for.
 */
#include "iam/iam_store.h"

#include "fuzz.h"

static const uint8_t key[IAM_SEAL_KEY_BYTES] = "the key of the seeds, 32 bytes.";

static enum err decode(struct view record, struct view blob, struct iam_doc **doc_out)
{
    uint8_t room[320];
    struct buf why = buf_over(room, sizeof room);
    enum err e = iam_store_decode(record, blob, key, doc_out, &why);

    MUST(!e == (why.len == 0));
    return e;
}

static void same_names(const struct iam_names *a, const struct iam_names *b)
{
    MUST(a->count == b->count && a->count <= IAM_LINKS_MAX);
    for (unsigned i = 0; i < a->count; i++)
        MUST(view_eq(a->list[i], b->list[i]));
}

static void same(const struct iam_doc *a, const struct iam_doc *b)
{
    MUST(a->kind == b->kind && a->created_ms == b->created_ms && a->is_enabled == b->is_enabled);
    MUST(view_eq(a->name, b->name) && view_eq(a->id, b->id) && view_eq(a->email, b->email));
    MUST(view_eq(a->json, b->json) && !a->policy == !b->policy);
    same_names(&a->groups, &b->groups);
    same_names(&a->policies, &b->policies);
    MUST(a->key_count == b->key_count && a->key_count <= IAM_KEYS_MAX);
    for (unsigned i = 0; i < a->key_count; i++) {
        MUST(view_eq(a->keys[i].access, b->keys[i].access));
        MUST(view_eq(a->keys[i].secret, b->keys[i].secret));
        MUST(a->keys[i].is_enabled == b->keys[i].is_enabled);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char space[] = " \t\r\n";
    struct view blob = view_of(data, size), record, again;
    struct iam_doc *doc, *twin;
    struct iam_heap heap = {0};

    if (!view_split(&blob, '\n', &record) || decode(record, blob, &doc))
        return 0;
    while (blob.len && memchr(space, blob.at[blob.len - 1], 4))
        blob.len--;
    MUST(decode(record, view_upto(blob, blob.len - 1), &twin) != ERR_OK);
    if (!iam_store_encode(doc, key, &heap, &again)) {
        MUST(decode(record, again, &twin) == ERR_OK);
        same(doc, twin);
        iam_doc_unref(twin);
        if (doc->key_count > 0)
            MUST(decode(VIEW("user/somebody else \x01"), again, &twin) == ERR_CORRUPT);
    }
    iam_heap_done(&heap);
    iam_doc_unref(doc);
    return 0;
}
