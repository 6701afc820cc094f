/*
 * Transactions on the owner: decide, log, apply.
 *
 *   start --> waiting --> logged --group durable--> applied, done
 *                 \            \-------- applied, purging, in further turns --> done
 *                  \------- refused, done
 *
 * A transaction is decided against what is durable (drives_decide.h). Where the answer depends on a
 * record that is in a group but not durable yet, it waits for that group: so no answer ever rests
 * on something that a crash may take back. Unconditional puts depend on nothing but their bucket,
 * unless that keeps versions. One that has to look over very many removed versions waits for
 * further turns (drives_gaps.h).
 *
 * While anybody waits, newcomers queue behind (FIFO): nobody starves.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_COMMIT_H
#define PENSTOCK_ENGINE_DRIVES_COMMIT_H

#include "engine/drives/drives_log.h"

struct drives;
struct drives_shard;
struct drives_group;
struct drives_txn;
struct drives_record;
struct drives_index;
struct drives_purge;

/* On the owner; t is the caller's again. */
typedef void drives_txn_done_fn(struct drives_txn *t, enum err e);

struct drives_txn {
    struct list link;
    enum { TXN_PUT, TXN_REMOVE, TXN_AMEND, TXN_RELOCATE } what;
    struct engine_key key;
    struct engine_version version;
    struct engine_condition condition;
    struct engine_key require, also_remove; /* name.at == NULL: none */
    struct view purge_parts;                /* at == NULL: none */
    unsigned flags;                         /* of a bucket, when has_flags */
    bool has_flags;
    /* TXN_PUT: size, crc64, mtime, etag, meta, layout. TXN_REMOVE: mtime and meta of a marker.
     * TXN_AMEND: meta. TXN_RELOCATE: seq, and the layout it gets. */
    struct drives_entry entry;
    /* TXN_RELOCATE: the entry at this whole key, if its seq and layout are still these, lies
     * elsewhere from now on; else ERR_CHANGED. `key` is that of its object, for what is pending. */
    struct view raw_key, layout_before;
    bool uses_reserve;   /* TXN_RELOCATE: the drive is short of room, and this makes some */
    struct view payload; /* inline; at == NULL: entry.layout says */
    drives_txn_done_fn *done;
    /* out: what it did, when done has ERR_OK; without views */
    struct engine_info info;
    bool made_marker;
    /* drives_commit.c's own */
    bool is_removal; /* as last decided: it gives space back */
    unsigned looks;  /* turns in which it was not at the end of its looks */
    /* while it purges */
    struct drives_purge *purge;
    struct drives_shard *shard;
    struct drives_log_mark before; /* of the groups before its own */
    struct op again;
};

void drives_commit_start(struct drives_shard *s, struct drives_txn *t);
/* By the log: a group is written, or not. */
void drives_commit_group_done(struct drives_shard *s, struct drives_group *g, enum err e);
/* By the log and the checkpoint: try those that wait. e: there is no segment for those who put. */
void drives_commit_log_ready(struct drives_shard *s, enum err e);
/* Also at recovery. */
enum err drives_commit_apply(struct drives_index *ix, const struct drives_record *r) MUST_CHECK;

#endif
