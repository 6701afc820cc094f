/*
 *   group:  closed --first record--> open (filling) --previous write ended--> writing
 *           writing --by the ring--> drives_commit_group_done, closed
 */
#include "engine/drives/drives_log.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32.h"
#include "engine/drives/drives_commit.h"
#include "engine/drives/drives_impl.h"

static struct drives *drives_of_log(const struct drives_log *log)
{
    return log->shard->drives;
}

static struct drives_group *filling(struct drives_log *log)
{
    return &log->groups[log->filling];
}

/* ---- writing ----------------------------------------------------------------------------- */

static void write_head(struct drives_log *log, const struct drives_group *g)
{
    struct drives *D = drives_of_log(log);
    struct drives_segment_head h = {
        .kind = SEGMENT_LOG,
        .state = HEAD_OPENED,
        .segment = g->segment->id,
        .generation = g->segment->generation,
        .stream = log->shard->index,
        .first_group = g->group,
        .bytes = g->segment->bytes,
    };

    memcpy(h.store_id, D->store_id, sizeof h.store_id);
    drives_format_head_put(&h, g->memory);
}

static void write_group_head(struct drives_log *log, struct drives_group *g)
{
    struct drives *D = drives_of_log(log);
    struct view records = view_from(buf_view(&g->buf), DRIVES_GROUP_HEAD_BYTES);
    struct drives_group_head h = {
        .stream = log->shard->index,
        .epoch = D->epoch,
        .group = g->group,
        .segment = g->segment->id,
        .generation = g->segment->generation,
        .offset = g->offset,
        .bytes = (uint32_t)g->buf.len,
        .records = g->records,
        .crc = crc32_c(0, records.at, records.len),
        .flags = D->config.is_relaxed ? GROUP_RELAXED : 0,
    };

    memcpy(h.store_id, D->store_id, sizeof h.store_id);
    drives_format_group_put(&h, g->buf.at);
}

/* Nothing of it was written: its commits failed for certain. Behind a group that failed there must
 * be none. */
static void give_up(struct drives_log *log)
{
    struct drives_group *g = filling(log);

    drives_commit_group_done(log->shard, g, ERR_IO);
    g->is_open = false;
    drives_commit_log_ready(log->shard, ERR_OK);
}

static void start(struct drives_log *log)
{
    struct drives *D = drives_of_log(log);
    struct drives_group *g = filling(log);
    size_t bytes = drives_align(g->buf.len);
    bool is_first = g->offset == DRIVES_HEAD_BYTES;

    assert(!log->is_writing && g->is_open);
    if (D->is_failed) {
        give_up(log);
        return;
    }
    memset(g->buf.at + g->buf.len, 0, bytes - g->buf.len);
    if (g->has_moved)
        g->segment->room_in += bytes - g->buf.len + DRIVES_GROUP_HEAD_BYTES;
    write_group_head(log, g);
    log->is_writing = true;
    log->filling ^= 1;
    log->end = g->offset + bytes;
    if (is_first)
        write_head(log, g);
    drives_io_write(
        &log->io, g->segment->fd, is_first ? g->memory : g->buf.at,
        bytes + (is_first ? DRIVES_HEAD_BYTES : 0), is_first ? 0 : g->offset,
        D->config.is_relaxed ? 0 : IO_DSYNC);
}

/* By the ring. A write that failed may have reached the drive or not. */
static void written(struct op *op)
{
    struct drives_log *log = container_of(op, struct drives_log, io.op);
    struct drives_group *g = &log->groups[log->filling ^ 1];

    if (op->err)
        drives_fail(drives_of_log(log));
    g->segment->is_dirty = true; /* relaxed: only now can a flush make it durable */
    metrics_add(METRIC_COMMIT_GROUPS, 1);
    metrics_add(METRIC_COMMITS, g->records);
    log->is_writing = false;
    drives_commit_group_done(log->shard, g, op->err ? ERR_UNKNOWN_OUTCOME : ERR_OK);
    g->is_open = false;
    drives_commit_log_ready(log->shard, ERR_OK);
    if (!log->is_writing && filling(log)->is_open)
        start(log);
}

/* By ourselves: what was ready has been advanced. */
static void kicked(struct op *op)
{
    struct drives_log *log = container_of(op, struct drives_log, kick);

    log->is_kicked = false;
    if (!log->is_writing && filling(log)->is_open)
        start(log);
}

/* ---- segments ---------------------------------------------------------------------------- */

/* By drives_segment.c. */
static void taken(struct op *op)
{
    struct drives_log *log = container_of(op, struct drives_log, take.op);

    log->is_taking = false;
    if (!op->err) {
        if (log->segment) {
            log->segment->last_group = log->next_group - 1;
            log->segment->state = SEGMENT_SEALED;
        }
        log->segment = log->take.segment;
        log->segment->stream = log->shard->index;
        log->end = DRIVES_HEAD_BYTES;
        log->segments_taken++;
        log->shard->patience_tries = 0;
    }
    drives_commit_log_ready(log->shard, op->err);
}

static void take(struct drives_log *log, bool may_use_reserve)
{
    if (log->is_taking)
        return;
    log->is_taking = true;
    log->take.may_use_reserve = may_use_reserve;
    drives_segment_take(drives_of_log(log), &log->take);
}

/* ---- filling ----------------------------------------------------------------------------- */

static void place(struct drives_log *log, struct drives_group *g)
{
    uint64_t room = log->segment->bytes - log->end;

    g->segment = log->segment;
    g->offset = log->end;
    g->group = log->next_group++;
    g->records = 0;
    g->has_moved = false;
    g->buf = buf_over(g->memory + DRIVES_HEAD_BYTES, MIN(room, log->group_bytes_max));
    g->buf.len = DRIVES_GROUP_HEAD_BYTES;
    g->is_open = true;
}

enum log_room
drives_log_room(struct drives_log *log, size_t bytes, bool may_use_reserve, struct buf **buf_out)
{
    struct drives_group *g = filling(log);
    size_t needed = DRIVES_GROUP_HEAD_BYTES + bytes;

    if (needed > log->group_bytes_max)
        return LOG_NEVER;
    if (log->is_taking)
        return LOG_WAIT;
    if (g->is_open &&
        (bytes > g->buf.cap - g->buf.len || (g->segment->is_reserve && !may_use_reserve)))
        return LOG_WAIT;
    if (!g->is_open && (!log->segment || needed > log->segment->bytes - log->end ||
                        (log->segment->is_reserve && !may_use_reserve))) {
        take(log, may_use_reserve);
        return LOG_WAIT;
    }
    if (!g->is_open)
        place(log, g);
    *buf_out = &g->buf;
    return LOG_ROOM;
}

uint64_t drives_log_position(const struct drives_log *log, uint32_t *segment_out)
{
    const struct drives_group *g = &log->groups[log->filling];

    assert(g->is_open);
    *segment_out = g->segment->id;
    return g->offset + g->buf.len;
}

void drives_log_holds(struct drives_log *log, size_t payload, size_t record, bool is_moved)
{
    struct drives_group *g = filling(log);

    g->segment->payload_in += payload;
    g->segment->room_in += record;
    g->has_moved |= is_moved;
}

void drives_log_add(struct drives_log *log, uint64_t seq, struct list *txn)
{
    struct drives_group *g = filling(log);

    assert(g->is_open && !g->buf.overflow && seq > g->seq);
    g->records++;
    g->seq = seq;
    list_push_back(&g->txns, txn);
    if (log->is_writing || log->is_kicked)
        return;
    log->is_kicked = true;
    op_send(&log->kick, log->shard->home);
}

struct drives_log_mark drives_log_mark_of(const struct drives_group *g)
{
    return (struct drives_log_mark){
        .seq = g->seq,
        .group = g->group,
        .segment = g->segment->id,
        .end = g->offset + drives_align(g->buf.len),
    };
}

/* ---- life -------------------------------------------------------------------------------- */

static void *group_memory(size_t bytes)
{
    void *at = NULL;

    return posix_memalign(&at, DRIVES_BLOCK_BYTES, bytes) ? NULL : at;
}

enum err drives_log_open(struct drives_shard *s)
{
    struct drives_log *log = &s->log;
    uint64_t room = s->drives->config.log_segment_bytes - DRIVES_HEAD_BYTES;

    log->shard = s;
    log->next_group = 1;
    log->group_bytes_max = MIN(room, LOG_GROUP_BYTES_MAX);
    log->take.kind = SEGMENT_LOG;
    op_init(&log->kick, kicked);
    op_init(&log->take.op, taken);
    op_init(&log->io.op, written);
    for (unsigned i = 0; i < 2; i++) {
        list_init(&log->groups[i].txns);
        log->groups[i].memory = group_memory(DRIVES_HEAD_BYTES + log->group_bytes_max);
        if (!log->groups[i].memory)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

void drives_log_close(struct drives_log *log)
{
    for (unsigned i = 0; i < 2; i++)
        free(log->groups[i].memory);
}

void drives_log_resume(struct drives_log *log, const struct drives_log_mark *mark)
{
    log->segment = drives_segment_find(drives_of_log(log), mark->segment);
    log->next_group = mark->group + 1;
    log->end = mark->end;
    if (log->segment)
        log->segment->state = SEGMENT_OPEN;
}

bool drives_log_is_idle(const struct drives_log *log)
{
    return !log->is_writing && !log->is_kicked && !log->is_taking && !log->groups[0].is_open &&
           !log->groups[1].is_open;
}
