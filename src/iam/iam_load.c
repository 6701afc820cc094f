#include "iam/iam_load.h"

#include <stdlib.h>

#include "iam/iam_builtin.h"
#include "iam/iam_store.h"

/* POOL_BLOCKS: what a page of the largest documents takes, and what the engine needs besides. */
enum { PAGE_ITEMS = 32, POOL_BLOCKS = 2 * PAGE_ITEMS * IAM_DOC_BYTES_MAX / REGION_BLOCK_BYTES };

static void list_next(struct iam_load *l, struct view after);

static void end(struct iam_load *l, enum err e)
{
    for (unsigned k = 0; k < IAM_KINDS; k++) {
        for (unsigned i = 0; i < l->docs[k].count; i++)
            iam_doc_unref(l->docs[k].list[i]);
        free(l->docs[k].list);
    }
    region_pool_done(&l->pool);
    op_complete(&l->op, e);
}

/* Takes over doc, also when it fails. */
static enum err add_doc(struct iam_load *l, struct iam_doc *doc)
{
    struct iam_doc_set *set = &l->docs[doc->kind];

    if (set->count == l->caps[doc->kind]) {
        unsigned cap = MAX(l->caps[doc->kind] * 2, 64);
        void *list = realloc(set->list, sizeof(struct iam_doc *) * cap);
        if (!list) {
            iam_doc_unref(doc);
            return ERR_NO_MEMORY;
        }
        set->list = list;
        l->caps[doc->kind] = cap;
    }
    set->list[set->count++] = doc;
    return ERR_OK;
}

static enum err add_page(struct iam_load *l)
{
    for (unsigned i = 0; i < l->list.count; i++) {
        const struct engine_item *item = &l->list.items[i];
        struct iam_doc *doc;
        TRY(iam_store_decode(item->name, item->info.meta, l->config->store_key, &doc, &l->why_buf));
        TRY(add_doc(l, doc));
    }
    return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
    struct iam_doc *const *da = a, *const *db = b;

    return view_compare((*da)->name, (*db)->name);
}

static enum err add_builtins(struct iam_load *l)
{
    struct iam_doc_set *set = &l->docs[IAM_POLICY];

    for (unsigned i = 0; i < IAM_BUILTIN_COUNT; i++) {
        struct iam_doc *doc;
        TRY(iam_builtin_new(i, &doc, &l->why_buf));
        TRY(add_doc(l, doc));
    }
    qsort(set->list, set->count, sizeof(struct iam_doc *), by_name);
    return ERR_OK;
}

static enum err link_all(struct iam_load *l)
{
    TRY(add_builtins(l));
    return iam_snapshot_new(l->config, l->docs, &l->snapshot, &l->why_buf);
}

/* Woken by the engine: a page is here. */
static void on_page(struct op *op)
{
    struct iam_load *l = container_of(op, struct iam_load, list.op);
    uint8_t last[ENGINE_NAME_BYTES_MAX];
    struct view after = VIEW_EMPTY;
    enum err e = op->err ? op->err : add_page(l);
    bool has_more = !e && l->list.is_truncated && l->list.count > 0;

    if (has_more) {
        struct view name = l->list.items[l->list.count - 1].name;
        memcpy(last, name.at, name.len);
        after = view_of(last, name.len);
    }
    region_done(&l->region);
    if (!e && !has_more)
        l->kind++;
    if (!e && l->kind == IAM_KINDS)
        end(l, link_all(l));
    else if (e)
        end(l, e);
    else
        list_next(l, after);
}

static void list_next(struct iam_load *l, struct view after)
{
    region_init(&l->region, &l->pool);
    l->list = (struct engine_list){
        .space = SPACE_CONFIG,
        .prefix = iam_store_prefix((enum iam_kind)l->kind),
        .max_items = PAGE_ITEMS,
        .meta_max = IAM_DOC_BYTES_MAX,
        .region = &l->region,
    };
    if (after.len > 0) {
        l->list.after = region_copy(&l->region, after);
        if (!l->list.after.at) {
            region_done(&l->region);
            end(l, ERR_NO_MEMORY);
            return;
        }
    }
    op_init(&l->list.op, on_page);
    engine_list(l->config->engine, &l->list);
}

void iam_load(struct iam_load *l)
{
    op_start(&l->op);
    memset(l->why, 0, sizeof l->why);
    l->why_buf = buf_over(l->why, sizeof l->why - 1);
    l->snapshot = NULL;
    l->kind = 0;
    memset(l->docs, 0, sizeof l->docs);
    memset(l->caps, 0, sizeof l->caps);
    region_pool_init(&l->pool, POOL_BLOCKS);
    list_next(l, VIEW_EMPTY);
}
