/*
 * Reading a log back, at open: one stream is what one owner wrote, group after group. Blocking.
 *
 * The end of a stream is where the next group is not: missing, torn, or older. Groups are written
 * one at a time, so a valid later group means that something in the middle is damaged.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_STREAM_H
#define PENSTOCK_ENGINE_DRIVES_STREAM_H

#include "engine/drives/drives_applied.h"
#include "engine/drives/drives_format.h"

struct drives_stream_segment {
    struct drives_segment *segment;
    uint64_t first_group;
};

struct drives_stream {
    struct drives *drives;
    uint32_t id, epoch;                     /* of the last group read */
    struct drives_log_mark mark;            /* all of it has been taken */
    struct drives_stream_segment *segments; /* by first_group */
    unsigned segment_count, segment_cap;
    unsigned at;       /* index into segments: where the next group is */
    uint64_t offset;   /* in that segment */
    uint64_t expected; /* its number */
    bool is_started, is_ended;
    uint8_t *memory; /* the group */
    size_t memory_cap;
    struct view rest; /* its records not taken yet */
    struct drives_log_mark group_mark;
    struct drives_record record; /* the next, when has_record */
    bool has_record;
};

enum err drives_stream_add(struct drives_stream *t, struct drives_segment *s, uint64_t first_group)
    MUST_CHECK;
/* After all are added. Reads the first record. */
enum err drives_stream_start(struct drives_stream *t, struct buf *why) MUST_CHECK;
/* The record is done; reads the next: has_record false at the end. */
enum err drives_stream_next(struct drives_stream *t, struct buf *why) MUST_CHECK;
void drives_stream_done(struct drives_stream *t);

#endif
