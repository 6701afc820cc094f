/*
 * The ordered map of one owner: records sorted by space, bucket, name. One thread.
 */
#ifndef PENSTOCK_ENGINE_MEMORY_MEMORY_MAP_H
#define PENSTOCK_ENGINE_MEMORY_MEMORY_MAP_H

#include "engine/memory/memory_record.h"

struct memory_map {
    struct memory_record **at;
    size_t count, cap;
};

/* The first index whose key is >= key. */
size_t memory_map_seek(const struct memory_map *m, struct engine_key key);
struct memory_record *memory_map_find(const struct memory_map *m, struct engine_key key);
/* Is there an entry in this space and bucket? */
bool memory_map_has_any(const struct memory_map *m, enum engine_space space, struct view bucket);
/* Room for `count` more, so that so many memory_map_put cannot fail. */
enum err memory_map_reserve(struct memory_map *m, size_t count) MUST_CHECK;
/* Takes over the caller's reference; replaces an entry of the same key. */
void memory_map_put(struct memory_map *m, struct memory_record *r);
void memory_map_remove(struct memory_map *m, struct engine_key key); /* if it is there */
/* All whose name starts with key.name. */
void memory_map_remove_prefix(struct memory_map *m, struct engine_key key);
void memory_map_done(struct memory_map *m);

#endif
