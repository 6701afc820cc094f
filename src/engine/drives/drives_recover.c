/*
 * 1. Adopt every segment file. 2. Read the accounts and marks of the last checkpoint. 3. Replay
 * each stream from its mark on, all of them merged by seq, with the code that applies live commits,
 * into a memtable that is checkpointed when it is full. 4. Checkpoint the rest; verify that nothing
 * points at a file that is gone. 5. Let the owners go on where their streams end; what else is
 * free becomes spare.
 *
 * Replaying twice is harmless (a crash in here): the last record of a key decides, and all records
 * behind the marks are replayed. A replayed record may name a segment that was unlinked since,
 * because a later record took its last bytes: such segments are ghosts (fd -1) until step 4.
 */
#include "engine/drives/drives_recover.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/drives/drives_commit.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_stream.h"

enum { STREAMS_MAX = 4096 };

struct recovery {
    struct drives *drives;
    struct buf *why;
    struct drives_stream *streams;
    unsigned stream_count, stream_cap;
    uint64_t seq;
};

/* ---- 1. files ---------------------------------------------------------------------------- */

static enum err stream_of(struct recovery *x, uint32_t id, struct drives_stream **t_out)
{
    for (unsigned i = 0; i < x->stream_count; i++) {
        if (x->streams[i].id == id) {
            *t_out = &x->streams[i];
            return ERR_OK;
        }
    }
    if (x->stream_count == x->stream_cap) {
        unsigned cap = x->stream_cap ? 2 * x->stream_cap : 8;
        void *more = cap > STREAMS_MAX ? NULL : realloc(x->streams, cap * sizeof *x->streams);

        if (!more)
            return ERR_NO_MEMORY;
        x->streams = more;
        x->stream_cap = cap;
    }
    *t_out = &x->streams[x->stream_count++];
    **t_out = (struct drives_stream){.drives = x->drives, .id = id};
    return ERR_OK;
}

static enum err adopt(struct recovery *x, enum drives_segment_kind kind, uint32_t id)
{
    struct drives *D = x->drives;
    struct drives_segment_head head;
    struct drives_stream *t;
    enum err e = drives_segment_adopt(D, kind, id, &head, x->why);

    D->segments.next_id = MAX(D->segments.next_id, id + 1);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (kind == SEGMENT_DATA)
        return ERR_OK;
    if (head.state == HEAD_PREPARED) {
        drives_segment_add_spare(D, drives_segment_find(D, id));
        return ERR_OK;
    }
    TRY(stream_of(x, head.stream, &t));
    return drives_stream_add(t, drives_segment_find(D, id), head.first_group);
}

/* What a preparation left behind; nothing points at it, or a ghost would have said so. */
static enum err sweep(struct recovery *x, enum drives_segment_kind kind, uint32_t id)
{
    if (!drives_segment_find(x->drives, id))
        drives_segment_unlink(x->drives, kind, id);
    return ERR_OK;
}

typedef enum err file_fn(struct recovery *x, enum drives_segment_kind kind, uint32_t id);

static enum err each_file(struct recovery *x, enum drives_segment_kind kind, file_fn *fn)
{
    const char *suffix = kind == SEGMENT_LOG ? "log" : "data";
    int fd = openat(x->drives->kind_fd[kind], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    enum err e = ERR_OK;

    if (!dir) {
        buf_printf(x->why, "cannot read the folder of %s segments", suffix);
        return ERR_IO;
    }
    while (!e && (entry = readdir(dir))) {
        char own_suffix[8] = "";
        unsigned id;

        if (sscanf(entry->d_name, "%8x.%7s", &id, own_suffix) != 2 ||
            strcmp(own_suffix, suffix) != 0 || id >= SEGMENTS_MAX)
            continue;
        e = fn(x, kind, id);
    }
    (void)closedir(dir);
    return e;
}

/* ---- 2. accounts and marks --------------------------------------------------------------- */

static enum err on_row(void *ctx, const struct drives_segment_row *row)
{
    struct recovery *x = ctx;
    struct drives *D = x->drives;
    struct drives_segment *s = drives_segment_find(D, row->id);

    D->segments.next_id = MAX(D->segments.next_id, row->id + 1);
    if (!s && row->live > 0)
        TRY(drives_segment_ghost(D, row->id, row->kind));
    s = drives_segment_find(D, row->id);
    if (!s)
        return ERR_OK;
    s->live = (int64_t)row->live;
    s->row_fill = row->fill;
    if (s->kind == SEGMENT_DATA && row->live > 0)
        s->fill = MAX(s->fill, row->fill);
    return ERR_OK;
}

static enum err on_mark(void *ctx, const struct drives_stream_mark *mark)
{
    struct recovery *x = ctx;
    struct drives_stream *t;

    TRY(stream_of(x, mark->stream, &t));
    t->mark = mark->mark;
    t->epoch = mark->epoch;
    x->seq = MAX(x->seq, mark->mark.seq);
    return ERR_OK;
}

/* ---- 3. replay --------------------------------------------------------------------------- */

static struct drives_stream *earliest(struct recovery *x)
{
    struct drives_stream *least = NULL;

    for (unsigned i = 0; i < x->stream_count; i++) {
        struct drives_stream *t = &x->streams[i];

        if (t->has_record && (!least || t->record.seq < least->record.seq))
            least = t;
    }
    return least;
}

/* What the payload is in: there, or a ghost; and not free any more. */
static enum err claim_entry(struct recovery *x, struct view bytes)
{
    struct drives *D = x->drives;
    struct drives_layout l;
    struct drives_entry entry;
    struct drives_usage u;

    TRY(drives_format_entry_get(bytes, &entry));
    TRY(drives_layout_get(entry.layout, &l));
    for (uint32_t i = 0; drives_layout_usage(&l, i, &u); i++) {
        if (!drives_segment_find(D, u.segment))
            TRY(drives_segment_ghost(D, u.segment, SEGMENT_DATA));
        struct drives_segment *s = drives_segment_find(D, u.segment);

        s->is_dirty = s->fd >= 0; /* a killed process may have left it in a cache */
        if (l.kind == LAYOUT_EXTENTS) {
            struct drives_extent extent;

            drives_layout_extent(&l, i, &extent);
            s->fill = MAX(s->fill, drives_align(extent.offset + extent.len));
        } else {
            /* Not worth reading the maps: what is written next goes elsewhere. */
            s->fill = UINT64_MAX;
        }
    }
    return ERR_OK;
}

static enum err claim_extents(struct recovery *x, const struct drives_record *r)
{
    struct view rest = r->fields, key, entry;
    enum err e;

    if (r->type == RECORD_PUT)
        TRY(claim_entry(x, r->entry));
    while (!(e = drives_format_further_take(&rest, &key, &entry)))
        TRY(claim_entry(x, entry));
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* What was replayed must be on media before the tree rests on it: after a killed process it may be
 * in a cache only. */
static enum err flush_replayed(struct drives *D)
{
    for (uint32_t id = 0; id < D->segments.next_id; id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        if (s && atomic_exchange(&s->is_dirty, false))
            TRY(drives_io_sync_now(s->fd));
    }
    return ERR_OK;
}

static enum err write_checkpoint(struct recovery *x)
{
    struct drives *D = x->drives;
    struct drives_index *ix = &D->shards[0].keys;
    struct drives_stream_mark *marks = calloc(x->stream_count + 1, sizeof *marks);
    enum err e = marks ? flush_replayed(D) : ERR_NO_MEMORY;

    for (unsigned i = 0; !e && i < x->stream_count; i++)
        marks[i] =
            (struct drives_stream_mark){x->streams[i].id, x->streams[i].epoch, x->streams[i].mark};
    if (!e)
        e = drives_applied_write(D, ix->active, marks, x->stream_count);
    free(marks);
    if (e) {
        buf_printf(x->why, "cannot write the index: %s", err_text(e));
        return e;
    }
    drives_memtable_free(ix->active);
    ix->active = NULL;
    return drives_memtable_new(&ix->active);
}

static enum err replay_one(struct recovery *x, struct drives_stream *t)
{
    struct drives *D = x->drives;
    struct drives_index *ix = &D->shards[0].keys;

    x->seq = MAX(x->seq, t->record.seq);
    TRY(claim_extents(x, &t->record));
    TRY(drives_commit_apply(ix, &t->record));
    TRY(drives_stream_next(t, x->why));
    if (drives_memtable_entries(ix->active) >= D->config.memtable_entries_max ||
        drives_memtable_bytes(ix->active) >= D->config.memtable_bytes_max)
        return write_checkpoint(x);
    return ERR_OK;
}

static enum err replay(struct recovery *x)
{
    struct drives_stream *t;

    for (unsigned i = 0; i < x->stream_count; i++)
        TRY(drives_stream_start(&x->streams[i], x->why));
    while ((t = earliest(x)))
        TRY(replay_one(x, t));
    return write_checkpoint(x);
}

/* ---- 4. and 5. --------------------------------------------------------------------------- */

static enum err lay_ghosts(struct recovery *x)
{
    struct drives *D = x->drives;

    for (uint32_t id = 0; id < D->segments.next_id; id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        if (!s || s->fd >= 0)
            continue;
        if (s->live > 0) {
            buf_printf(
                x->why, "segment %08x is gone, with %lld bytes of objects", id, (long long)s->live);
            return ERR_CORRUPT;
        }
        drives_segment_forget(D, s);
    }
    return ERR_OK;
}

/* Where the stream ended; NULL: it has to begin in a new segment. */
static void resume(struct recovery *x, struct drives_stream *t)
{
    struct drives *D = x->drives;
    struct drives_log_mark mark = t->mark;

    if (t->id >= D->base.owner_count)
        return;
    mark.segment = UINT32_MAX;
    if (t->at < t->segment_count) {
        mark.segment = t->segments[t->at].segment->id;
        mark.end = t->offset;
    }
    drives_log_resume(&D->shards[t->id].log, &mark);
    D->shards[t->id].mark = t->mark;
    D->applied[t->id] = t->mark.group;
}

static void spare_data(struct drives *D)
{
    for (uint32_t id = 0; id < D->segments.next_id; id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        if (!s || s->kind != SEGMENT_DATA)
            continue;
        if (s->live == 0)
            s->fill = DRIVES_HEAD_BYTES;
        if (s->fill <= s->bytes && s->bytes - s->fill >= CHUNK_BYTES_MAX)
            drives_segment_add_spare(D, s);
    }
}

static enum err recover(struct recovery *x)
{
    struct drives *D = x->drives;

    TRY(each_file(x, SEGMENT_LOG, adopt));
    TRY(each_file(x, SEGMENT_DATA, adopt));
    TRY(drives_applied_rows(D, on_row, x));
    TRY(drives_applied_marks(D, on_mark, x));
    TRY(drives_applied_epoch(D));
    TRY(replay(x));
    TRY(lay_ghosts(x));
    TRY(each_file(x, SEGMENT_LOG, sweep));
    TRY(each_file(x, SEGMENT_DATA, sweep));
    D->seq = x->seq;
    for (unsigned i = 0; i < x->stream_count; i++)
        resume(x, &x->streams[i]);
    spare_data(D);
    drives_segment_reclaim(D);
    return ERR_OK;
}

enum err drives_recover(struct drives *D, struct buf *why)
{
    struct recovery x = {.drives = D, .why = why};
    enum err e = recover(&x);

    if (e && why->len == 0)
        buf_printf(why, "cannot recover the store: %s", err_text(e));
    for (unsigned i = 0; i < x.stream_count; i++)
        drives_stream_done(&x.streams[i]);
    free(x.streams);
    return e;
}
