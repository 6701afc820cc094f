/*
 * Checkpoints: a frozen memtable moves into the tree, and the tree learns up to where it has seen
 * the log. One at a time per store, on a helper thread; the owner goes on with a new memtable.
 *
 * Started when the memtable is full, the log has grown by some segments, space is short, or by age.
 *
 *   idle --memtable full, at the end of a group--> queued --turn--> running --ok--> sweeping -->
 * idle ^                \--failed--> resting
 * --timer-+
 *                                                    +------------------------------------------+
 */
#ifndef PENSTOCK_ENGINE_DRIVES_CHECKPOINT_H
#define PENSTOCK_ENGINE_DRIVES_CHECKPOINT_H

#include "engine/drives/drives_log.h"
#include "engine/drives/drives_memtable.h"

struct drives;
struct drives_shard;

enum checkpoint_state {
    CHECKPOINT_IDLE,
    CHECKPOINT_QUEUED,   /* woken by the one before */
    CHECKPOINT_RUNNING,  /* woken by the helper thread */
    CHECKPOINT_SWEEPING, /* woken by the helper thread */
    CHECKPOINT_RESTING   /* woken by the timer */
};

struct drives_checkpoint {
    enum checkpoint_state state;
    enum err err; /* of the last try, while not idle */
    struct work work;
    struct work sweep; /* frees what was frozen: many pages, which takes long */
    struct drives_memtable *swept;
    _Atomic bool is_wanted;      /* wish is on its way */
    struct op wish;              /* start, please: from any reactor */
    bool is_aging;               /* age is in flight */
    struct timer age;            /* since the first commit that no checkpoint has */
    struct list link;            /* drives.checkpoint_queue */
    struct op hop;               /* the turn has come */
    struct timer timer;          /* resting */
    struct drives_log_mark mark; /* all of the stream up to here is in the frozen table or older */
};

void drives_checkpoint_init(struct drives_shard *s);
/* By the commit: the active memtable has all up to mark. May freeze it and start. */
void drives_checkpoint_consider(struct drives_shard *s, struct drives_log_mark mark);
/* Freeze and start, full or not. Nothing when one is under way or there is nothing to do. */
void drives_checkpoint_start(struct drives_shard *s);
/* The same for all owners, soon; from any reactor: space is short. */
void drives_checkpoint_all(struct drives *D);
/* Is there anything a checkpoint could give back? */
bool drives_checkpoint_may_help(const struct drives_shard *s);
/* Both memtables are full: commits must wait. err_out: the checkpoint fails, so do not. */
bool drives_checkpoint_is_behind(const struct drives_shard *s, enum err *err_out);

#endif
