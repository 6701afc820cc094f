#include "engine/drives/drives_stream.h"

#include <stdlib.h>

#include "base/crc32.h"
#include "engine/drives/drives_impl.h"

enum err drives_stream_add(struct drives_stream *t, struct drives_segment *s, uint64_t first_group)
{
    unsigned at = t->segment_count;

    if (t->segment_count == t->segment_cap) {
        unsigned cap = t->segment_cap ? 2 * t->segment_cap : 8;
        void *more = realloc(t->segments, cap * sizeof *t->segments);

        if (!more)
            return ERR_NO_MEMORY;
        t->segments = more;
        t->segment_cap = cap;
    }
    for (; at > 0 && t->segments[at - 1].first_group > first_group; at--)
        t->segments[at] = t->segments[at - 1];
    t->segments[at] = (struct drives_stream_segment){s, first_group};
    t->segment_count++;
    return ERR_OK;
}

void drives_stream_done(struct drives_stream *t)
{
    free(t->segments);
    free(t->memory);
}

/* ---- one group --------------------------------------------------------------------------- */

static enum err memory_for(struct drives_stream *t, size_t bytes)
{
    if (bytes <= t->memory_cap)
        return ERR_OK;
    free(t->memory);
    t->memory_cap = 0;
    t->memory = drives_io_memory(MAX(bytes, MIB));
    if (!t->memory)
        return ERR_NO_MEMORY;
    t->memory_cap = MAX(bytes, MIB);
    return ERR_OK;
}

/* Is this the head of a group of ours, at this place, no older than what came before? */
static bool is_ours(
    const struct drives_stream *t, const struct drives_segment *s, uint64_t offset,
    const struct drives_group_head *g)
{
    return memcmp(g->store_id, t->drives->store_id, sizeof g->store_id) == 0 &&
           g->stream == t->id && g->segment == s->id && g->generation == s->generation &&
           g->offset == offset && g->epoch >= t->epoch && g->bytes <= s->bytes - offset &&
           g->bytes <= LOG_GROUP_BYTES_MAX + DRIVES_GROUP_HEAD_BYTES;
}

/* ERR_NOT_FOUND: there is no valid group. ERR_IO: the drive. Else it is in t->memory. */
static enum err read_group(
    struct drives_stream *t, struct drives_segment *s, uint64_t offset, struct drives_group_head *g)
{
    struct view records;

    if (s->bytes - offset < DRIVES_BLOCK_BYTES)
        return ERR_NOT_FOUND;
    TRY(memory_for(t, DRIVES_BLOCK_BYTES));
    TRY(drives_io_read_now(s->fd, t->memory, DRIVES_BLOCK_BYTES, offset));
    if (drives_format_group_get(t->memory, g) || !is_ours(t, s, offset, g))
        return ERR_NOT_FOUND;
    TRY(memory_for(t, drives_align(g->bytes)));
    TRY(drives_io_read_now(s->fd, t->memory, drives_align(g->bytes), offset));
    records = view_of(t->memory + DRIVES_GROUP_HEAD_BYTES, g->bytes - DRIVES_GROUP_HEAD_BYTES);
    return crc32_c(0, records.at, records.len) == g->crc ? ERR_OK : ERR_NOT_FOUND;
}

/* ---- the end, or damage ------------------------------------------------------------------ */

enum { SCAN_BYTES = 1 << 20 };

/* The first head in `bytes`, read at `from`, that is of a later group than the expected one. */
static bool find_head(
    const struct drives_stream *t, const struct drives_segment *s, struct view bytes, uint64_t from,
    uint64_t *found_out)
{
    for (uint64_t at = 0; at + DRIVES_BLOCK_BYTES <= bytes.len; at += DRIVES_BLOCK_BYTES) {
        struct drives_group_head g;

        if (drives_format_group_get(bytes.at + at, &g) || !is_ours(t, s, from + at, &g) ||
            g.group <= t->expected)
            continue;
        *found_out = from + at;
        return true;
    }
    return false;
}

/* The first valid group of the segment from offset on that is later than the expected one. */
static enum err find_in(
    struct drives_stream *t, struct drives_segment *s, uint64_t offset, uint8_t *bytes,
    struct drives_group_head *g)
{
    while (offset + DRIVES_BLOCK_BYTES <= s->bytes) {
        uint64_t len = MIN(s->bytes - offset, SCAN_BYTES), found;
        enum err e = drives_io_read_now(s->fd, bytes, len, offset);

        if (e && !t->drives->config.is_salvage)
            return e;
        if (e || !find_head(t, s, view_of(bytes, len), offset, &found)) {
            offset += len;
            continue;
        }
        e = read_group(t, s, found, g);
        if (e != ERR_NOT_FOUND) {
            t->offset = found;
            return e;
        }
        offset = found + DRIVES_BLOCK_BYTES;
    }
    return ERR_NOT_FOUND;
}

/* The first valid group behind the place where the expected one is not; ERR_NOT_FOUND: none. */
static enum err find_later(struct drives_stream *t, struct drives_group_head *g)
{
    uint8_t *bytes = drives_io_memory(SCAN_BYTES);
    uint64_t offset = t->offset;
    enum err e = bytes ? ERR_NOT_FOUND : ERR_NO_MEMORY;

    for (unsigned i = t->at; e == ERR_NOT_FOUND && i < t->segment_count; i++) {
        e = find_in(t, t->segments[i].segment, offset, bytes, g);
        if (!e)
            t->at = i;
        offset = DRIVES_HEAD_BYTES;
    }
    free(bytes);
    return e;
}

static enum err no_group(struct drives_stream *t, struct drives_group_head *g, struct buf *why)
{
    uint32_t segment = t->segments[t->at].segment->id;
    uint64_t offset = t->offset;
    unsigned at = t->at;
    enum err e = find_later(t, g);

    /* Relaxed groups reach the drive in any order: what is behind a gap was never promised. */
    if (e == ERR_NOT_FOUND || (!e && (g->flags & GROUP_RELAXED) && !t->drives->config.is_salvage)) {
        t->is_ended = true;
        t->at = at;
        t->offset = offset;
        return ERR_NOT_FOUND;
    }
    if (e)
        return e;
    if (t->drives->config.is_salvage) {
        t->expected = g->group;
        return ERR_OK;
    }
    buf_printf(
        why,
        "the log is damaged: group %llu of stream %u should be in segment %08x at %llu, and a "
        "later one is there",
        (unsigned long long)t->expected, t->id, segment, (unsigned long long)offset);
    return ERR_CORRUPT;
}

/* The expected group is the first of another segment. A file whose removal a crash undid may claim
 * the same number: so all that do are looked at; the last is where a torn one would be. */
static enum err first_of_next(struct drives_stream *t, struct drives_group_head *g)
{
    for (unsigned i = t->at + 1; i < t->segment_count; i++) {
        enum err e;

        if (t->segments[i].first_group != t->expected)
            continue;
        t->at = i;
        t->offset = DRIVES_HEAD_BYTES;
        e = read_group(t, t->segments[i].segment, t->offset, g);
        if (!e && g->group == t->expected)
            return ERR_OK;
        if (e && e != ERR_NOT_FOUND)
            return e;
    }
    return ERR_NOT_FOUND;
}

/* The group after the last, wherever it is. ERR_NOT_FOUND: the stream ends here. */
static enum err next_group(struct drives_stream *t, struct drives_group_head *g, struct buf *why)
{
    enum err e;

    if (t->at >= t->segment_count) {
        t->is_ended = true;
        return ERR_NOT_FOUND;
    }
    e = read_group(t, t->segments[t->at].segment, t->offset, g);
    if (!e && g->group == t->expected)
        return ERR_OK;
    if (!e || e == ERR_NOT_FOUND)
        e = first_of_next(t, g);
    return e == ERR_NOT_FOUND ? no_group(t, g, why) : e;
}

static enum err take_group(struct drives_stream *t, struct buf *why)
{
    struct drives_segment *s;
    struct drives_group_head g;

    TRY(next_group(t, &g, why));
    s = t->segments[t->at].segment;
    s->is_dirty = true; /* flushed before the tree points into it */
    t->rest = view_of(t->memory + DRIVES_GROUP_HEAD_BYTES, g.bytes - DRIVES_GROUP_HEAD_BYTES);
    t->epoch = g.epoch;
    t->offset += drives_align(g.bytes);
    t->expected = g.group + 1;
    t->group_mark = (struct drives_log_mark){
        .seq = t->mark.seq, .group = g.group, .segment = s->id, .end = t->offset};
    return ERR_OK;
}

/* ---- records ----------------------------------------------------------------------------- */

enum err drives_stream_next(struct drives_stream *t, struct buf *why)
{
    enum err e;

    if (t->has_record && t->rest.len == 0)
        t->mark = t->group_mark;
    t->has_record = false;
    while (t->rest.len == 0) {
        e = take_group(t, why);
        if (e)
            return e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    e = drives_format_record_take(&t->rest, &t->record);
    if (e) {
        buf_printf(
            why, "group %llu of stream %u holds a record this version cannot read",
            (unsigned long long)t->group_mark.group, t->id);
        return e;
    }
    t->group_mark.seq = t->record.seq;
    t->has_record = true;
    return ERR_OK;
}

/* Where the mark says, or at the first segment behind it. */
static enum err find_start(struct drives_stream *t, struct buf *why)
{
    t->expected = t->mark.group + 1;
    for (t->at = 0; t->at < t->segment_count; t->at++) {
        const struct drives_stream_segment *x = &t->segments[t->at];

        if (x->first_group <= t->mark.group && x->segment->id == t->mark.segment) {
            t->offset = t->mark.end;
            return ERR_OK;
        }
        if (x->first_group > t->mark.group)
            break;
    }
    t->offset = DRIVES_HEAD_BYTES;
    if (t->at == t->segment_count || t->segments[t->at].first_group == t->expected ||
        t->drives->config.is_salvage)
        return ERR_OK;
    buf_printf(
        why, "the log is incomplete: group %llu of stream %u is missing",
        (unsigned long long)t->expected, t->id);
    return ERR_CORRUPT;
}

enum err drives_stream_start(struct drives_stream *t, struct buf *why)
{
    TRY(find_start(t, why));
    return drives_stream_next(t, why);
}
