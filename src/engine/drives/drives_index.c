#include "engine/drives/drives_index.h"

#include <assert.h>

#include "engine/drives/drives_impl.h"

enum err drives_index_open(struct drives *D, struct drives_index *ix)
{
    ix->drives = D;
    TRY(drives_memtable_new(&ix->active));
    return drives_tree_reader_open(&D->tree, &ix->reader);
}

void drives_index_close(struct drives_index *ix)
{
    drives_tree_reader_close(&ix->reader);
    drives_memtable_free(ix->active);
    drives_memtable_free(ix->frozen);
    ix->active = ix->frozen = NULL;
}

enum err drives_index_begin(struct drives_index *ix)
{
    return drives_tree_begin(&ix->reader);
}

void drives_index_end(struct drives_index *ix)
{
    drives_tree_end(&ix->reader);
}

enum err drives_index_get(struct drives_index *ix, struct view key, struct view *entry_out)
{
    struct drives_node *node = drives_memtable_find(ix->active, key);

    if (!node && ix->frozen)
        node = drives_memtable_find(ix->frozen, key);
    if (!node)
        return drives_tree_get(&ix->reader, key, entry_out);
    if (node->entry.len == 0)
        return ERR_NOT_FOUND;
    *entry_out = node->entry;
    return ERR_OK;
}

/* ---- the cursor: a merge of three, the newer one wins ------------------------------------- */

static struct view least_key(const struct drives_cursor *c)
{
    struct view least = c->has_tree ? c->tree.key : VIEW_EMPTY;

    if (c->frozen && (!least.at || view_compare(c->frozen->key, least) < 0))
        least = c->frozen->key;
    if (c->active && (!least.at || view_compare(c->active->key, least) < 0))
        least = c->active->key;
    return least;
}

static enum err step_tree(struct drives_cursor *c)
{
    enum err e = drives_tree_next(&c->tree);

    c->has_tree = !e;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Past the least key, in all that are on it. */
static enum err step(struct drives_cursor *c)
{
    struct view least = least_key(c);
    bool is_tree = c->has_tree && view_eq(c->tree.key, least);

    c->steps_left -= c->steps_left > 0 && c->steps_left != INDEX_STEPS_ALL;

    if (c->active && view_eq(c->active->key, least))
        c->active = c->active->next[0];
    if (c->frozen && view_eq(c->frozen->key, least))
        c->frozen = c->frozen->next[0];
    return is_tree ? step_tree(c) : ERR_OK;
}

/* On the least key, past tombstones as long as there are steps. */
static enum err settle(struct drives_cursor *c)
{
    for (;;) {
        struct view least = least_key(c);

        if (!least.at)
            return ERR_NOT_FOUND;
        c->key = least;
        c->is_from_tree = false;
        if (c->active && view_eq(c->active->key, least))
            c->entry = c->active->entry;
        else if (c->frozen && view_eq(c->frozen->key, least))
            c->entry = c->frozen->entry;
        else
            c->is_from_tree = true;
        if (c->is_from_tree)
            c->entry = c->tree.entry;
        if (c->entry.len > 0 || c->steps_left == 0)
            return ERR_OK;
        TRY(step(c));
    }
}

enum err drives_index_seek(struct drives_index *ix, struct drives_cursor *c, struct view key)
{
    enum err e;

    if (c->steps_left != INDEX_STEPS_ALL)
        c->steps_left -= MIN(c->steps_left, INDEX_SEEK_STEPS);
    c->index = ix;
    c->active = drives_memtable_seek(ix->active, key);
    c->frozen = ix->frozen ? drives_memtable_seek(ix->frozen, key) : NULL;
    c->tree.reader = &ix->reader;
    e = drives_tree_seek(&c->tree, key);
    c->has_tree = !e;
    if (e && e != ERR_NOT_FOUND)
        return e;
    return settle(c);
}

enum err drives_index_next(struct drives_cursor *c)
{
    TRY(step(c));
    return settle(c);
}

enum err drives_index_entry(const struct drives_cursor *c, struct view *entry_out)
{
    *entry_out = c->entry;
    return c->is_from_tree ? drives_tree_check(&c->tree) : ERR_OK;
}

enum err drives_index_has(struct drives_index *ix, struct view prefix, bool *has_out)
{
    struct drives_cursor c = {.steps_left = INDEX_STEPS_ALL};
    enum err e = drives_index_seek(ix, &c, prefix);

    if (e && e != ERR_NOT_FOUND)
        return e;
    *has_out = !e && view_starts(c.key, prefix);
    return ERR_OK;
}

/* ---- changes ----------------------------------------------------------------------------- */

/* The counting of entries, and the staged bytes of one; what is in a memtable was checked when it
 * came in. */
static void stage_entry(struct drives *D, struct view entry, int sign)
{
    struct drives_layout layout;
    struct drives_entry e;
    enum err err;

    D->unapplied += entry.len > 0 ? sign : -sign;
    if (entry.len == 0)
        return;
    err = drives_format_entry_get(entry, &e);
    if (!err)
        err = drives_layout_get(e.layout, &layout);
    assert(!err);
    if (!err)
        drives_segment_stage(D, &layout, sign);
}

static enum err change(struct drives_index *ix, struct view key, struct view entry)
{
    struct drives_node *node = drives_memtable_find(ix->active, key);
    struct view old = node ? node->entry : VIEW_EMPTY;

    TRY(drives_memtable_put(ix->active, key, entry));
    stage_entry(ix->drives, entry, 1);
    if (node)
        stage_entry(ix->drives, old, -1);
    return ERR_OK;
}

enum err drives_index_put(struct drives_index *ix, struct view key, struct view entry)
{
    assert(entry.len > 0);
    return change(ix, key, entry);
}

enum err drives_index_remove(struct drives_index *ix, struct view key)
{
    return change(ix, key, VIEW_EMPTY);
}

/* The key is copied: the cursor's may be memory of the node that changes. Nodes stay where they
 * are, so the cursor survives the change of its own key. */
static enum err purge_from(struct drives_index *ix, struct view prefix)
{
    uint8_t key[DRIVES_KEY_BYTES_MAX];
    struct drives_cursor c = {.steps_left = INDEX_STEPS_ALL};
    enum err e = drives_index_seek(ix, &c, prefix);

    while (!e && view_starts(c.key, prefix)) {
        size_t len = c.key.len;

        memcpy(key, c.key.at, len);
        TRY(drives_index_remove(ix, view_of(key, len)));
        e = drives_index_seek(ix, &c, view_of(key, len));
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err drives_index_purge(struct drives_index *ix, struct view prefix)
{
    enum err e;

    TRY(drives_index_begin(ix));
    e = purge_from(ix, prefix);
    drives_index_end(ix);
    return e;
}

void drives_index_unstage(struct drives *D, struct drives_memtable *table)
{
    struct drives_node *node = drives_memtable_seek(table, VIEW_EMPTY);

    for (; node; node = node->next[0])
        stage_entry(D, node->entry, -1);
}
