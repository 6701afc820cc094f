#include "engine/drives/drives_clean_move.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32.h"
#include "engine/drives/drives_clean_impl.h"
#include "engine/drives/drives_object.h"

static void next(struct drives_move *m);

static const struct drives_layout *layout_of(const struct drives_move *m)
{
    return &m->object->layout;
}

static bool is_maps(const struct drives_move *m)
{
    return layout_of(m)->kind == LAYOUT_MAPS;
}

/* The object pins it. */
static struct drives_segment *segment_of(const struct drives_move *m, uint32_t id)
{
    return m->shard->drives->segments.at[id];
}

/* ---- the end ----------------------------------------------------------------------------- */

/* By the home reactor. */
static void returned(struct op *hop)
{
    drives_clean_moved(container_of(hop, struct drives_move, hop));
}

static void finish(struct drives_move *m, enum err e)
{
    if (e)
        m->err = e;
    chunk_unref(m->map);
    chunk_unref(m->chunk);
    m->map = m->chunk = NULL;
    /* The record may be there after the next open: its extents stay as they are. */
    if (e == ERR_UNKNOWN_OUTCOME && m->stage)
        m->stage->touch_count = 0;
    drives_stage_free(m->stage);
    m->stage = NULL;
    if (m->object)
        engine_release(&m->object->object);
    m->object = NULL;
    m->wait = MOVE_RETURNING;
    op_init(&m->hop, returned);
    op_send(&m->hop, m->clean->home);
}

/* What lies there cannot be read: it stays, and so does the segment. */
static void leave(struct drives_move *m, uint32_t segment)
{
    metrics_add(METRIC_CLEAN_UNREADABLE, 1);
    segment_of(m, segment)->is_unmovable = true;
}

/* ---- committing -------------------------------------------------------------------------- */

/* By drives_commit.c, while the group that was written is the one that is not being filled. */
static void committed(struct drives_txn *t, enum err e)
{
    struct drives_stage *st = container_of(t, struct drives_stage, txn);
    struct drives_move *m = container_of(st->put, struct drives_move, put);

    if (!e) {
        const struct drives_log *log = &m->shard->log;

        m->is_moved = true;
        m->clean->settle[m->shard->index] = log->groups[log->filling ^ 1].group;
    }
    finish(m, e);
}

/* What is pending is counted under the key of the object, whichever version this is. */
static enum err key_of(const struct drives_move *m, struct engine_key *key_out)
{
    struct view whole = view_of(m->key, m->key_len), rest = view_from(whole, 1);
    struct engine_key key = {
        whole.at[0], view_upto(rest, MIN(view_index(rest, 0), rest.len)),
        drives_format_key_name(whole)};
    uint64_t seq;

    if (key.space == SPACE_VERSION) {
        TRY(engine_versions_name_get(key.name, &key.name, &seq));
        key.space = SPACE_OBJECT;
    }
    *key_out = key;
    return ERR_OK;
}

static void commit(struct drives_move *m, struct view payload)
{
    struct drives_stage *st = m->stage;
    struct engine_key key;
    enum err e = key_of(m, &key);

    if (e) {
        finish(m, e);
        return;
    }
    m->wait = MOVE_COMMITTING;
    st->txn = (struct drives_txn){
        .what = TXN_RELOCATE,
        .key = key,
        .raw_key = view_of(m->key, m->key_len),
        .layout_before = m->entry.layout,
        .entry = {.seq = m->entry.seq, .layout = buf_view(&st->layout)},
        .payload = payload,
        .uses_reserve = m->clean->was_short,
        .done = committed,
    };
    drives_commit_start(m->shard, &st->txn);
}

static void flush_next(struct drives_move *m)
{
    struct drives_stage *st = m->stage;

    m->wait = MOVE_FLUSHING;
    if (st->flush_at == st->touch_count) {
        commit(m, VIEW_EMPTY);
        return;
    }
    st->sync.ticket = st->touches[st->flush_at].ticket;
    drives_extent_sync(st->touches[st->flush_at++].segment, &st->sync);
}

/* By drives_extent_sync. */
static void flushed(struct op *op)
{
    struct drives_stage *st = container_of(op, struct drives_stage, sync.op);
    struct drives_move *m = container_of(st->put, struct drives_move, put);

    if (op->err)
        finish(m, op->err);
    else
        flush_next(m);
}

/* The extents or maps, and the usage, as they are now. */
static enum err put_layout(struct drives_move *m)
{
    struct drives_stage *st = m->stage;
    struct drives_mapper *maps = &st->mapper;
    size_t bytes = is_maps(m) ? drives_layout_maps_bytes(maps->map_count, maps->usage_count)
                              : drives_layout_extents_bytes(st->extents, st->extent_count);
    uint8_t *at = malloc(bytes);

    if (!at)
        return ERR_BUSY;
    st->layout = buf_over(at, bytes);
    if (is_maps(m))
        drives_layout_put_maps(
            &st->layout, maps->maps, maps->map_count, maps->usage, maps->usage_count);
    else
        drives_layout_put_extents(&st->layout, st->extents, st->extent_count);
    assert(!st->layout.overflow && st->layout.len == bytes);
    return ERR_OK;
}

/* All that could be moved has been. */
static void end_moving(struct drives_move *m)
{
    enum err e = m->stage->touch_count > 0 ? put_layout(m) : ERR_OK;

    if (e || m->stage->touch_count == 0)
        finish(m, e);
    else
        flush_next(m);
}

/* ---- usage of maps ----------------------------------------------------------------------- */

static struct drives_usage *usage_of(struct drives_mapper *u, uint32_t segment)
{
    for (uint32_t i = 0; i < u->usage_count; i++)
        if (u->usage[i].segment == segment)
            return &u->usage[i];
    return NULL;
}

static enum err use(struct drives_mapper *u, uint32_t segment, uint64_t bytes)
{
    struct drives_usage *line = usage_of(u, segment);
    void *at = u->usage;
    enum err e;

    if (line) {
        line->bytes += bytes;
        return ERR_OK;
    }
    e = drives_stage_grow(&at, &u->usage_cap, u->usage_count, sizeof *u->usage);
    u->usage = at;
    if (!e)
        u->usage[u->usage_count++] = (struct drives_usage){segment, bytes};
    return e;
}

/* A line of nothing would keep its segment, or name one that is gone. */
static enum err unuse(struct drives_mapper *u, uint32_t segment, uint64_t bytes)
{
    struct drives_usage *line = usage_of(u, segment);

    if (!line || line->bytes < bytes)
        return ERR_CORRUPT;
    line->bytes -= bytes;
    if (line->bytes == 0)
        *line = u->usage[--u->usage_count];
    return ERR_OK;
}

/* ---- writing ----------------------------------------------------------------------------- */

static enum err place_extent(struct drives_move *m)
{
    struct drives_stage *st = m->stage;
    uint32_t segment = m->alloc.segment->id, i = m->item - 1;

    m->bytes += m->extent.len;
    if (!is_maps(m)) {
        st->extents[i].segment = segment;
        st->extents[i].offset = m->alloc.offset;
        return ERR_OK;
    }
    drives_layout_place(m->map->at, i, segment, m->alloc.offset);
    m->is_map_changed = true;
    TRY(use(&st->mapper, segment, m->extent.len));
    return unuse(&st->mapper, m->extent.segment, m->extent.len);
}

static enum err place_map(struct drives_move *m)
{
    struct drives_mapper *u = &m->stage->mapper;
    struct drives_map *map = &u->maps[m->map_at++];

    map->segment = m->alloc.segment->id;
    map->offset = m->alloc.offset;
    map->crc = crc32_c(0, m->map->at, map->len);
    m->bytes += map->len;
    chunk_unref(m->map);
    m->map = NULL;
    TRY(use(u, map->segment, map->len));
    return unuse(u, m->map_was.segment, map->len);
}

/* By the drive. */
static void written(struct op *op)
{
    struct drives_move *m = container_of(op, struct drives_move, io.op);
    enum err e = op->err;

    if (!e) {
        drives_stage_wrote(m->stage, m->alloc.segment);
        e = m->is_writing_map ? place_map(m) : place_extent(m);
    }
    chunk_unref(m->chunk);
    m->chunk = NULL;
    if (e)
        finish(m, e);
    else
        next(m);
}

/* By drives_extent_alloc_from. */
static void allocated(struct op *op)
{
    struct drives_move *m = container_of(op, struct drives_move, alloc.op);
    uint32_t len = m->is_writing_map ? m->map_was.len : m->extent.len;
    uint8_t *at = m->is_writing_map ? m->map->at : m->chunk->at;
    enum err e = op->err ? op->err : drives_stage_touch(m->stage, &m->alloc);

    if (e) {
        finish(m, e);
        return;
    }
    drives_extent_holds(&m->alloc, len);
    memset(at + len, 0, m->alloc.bytes - len);
    m->wait = MOVE_WRITING;
    op_init(&m->io.op, written);
    drives_io_write(&m->io, m->alloc.segment->fd, at, m->alloc.bytes, m->alloc.offset, 0);
}

static void need_space(struct drives_move *m, bool is_map)
{
    m->is_writing_map = is_map;
    m->wait = MOVE_NEEDING_SPACE;
    m->alloc.bytes = (uint32_t)drives_align(is_map ? m->map_was.len : m->extent.len);
    op_init(&m->alloc.op, allocated);
    drives_extent_alloc_from(&m->clean->head, &m->alloc);
}

/* ---- reading an extent ------------------------------------------------------------------- */

/* Into the log again: all of the payload is this extent, and it was in the log. */
static bool is_inline(const struct drives_move *m)
{
    return !is_maps(m) && layout_of(m)->count == 1 &&
           segment_of(m, m->extent.segment)->kind == SEGMENT_LOG;
}

/* By the drive. */
static void extent_read(struct op *op)
{
    struct drives_move *m = container_of(op, struct drives_move, io.op);
    const struct drives_extent *x = &m->extent;

    if (op->err || !drives_layout_check(x, m->chunk->at + m->skip, 0, drives_extent_crcs(x->len))) {
        if (!op->err)
            metrics_add(METRIC_CHECKSUM_ERRORS, 1);
        leave(m, x->segment);
        chunk_unref(m->chunk);
        m->chunk = NULL;
        next(m);
        return;
    }
    if (is_inline(m)) {
        m->bytes += x->len;
        commit(m, view_of(m->chunk->at + m->skip, x->len));
        return;
    }
    if (m->skip > 0)
        memmove(m->chunk->at, m->chunk->at + m->skip, x->len);
    need_space(m, false);
}

/* Whole blocks around it. */
static void read_extent(struct drives_move *m)
{
    struct drives_segment *s = segment_of(m, m->extent.segment);
    uint64_t from = m->extent.offset & ~(uint64_t)(DRIVES_BLOCK_BYTES - 1);
    size_t bytes;

    m->skip = (uint32_t)(m->extent.offset - from);
    bytes = (size_t)drives_align(m->skip + m->extent.len);
    m->chunk =
        bytes <= CHUNK_BYTES_MAX ? arena_try_take(m->clean->drives->config.arena, bytes) : NULL;
    if (!m->chunk) {
        finish(m, ERR_BUSY);
        return;
    }
    m->wait = MOVE_READING;
    op_init(&m->io.op, extent_read);
    drives_io_read(&m->io, s->fd, m->chunk->at, bytes, from);
}

/* Finds the next extent of `l` in a victim. */
static bool find_extent(struct drives_move *m, const struct drives_layout *l)
{
    while (m->item < l->count) {
        drives_layout_extent(l, m->item++, &m->extent);
        struct drives_segment *s = segment_of(m, m->extent.segment);

        if (s && !s->is_unmovable && drives_clean_is_victim(m->clean, s->id))
            return true;
    }
    return false;
}

/* ---- maps -------------------------------------------------------------------------------- */

static void skip_map(struct drives_move *m)
{
    chunk_unref(m->map);
    m->map = NULL;
    m->map_at++;
}

/* By the drive. */
static void map_read(struct op *op)
{
    struct drives_move *m = container_of(op, struct drives_move, io.op);
    const struct drives_map *map = &m->map_was;
    uint64_t bytes = map->end - drives_layout_start(layout_of(m), m->map_at);
    struct drives_layout l;

    if (op->err || crc32_c(0, m->map->at, map->len) != map->crc ||
        drives_layout_get(view_of(m->map->at, map->len), &l) || l.kind != LAYOUT_EXTENTS ||
        drives_layout_end(&l) != bytes) {
        if (!op->err)
            metrics_add(METRIC_CHECKSUM_ERRORS, 1);
        leave(m, map->segment);
        skip_map(m);
    }
    next(m);
}

static void read_map(struct drives_move *m)
{
    struct drives_segment *s;

    drives_layout_map(layout_of(m), m->map_at, &m->map_was);
    s = segment_of(m, m->map_was.segment);
    if (m->map_was.len > CHUNK_BYTES_MAX || m->map_was.len < LAYOUT_HEAD_BYTES) {
        finish(m, ERR_CORRUPT);
        return;
    }
    m->map = arena_try_take(m->clean->drives->config.arena, CHUNK_BYTES_MAX);
    if (!m->map) {
        finish(m, ERR_BUSY);
        return;
    }
    m->item = 0;
    m->is_map_changed = false;
    m->wait = MOVE_READING_MAP;
    op_init(&m->io.op, map_read);
    drives_io_read(&m->io, s->fd, m->map->at, drives_align(m->map_was.len), m->map_was.offset);
}

static void next_of_maps(struct drives_move *m)
{
    struct drives_layout l;

    if (!m->map) {
        if (m->map_at == layout_of(m)->count)
            end_moving(m);
        else
            read_map(m);
        return;
    }
    drives_layout_trust(view_of(m->map->at, m->map_was.len), &l);
    if (find_extent(m, &l)) {
        read_extent(m);
        return;
    }
    if (m->is_map_changed || drives_clean_is_victim(m->clean, m->map_was.segment)) {
        need_space(m, true);
        return;
    }
    skip_map(m);
    op_send(&m->hop, m->shard->home); /* a map is a turn's work */
}

/* To the next extent. */
static void next(struct drives_move *m)
{
    if (is_maps(m))
        next_of_maps(m);
    else if (find_extent(m, layout_of(m)))
        read_extent(m);
    else
        end_moving(m);
}

/* By itself. */
static void again(struct op *hop)
{
    next(container_of(hop, struct drives_move, hop));
}

/* ---- the beginning ----------------------------------------------------------------------- */

static enum err copy_extents(struct drives_move *m)
{
    for (uint32_t i = 0; i < layout_of(m)->count; i++) {
        uint32_t index;

        TRY(drives_stage_add(m->stage, &index));
        drives_layout_extent(layout_of(m), i, &m->stage->extents[index]);
    }
    return ERR_OK;
}

static enum err copy_maps(struct drives_move *m)
{
    const struct drives_layout *l = layout_of(m);
    struct drives_mapper *u = &m->stage->mapper;

    u->maps = calloc(l->count, sizeof *u->maps);
    u->usage_cap = l->usage_count + 4;
    u->usage = calloc(u->usage_cap, sizeof *u->usage);
    if (!u->maps || !u->usage)
        return ERR_BUSY;
    for (u->map_count = 0; u->map_count < l->count; u->map_count++)
        drives_layout_map(l, u->map_count, &u->maps[u->map_count]);
    while (drives_layout_usage(l, u->usage_count, &u->usage[u->usage_count]))
        u->usage_count++;
    return ERR_OK;
}

static enum err open_stage(struct drives_move *m)
{
    m->stage = drives_stage_new(m->clean->drives, &m->put);
    if (!m->stage)
        return ERR_BUSY;
    op_init(&m->stage->sync.op, flushed);
    return is_maps(m) ? copy_maps(m) : copy_extents(m);
}

/* The entry as it is now, memtables included; it may be another one, or gone. */
static enum err find_entry(struct drives_move *m, struct view entry)
{
    struct engine_object *o;

    TRY(drives_lookup_pin(m->clean->drives, entry, &o));
    m->object = drives_object_of(o);
    return drives_format_entry_get(view_of(m->object->bytes, entry.len), &m->entry);
}

static enum err pin(struct drives_move *m)
{
    struct drives_index *ix = &m->shard->keys;
    struct view entry;
    enum err e;

    TRY(drives_index_begin(ix));
    e = drives_index_get(ix, view_of(m->key, m->key_len), &entry);
    if (!e)
        e = find_entry(m, entry);
    drives_index_end(ix);
    return e;
}

static bool is_wanted(const struct drives_move *m)
{
    struct drives_usage u;

    for (uint32_t i = 0; drives_layout_usage(layout_of(m), i, &u); i++)
        if (drives_clean_is_victim(m->clean, u.segment))
            return true;
    return false;
}

/* On the owner. */
static void arrived(struct op *hop)
{
    struct drives_move *m = container_of(hop, struct drives_move, hop);
    enum err e = m->clean->drives->is_failed ? ERR_IO : pin(m);

    if (!e && !is_wanted(m)) {
        finish(m, ERR_OK);
        return;
    }
    if (!e)
        e = open_stage(m);
    op_init(&m->hop, again);
    if (e)
        finish(m, e);
    else
        next(m);
}

void drives_clean_move_start(struct drives_move *m)
{
    m->wait = MOVE_GOING;
    op_init(&m->hop, arrived);
    op_send(&m->hop, m->shard->home);
}
