/*
 * Deciding a transaction: its checks, and what of other keys it edits besides its own.
 *
 * It rests on what is durable alone. Where the answer depends on a record that is in a group but
 * not durable yet, it has to wait. Dependence is found by counting key hashes of logged records in
 * `pending`; a collision costs a wait. All that a record changes of an object (itself, its older
 * versions, its pointer) is counted under the key of the object.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_DECIDE_H
#define PENSTOCK_ENGINE_DRIVES_DECIDE_H

#include "engine/drives/drives_format.h"

struct drives_index;
struct drives_shard;
struct drives_txn;

/* A key and its bytes. */
struct drives_key {
    struct buf buf;
    uint8_t at[DRIVES_KEY_BYTES_MAX];
};
struct view drives_decide_key(
    struct drives_key *k, enum engine_space space, struct view bucket, struct view name);
/* Of an older version. */
struct view
drives_decide_version_key(struct drives_key *k, const struct engine_key *key, uint64_t seq);

/* Views live as long as the index is begun. */
struct drives_decision {
    struct engine_plan plan;
    struct view moved;         /* the entry that moves */
    struct drives_entry found; /* TXN_AMEND, TXN_RELOCATE */
    bool must_wait;            /* nothing else is set then */
    bool must_look_on;         /* likewise: the steps of this turn did not do (drives_gaps.h) */
};

/* The transaction is in a group (1), or that has ended (-1). */
void drives_decide_mark(struct drives_shard *s, const struct drives_txn *t, int change);
/* Between index begin and end. */
enum err drives_decide(
    struct drives_shard *s, const struct drives_txn *t, struct drives_decision *d_out) MUST_CHECK;

/* ---- what lookups need, too; between index begin and end ----------------------------------- */

/* ERR_NO_BUCKET, when the space needs a bucket and it is not there, or is not the one with `seq`
 * (0: whichever). flags_out: of the bucket, when the space has versions. */
enum err drives_decide_bucket(
    struct drives_index *ix, enum engine_space space, struct view bucket, uint64_t seq,
    unsigned *flags_out) MUST_CHECK;

struct drives_peek {
    struct drives_shard *shard;
    struct engine_key key;
    struct engine_peek peek;
    bool is_used_up; /* a look failed since the steps of this turn did not do: again in the next */
};
void drives_decide_peek(struct drives_peek *p, struct drives_shard *s, struct engine_key key);
/* The bytes of the entry that was found. */
enum err drives_decide_found(
    struct drives_index *ix, const struct engine_key *key, const struct engine_found *f,
    struct view *entry_out) MUST_CHECK;

#endif
