/*
 * The parts of one store.
 *
 *   drives.c            constructor, close, facts          drives_segment.c  files and their space
 *   drives_put.c        staging, commit                    drives_extent.c   allocation, flushes
 *   drives_commit.c     transactions on the owner          drives_log.c      groups, group commit
 *   drives_read.c       cache, drive, verification         drives_index.c    memtables over the
 * tree drives_checkpoint.c memtable -> tree                   drives_recover.c  log -> tree, at
 * open
 *
 * A shard is what one owner has: its memtables, its log stream, its transactions. Touched by that
 * reactor only, but for what a checkpoint borrows (frozen, which nobody writes).
 */
#ifndef PENSTOCK_ENGINE_DRIVES_IMPL_H
#define PENSTOCK_ENGINE_DRIVES_IMPL_H

#include "engine/drives/drives.h"
#include "engine/drives/drives_checkpoint.h"
#include "engine/drives/drives_clean.h"
#include "engine/drives/drives_extent.h"
#include "engine/drives/drives_gaps.h"
#include "engine/drives/drives_index.h"
#include "engine/drives/drives_layout.h"
#include "engine/drives/drives_log.h"
#include "engine/drives/drives_segment.h"

enum { SHARD_PENDING_SLOTS = 4096 };

struct drives_shard {
    struct drives *drives;
    unsigned index;
    struct reactor *home;
    struct drives_index keys;
    struct drives_log log;
    struct list waiting;     /* drives_txn.link: cannot be decided yet; FIFO */
    struct timer patience;   /* a remove on a full drive waits for other owners */
    bool is_patient;         /* patience is in flight */
    unsigned patience_tries; /* since the log last had a segment */
    struct drives_gaps gaps;
    uint32_t look_steps; /* of looks at older versions: left of GAPS_STEPS */
    struct op look_on;   /* for those that wait: further steps in a further turn */
    bool is_looking_on;  /* look_on is in flight */
    uint32_t pending[SHARD_PENDING_SLOTS]; /* by key hash: in a group that is not durable */
    struct drives_checkpoint checkpoint;
    struct drives_log_mark mark;    /* what the active memtable has reached */
    struct list purging;            /* drives_txn.link: applied, but for the rest of a purge */
    struct drives_log_mark reached; /* while there are such: the last group that is applied */
    bool is_closing, is_last_tried; /* drives_close.c */
    struct op close_hop;
    struct timer close_timer;
};

struct drives {
    struct engine base;
    struct drives_config config; /* with the defaults filled in; dir is a copy */
    int dir_fd, kind_fd[SEGMENT_KINDS], lock_fd;
    uint8_t store_id[DRIVES_STORE_ID_BYTES];
    uint32_t epoch;  /* how often the store was opened */
    uint32_t opened; /* how often this process opened one: in cache keys */
    bool is_direct;  /* O_DIRECT */

    /* any thread, atomic */
    _Atomic bool is_failed;    /* a flush failed: no commit is believed any more */
    _Atomic uint64_t seq;      /* the last given */
    _Atomic int64_t unapplied; /* entries in memtables, less tombstones */

    struct drives_tree tree;
    struct drives_segments segments;
    struct drives_head *heads; /* owner_count */
    struct drives_shard *shards;
    _Atomic uint64_t *applied; /* by stream: the last group the tree has */

    /* checkpoints: one at a time */
    pthread_mutex_t checkpoint_lock;
    struct list checkpoint_queue; /* under lock; of drives_checkpoint.link */
    bool is_checkpoint_on;        /* under lock */

    struct drives_clean *clean; /* NULL: off */

    struct op *close_op;
    struct reactor *close_home;
    unsigned close_left; /* at close_home only */
    struct timer close_timer;
    struct work close_work;
};

static inline struct drives *drives_of(struct engine *E)
{
    return container_of(E, struct drives, base);
}

/* A flush failed: from now on every commit answers ERR_IO. */
void drives_fail(struct drives *D);

/* The ops. */
void drives_put_write(struct engine *E, struct engine_write *w);
void drives_put_commit(struct engine *E, struct engine_put *p);
void drives_put_abort(struct engine *E, struct engine_put *p);
void drives_amend_start(struct engine *E, struct engine_amend *a);
void drives_remove_start(struct engine *E, struct engine_remove *r);
void drives_lookup_start(struct engine *E, struct engine_lookup *l);
void drives_lookup_release(struct engine *E, struct engine_object *o);
void drives_list_start(struct engine *E, struct engine_list *l);
/* drives_list_versions.c; the index is not begun. */
void drives_list_versions(struct drives_shard *s, struct engine_list *l);
void drives_read_start(struct engine *E, struct engine_read *r);
void drives_close_start(struct engine *E, struct op *op);
/* Everything; half-open is fine. */
void drives_close_free(struct drives *D);

#endif
