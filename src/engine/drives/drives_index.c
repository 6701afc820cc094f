#include "engine/drives/drives_index.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/drives/drives_impl.h"

struct drives_purge {
    struct list link;          /* drives_index.purges, until it is done */
    struct drives_purge *next; /* of the same commit */
    struct drives_index *index;
    size_t prefix_len, at_len;
    uint8_t prefix[DRIVES_KEY_BYTES_MAX];
    uint8_t at[DRIVES_KEY_BYTES_MAX]; /* all before this is removed */
};

enum err drives_index_open(struct drives *D, struct drives_index *ix)
{
    ix->drives = D;
    list_init(&ix->purges);
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

/* The purge that hides the key. */
static struct drives_purge *purge_of(struct drives_index *ix, struct view key)
{
    for (struct list *node = ix->purges.next; node != &ix->purges; node = node->next) {
        struct drives_purge *p = container_of(node, struct drives_purge, link);

        if (view_starts(key, view_of(p->prefix, p->prefix_len)))
            return p;
    }
    return NULL;
}

enum err drives_index_get(struct drives_index *ix, struct view key, struct view *entry_out)
{
    struct drives_node *node = drives_memtable_find(ix->active, key);

    if (purge_of(ix, key))
        return ERR_NOT_FOUND;
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

static bool is_visible(const struct drives_cursor *c)
{
    return c->entry.len > 0 && (c->sees_purged || !purge_of(c->index, c->key));
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
        if (is_visible(c) || c->steps_left == 0)
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
    c->tree.is_second = c->is_second;
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

static enum err purge_on(struct drives_purge *p, uint32_t *steps_io, bool *is_done_out);

enum err drives_index_put(struct drives_index *ix, struct view key, struct view entry)
{
    struct drives_purge *p = purge_of(ix, key);
    uint32_t steps = INDEX_STEPS_ALL;
    bool is_done;

    assert(entry.len > 0);
    if (p) /* it must not hide what is new */
        TRY(purge_on(p, &steps, &is_done));
    return change(ix, key, entry);
}

enum err drives_index_remove(struct drives_index *ix, struct view key)
{
    return change(ix, key, VIEW_EMPTY);
}

/* Nodes stay where they are, so the cursor survives the change of its own key. */
static enum err purge_from(struct drives_cursor *c, struct drives_purge *p, bool *is_done_out)
{
    struct view prefix = view_of(p->prefix, p->prefix_len);
    enum err e = drives_index_seek(p->index, c, view_of(p->at, p->at_len));

    while (!e && view_starts(c->key, prefix)) {
        *is_done_out = false;
        if (c->steps_left == 0) {
            p->at_len = c->key.len;
            memcpy(p->at, c->key.at, p->at_len);
            return ERR_OK;
        }
        TRY(drives_index_remove(p->index, c->key));
        e = drives_index_next(c);
    }
    *is_done_out = true;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err purge_run(struct drives_purge *p, uint32_t *steps_io, bool *is_done_out)
{
    struct drives_cursor c = {.steps_left = *steps_io, .sees_purged = true};
    enum err e;

    TRY(drives_index_begin(p->index));
    e = purge_from(&c, p, is_done_out);
    drives_index_end(p->index);
    *steps_io = c.steps_left;
    return e;
}

static void purge_init(struct drives_purge *p, struct drives_index *ix, struct view prefix)
{
    assert(prefix.len <= sizeof p->prefix);
    list_init(&p->link);
    p->next = NULL;
    p->index = ix;
    p->prefix_len = p->at_len = prefix.len;
    memcpy(p->prefix, prefix.at, prefix.len);
    memcpy(p->at, prefix.at, prefix.len);
}

enum err drives_index_purge(struct drives_index *ix, struct view prefix)
{
    uint32_t steps = INDEX_STEPS_ALL;
    struct drives_purge p;
    bool is_done;

    purge_init(&p, ix, prefix);
    return purge_run(&p, &steps, &is_done);
}

enum err drives_index_purge_some(
    struct drives_index *ix, struct view prefix, uint32_t *steps_io, struct drives_purge **rest_io)
{
    struct drives_purge *p = malloc(sizeof *p);
    enum err e;
    bool is_done;

    if (!p)
        return drives_index_purge(ix, prefix);
    purge_init(p, ix, prefix);
    e = purge_run(p, steps_io, &is_done);
    if (e || is_done) {
        free(p);
        return e;
    }
    list_push_back(&ix->purges, &p->link);
    p->next = *rest_io;
    *rest_io = p;
    return ERR_OK;
}

/* This one only. */
static enum err purge_on(struct drives_purge *p, uint32_t *steps_io, bool *is_done_out)
{
    *is_done_out = true;
    if (list_is_empty(&p->link))
        return ERR_OK;
    TRY(purge_run(p, steps_io, is_done_out));
    if (*is_done_out)
        list_remove(&p->link);
    return ERR_OK;
}

enum err drives_index_purge_more(struct drives_purge *p, uint32_t steps, bool *is_done_out)
{
    *is_done_out = true;
    for (; p && *is_done_out; p = p->next)
        TRY(purge_on(p, &steps, is_done_out));
    return ERR_OK;
}

void drives_index_purge_free(struct drives_purge *p)
{
    while (p) {
        struct drives_purge *next = p->next;

        list_remove(&p->link);
        free(p);
        p = next;
    }
}

void drives_index_unstage(struct drives *D, struct drives_memtable *table)
{
    struct drives_node *node = drives_memtable_seek(table, VIEW_EMPTY);

    for (; node; node = node->next[0])
        stage_entry(D, node->entry, -1);
}
