/*
 * How keys lie in LMDB, which takes 511 bytes and we have 1217.
 *
 * A key of up to 486 bytes lies as it is. Of a longer one the first 487 bytes are a *door*: a key
 * without a value that stands where the keys behind it sort. These, its *family*, lie elsewhere in
 * the table, under a *stem*: 0xff and 24 bytes of the SHA-256 of all that they have in common;
 * what follows in a family is again cut, at 486 bytes, by doors. A door has at least one member.
 *
 *     "short"  P0 ------> 0xff hash(P0) "rest"
 *                         0xff hash(P0) P1 ------> 0xff hash(P0 P1) "rest"
 *
 * So everything is in the order of the keys, and finding a key takes one look: its stem follows
 * from the key itself. Length tells a door from a key, and 0xff is no space (engine.h).
 */
#ifndef PENSTOCK_ENGINE_DRIVES_TREE_KEY_H
#define PENSTOCK_ENGINE_DRIVES_TREE_KEY_H

#include <lmdb.h>

#include "engine/drives/drives_format.h"

enum {
    TREE_STEM_TAG = 0xff,
    TREE_STEM_BYTES = 1 + 24,
    TREE_DOOR_BYTES = 487,      /* outside of families */
    TREE_DEEP_DOOR_BYTES = 486, /* behind a stem */
    TREE_DEPTH_MAX = 2,
    TREE_KEY_BYTES_MAX = 511 /* LMDB's */
};

struct drives_tree_key {
    MDB_val val;                       /* of the bytes here, or of those of the key */
    uint8_t bytes[TREE_KEY_BYTES_MAX]; /* stem and piece */
};

/* How many doors lead to it. */
unsigned drives_tree_key_depth(struct view key);
/* How many bytes of it the doors down to that depth have used up. */
static inline size_t drives_tree_key_used(unsigned depth)
{
    return depth == 0 ? 0 : TREE_DOOR_BYTES + (depth - 1) * (size_t)TREE_DEEP_DOOR_BYTES;
}
static inline size_t drives_tree_key_door(unsigned depth)
{
    return depth == 0 ? TREE_DOOR_BYTES : TREE_DEEP_DOOR_BYTES;
}
/* Where it is at that depth: a door, or, at its own depth, itself. A key that ends where the depth
 * begins: the bare stem, before all of the family. */
void drives_tree_key_make(struct view key, unsigned depth, struct drives_tree_key *k_out);

#endif
