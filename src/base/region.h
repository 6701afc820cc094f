/*
 * A region: memory of one request, taken piece by piece and freed at once.
 *
 * Built of blocks from a block pool that is sized at start (one pool per reactor); when the pool is
 * empty region_take returns NULL and the request fails with ERR_BUSY (invariant 8). Not the arena:
 * the arena (mem/arena.h) holds payload, regions hold what a request knows.
 */
#ifndef PENSTOCK_BASE_REGION_H
#define PENSTOCK_BASE_REGION_H

#include "base/bytes.h"

enum { REGION_BLOCK_BYTES = 16384 };

struct region_block;

/* One thread only. blocks_max bounds the memory of all regions made from it. */
struct region_pool {
    struct region_block *free;      /* kept for the next region */
    size_t blocks_free;             /* how many */
    size_t blocks_used, blocks_max; /* in regions; bound on used and free together */
};

struct region {
    struct region_pool *pool;
    struct region_block *first; /* the one at and end point into */
    uint8_t *at, *end;
    size_t bytes_used; /* taken, rounded up to 16 a piece */
};

void region_pool_init(struct region_pool *P, size_t blocks_max);
void region_pool_done(struct region_pool *P); /* every region must be done already */

void region_init(struct region *R, struct region_pool *P);
void region_done(struct region *R);

/*
 * region_take(R, bytes): memory aligned to 16, not cleared; NULL when the pool is exhausted.
 * Pieces over a block are served as a multi-block piece that counts as that many blocks.
 */
void *region_take(struct region *R, size_t bytes) MUST_CHECK;
void *region_take_zero(struct region *R, size_t bytes) MUST_CHECK;
/* A copy with a NUL behind it (not counted in len). at == NULL when the pool is exhausted. */
struct view region_copy(struct region *R, struct view v) MUST_CHECK;

#endif
