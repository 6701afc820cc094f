/*
 * The log of one owner: records in groups, groups in segments, one write in flight.
 *
 * Group commit clocks itself: while a group is being written the next one fills. The write of a
 * group starts when the previous one has ended and somebody is in it; a record that comes to an
 * idle log waits until the reactor has advanced what is ready, so that what came together goes
 * together. One write in flight also means: a valid group behind an invalid one is damage, not a
 * torn tail (drives_recover.c).
 */
#ifndef PENSTOCK_ENGINE_DRIVES_LOG_H
#define PENSTOCK_ENGINE_DRIVES_LOG_H

#include "engine/drives/drives_io.h"
#include "engine/drives/drives_segment.h"

struct drives_shard;

enum {
    LOG_GROUP_BYTES_MAX = 4 << 20,
    LOG_SEGMENTS_MAX = 8 /* of a stream between checkpoints: bounds recovery */
};

/* A place in a stream: everything up to here. */
struct drives_log_mark {
    uint64_t seq, group; /* the last of each */
    uint32_t segment;
    uint64_t end; /* where the next group goes in that segment */
};

struct drives_group {
    uint8_t *memory; /* room for a segment head, then the group; aligned */
    struct buf buf;  /* the group: its head, then records */
    struct drives_segment *segment;
    uint64_t offset, group;
    uint32_t records;
    uint64_t seq;     /* of the last record */
    bool is_open;     /* has a place and at least one record */
    bool has_moved;   /* one of them is the cleaner's */
    struct list txns; /* of drives_txn.link, one per record, in order */
};

struct drives_log {
    struct drives_shard *shard;
    struct drives_segment *segment; /* NULL: none yet */
    uint64_t end;                   /* of the last group in it that has a place */
    uint64_t next_group;
    size_t group_bytes_max;
    struct drives_group groups[2];
    unsigned filling; /* the group that records go to; the other one is being written */
    bool is_writing, is_kicked, is_taking;
    unsigned segments_taken; /* since the last checkpoint began */
    struct drives_io io;
    struct op kick;
    struct drives_take take;
};

enum err drives_log_open(struct drives_shard *s) MUST_CHECK;
void drives_log_close(struct drives_log *log);
/* Start-up: go on behind `mark`, in its segment. */
void drives_log_resume(struct drives_log *log, const struct drives_log_mark *mark);
bool drives_log_is_idle(const struct drives_log *log);

enum log_room { LOG_ROOM, LOG_WAIT, LOG_NEVER };
/*
 * Room for a record of at most `bytes`? LOG_ROOM: write it to *buf_out, then drives_log_add.
 * LOG_WAIT: no; drives_commit_group_done or drives_commit_log_ready will be called. LOG_NEVER: no
 * group can hold it.
 */
enum log_room
drives_log_room(struct drives_log *log, size_t bytes, bool may_use_reserve, struct buf **buf_out);
/* Where the byte at buf->len will be. */
uint64_t drives_log_position(const struct drives_log *log, uint32_t *segment_out);
/*
 * So much payload is in the buffer, in a record of so many bytes: for the cleaner's sums. Of a
 * group with moved ones the padding counts, too: it is what the cleaner can do, and doing it again
 * would bring nothing.
 */
void drives_log_holds(struct drives_log *log, size_t payload, size_t record, bool is_moved);
/* The record with this seq is in the buffer; txn is the list node that stands for it. */
void drives_log_add(struct drives_log *log, uint64_t seq, struct list *txn);
/* Where the group that is being written ends. */
struct drives_log_mark drives_log_mark_of(const struct drives_group *g);

#endif
