/*
 * Layout bytes, little-endian:
 *
 *   head      0 kind u8  1 0 u8  2 stride u16  4 count u32  8 usage count u32  12 0 u32
 *   extent    0 end u64  8 CRC-64 u64  16 offset u64  24 segment u32  28 len u32
 *             32 CRC-32C of each started 64 KiB, as many as the stride has room for
 *   map       0 end u64  8 offset u64  16 segment u32  20 len u32  24 CRC-32C of the blob u32
 *             28 0 u32
 *   usage     0 segment u32  4 0 u32  8 bytes u64   (behind the items; of maps only)
 *
 * Items have one size, so that the one that holds a byte is found by bisection of `end`. A map blob
 * is itself a layout of kind extents, with the stride of 16 checksums.
 */
#include "engine/drives/drives_layout.h"

#include <assert.h>

#include "base/crc32.h"
#include "base/crc64.h"

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get64(const uint8_t *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static uint64_t item_end(const struct drives_layout *l, uint32_t i)
{
    return get64(l->items.at + (size_t)i * l->stride);
}

static enum err check_shape(const struct drives_layout *l, size_t bytes_left)
{
    bool is_right = l->kind == LAYOUT_MAPS
                        ? l->stride == LAYOUT_MAP_BYTES
                        : l->kind == LAYOUT_EXTENTS && l->usage_count == 0 &&
                              l->stride >= LAYOUT_EXTENT_HEAD_BYTES + 4 &&
                              l->stride <= LAYOUT_EXTENT_BYTES_MAX && l->stride % 4 == 0;

    if (!is_right || l->count == 0)
        return ERR_CORRUPT;
    if (bytes_left !=
        (uint64_t)l->count * l->stride + (uint64_t)l->usage_count * LAYOUT_USAGE_BYTES)
        return ERR_CORRUPT;
    return ERR_OK;
}

static enum err check_items(const struct drives_layout *l)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < l->count; i++) {
        struct drives_extent x;

        if (item_end(l, i) <= end)
            return ERR_CORRUPT;
        if (l->kind == LAYOUT_EXTENTS) {
            uint32_t len = get32(l->items.at + (size_t)i * l->stride + 28);

            if (len != item_end(l, i) - end || len > sizeof x.crc / 4 * LAYOUT_CRC_BLOCK_BYTES ||
                LAYOUT_EXTENT_HEAD_BYTES + 4 * drives_extent_crcs(len) > l->stride)
                return ERR_CORRUPT;
        }
        end = item_end(l, i);
    }
    return ERR_OK;
}

static struct drives_layout read_head(struct view v)
{
    struct drives_layout l = {
        .kind = v.at[0],
        .stride = (uint32_t)(v.at[2] | v.at[3] << 8),
        .count = get32(v.at + 4),
        .usage_count = get32(v.at + 8),
    };

    l.items = view_upto(view_from(v, LAYOUT_HEAD_BYTES), (size_t)l.count * l.stride);
    l.usage = view_from(v, LAYOUT_HEAD_BYTES + l.items.len);
    return l;
}

enum err drives_layout_get(struct view v, struct drives_layout *l_out)
{
    struct drives_layout l = {.kind = LAYOUT_EXTENTS};

    if (v.len > 0) {
        if (v.len < LAYOUT_HEAD_BYTES)
            return ERR_CORRUPT;
        l = read_head(v);
        TRY(check_shape(&l, v.len - LAYOUT_HEAD_BYTES));
        TRY(check_items(&l));
    }
    *l_out = l;
    return ERR_OK;
}

void drives_layout_trust(struct view v, struct drives_layout *l_out)
{
    assert(v.len >= LAYOUT_HEAD_BYTES);
    *l_out = read_head(v);
}

void drives_layout_extent(const struct drives_layout *l, uint32_t i, struct drives_extent *x_out)
{
    const uint8_t *at = l->items.at + (size_t)i * l->stride;

    assert(l->kind == LAYOUT_EXTENTS && i < l->count);
    *x_out = (struct drives_extent){
        .end = get64(at),
        .crc64 = get64(at + 8),
        .offset = get64(at + 16),
        .segment = get32(at + 24),
        .len = get32(at + 28),
    };
    for (unsigned k = 0; k < drives_extent_crcs(x_out->len); k++)
        x_out->crc[k] = get32(at + LAYOUT_EXTENT_HEAD_BYTES + 4 * k);
}

void drives_layout_map(const struct drives_layout *l, uint32_t i, struct drives_map *m_out)
{
    const uint8_t *at = l->items.at + (size_t)i * l->stride;

    assert(l->kind == LAYOUT_MAPS && i < l->count);
    *m_out = (struct drives_map){
        .end = get64(at),
        .offset = get64(at + 8),
        .segment = get32(at + 16),
        .len = get32(at + 20),
        .crc = get32(at + 24),
    };
}

uint32_t drives_layout_find(const struct drives_layout *l, uint64_t off)
{
    uint32_t low = 0, high = l->count - 1;

    assert(l->count > 0 && off < drives_layout_end(l));
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (item_end(l, middle) > off)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

uint64_t drives_layout_start(const struct drives_layout *l, uint32_t i)
{
    return i == 0 ? 0 : item_end(l, i - 1);
}

uint64_t drives_layout_end(const struct drives_layout *l)
{
    return l->count == 0 ? 0 : item_end(l, l->count - 1);
}

static void
put_head(struct buf *b, enum layout_kind kind, size_t stride, uint32_t count, uint32_t n)
{
    buf_put_byte(b, (uint8_t)kind);
    buf_put_byte(b, 0);
    buf_put_le16(b, (uint16_t)stride);
    buf_put_le32(b, count);
    buf_put_le32(b, n);
    buf_put_le32(b, 0);
}

/* Room for the checksums of the longest. */
static unsigned crcs_max(const struct drives_extent *x, uint32_t count)
{
    unsigned most = 1;

    for (uint32_t i = 0; i < count; i++)
        most = MAX(most, drives_extent_crcs(x[i].len));
    return most;
}

size_t drives_layout_extents_bytes(const struct drives_extent *x, uint32_t count)
{
    if (count == 0)
        return 0;
    return LAYOUT_HEAD_BYTES +
           (size_t)count * (LAYOUT_EXTENT_HEAD_BYTES + 4 * (size_t)crcs_max(x, count));
}

void drives_layout_put_extents(struct buf *b, const struct drives_extent *x, uint32_t count)
{
    unsigned crcs = crcs_max(x, count);
    uint64_t end = 0;

    if (count == 0)
        return;
    put_head(b, LAYOUT_EXTENTS, LAYOUT_EXTENT_HEAD_BYTES + 4 * (size_t)crcs, count, 0);
    for (uint32_t i = 0; i < count; i++) {
        unsigned own = drives_extent_crcs(x[i].len);

        end += x[i].len;
        buf_put_le64(b, end);
        buf_put_le64(b, x[i].crc64);
        buf_put_le64(b, x[i].offset);
        buf_put_le32(b, x[i].segment);
        buf_put_le32(b, x[i].len);
        for (unsigned k = 0; k < crcs; k++)
            buf_put_le32(b, k < own ? x[i].crc[k] : 0);
    }
}

void drives_layout_place(uint8_t *layout, uint32_t i, uint32_t segment, uint64_t offset)
{
    size_t stride = (size_t)(layout[2] | layout[3] << 8);
    struct buf b = buf_over(layout + LAYOUT_HEAD_BYTES + i * stride + 16, 12);

    assert(layout[0] == LAYOUT_EXTENTS);
    buf_put_le64(&b, offset);
    buf_put_le32(&b, segment);
}

size_t drives_layout_maps_bytes(uint32_t map_count, uint32_t usage_count)
{
    return LAYOUT_HEAD_BYTES + (size_t)map_count * LAYOUT_MAP_BYTES +
           (size_t)usage_count * LAYOUT_USAGE_BYTES;
}

void drives_layout_put_maps(
    struct buf *b, const struct drives_map *m, uint32_t map_count, const struct drives_usage *u,
    uint32_t usage_count)
{
    put_head(b, LAYOUT_MAPS, LAYOUT_MAP_BYTES, map_count, usage_count);
    for (uint32_t i = 0; i < map_count; i++) {
        buf_put_le64(b, m[i].end);
        buf_put_le64(b, m[i].offset);
        buf_put_le32(b, m[i].segment);
        buf_put_le32(b, m[i].len);
        buf_put_le32(b, m[i].crc);
        buf_put_le32(b, 0);
    }
    for (uint32_t i = 0; i < usage_count; i++) {
        buf_put_le32(b, u[i].segment);
        buf_put_le32(b, 0);
        buf_put_le64(b, u[i].bytes);
    }
}

bool drives_layout_usage(const struct drives_layout *l, uint32_t i, struct drives_usage *u_out)
{
    if (i >= (l->kind == LAYOUT_MAPS ? l->usage_count : l->count))
        return false;
    if (l->kind == LAYOUT_MAPS) {
        const uint8_t *at = l->usage.at + (size_t)i * LAYOUT_USAGE_BYTES;

        *u_out = (struct drives_usage){get32(at), get64(at + 8)};
    } else {
        const uint8_t *at = l->items.at + (size_t)i * l->stride;

        *u_out = (struct drives_usage){get32(at + 24), get32(at + 28)};
    }
    return true;
}

void drives_layout_sum(struct drives_extent *x, const void *at, uint32_t len)
{
    const uint8_t *bytes = at;

    assert(len > 0 && len <= LAYOUT_CRC_COUNT_MAX * LAYOUT_CRC_BLOCK_BYTES);
    x->len = len;
    x->crc64 = crc64_nvme(0, at, len);
    for (unsigned i = 0; i < drives_extent_crcs(len); i++) {
        uint32_t from = i * LAYOUT_CRC_BLOCK_BYTES;

        x->crc[i] = crc32_c(0, bytes + from, MIN(len - from, LAYOUT_CRC_BLOCK_BYTES));
    }
}

bool drives_layout_check(
    const struct drives_extent *x, const void *at, unsigned first, unsigned count)
{
    const uint8_t *bytes = at;

    assert(first + count <= drives_extent_crcs(x->len));
    for (unsigned i = 0; i < count; i++) {
        uint32_t from = (first + i) * LAYOUT_CRC_BLOCK_BYTES;
        uint32_t len = MIN(x->len - from, LAYOUT_CRC_BLOCK_BYTES);

        if (crc32_c(0, bytes + (size_t)i * LAYOUT_CRC_BLOCK_BYTES, len) != x->crc[first + i])
            return false;
    }
    return true;
}
