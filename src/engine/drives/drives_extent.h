/*
 * Extents of data segments: handed out by heads, one per owner, so that reactors write into
 * segments of their own; and the flushes that make them durable, coalesced per segment.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_EXTENT_H
#define PENSTOCK_ENGINE_DRIVES_EXTENT_H

#include "engine/drives/drives_segment.h"

/* Where one owner's payloads go next. */
struct drives_head {
    pthread_mutex_t lock;
    struct drives *drives;
    struct drives_segment *open;
    struct list waiting; /* of drives_alloc.op.link */
    bool is_taking;
    struct drives_take take;
    struct drives_segment *kept; /* the cleaner's: an empty one, for when `open` is full */
};

/* Waits for `bytes` (a multiple of 4 KiB) of a data segment; counted as staged. */
struct drives_alloc {
    struct op op;
    uint32_t bytes;
    struct drives_segment *segment;
    uint64_t offset;
};

/* Waits until what was written when `ticket` was drawn is on stable media. */
struct drives_sync {
    struct op op;
    uint64_t ticket;
};

/* Whose turn is the current reactor's: any head serves, this one without contention. */
void drives_extent_alloc(struct drives *D, struct drives_alloc *a);
void drives_extent_alloc_from(struct drives_head *h, struct drives_alloc *a);
void drives_extent_head_init(struct drives *D, struct drives_head *h);
void drives_extent_head_done(struct drives_head *h);
/* `payload` bytes were placed in what `a` got. */
void drives_extent_holds(const struct drives_alloc *a, uint64_t payload);
void drives_extent_sync(struct drives_segment *s, struct drives_sync *y);
/* Call after each finished write; gives the ticket for drives_extent_sync. */
uint64_t drives_extent_wrote(struct drives_segment *s);
enum err drives_extent_heads_open(struct drives *D) MUST_CHECK;
void drives_extent_heads_close(struct drives *D);

#endif
