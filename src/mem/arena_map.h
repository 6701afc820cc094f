/* The arena's memory: one mapping, huge pages if possible, populated and locked if possible. */
#ifndef PENSTOCK_MEM_ARENA_MAP_H
#define PENSTOCK_MEM_ARENA_MAP_H

#include "base/bytes.h"

struct arena_map {
    uint8_t *at; /* aligned to 2 MiB */
    size_t bytes;
};

/* bytes: a multiple of 1 MiB; the mapping may be longer. note_out as in arena_new. */
enum err arena_map_open(size_t bytes, struct arena_map *map_out, const char **note_out) MUST_CHECK;
void arena_map_close(struct arena_map *map);

#endif
