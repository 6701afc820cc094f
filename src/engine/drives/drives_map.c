/*
 * Maps: a payload of more than LAYOUT_EXTENTS_MAX extents has its extent list in blobs of data
 * segments, up to 1 MiB each (10,922 extents: 10 GiB of payload). Composing takes over the maps of
 * its parts as they are and packs the parts' extents between them.
 *
 *   MAP_GATHERING --pending full, or a map follows, or the end--> MAP_NEEDING_CHUNK
 *          --> MAP_NEEDING_SPACE --> MAP_WRITING --> MAP_GATHERING ... --end--> done
 */
#include <assert.h>
#include <stdlib.h>

#include "base/crc32.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"
#include "engine/drives/drives_stage.h"

/* GATHER_STEPS: extents, maps and lines of usage in one turn. */
enum { GATHER_STEPS = 4096, SLOTS_FIRST = 64 };

static struct drives_stage *stage_of(struct drives_mapper *m)
{
    return container_of(m, struct drives_stage, mapper);
}

/* ---- what has been gathered -------------------------------------------------------------- */

/* The slot of a segment, or the free one where it belongs. */
static uint32_t *slot_of(struct drives_mapper *m, uint32_t segment)
{
    uint32_t i = segment * UINT32_C(2654435769);

    for (;; i++) {
        uint32_t *slot = &m->slots[i & (m->slot_count - 1)];

        if (*slot == 0 || m->usage[*slot - 1].segment == segment)
            return slot;
    }
}

/* At most half of the slots are used. */
static enum err grow_slots(struct drives_mapper *m)
{
    uint32_t *slots;

    if (2 * m->usage_count < m->slot_count)
        return ERR_OK;
    slots = calloc(MAX(2 * m->slot_count, SLOTS_FIRST), sizeof *slots);
    if (!slots)
        return ERR_BUSY;
    free(m->slots);
    m->slots = slots;
    m->slot_count = MAX(2 * m->slot_count, SLOTS_FIRST);
    for (uint32_t i = 0; i < m->usage_count; i++)
        *slot_of(m, m->usage[i].segment) = i + 1;
    return ERR_OK;
}

static enum err use(struct drives_mapper *m, uint32_t segment, uint64_t bytes)
{
    void *at = m->usage;
    uint32_t *slot;
    enum err e;

    TRY(grow_slots(m));
    slot = slot_of(m, segment);
    if (*slot > 0) {
        m->usage[*slot - 1].bytes += bytes;
        return ERR_OK;
    }
    e = drives_stage_grow(&at, &m->usage_cap, m->usage_count, sizeof *m->usage);
    m->usage = at;
    if (e)
        return e;
    m->usage[m->usage_count++] = (struct drives_usage){segment, bytes};
    *slot = m->usage_count;
    return ERR_OK;
}

static enum err add_map(struct drives_mapper *m, struct drives_map map)
{
    void *at = m->maps;
    enum err e = drives_stage_grow(&at, &m->map_cap, m->map_count, sizeof *m->maps);

    m->maps = at;
    if (e)
        return e;
    m->maps[m->map_count++] = map;
    return ERR_OK;
}

static enum err add_extent(struct drives_mapper *m, const struct drives_extent *x)
{
    m->pending[m->pending_count++] = *x;
    m->size += x->len;
    return use(m, x->segment, x->len);
}

/* The maps of a part; its usage counts their blobs already. */
static enum err take_over_maps(struct drives_mapper *m, const struct drives_layout *l)
{
    struct drives_usage u;
    uint64_t before = m->size;

    for (uint32_t i = 0; i < l->count; i++) {
        struct drives_map map;

        drives_layout_map(l, i, &map);
        map.end += before;
        TRY(add_map(m, map));
    }
    for (uint32_t i = 0; drives_layout_usage(l, i, &u); i++)
        TRY(use(m, u.segment, u.bytes));
    m->size += drives_layout_end(l);
    return ERR_OK;
}

/* ---- gathering --------------------------------------------------------------------------- */

/* GATHER_BLOB: one is to be written first. GATHER_LATER: enough for this turn. */
enum gathered { GATHER_ALL, GATHER_BLOB, GATHER_LATER };

/* Extents of one list, from m->item on. */
static enum err gather_extents(
    struct drives_mapper *m, const struct drives_layout *l, uint32_t *steps, enum gathered *out)
{
    struct drives_stage *st = stage_of(m);
    uint32_t count = l ? l->count : st->extent_count;

    for (; m->item < count; m->item++) {
        struct drives_extent x;

        *out = m->pending_count == LAYOUT_MAP_EXTENTS_MAX ? GATHER_BLOB : GATHER_LATER;
        if (*out == GATHER_BLOB || *steps == 0)
            return ERR_OK;
        --*steps;
        if (l)
            drives_layout_extent(l, m->item, &x);
        TRY(add_extent(m, l ? &x : &st->extents[m->item]));
    }
    *out = GATHER_ALL;
    return ERR_OK;
}

static enum err gather_part(
    struct drives_mapper *m, const struct drives_layout *l, uint32_t *steps, enum gathered *out)
{
    bool is_maps = l->count > 0 && l->kind == LAYOUT_MAPS;

    *out = GATHER_ALL;
    if (is_maps && m->pending_count > 0) {
        *out = GATHER_BLOB;
        return ERR_OK;
    }
    if (is_maps) {
        *steps -= MIN(*steps, l->count + l->usage_count);
        TRY(take_over_maps(m, l));
    } else {
        TRY(gather_extents(m, l, steps, out));
        if (*out != GATHER_ALL)
            return ERR_OK;
    }
    m->source++;
    m->item = 0;
    return ERR_OK;
}

static enum err gather(struct drives_mapper *m, enum gathered *out)
{
    struct engine_put *p = stage_of(m)->put;
    uint32_t steps = GATHER_STEPS;

    *out = GATHER_ALL;
    if (p->part_count == 0)
        return gather_extents(m, NULL, &steps, out);
    while (m->source < p->part_count && *out == GATHER_ALL) {
        if (steps == 0) {
            *out = GATHER_LATER;
            return ERR_OK;
        }
        steps--;
        TRY(gather_part(m, &drives_object_of(p->parts[m->source])->layout, &steps, out));
    }
    return ERR_OK;
}

/* ---- writing ----------------------------------------------------------------------------- */

static enum err put_layout(struct drives_mapper *m)
{
    struct drives_stage *st = stage_of(m);
    size_t bytes = drives_layout_maps_bytes(m->map_count, m->usage_count);
    uint8_t *at = malloc(bytes);

    if (!at)
        return ERR_BUSY;
    st->layout = buf_over(at, bytes);
    drives_layout_put_maps(&st->layout, m->maps, m->map_count, m->usage, m->usage_count);
    assert(!st->layout.overflow && st->layout.len == bytes);
    return ERR_OK;
}

static void finish(struct drives_mapper *m, enum err e)
{
    chunk_unref(m->take.chunk);
    m->take.chunk = NULL;
    free(m->slots);
    m->slots = NULL;
    op_complete(&m->op, e ? e : put_layout(m));
}

static void step(struct drives_mapper *m)
{
    struct drives *D = stage_of(m)->drives;
    enum gathered gathered;
    enum err e = gather(m, &gathered);

    if (!e && gathered == GATHER_LATER) {
        m->wait = MAP_GATHERING;
        op_send(&m->again, reactor_current());
        return;
    }
    if (e || m->pending_count == 0) {
        finish(m, e);
        return;
    }
    if (m->take.chunk) {
        m->wait = MAP_NEEDING_SPACE;
        m->blob_bytes = (uint32_t)drives_layout_extents_bytes(m->pending, m->pending_count);
        m->alloc.bytes = (uint32_t)drives_align(m->blob_bytes);
        drives_extent_alloc(D, &m->alloc);
        return;
    }
    m->wait = MAP_NEEDING_CHUNK;
    m->take.bytes = CHUNK_BYTES_MAX;
    arena_take(D->config.arena, &m->take);
}

static void write_blob(struct drives_mapper *m)
{
    uint8_t *at = m->take.chunk->at;
    struct buf b = buf_over(at, m->take.chunk->bytes);
    enum err e = drives_stage_touch(stage_of(m), &m->alloc);

    if (e) {
        finish(m, e);
        return;
    }
    drives_extent_holds(&m->alloc, m->blob_bytes);
    drives_layout_put_extents(&b, m->pending, m->pending_count);
    assert(!b.overflow && b.len == m->blob_bytes);
    memset(at + b.len, 0, m->alloc.bytes - b.len);
    m->wait = MAP_WRITING;
    drives_io_write(&m->io, m->alloc.segment->fd, at, m->alloc.bytes, m->alloc.offset, 0);
}

static void wrote_blob(struct drives_mapper *m)
{
    struct drives_map map = {
        .end = m->size,
        .offset = m->alloc.offset,
        .segment = m->alloc.segment->id,
        .len = m->blob_bytes,
        .crc = crc32_c(0, m->take.chunk->at, m->blob_bytes),
    };
    enum err e = add_map(m, map);

    drives_stage_wrote(stage_of(m), m->alloc.segment);
    if (!e)
        e = use(m, map.segment, map.len);
    m->pending_count = 0;
    if (e)
        finish(m, e);
    else
        step(m);
}

static void advance(struct drives_mapper *m, enum err e)
{
    if (e) {
        finish(m, e);
        return;
    }
    switch (m->wait) {
    case MAP_GATHERING:
    case MAP_NEEDING_CHUNK:
        step(m);
        break;
    case MAP_NEEDING_SPACE:
        write_blob(m);
        break;
    case MAP_WRITING:
        wrote_blob(m);
        break;
    }
}

static void advance_again(struct op *op)
{
    advance(container_of(op, struct drives_mapper, again), op->err);
}

static void advance_take(struct op *op)
{
    advance(container_of(op, struct drives_mapper, take.op), op->err);
}

static void advance_alloc(struct op *op)
{
    advance(container_of(op, struct drives_mapper, alloc.op), op->err);
}

static void advance_io(struct op *op)
{
    advance(container_of(op, struct drives_mapper, io.op), op->err);
}

void drives_map_start(struct drives_stage *st)
{
    struct drives_mapper *m = &st->mapper;

    op_start(&m->op);
    op_init(&m->again, advance_again);
    op_init(&m->take.op, advance_take);
    op_init(&m->alloc.op, advance_alloc);
    op_init(&m->io.op, advance_io);
    m->pending = malloc(LAYOUT_MAP_EXTENTS_MAX * sizeof *m->pending);
    if (m->pending)
        step(m);
    else
        finish(m, ERR_BUSY);
}
