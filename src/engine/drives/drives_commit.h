/*
 * Transactions on the owner: decide, log, apply.
 *
 *   start --> waiting --> logged --group durable--> applied, done
 *                 \            \-------- applied, purging, in further turns --> done
 *                  \------- refused, done
 *
 * A transaction is decided against what is durable. Where the answer depends on a record that is in
 * a group but not durable yet, it waits for that group: so no answer ever rests on something that a
 * crash may take back. Dependence is found by counting key hashes of logged records in `pending`; a
 * collision costs a wait. Unconditional puts depend on nothing but their bucket.
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
    enum drives_record_type type;
    struct engine_key key;
    struct engine_condition condition;
    struct engine_key require, also_remove; /* name.at == NULL: none */
    struct view purge_parts;                /* at == NULL: none */
    /* RECORD_PUT */
    struct drives_entry entry; /* size, crc64, mtime, etag, meta; the rest is set here */
    struct view payload;       /* inline; at == NULL: entry.layout says */
    drives_txn_done_fn *done;
    /* drives_commit.c's own, while it purges */
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
/* ERR_NO_BUCKET, when the space needs a bucket and it is not there. Between index begin and end. */
enum err drives_commit_bucket(struct drives_index *ix, enum engine_space space, struct view bucket)
    MUST_CHECK;

#endif
