/*
 * What a checkpoint writes. The state table, integers big-endian in keys (they sort) and
 * little-endian in values:
 *
 *   "e"            how often the store was opened, u32
 *   "s" stream u32 -> last group u64, its last seq u64, segment u32, epoch u32, end u64
 *   "g" segment u32 -> kind u32, live bytes u64, fill u64
 *
 * The live bytes of a segment change in the same LMDB transaction as the entries that point at it:
 * whatever transaction a crash leaves us with, they agree.
 */
#include "engine/drives/drives_applied.h"

#include <stdlib.h>

#include "engine/drives/drives_ballast.h"
#include "engine/drives/drives_impl.h"

struct state_key {
    uint8_t at[5];
};

static struct view state_key(struct state_key *k, char tag, uint32_t n)
{
    k->at[0] = (uint8_t)tag;
    for (int i = 0; i < 4; i++)
        k->at[1 + i] = (uint8_t)(n >> (24 - 8 * i));
    return view_of(k->at, sizeof k->at);
}

static uint32_t state_number(struct view key)
{
    uint32_t n = 0;

    for (size_t i = 1; i < key.len; i++)
        n = n << 8 | key.at[i];
    return n;
}

/* ---- entries ----------------------------------------------------------------------------- */

struct apply {
    struct drives *drives;
    struct drives_batch batch;
    int64_t *change; /* of live bytes, by segment */
    uint32_t change_count;
};

static enum err account(struct apply *a, struct view entry, int sign)
{
    struct drives_layout layout;
    struct drives_entry e;
    struct drives_usage u;

    TRY(drives_format_entry_get(entry, &e));
    TRY(drives_layout_get(e.layout, &layout));
    for (uint32_t i = 0; drives_layout_usage(&layout, i, &u); i++) {
        if (u.segment >= a->change_count || !drives_segment_find(a->drives, u.segment))
            return ERR_CORRUPT;
        a->change[u.segment] += sign * (int64_t)u.bytes;
    }
    return ERR_OK;
}

static enum err apply_node(struct apply *a, const struct drives_node *node)
{
    struct view old;
    enum err e = drives_batch_get(&a->batch, node->key, &old);
    bool is_old = e != ERR_NOT_FOUND;

    if (!e)
        e = account(a, old, -1);
    /* What was there is damaged: its bytes stay counted as live. That costs space, not data. */
    if (e && e != ERR_NOT_FOUND && e != ERR_CORRUPT)
        return e;
    if (node->entry.len == 0)
        return is_old ? drives_batch_remove(&a->batch, node->key) : ERR_OK;
    TRY(account(a, node->entry, 1));
    return drives_batch_put(&a->batch, node->key, node->entry);
}

static enum err apply_table(struct apply *a, struct drives_memtable *table)
{
    struct drives_node *node = table ? drives_memtable_seek(table, VIEW_EMPTY) : NULL;

    for (; node; node = node->next[0])
        TRY(apply_node(a, node));
    return ERR_OK;
}

/* ---- state ------------------------------------------------------------------------------- */

static enum err put_row(struct apply *a, struct drives_segment *s)
{
    uint8_t bytes[20];
    struct buf b = buf_over(bytes, sizeof bytes);
    struct state_key k;

    buf_put_le32(&b, (uint32_t)s->kind);
    buf_put_le64(&b, (uint64_t)(s->live + a->change[s->id]));
    s->row_fill_next = s->fill;
    buf_put_le64(&b, s->row_fill_next);
    return drives_batch_set_state(&a->batch, state_key(&k, 'g', s->id), buf_view(&b));
}

static enum err put_rows(struct apply *a)
{
    for (uint32_t id = 0; id < a->change_count; id++) {
        struct drives_segment *s = drives_segment_find(a->drives, id);

        if (!s)
            continue;
        s->row_fill_next = s->row_fill;
        if (s->live + a->change[id] < 0)
            return ERR_CORRUPT;
        /* fill: after a restart nothing may be written over what is there. */
        if (a->change[id] != 0 || (s->kind == SEGMENT_DATA && s->fill != s->row_fill))
            TRY(put_row(a, s));
    }
    return ERR_OK;
}

static enum err put_mark(struct apply *a, const struct drives_stream_mark *m)
{
    uint8_t bytes[32];
    struct buf b = buf_over(bytes, sizeof bytes);
    struct state_key k;

    buf_put_le64(&b, m->mark.group);
    buf_put_le64(&b, m->mark.seq);
    buf_put_le32(&b, m->mark.segment);
    buf_put_le32(&b, m->epoch);
    buf_put_le64(&b, m->mark.end);
    return drives_batch_set_state(&a->batch, state_key(&k, 's', m->stream), buf_view(&b));
}

static enum err apply_all(
    struct apply *a, struct drives_memtable *table, const struct drives_stream_mark *marks,
    unsigned mark_count)
{
    TRY(apply_table(a, table));
    TRY(put_rows(a));
    for (unsigned i = 0; i < mark_count; i++)
        TRY(put_mark(a, &marks[i]));
    return ERR_OK;
}

/* Relaxed: what the tree will point at must not be lost before the tree is. */
static enum err flush_dirty(struct drives *D, uint32_t count)
{
    for (uint32_t id = 0; id < count; id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        if (s && atomic_exchange(&s->is_dirty, false))
            TRY(drives_io_sync_now(s->fd));
    }
    return ERR_OK;
}

/* The tree is on media: the accounts in memory follow, live first (see drives_segment.h). */
static void settle(
    struct apply *a, struct drives_memtable *table, const struct drives_stream_mark *marks,
    unsigned mark_count)
{
    struct drives *D = a->drives;

    for (uint32_t id = 0; id < a->change_count; id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        if (!s)
            continue;
        s->live += a->change[id];
        s->row_fill = s->row_fill_next;
    }
    if (table)
        drives_index_unstage(D, table);
    for (unsigned i = 0; i < mark_count; i++)
        if (marks[i].stream < D->base.owner_count)
            D->applied[marks[i].stream] = marks[i].mark.group;
}

static enum err write_once(
    struct apply *a, struct drives_memtable *table, const struct drives_stream_mark *marks,
    unsigned mark_count)
{
    enum err e;

    memset(a->change, 0, a->change_count * sizeof *a->change);
    TRY(drives_batch_begin(&a->drives->tree, &a->batch));
    e = apply_all(a, table, marks, mark_count);
    if (!e)
        return drives_batch_commit(&a->batch);
    drives_batch_abort(&a->batch);
    return e;
}

enum err drives_applied_write(
    struct drives *D, struct drives_memtable *table, const struct drives_stream_mark *marks,
    unsigned mark_count)
{
    struct apply a = {.drives = D, .change_count = MIN(D->segments.next_id, SEGMENTS_MAX)};
    enum err e;

    if (D->config.is_relaxed)
        TRY(flush_dirty(D, a.change_count));
    a.change = calloc(a.change_count, sizeof *a.change);
    if (!a.change)
        return ERR_NO_MEMORY;
    e = write_once(&a, table, marks, mark_count);
    if (e == ERR_NO_SPACE && drives_ballast_drop(D))
        e = write_once(&a, table, marks, mark_count);
    if (!e)
        settle(&a, table, marks, mark_count);
    free(a.change);
    return e;
}

/* ---- reading it back --------------------------------------------------------------------- */

struct row_call {
    drives_row_fn *fn;
    void *ctx;
};

static enum err row_get(void *ctx, struct view key, struct view value)
{
    struct row_call *call = ctx;
    struct drives_segment_row row = {.id = state_number(key)};
    uint32_t kind;

    if (view_take_le32(&value, &kind) || view_take_le64(&value, &row.live) ||
        view_take_le64(&value, &row.fill) || kind >= SEGMENT_KINDS || row.id >= SEGMENTS_MAX)
        return ERR_CORRUPT;
    row.kind = kind;
    return call->fn(call->ctx, &row);
}

struct mark_call {
    drives_mark_fn *fn;
    void *ctx;
};

static enum err mark_get(void *ctx, struct view key, struct view value)
{
    struct mark_call *call = ctx;
    struct drives_stream_mark m = {.stream = state_number(key)};

    if (view_take_le64(&value, &m.mark.group) || view_take_le64(&value, &m.mark.seq) ||
        view_take_le32(&value, &m.mark.segment) || view_take_le32(&value, &m.epoch) ||
        view_take_le64(&value, &m.mark.end))
        return ERR_CORRUPT;
    return call->fn(call->ctx, &m);
}

static enum err states(struct drives *D, char tag, drives_state_fn *fn, void *ctx)
{
    struct drives_batch b;
    enum err e;

    TRY(drives_batch_begin(&D->tree, &b));
    e = drives_batch_states(&b, view_of(&tag, 1), fn, ctx);
    drives_batch_abort(&b);
    return e;
}

enum err drives_applied_rows(struct drives *D, drives_row_fn *fn, void *ctx)
{
    struct row_call call = {fn, ctx};

    return states(D, 'g', row_get, &call);
}

enum err drives_applied_marks(struct drives *D, drives_mark_fn *fn, void *ctx)
{
    struct mark_call call = {fn, ctx};

    return states(D, 's', mark_get, &call);
}

static enum err count_epoch(struct drives *D, struct drives_batch *b)
{
    uint8_t bytes[4];
    struct buf to = buf_over(bytes, sizeof bytes);
    struct view v;
    uint32_t epoch = 0;
    enum err e = drives_batch_state(b, VIEW("e"), &v);

    if (e && e != ERR_NOT_FOUND)
        return e;
    if (!e && view_take_le32(&v, &epoch))
        return ERR_CORRUPT;
    D->epoch = epoch + 1;
    buf_put_le32(&to, D->epoch);
    return drives_batch_set_state(b, VIEW("e"), buf_view(&to));
}

static enum err write_epoch(struct drives *D)
{
    struct drives_batch b;
    enum err e;

    TRY(drives_batch_begin(&D->tree, &b));
    e = count_epoch(D, &b);
    if (!e)
        return drives_batch_commit(&b);
    drives_batch_abort(&b);
    return e;
}

enum err drives_applied_epoch(struct drives *D)
{
    enum err e = write_epoch(D);

    return e == ERR_NO_SPACE && drives_ballast_drop(D) ? write_epoch(D) : e;
}
