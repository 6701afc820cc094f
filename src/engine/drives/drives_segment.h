/*
 * Segments: the files the log and the payloads are written to.
 *
 *   (new file) --prepare--> spare --take--> open --full--> sealed --reclaim--> spare | unlinked
 *
 * A sealed segment may be reclaimed when nothing needs a byte of it any more:
 *   live    bytes that entries of the index point at; changed with each checkpoint
 *   staged  bytes of puts under way and of entries in memtables, not yet in the index
 *   pins    looked-up objects that point at it
 *   and, for a log segment, a checkpoint covers its last group.
 * live falls to 0 only when a checkpoint is on media, so after a crash the index never points at
 * bytes that were given to somebody else.
 *
 * Files are made, zeroed, reserved and unlinked on helper threads.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_SEGMENT_H
#define PENSTOCK_ENGINE_DRIVES_SEGMENT_H

#include <pthread.h>

#include "engine/drives/drives_format.h"
#include "loop/reactor.h"

enum { SEGMENTS_MAX = 1 << 20, SEGMENT_SPARES_MAX = 2 };
enum segment_state { SEGMENT_SPARE, SEGMENT_OPEN, SEGMENT_SEALED };

struct drives;
struct drives_layout;

struct drives_segment {
    /* set once */
    struct drives *drives;
    uint32_t id;
    enum drives_segment_kind kind;
    int fd;
    uint64_t bytes;

    /* whoever has it open; nobody else looks before it is sealed */
    uint32_t generation;
    uint32_t stream;     /* log */
    uint64_t last_group; /* log, when sealed; 0: an earlier run's, covered */
    struct list link;    /* the spares */
    bool is_reserve;     /* made out of the reserve: for removes only, and not recycled */

    /* any thread, atomic */
    _Atomic int state; /* enum segment_state */
    _Atomic uint64_t fill;
    _Atomic int64_t live, staged, pins;
    _Atomic uint64_t writes_done;
    _Atomic bool is_dirty; /* relaxed: written and not flushed yet */
    /* Payload placed in it in this life and run, and the room it took, record or padding included:
     * what moving it takes. 0: not known. */
    _Atomic uint64_t payload_in, room_in;
    _Atomic bool is_unmovable; /* something alive in it cannot be read */

    _Atomic bool is_victim; /* the cleaner has chosen it, in this life */

    /* drives_clean_choose.c only */
    unsigned clean_tries;
    int64_t clean_live; /* when last chosen */

    /* checkpoints only, one at a time: what the tree says of `fill`, and will say */
    uint64_t row_fill, row_fill_next;

    /* under lock: flushes, coalesced */
    pthread_mutex_t lock;
    struct list sync_now, sync_next; /* drives_extent.c: of drives_sync.op.link */
    bool is_syncing;
    uint64_t synced, sync_ticket; /* of writes_done */
    struct io sync_io;
};

/* Waits for a spare segment, now open. */
struct drives_take {
    struct op op;
    enum drives_segment_kind kind;
    bool may_use_reserve; /* for removes: down to the last byte */
    struct drives_segment *segment;
};

struct drives_prepare {
    struct work work;
    struct drives *drives;
    enum drives_segment_kind kind;
    bool is_on, may_use_reserve;
    struct drives_segment *made;
};

struct drives_segments {
    pthread_mutex_t lock;
    _Atomic(struct drives_segment *) *at; /* SEGMENTS_MAX, by id; entries change under lock */
    _Atomic uint32_t next_id;             /* all ids in use are below */
    uint32_t claimed[SEGMENT_KINDS];      /* under lock; of a file that is being made; 0: none */
    _Atomic uint32_t generation;          /* the last given: no two lives of a segment share one */
    struct list spare[SEGMENT_KINDS];     /* under lock */
    struct list waiting[SEGMENT_KINDS];   /* under lock; of drives_take.op.link */
    unsigned spare_count[SEGMENT_KINDS];
    struct drives_prepare prepare[SEGMENT_KINDS];
};

enum err drives_segment_table_open(struct drives *D) MUST_CHECK;
void drives_segment_table_close(struct drives *D);
/* Start-up: a file found in the folder. Its head is read and checked; ERR_NOT_FOUND: it has none:
 * a crash cut its preparation off. */
enum err drives_segment_adopt(
    struct drives *D, enum drives_segment_kind kind, uint32_t id,
    struct drives_segment_head *head_out, struct buf *why) MUST_CHECK;
/* Start-up: stands for a file that is gone. */
enum err
drives_segment_ghost(struct drives *D, uint32_t id, enum drives_segment_kind kind) MUST_CHECK;
void drives_segment_forget(struct drives *D, struct drives_segment *s);
/* The file only. */
void drives_segment_unlink(struct drives *D, enum drives_segment_kind kind, uint32_t id);
/* Start-up: it can be written to from its `fill` on. */
void drives_segment_add_spare(struct drives *D, struct drives_segment *s);
struct drives_segment *drives_segment_find(struct drives *D, uint32_t id);

void drives_segment_take(struct drives *D, struct drives_take *t);
/* Start-up: an empty data segment from among the spares, now open; NULL: there is none. */
struct drives_segment *drives_segment_take_empty(struct drives *D);

/* Add `sign` times the bytes of a payload to the staged bytes of its segments, or to their pins. */
void drives_segment_stage(struct drives *D, const struct drives_layout *l, int sign);
void drives_segment_pin(struct drives *D, const struct drives_layout *l, int sign);

/* Helper threads: give back what nobody needs. */
void drives_segment_reclaim(struct drives *D);
/* Helper threads, start-up: unlinks the spares. False: there was none. */
bool drives_segment_shed(struct drives *D);
/* Helper threads: the file behind a spare. */
enum err drives_segment_make(
    struct drives *D, enum drives_segment_kind kind, bool may_use_reserve,
    struct drives_segment **s_out) MUST_CHECK;

#endif
