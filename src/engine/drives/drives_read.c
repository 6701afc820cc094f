/*
 * Reading: find the extent (through a map, if the layout has them), find its bytes in the cache or
 * fetch them from the drive, check them, lend or copy.
 *
 *   locate --in the cache--> serve --more to copy--> locate
 *      |                       \--all there--> done
 *      \--not--> READ_NEEDING_CHUNK --> READ_FETCHING --checked--> serve, or locate behind a map
 *
 * What is in the cache has been checked. A range that needs little of a large extent fetches only
 * the 64 KiB blocks it needs. Whole extents have their CRC-64 in the layout: nothing is summed
 * again (invariant 4 at the price of a table look).
 */
#include <assert.h>
#include <stdlib.h>

#include "base/crc32.h"
#include "base/crc64.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"
#include "mem/cache.h"

enum { CHUNK_WAIT_MS = 3000 };

enum read_wait {
    READ_NEEDING_CHUNK, /* woken by the arena, or the timer */
    READ_FETCHING,      /* woken by the drive */
};

/* What is fetched: whole blocks around the wanted bytes. */
struct span {
    struct cache_key key;
    struct drives_segment *segment;
    uint64_t offset; /* aligned */
    uint32_t len;    /* aligned */
    uint32_t skip;   /* wanted bytes start here */
    unsigned first_block, blocks;
};

struct reading {
    struct engine_read *read;
    struct drives *drives;
    enum read_wait wait;
    unsigned waits_left; /* of READ_NEEDING_CHUNK: the arena and the timer */
    uint64_t extent_start;
    struct drives_extent extent;
    bool is_map;    /* what is fetched is this, not the extent */
    bool is_missed; /* the cache has been asked for this span already */
    struct drives_map map;
    uint64_t map_start;
    struct span span;
    struct chunk *chunk;
    struct arena_take take;
    struct timer timer;
    struct drives_io io;
};

static struct cache_key
key_of(const struct drives *D, const struct drives_segment *s, uint64_t offset, unsigned blocks)
{
    return (struct cache_key){
        .hi = (uint64_t)s->generation << 32 | (uint64_t)s->id << 8 | blocks,
        .lo = (uint64_t)(D->opened & 0xffff) << 48 | offset,
    };
}

static void finish(struct reading *x, enum err e)
{
    struct engine_read *r = x->read;

    free(x);
    op_complete(&r->op, e);
}

/* ---- serving ----------------------------------------------------------------------------- */

/* How much of the extent is wanted now. */
static size_t wanted(const struct engine_read *r, const struct drives_extent *x, uint64_t start)
{
    uint64_t within = r->off + r->got - start;

    return (size_t)MIN(x->len - within, r->len - r->got);
}

static uint64_t crc_of(const struct drives_extent *x, const uint8_t *at, size_t len)
{
    return len == x->len ? x->crc64 : crc64_nvme(0, at, len);
}

/* `at` holds the wanted bytes in chunk, whose reference goes to the reader or back. */
static void give(
    struct engine_read *r, const struct drives_extent *x, uint64_t start, struct chunk *chunk,
    const uint8_t *at)
{
    size_t len = wanted(r, x, start);

    if (r->wants_crc64)
        r->crc64 = crc64_nvme_combine(r->crc64, crc_of(x, at, len), len);
    if (r->dst) {
        memcpy(r->dst + r->got, at, len);
        chunk_unref(chunk);
    } else {
        r->chunk = chunk;
        r->lent = view_of(at, len);
    }
    r->got += len;
}

static struct span
span_of(const struct drives *D, const struct drives_extent *x, uint64_t within, size_t len)
{
    struct drives_segment *s = D->segments.at[x->segment];
    unsigned all = drives_extent_crcs(x->len);
    unsigned first = (unsigned)(within / LAYOUT_CRC_BLOCK_BYTES);
    unsigned end = (unsigned)((within + len - 1) / LAYOUT_CRC_BLOCK_BYTES) + 1;
    struct span span = {.segment = s, .blocks = all};
    uint64_t from = x->offset;
    uint64_t to = x->offset + x->len;

    if (2 * (end - first) <= all) {
        span.first_block = first;
        span.blocks = end - first;
        from = x->offset + (uint64_t)first * LAYOUT_CRC_BLOCK_BYTES;
        to = MIN(to, x->offset + (uint64_t)end * LAYOUT_CRC_BLOCK_BYTES);
    }
    span.offset = from & ~(uint64_t)(DRIVES_BLOCK_BYTES - 1);
    span.len = (uint32_t)(drives_align(to) - span.offset);
    span.skip = (uint32_t)(x->offset + within - span.offset);
    span.key = key_of(D, s, from, span.blocks == all ? 0 : span.blocks);
    return span;
}

/* ---- fetching ---------------------------------------------------------------------------- */

static void locate(struct reading *x);

static bool is_sound(const struct reading *x)
{
    const struct span *span = &x->span;
    struct drives_layout l;
    uint64_t from;

    if (x->is_map)
        return crc32_c(0, x->chunk->at, x->map.len) == x->map.crc &&
               !drives_layout_get(view_of(x->chunk->at, x->map.len), &l) &&
               l.kind == LAYOUT_EXTENTS && drives_layout_end(&l) == x->map.end - x->map_start;
    from = x->extent.offset + (uint64_t)span->first_block * LAYOUT_CRC_BLOCK_BYTES;
    return drives_layout_check(
        &x->extent, x->chunk->at + (from - span->offset), span->first_block, span->blocks);
}

static void serve(struct reading *x)
{
    struct engine_read *r = x->read;
    struct chunk *chunk = x->chunk;

    x->chunk = NULL;
    give(r, &x->extent, x->extent_start, chunk, chunk->at + x->span.skip);
    if (!r->dst || r->got == r->len)
        finish(x, ERR_OK);
    else
        locate(x);
}

/* The map is in x->chunk; the extent that holds the next byte is in it. */
static void look_into_map(struct reading *x)
{
    struct engine_read *r = x->read;
    struct drives_layout l;
    uint64_t off = r->off + r->got - x->map_start;
    uint32_t i;

    drives_layout_trust(view_of(x->chunk->at, x->map.len), &l);
    i = drives_layout_find(&l, off);
    drives_layout_extent(&l, i, &x->extent);
    x->extent_start = x->map_start + drives_layout_start(&l, i);
    chunk_unref(x->chunk);
    x->chunk = NULL;
}

static void look_for_extent(struct reading *x);

static void use_chunk(struct reading *x)
{
    if (!x->is_map) {
        serve(x);
        return;
    }
    look_into_map(x);
    look_for_extent(x);
}

/* By the drive. */
static void fetched(struct op *op)
{
    struct reading *x = container_of(op, struct reading, io.op);

    if (!op->err && is_sound(x)) {
        x->chunk->len = x->span.len;
        cache_insert(x->drives->config.cache, x->span.key, x->chunk);
        use_chunk(x);
        return;
    }
    if (!op->err)
        metrics_add(METRIC_CHECKSUM_ERRORS, 1);
    chunk_unref(x->chunk);
    finish(x, op->err ? ERR_IO : ERR_CHECKSUM);
}

static void fetch(struct reading *x)
{
    x->wait = READ_FETCHING;
    drives_io_read(&x->io, x->span.segment->fd, x->chunk->at, x->span.len, x->span.offset);
}

/* Both the arena and the timer come back before we go on. */
static void chunk_wait_ended(struct reading *x)
{
    if (--x->waits_left > 0)
        return;
    x->chunk = x->take.chunk;
    if (x->chunk)
        fetch(x);
    else
        finish(x, ERR_BUSY);
}

/* By the arena. */
static void chunk_taken(struct op *op)
{
    struct reading *x = container_of(op, struct reading, take.op);

    if (op->err)
        x->take.chunk = NULL;
    timer_stop(&x->timer);
    chunk_wait_ended(x);
}

/* By the timer: the arena had nothing for long, or it had and this is the timer's end. */
static void chunk_timed(struct op *op)
{
    struct reading *x = container_of(op, struct reading, timer.op);

    if (!op->err && x->waits_left == 2)
        arena_take_cancel(&x->take);
    chunk_wait_ended(x);
}

static void need_chunk(struct reading *x)
{
    struct arena *A = x->drives->config.arena;

    x->wait = READ_NEEDING_CHUNK;
    x->chunk = arena_try_take(A, x->span.len);
    if (x->chunk) {
        fetch(x);
        return;
    }
    x->waits_left = 2;
    x->take.bytes = x->span.len;
    x->take.chunk = NULL;
    arena_take(A, &x->take);
    timer_start(&x->timer, CHUNK_WAIT_MS);
}

/* ---- locating ---------------------------------------------------------------------------- */

static void find_chunk(struct reading *x)
{
    struct cache *C = x->drives->config.cache;

    x->chunk = x->is_missed ? NULL : cache_find(C, x->span.key);
    x->is_missed = false;
    if (x->chunk)
        use_chunk(x);
    else
        need_chunk(x);
}

static void look_for_extent(struct reading *x)
{
    const struct engine_read *r = x->read;
    uint64_t within = r->off + r->got - x->extent_start;

    x->is_map = false;
    if (!drives_segment_find(x->drives, x->extent.segment)) {
        finish(x, ERR_CORRUPT);
        return;
    }
    x->span = span_of(x->drives, &x->extent, within, wanted(r, &x->extent, x->extent_start));
    find_chunk(x);
}

static void look_for_map(struct reading *x, const struct drives_layout *l, uint32_t i)
{
    struct drives_segment *s;

    drives_layout_map(l, i, &x->map);
    x->map_start = drives_layout_start(l, i);
    s = drives_segment_find(x->drives, x->map.segment);
    if (!s || x->map.len > CHUNK_BYTES_MAX || x->map.len < LAYOUT_HEAD_BYTES) {
        finish(x, ERR_CORRUPT);
        return;
    }
    x->is_map = true;
    x->span = (struct span){
        .key = key_of(x->drives, s, x->map.offset, 0),
        .segment = s,
        .offset = x->map.offset,
        .len = (uint32_t)drives_align(x->map.len),
    };
    find_chunk(x);
}

static void locate(struct reading *x)
{
    const struct engine_read *r = x->read;
    const struct drives_layout *l = &drives_object_of(r->object)->layout;
    uint32_t i = drives_layout_find(l, r->off + r->got);

    if (l->kind == LAYOUT_MAPS) {
        look_for_map(x, l, i);
        return;
    }
    drives_layout_extent(l, i, &x->extent);
    x->extent_start = drives_layout_start(l, i);
    look_for_extent(x);
}

/* Only for a layout of extents, and no copy. */
static bool is_lending(const struct engine_read *r)
{
    return !r->dst && drives_object_of(r->object)->layout.kind == LAYOUT_EXTENTS;
}

/* The short way for what is cached, without memory of its own. */
static bool lend_cached(struct drives *D, struct engine_read *r)
{
    const struct drives_layout *l = &drives_object_of(r->object)->layout;
    struct drives_extent x;
    struct chunk *chunk;
    struct span span;
    uint64_t start;
    uint32_t i;

    i = drives_layout_find(l, r->off);
    drives_layout_extent(l, i, &x);
    start = drives_layout_start(l, i);
    span = span_of(D, &x, r->off - start, wanted(r, &x, start));
    chunk = cache_find(D->config.cache, span.key);
    if (!chunk)
        return false;
    give(r, &x, start, chunk, chunk->at + span.skip);
    return true;
}

void drives_read_start(struct engine *E, struct engine_read *r)
{
    struct drives *D = drives_of(E);
    struct reading *x;

    if (is_lending(r) && lend_cached(D, r)) {
        op_complete(&r->op, ERR_OK);
        return;
    }
    x = calloc(1, sizeof *x);
    if (!x) {
        op_complete(&r->op, ERR_BUSY);
        return;
    }
    x->read = r;
    x->drives = D;
    x->is_missed = is_lending(r);
    op_init(&x->take.op, chunk_taken);
    op_init(&x->timer.op, chunk_timed);
    op_init(&x->io.op, fetched);
    locate(x);
}
