/*
 * The staging of a put: what its writes have placed, until it becomes a transaction or is dropped.
 * On one reactor at a time: the caller's while it writes, the owner's from commit on.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_STAGE_H
#define PENSTOCK_ENGINE_DRIVES_STAGE_H

#include "engine/drives/drives_commit.h"
#include "engine/drives/drives_extent.h"
#include "engine/drives/drives_io.h"
#include "engine/drives/drives_layout.h"

/* A segment this put has written to. */
struct drives_touch {
    struct drives_segment *segment;
    uint64_t ticket; /* for drives_extent_sync */
    int64_t bytes;   /* to take off `staged` in the end */
};

enum put_wait {
    PUT_STAGING,    /* woken by engine_commit */
    PUT_MAPPING,    /* drives_map.c */
    PUT_FLUSHING,   /* woken by drives_extent_sync, once per touched segment */
    PUT_COMMITTING, /* woken by drives_commit.c */
};

/* Writes the maps of a long payload, blob by blob. */
enum map_wait {
    MAP_GATHERING,     /* woken by itself: so much is gathered in a turn */
    MAP_NEEDING_CHUNK, /* woken by the arena */
    MAP_NEEDING_SPACE, /* woken by drives_extent_alloc */
    MAP_WRITING,       /* woken by the drive */
};

struct drives_mapper {
    struct op op;
    enum map_wait wait;
    uint32_t source, item; /* the next: of the stage itself, or of part `source` */
    uint64_t size;         /* payload covered so far, pending included */
    struct drives_extent *pending;
    uint32_t pending_count;
    struct drives_map *maps;
    uint32_t map_count, map_cap;
    struct drives_usage *usage;
    uint32_t usage_count, usage_cap;
    uint32_t *slots; /* where the line of a segment is: 1 + its index, by hash */
    uint32_t slot_count;
    struct op again;
    struct arena_take take;
    struct drives_alloc alloc;
    struct drives_io io;
    uint32_t blob_bytes;
};

struct drives_stage {
    struct drives *drives;
    struct engine_put *put;
    enum put_wait wait;
    enum err err;  /* the first of its writes */
    bool is_whole; /* a short write came: there may be no other */
    struct chunk *inline_chunk;
    uint32_t inline_bytes;
    struct drives_extent *extents; /* in the order of the writes */
    uint32_t extent_count, extent_cap;
    struct drives_touch *touches;
    uint32_t touch_count, touch_cap;
    uint64_t size, crc64;
    /* commit */
    uint32_t flush_at; /* the touch that is flushed next */
    struct drives_sync sync;
    struct drives_mapper mapper;
    struct drives_txn txn;
    struct buf layout; /* malloc */
};

/* NULL: no memory. */
struct drives_stage *drives_stage_new(struct drives *D, struct engine_put *p) MUST_CHECK;
/* Staged bytes, chunk and memory are given back. NULL is fine. */
void drives_stage_free(struct drives_stage *st);
/* Room for a further extent, now counted; ERR_BUSY: no memory. */
enum err drives_stage_add(struct drives_stage *st, uint32_t *index_out) MUST_CHECK;
/* `a` was allocated for st; ERR_BUSY: no memory (then it is not staged any more). */
enum err drives_stage_touch(struct drives_stage *st, const struct drives_alloc *a) MUST_CHECK;
/* A write to that segment has ended. */
void drives_stage_wrote(struct drives_stage *st, struct drives_segment *s);
/* malloc'ed memory for one more element of `size` bytes. */
enum err drives_stage_grow(void **at_io, uint32_t *cap_io, uint32_t count, size_t size) MUST_CHECK;

/* drives_map.c: st->mapper.op completes when all maps are written (not flushed) and st->layout is
 * the list of them. */
void drives_map_start(struct drives_stage *st);

#endif
