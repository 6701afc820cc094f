/* What checkpoints write to the tree, and what start-up reads of it. Blocking. */
#ifndef PENSTOCK_ENGINE_DRIVES_APPLIED_H
#define PENSTOCK_ENGINE_DRIVES_APPLIED_H

#include "engine/drives/drives_log.h"
#include "engine/drives/drives_memtable.h"

struct drives;

/* What the tree knows of a stream. */
struct drives_stream_mark {
    uint32_t stream;
    uint32_t epoch;
    struct drives_log_mark mark;
};

/*
 * Blocking: all of table into the tree, the marks, and what changed of the segments' accounts, in
 * one durable step; then the accounts in memory follow and the table is taken off `staged`.
 * table NULL: the marks only.
 */
enum err drives_applied_write(
    struct drives *D, struct drives_memtable *table, const struct drives_stream_mark *marks,
    unsigned mark_count) MUST_CHECK;

/* Start-up: what earlier checkpoints wrote. */
struct drives_segment_row {
    uint32_t id;
    enum drives_segment_kind kind;
    uint64_t live, fill;
};
typedef enum err drives_row_fn(void *ctx, const struct drives_segment_row *row);
typedef enum err drives_mark_fn(void *ctx, const struct drives_stream_mark *mark);
enum err drives_applied_rows(struct drives *D, drives_row_fn *fn, void *ctx) MUST_CHECK;
enum err drives_applied_marks(struct drives *D, drives_mark_fn *fn, void *ctx) MUST_CHECK;
/* Counts the store's openings in the tree: D->epoch. */
enum err drives_applied_epoch(struct drives *D) MUST_CHECK;

#endif
