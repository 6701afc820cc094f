/*
 * Writing and committing.
 *
 * A payload of one short write is kept and goes into the log with its record. Anything else is
 * written to extents at once; engine_write completes when the drive has it.
 *
 *   PUT_STAGING --commit, many extents--> PUT_MAPPING --> PUT_FLUSHING --> PUT_COMMITTING --> done
 *       |  \--commit, extents---------------------------------^                  ^
 *       |   \--commit, inline or empty-------------------------------------------/
 *       \--abort--> done
 *
 * Extents and maps are on stable media before the record that points at them is written.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"
#include "engine/drives/drives_stage.h"

/* ---- one write --------------------------------------------------------------------------- */

/* alloc --> write --> done; no other ways. */
struct put_write {
    struct engine_write *write;
    struct drives_stage *stage;
    uint32_t extent; /* index */
    struct drives_alloc alloc;
    struct drives_io io;
};

static void write_finish(struct put_write *x, enum err e)
{
    struct engine_write *w = x->write;

    if (e && !x->stage->err)
        x->stage->err = e;
    free(x);
    op_complete(&w->op, e);
}

/* By the drive. */
static void written(struct op *op)
{
    struct put_write *x = container_of(op, struct put_write, io.op);

    if (!op->err)
        drives_stage_wrote(x->stage, x->alloc.segment);
    write_finish(x, op->err);
}

/* By drives_extent_alloc. The drive gets whole blocks; the last one is filled up with zeros. */
static void allocated(struct op *op)
{
    struct put_write *x = container_of(op, struct put_write, alloc.op);
    struct chunk *chunk = x->write->chunk;
    struct drives_extent *extent = &x->stage->extents[x->extent];
    enum err e = op->err;

    if (!e)
        e = drives_stage_touch(x->stage, &x->alloc);
    if (e) {
        write_finish(x, e);
        return;
    }
    drives_extent_holds(&x->alloc, x->write->len);
    extent->segment = x->alloc.segment->id;
    extent->offset = x->alloc.offset;
    memset(chunk->at + x->write->len, 0, x->alloc.bytes - x->write->len);
    drives_io_write(&x->io, x->alloc.segment->fd, chunk->at, x->alloc.bytes, x->alloc.offset, 0);
}

static enum err keep_inline(struct drives_stage *st, struct engine_write *w)
{
    chunk_ref(w->chunk);
    st->inline_chunk = w->chunk;
    st->inline_bytes = (uint32_t)w->len;
    st->size = w->len;
    st->crc64 = crc64_nvme(0, w->chunk->at, w->len);
    return ERR_OK;
}

/* ERR_OK: under way. */
static enum err write_extent(struct drives_stage *st, struct engine_write *w)
{
    struct put_write *x = calloc(1, sizeof *x);
    struct drives_extent *extent;
    enum err e = x ? drives_stage_add(st, &x->extent) : ERR_BUSY;

    if (e) {
        free(x);
        return e;
    }
    extent = &st->extents[x->extent];
    *extent = (struct drives_extent){0};
    drives_layout_sum(extent, w->chunk->at, (uint32_t)w->len);
    st->size += w->len;
    st->crc64 = crc64_nvme_combine(st->crc64, extent->crc64, w->len);
    x->write = w;
    x->stage = st;
    x->alloc.bytes = (uint32_t)drives_align(w->len);
    op_init(&x->alloc.op, allocated);
    op_init(&x->io.op, written);
    drives_extent_alloc(st->drives, &x->alloc);
    return ERR_OK;
}

void drives_put_write(struct engine *E, struct engine_write *w)
{
    struct drives *D = drives_of(E);
    struct drives_stage *st = w->put->state;
    bool is_first = !st;
    enum err e;

    if (is_first)
        st = drives_stage_new(D, w->put);
    if (!st) {
        op_complete(&w->op, ERR_BUSY);
        return;
    }
    assert(!st->is_whole && "a write follows a short one");
    st->is_whole = w->len < CHUNK_BYTES_MAX;
    if (is_first && w->len <= D->config.inline_bytes_max) {
        op_complete(&w->op, keep_inline(st, w));
        return;
    }
    if (D->is_failed)
        st->err = ERR_IO;
    e = st->err ? st->err : write_extent(st, w);
    if (e) {
        st->err = e;
        op_complete(&w->op, e);
    }
}

/* ---- commit ------------------------------------------------------------------------------ */

static void put_finish(struct drives_stage *st, enum err e)
{
    struct engine_put *p = st->put;

    if (!e) {
        metrics_add(METRIC_COMMITTED_BYTES, p->part_count > 0 ? 0 : st->size);
        p->info = st->txn.info;
        p->info.etag = p->etag;
        p->info.meta = p->meta;
    }
    /* The record may be there after the next open: its extents stay as they are. */
    if (e == ERR_UNKNOWN_OUTCOME)
        st->touch_count = 0;
    p->state = NULL;
    drives_stage_free(st);
    op_complete(&p->op, e);
}

/* By drives_commit.c. */
static void committed(struct drives_txn *t, enum err e)
{
    put_finish(container_of(t, struct drives_stage, txn), e);
}

static void commit(struct drives_stage *st)
{
    struct drives *D = st->drives;
    struct engine_put *p = st->put;

    st->wait = PUT_COMMITTING;
    st->txn = (struct drives_txn){
        .what = TXN_PUT,
        .key = p->key,
        .flags = p->flags,
        .has_flags = true,
        .condition = p->condition,
        .require = p->require,
        .also_remove = p->also_remove,
        .purge_parts = p->purge_parts,
        .entry =
            {
                .mtime_ms = p->mtime_ms,
                .size = st->size,
                .crc64 = st->crc64,
                .etag = p->etag,
                .meta = p->meta,
                .layout = buf_view(&st->layout),
            },
        .done = committed,
    };
    if (st->inline_chunk)
        st->txn.payload = view_of(st->inline_chunk->at, st->inline_bytes);
    drives_commit_start(&D->shards[engine_owner(&D->base, p->key.bucket)], &st->txn);
}

static void flush_next(struct drives_stage *st)
{
    st->wait = PUT_FLUSHING;
    if (st->flush_at == st->touch_count) {
        commit(st);
        return;
    }
    st->sync.ticket = st->touches[st->flush_at].ticket;
    drives_extent_sync(st->touches[st->flush_at++].segment, &st->sync);
}

/* By drives_extent_sync. */
static void flushed(struct op *op)
{
    struct drives_stage *st = container_of(op, struct drives_stage, sync.op);

    if (op->err)
        put_finish(st, op->err);
    else
        flush_next(st);
}

/* By drives_map.c. */
static void mapped(struct op *op)
{
    struct drives_stage *st = container_of(op, struct drives_stage, mapper.op);

    if (op->err)
        put_finish(st, op->err);
    else
        flush_next(st);
}

/* ---- the layout -------------------------------------------------------------------------- */

/* The extents of the parts, one after the other, as the stage's own; is_long_out: there are too
 * many, or maps among them. */
static enum err compose(struct drives_stage *st, bool *is_long_out)
{
    struct engine_put *p = st->put;
    uint64_t extents = 0;

    assert(st->size == 0);
    *is_long_out = false;
    for (size_t i = 0; i < p->part_count; i++) {
        const struct drives_object *o = drives_object_of(p->parts[i]);

        st->crc64 = crc64_nvme_combine(st->crc64, o->object.info.crc64, o->object.info.size);
        st->size += o->object.info.size;
        extents += o->layout.count;
        *is_long_out |= o->layout.count > 0 && o->layout.kind == LAYOUT_MAPS;
    }
    *is_long_out |= extents > LAYOUT_EXTENTS_MAX;
    for (size_t i = 0; i < p->part_count && !*is_long_out; i++) {
        const struct drives_layout *l = &drives_object_of(p->parts[i])->layout;

        for (uint32_t k = 0; k < l->count; k++) {
            uint32_t index;

            TRY(drives_stage_add(st, &index));
            drives_layout_extent(l, k, &st->extents[index]);
        }
    }
    return ERR_OK;
}

static enum err put_layout(struct drives_stage *st)
{
    size_t bytes = drives_layout_extents_bytes(st->extents, st->extent_count);
    uint8_t *at;

    if (bytes == 0)
        return ERR_OK;
    at = malloc(bytes);
    if (!at)
        return ERR_BUSY;
    st->layout = buf_over(at, bytes);
    drives_layout_put_extents(&st->layout, st->extents, st->extent_count);
    assert(!st->layout.overflow && st->layout.len == bytes);
    return ERR_OK;
}

static enum err prepare(struct drives_stage *st, bool *is_long_out)
{
    struct engine_put *p = st->put;

    *is_long_out = st->extent_count > LAYOUT_EXTENTS_MAX;
    if (st->err)
        return st->err;
    if (view_index(p->key.bucket, 0) != SIZE_MAX)
        return ERR_INVALID;
    if (p->part_count > 0)
        TRY(compose(st, is_long_out));
    if (p->has_crc64_expected && st->crc64 != p->crc64_expected)
        return ERR_BAD_DIGEST;
    return *is_long_out ? ERR_OK : put_layout(st);
}

void drives_put_commit(struct engine *E, struct engine_put *p)
{
    struct drives_stage *st = p->state ? p->state : drives_stage_new(drives_of(E), p);
    bool is_long;
    enum err e;

    if (!st) {
        op_complete(&p->op, ERR_BUSY);
        return;
    }
    op_init(&st->sync.op, flushed);
    op_init(&st->mapper.op, mapped);
    e = prepare(st, &is_long);
    if (e) {
        put_finish(st, e);
    } else if (is_long) {
        st->wait = PUT_MAPPING;
        drives_map_start(st);
    } else {
        flush_next(st);
    }
}

void drives_put_abort(struct engine *E, struct engine_put *p)
{
    (void)E;
    drives_stage_free(p->state);
    p->state = NULL;
    op_complete(&p->op, ERR_OK);
}
