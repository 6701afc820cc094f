/*
 * An ordered map of keys to entries in memory: a skip list over blocks that are freed together.
 *
 * What was committed since the last checkpoint. An empty entry is a tombstone: the key is gone,
 * whatever the index says. One writer; a frozen one has none and may be read from any thread.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_MEMTABLE_H
#define PENSTOCK_ENGINE_DRIVES_MEMTABLE_H

#include "base/bytes.h"

struct drives_memtable;

struct drives_node {
    struct view key, entry; /* entry.len == 0: tombstone */
    struct drives_node *next[];
};

enum err drives_memtable_new(struct drives_memtable **m_out) MUST_CHECK;
void drives_memtable_free(struct drives_memtable *m); /* NULL is fine */
/* Copies both. The node keeps its place when the key is there already. */
enum err
drives_memtable_put(struct drives_memtable *m, struct view key, struct view entry) MUST_CHECK;
/* NULL when the key is not there. */
struct drives_node *drives_memtable_find(const struct drives_memtable *m, struct view key);
/* The first with a key >= key; NULL: none. Step on by next[0]. */
struct drives_node *drives_memtable_seek(const struct drives_memtable *m, struct view key);
uint64_t drives_memtable_entries(const struct drives_memtable *m);
uint64_t drives_memtable_bytes(const struct drives_memtable *m);

#endif
