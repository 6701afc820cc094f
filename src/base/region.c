/*
 * Blocks come from malloc the first time and from the pool's free list ever after; blocks_max
 * bounds what the pool holds in all, used or free. A piece longer than a block gets a malloc of
 * its own, counted as the blocks it covers, and is given back to malloc, not to the list: such
 * pieces are rare (a large part list) and their sizes differ.
 */
#include "base/region.h"

#include <assert.h>
#include <stdlib.h>

enum { ALIGN = 16 };

struct region_block {
    struct region_block *next;
    size_t blocks; /* how many of the pool's blocks this counts as */
    _Alignas(ALIGN) uint8_t bytes[];
};

static const size_t BLOCK_ROOM = REGION_BLOCK_BYTES - sizeof(struct region_block);

void region_pool_init(struct region_pool *P, size_t blocks_max)
{
    *P = (struct region_pool){.blocks_max = blocks_max};
}

static void pool_shrink(struct region_pool *P, size_t blocks_kept)
{
    while (P->blocks_free > blocks_kept) {
        struct region_block *block = P->free;
        P->free = block->next;
        P->blocks_free--;
        free(block);
    }
}

void region_pool_done(struct region_pool *P)
{
    assert(P->blocks_used == 0);
    pool_shrink(P, 0);
}

static struct region_block *block_take(struct region_pool *P, size_t blocks)
{
    struct region_block *block = NULL;
    size_t left = P->blocks_max - P->blocks_used;

    if (blocks > left)
        return NULL;
    if (blocks == 1 && P->free) {
        block = P->free;
        P->free = block->next;
        P->blocks_free--;
    } else {
        pool_shrink(P, left - blocks);
        block = malloc(blocks * REGION_BLOCK_BYTES);
        if (!block)
            return NULL;
    }
    block->blocks = blocks;
    P->blocks_used += blocks;
    return block;
}

static void block_give(struct region_pool *P, struct region_block *block)
{
    assert(P->blocks_used >= block->blocks);
    P->blocks_used -= block->blocks;
    if (block->blocks > 1) {
        free(block);
        return;
    }
    block->next = P->free;
    P->free = block;
    P->blocks_free++;
}

void region_init(struct region *R, struct region_pool *P)
{
    *R = (struct region){.pool = P};
}

void region_done(struct region *R)
{
    while (R->first) {
        struct region_block *block = R->first;
        R->first = block->next;
        block_give(R->pool, block);
    }
    R->at = R->end = NULL;
    R->bytes_used = 0;
}

/* A piece that does not fit a block; it goes behind the first, so that the first stays in use. */
static void *take_long(struct region *R, size_t bytes)
{
    size_t all = bytes + sizeof(struct region_block);
    struct region_block *block =
        block_take(R->pool, (all + REGION_BLOCK_BYTES - 1) / REGION_BLOCK_BYTES);

    if (!block)
        return NULL;
    if (R->first) {
        block->next = R->first->next;
        R->first->next = block;
    } else {
        block->next = NULL;
        R->first = block;
    }
    R->bytes_used += bytes;
    return block->bytes;
}

void *region_take(struct region *R, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (MAX(bytes, 1) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (bytes > BLOCK_ROOM)
        return take_long(R, bytes);
    if (bytes > (size_t)(R->end - R->at)) {
        struct region_block *block = block_take(R->pool, 1);
        if (!block)
            return NULL;
        block->next = R->first;
        R->first = block;
        R->at = block->bytes;
        R->end = block->bytes + BLOCK_ROOM;
    }
    void *piece = R->at;
    R->at += bytes;
    R->bytes_used += bytes;
    return piece;
}

void *region_take_zero(struct region *R, size_t bytes)
{
    void *piece = region_take(R, bytes);

    if (piece)
        memset(piece, 0, bytes);
    return piece;
}

struct view region_copy(struct region *R, struct view v)
{
    uint8_t *copy = v.len < SIZE_MAX ? region_take(R, v.len + 1) : NULL;

    if (!copy)
        return VIEW_EMPTY;
    if (v.len)
        memcpy(copy, v.at, v.len);
    copy[v.len] = 0;
    return view_of(copy, v.len);
}
