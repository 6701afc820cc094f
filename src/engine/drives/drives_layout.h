/*
 * Where a payload is: the bytes of FIELD_LAYOUT.
 *
 * An extent is up to 1 MiB of payload at one place of one segment, with a CRC-32C per 64 KiB block
 * and its CRC-64/NVME. Inline payloads are extents of a log segment. A layout is a list of extents,
 * or, when there are many, a list of maps: blobs in data segments that hold extent lists, plus a
 * summary of which segment holds how many bytes, so that space is accounted for without reading
 * them. An empty layout is an empty payload.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_LAYOUT_H
#define PENSTOCK_ENGINE_DRIVES_LAYOUT_H

#include "base/bytes.h"

enum {
    LAYOUT_CRC_BLOCK_BYTES = 65536,
    LAYOUT_CRC_COUNT_MAX = 16,
    LAYOUT_HEAD_BYTES = 16,
    LAYOUT_EXTENT_HEAD_BYTES = 32,
    LAYOUT_EXTENT_BYTES_MAX = LAYOUT_EXTENT_HEAD_BYTES + 4 * LAYOUT_CRC_COUNT_MAX,
    LAYOUT_MAP_BYTES = 32,   /* a map reference */
    LAYOUT_USAGE_BYTES = 16, /* a line of the summary */
    LAYOUT_EXTENTS_MAX = 64, /* more than this: maps */
    /* What one map blob of 1 MiB holds. */
    LAYOUT_MAP_EXTENTS_MAX = ((1 << 20) - LAYOUT_HEAD_BYTES) / LAYOUT_EXTENT_BYTES_MAX
};

enum layout_kind { LAYOUT_EXTENTS = 1, LAYOUT_MAPS = 2 };

struct drives_extent {
    uint64_t end; /* of its payload in the list: start is the previous end */
    uint64_t crc64;
    uint64_t offset; /* in the segment; 4 KiB-aligned in data segments */
    uint32_t segment, len;
    uint32_t crc[LAYOUT_CRC_COUNT_MAX]; /* CRC-32C, per started 64 KiB */
};

struct drives_map {
    uint64_t end;    /* of the payload it covers */
    uint64_t offset; /* of the blob */
    uint32_t segment, len, crc;
};

struct drives_layout {
    enum layout_kind kind;
    uint32_t stride, count; /* of what the kind says */
    uint32_t usage_count;
    struct view items, usage;
};

static inline unsigned drives_extent_crcs(uint32_t len)
{
    return (len + LAYOUT_CRC_BLOCK_BYTES - 1) / LAYOUT_CRC_BLOCK_BYTES;
}

/* ERR_CORRUPT when lengths, order or kinds do not fit together. An empty view: no items. */
enum err drives_layout_get(struct view v, struct drives_layout *l_out) MUST_CHECK;
/* The same for bytes that have been through drives_layout_get before: a map blob from the cache. */
void drives_layout_trust(struct view v, struct drives_layout *l_out);
void drives_layout_extent(const struct drives_layout *l, uint32_t i, struct drives_extent *x_out);
void drives_layout_map(const struct drives_layout *l, uint32_t i, struct drives_map *m_out);
/* The item that holds payload byte off, which must be below the last end. */
uint32_t drives_layout_find(const struct drives_layout *l, uint64_t off);
/* Payload bytes before item i. */
uint64_t drives_layout_start(const struct drives_layout *l, uint32_t i);
uint64_t drives_layout_end(const struct drives_layout *l);

/* Appends head and extents; end is recomputed. */
void drives_layout_put_extents(struct buf *b, const struct drives_extent *x, uint32_t count);
size_t drives_layout_extents_bytes(const struct drives_extent *x, uint32_t count);

/* The extents at `layout`, which have been through drives_layout_get: the i-th lies there from now
 * on. */
void drives_layout_place(uint8_t *layout, uint32_t i, uint32_t segment, uint64_t offset);

/* Which segment holds how many bytes of a payload. */
struct drives_usage {
    uint32_t segment;
    uint64_t bytes;
};
size_t drives_layout_maps_bytes(uint32_t map_count, uint32_t usage_count);
void drives_layout_put_maps(
    struct buf *b, const struct drives_map *m, uint32_t map_count, const struct drives_usage *u,
    uint32_t usage_count);

/* Walks the usage: the i-th line, i from 0. False behind the last. Segments may repeat. */
bool drives_layout_usage(const struct drives_layout *l, uint32_t i, struct drives_usage *u_out);

/* CRC-32Cs and CRC-64 of payload bytes; len at most 1 MiB. */
void drives_layout_sum(struct drives_extent *x, const void *at, uint32_t len);
/* Blocks [first, first + count) of x, at `at`, are what was written. */
bool drives_layout_check(
    const struct drives_extent *x, const void *at, unsigned first, unsigned count);

#endif
