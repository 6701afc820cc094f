/*
 * A cache of immutable payload chunks in the arena, shared by all reactors: O_DIRECT means we own
 * caching. Keys are two 64-bit numbers given by the engine (where the bytes live and which
 * generation of that place); an entry is never changed, only evicted or dropped.
 *
 * Locks are striped and held for a hash probe, never across a wait. Eviction is CLOCK-like with
 * one-hit wonders first (S3-FIFO: Yang et al., SOSP 2023).
 */
#ifndef PENSTOCK_MEM_CACHE_H
#define PENSTOCK_MEM_CACHE_H

#include "mem/arena.h"

struct cache;
struct cache_key {
    uint64_t hi, lo;
};

/*
 * cache_new(A, bytes_max, cache_out): installs itself as A's reclaim hook. bytes_max 0: three
 * quarters of A. At most 256 Ki entries, whose memory is set aside here and touched when used.
 */
enum err cache_new(struct arena *A, uint64_t bytes_max, struct cache **cache_out) MUST_CHECK;
void cache_free(struct cache *C);
/* A new reference to the chunk (the caller unrefs), or NULL (also when C is NULL). Counts
 * METRIC_CACHE_HITS/MISSES. */
struct chunk *cache_find(struct cache *C, struct cache_key key) MUST_CHECK;
/*
 * Takes a reference of its own. Keeps the first of two racing inserts; does nothing when C is NULL,
 * or when there is no room because somebody else holds every chunk of the cache. The chunk's
 * payload must not change any more.
 */
void cache_insert(struct cache *C, struct cache_key key, struct chunk *chunk);
void cache_drop(struct cache *C, struct cache_key key);

struct cache_stats {
    uint64_t bytes, entries;
};
void cache_stats(struct cache *C, struct cache_stats *out);

#endif
