/*
 * What one owner can see: active memtable over frozen memtable over tree. Only durable commits are
 * in it. On the owner's reactor only (and at open).
 */
#ifndef PENSTOCK_ENGINE_DRIVES_INDEX_H
#define PENSTOCK_ENGINE_DRIVES_INDEX_H

#include "engine/drives/drives_memtable.h"
#include "engine/drives/drives_tree.h"

struct drives;

struct drives_index {
    struct drives *drives;
    struct drives_memtable *active;
    struct drives_memtable *frozen; /* being checkpointed, or NULL */
    struct drives_tree_reader reader;
    struct list purges; /* drives_purge.link: what is hidden until it is removed */
};

enum err drives_index_open(struct drives *D, struct drives_index *ix) MUST_CHECK;
void drives_index_close(struct drives_index *ix); /* half-open is fine */

/* Views live from begin to end; no puts meanwhile, except by drives_index_purge itself. */
enum err drives_index_begin(struct drives_index *ix) MUST_CHECK;
void drives_index_end(struct drives_index *ix);
enum err
drives_index_get(struct drives_index *ix, struct view key, struct view *entry_out) MUST_CHECK;

/* A turn of the reactor must not take long: what walks over much does so many steps in a turn. */
#define INDEX_STEPS_ALL UINT32_MAX
enum { INDEX_SEEK_STEPS = 8 }; /* what a seek counts as */

struct drives_cursor {
    struct drives_index *index;
    struct view key, entry; /* valid after ERR_OK; the entry is for drives_index_entry to give */
    struct drives_node *active, *frozen;
    struct drives_tree_cursor tree;
    bool has_tree;     /* the tree's cursor is on a key */
    bool is_from_tree; /* the entry */
    /* What it may still do; set by the caller, 0: it stops where it is, on a removed key, too. */
    uint32_t steps_left;
    bool sees_purged; /* what is hidden */
    bool is_second;   /* another walk of this owner is under way in the same turn */
};
/* To the first key >= key that is not removed. ERR_NOT_FOUND: there is none. */
enum err
drives_index_seek(struct drives_index *ix, struct drives_cursor *c, struct view key) MUST_CHECK;
enum err drives_index_next(struct drives_cursor *c) MUST_CHECK;
/* The entry it is on. ERR_CORRUPT: the tree has it under another key than it was stored under. */
enum err drives_index_entry(const struct drives_cursor *c, struct view *entry_out) MUST_CHECK;
/* Is there a key that starts with prefix? */
enum err drives_index_has(struct drives_index *ix, struct view prefix, bool *has_out) MUST_CHECK;

/* Into the active memtable; the bytes an entry points at are counted as staged. */
enum err drives_index_put(struct drives_index *ix, struct view key, struct view entry) MUST_CHECK;
enum err drives_index_remove(struct drives_index *ix, struct view key) MUST_CHECK;
/* All keys that start with prefix. */
enum err drives_index_purge(struct drives_index *ix, struct view prefix) MUST_CHECK;
/*
 * The same with so many steps at most, which are taken off. When they do not do, or there are none,
 * what is left is added to *rest_io (NULL at first): its keys are hidden, so that nobody sees half
 * of it, and the caller goes on with purge_more and ends with purge_free, both of all that was
 * added. All is done at once when memory is short.
 */
struct drives_purge;
enum err drives_index_purge_some(
    struct drives_index *ix, struct view prefix, uint32_t *steps_io,
    struct drives_purge **rest_io) MUST_CHECK;
enum err
drives_index_purge_more(struct drives_purge *p, uint32_t steps, bool *is_done_out) MUST_CHECK;
void drives_index_purge_free(struct drives_purge *p);
/* Takes the staged bytes of all its entries back. */
void drives_index_unstage(struct drives *D, struct drives_memtable *table);

#endif
