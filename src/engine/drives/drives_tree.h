/*
 * The ordered index on the drive: an LMDB environment with two tables, `index` (key -> entry) and
 * `state` (what a checkpoint knows besides). A checkpoint of the log, always behind it.
 *
 * The order is that of the keys, whatever their length (drives_tree_key.h). Values begin with a
 * CRC-32C of their key: LMDB has no checksums, and a name that changed must not be listed.
 *
 * Never MDB_WRITEMAP, MDB_NOSYNC; readers last one call (docs/adr/0005-drives-engine.md).
 */
#ifndef PENSTOCK_ENGINE_DRIVES_TREE_H
#define PENSTOCK_ENGINE_DRIVES_TREE_H

#include <lmdb.h>

#include "engine/drives/drives_tree_key.h"

enum { TREE_VALUE_HEAD_BYTES = 4 };

struct drives_tree {
    MDB_env *env;
    MDB_dbi index, state;
};

enum err drives_tree_open(
    struct drives_tree *t, const char *path, uint64_t bytes_max, unsigned readers,
    struct buf *why) MUST_CHECK;
void drives_tree_close(struct drives_tree *t); /* a tree of zeros is fine */
/* The files of a tree that is not open, and their folder. */
void drives_tree_remove(int dir_fd, const char *name);
/* Doors count as entries. */
uint64_t drives_tree_entries(const struct drives_tree *t);
/* In a transaction. ERR_CORRUPT also when the key has another checksum. */
enum err drives_tree_find(
    const struct drives_tree *t, MDB_txn *txn, struct view key, struct view *entry_out) MUST_CHECK;

/* ---- reading: one reader per owner, on that owner only ----------------------------------- */

struct drives_tree_reader {
    const struct drives_tree *tree;
    MDB_txn *txn;
    MDB_cursor *cursors[2]; /* two walks may be under way; [1] joins when it is first used */
    bool is_open, is_second_open;
};

enum err drives_tree_reader_open(struct drives_tree *t, struct drives_tree_reader *r) MUST_CHECK;
void drives_tree_reader_close(struct drives_tree_reader *r);
/* Views that get and the cursor give out live until end. begin may be nested no deeper than one. */
enum err drives_tree_begin(struct drives_tree_reader *r) MUST_CHECK;
void drives_tree_end(struct drives_tree_reader *r);
enum err
drives_tree_get(struct drives_tree_reader *r, struct view key, struct view *entry_out) MUST_CHECK;

struct drives_tree_cursor {
    struct drives_tree_reader *reader;
    bool is_second;         /* whose walk: set by the caller */
    struct view key, entry; /* valid after ERR_OK, until the next step */
    uint32_t key_crc;
    unsigned depth; /* how many doors we are behind; their pieces are in path */
    uint8_t stem[TREE_STEM_BYTES];
    uint8_t path[TREE_DOOR_BYTES + 2 * TREE_DEEP_DOOR_BYTES];
};

/* To the first key >= key. ERR_NOT_FOUND: there is none. */
enum err drives_tree_seek(struct drives_tree_cursor *c, struct view key) MUST_CHECK;
enum err drives_tree_next(struct drives_tree_cursor *c) MUST_CHECK;
/* ERR_CORRUPT: the key is not the one the entry was stored under. */
enum err drives_tree_check(const struct drives_tree_cursor *c) MUST_CHECK;

/* ---- writing: one batch at a time, on a helper thread or at open -------------------------- */

struct drives_batch {
    const struct drives_tree *tree;
    MDB_txn *txn;
};

enum err drives_batch_begin(struct drives_tree *t, struct drives_batch *b) MUST_CHECK;
/* On media when it returns ERR_OK. Ends the batch either way. */
enum err drives_batch_commit(struct drives_batch *b) MUST_CHECK;
void drives_batch_abort(struct drives_batch *b);
/* old: what was there, or empty; valid until the next call on the batch. */
enum err drives_batch_get(struct drives_batch *b, struct view key, struct view *old_out) MUST_CHECK;
enum err drives_batch_put(struct drives_batch *b, struct view key, struct view entry) MUST_CHECK;
enum err drives_batch_remove(struct drives_batch *b, struct view key) MUST_CHECK;
/* The state table; ERR_NOT_FOUND when there is no such key. value_out valid as old_out. */
enum err
drives_batch_state(struct drives_batch *b, struct view key, struct view *value_out) MUST_CHECK;
enum err
drives_batch_set_state(struct drives_batch *b, struct view key, struct view value) MUST_CHECK;
/* fn for every state key that starts with prefix; stops at the first error. */
typedef enum err drives_state_fn(void *ctx, struct view key, struct view value);
enum err drives_batch_states(
    struct drives_batch *b, struct view prefix, drives_state_fn *fn, void *ctx) MUST_CHECK;

enum err drives_tree_err(int code) MUST_CHECK;

#endif
