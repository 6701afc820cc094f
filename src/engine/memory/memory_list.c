/* Listing: a walk over the map; with versions, a merge of two. */
#include "engine/engine_page.h"
#include "engine/memory/memory_impl.h"

/* In SPACE_BUCKET what is listed are the buckets themselves. */
static struct view listed_name(const struct memory_record *r)
{
    return r->key.space == SPACE_BUCKET ? r->key.bucket : r->key.name;
}

static bool is_in(const struct memory_map *m, size_t i, enum engine_space space, struct view bucket)
{
    return i < m->count && m->at[i]->key.space == space &&
           (space == SPACE_BUCKET || view_eq(m->at[i]->key.bucket, bucket));
}

static enum err list_page(const struct memory_map *m, struct engine_list *l)
{
    struct engine_page page;
    struct engine_key from = {l->space, l->bucket, VIEW_EMPTY};
    enum engine_page_next next = PAGE_NEXT;

    engine_page_init(&page, l);
    if (l->space == SPACE_BUCKET)
        from.bucket = engine_page_first(&page);
    else
        from.name = engine_page_first(&page);
    for (size_t i = memory_map_seek(m, from); next != PAGE_END; i++) {
        const struct memory_record *r;

        if (!is_in(m, i, l->space, l->bucket))
            break;
        r = m->at[i];
        if (next == PAGE_PAST && view_starts(listed_name(r), page.past))
            continue;
        next = engine_page_offer(&page, listed_name(r), &r->object.info);
    }
    return page.err;
}

/* ---- with versions ----------------------------------------------------------------------- */

struct merge {
    const struct memory_map *map;
    struct view bucket;
    size_t itself, older; /* the next of each space */
    bool has_itself, has_older;
    struct view older_key;
};

static void merge_look(struct merge *x)
{
    uint64_t seq;

    x->has_itself = is_in(x->map, x->itself, SPACE_OBJECT, x->bucket);
    x->has_older = is_in(x->map, x->older, SPACE_VERSION, x->bucket) &&
                   !engine_versions_name_get(x->map->at[x->older]->key.name, &x->older_key, &seq);
}

/* Key, then seq falling: what has become itself meanwhile is newer than the rest. */
static bool is_itself_next(const struct merge *x)
{
    if (!x->has_itself || !x->has_older)
        return x->has_itself;
    return view_compare(x->map->at[x->itself]->key.name, x->older_key) <= 0;
}

static enum err list_versions(const struct memory_map *m, struct engine_list *l)
{
    struct engine_page page;
    enum engine_page_next next = PAGE_NEXT;
    struct merge x = {.map = m, .bucket = l->bucket};
    struct view first;

    engine_page_init(&page, l);
    first = engine_page_first(&page);
    x.itself = memory_map_seek(m, (struct engine_key){SPACE_OBJECT, l->bucket, first});
    x.older = memory_map_seek(m, (struct engine_key){SPACE_VERSION, l->bucket, first});
    for (merge_look(&x); next != PAGE_END && (x.has_itself || x.has_older); merge_look(&x)) {
        bool is_itself = is_itself_next(&x);
        const struct memory_record *r = m->at[is_itself ? x.itself++ : x.older++];
        struct view key = is_itself ? r->key.name : x.older_key;

        if (next == PAGE_PAST && view_starts(key, page.past))
            continue;
        next = engine_page_offer_version(&page, key, &r->object.info, is_itself);
    }
    return page.err;
}

void memory_list(struct engine *E, struct engine_list *l)
{
    const struct memory_map *m = &memory_of(E)->maps[l->owner];
    unsigned flags;
    enum err e = memory_bucket_flags(m, l->space, l->bucket, 0, &flags);

    if (!e)
        e = l->with_versions ? list_versions(m, l) : list_page(m, l);
    op_complete(&l->op, e);
}
