#include "engine/drives/drives_tree_key.h"

#include <assert.h>

#include "base/digest.h"

unsigned drives_tree_key_depth(struct view key)
{
    unsigned depth = 0;

    while (key.len >= drives_tree_key_used(depth + 1))
        depth++;
    assert(depth <= TREE_DEPTH_MAX);
    return depth;
}

static void put_stem(struct view family, uint8_t *at)
{
    uint8_t hash[32];

    digest_sha256(family, hash);
    at[0] = TREE_STEM_TAG;
    memcpy(at + 1, hash, TREE_STEM_BYTES - 1);
}

void drives_tree_key_make(struct view key, unsigned depth, struct drives_tree_key *k_out)
{
    size_t used = drives_tree_key_used(depth);
    struct view piece = view_upto(view_from(key, used), drives_tree_key_door(depth));

    assert(key.len >= used);
    if (depth == 0) {
        k_out->val = (MDB_val){piece.len, (void *)(uintptr_t)piece.at};
        return;
    }
    put_stem(view_upto(key, used), k_out->bytes);
    if (piece.len > 0)
        memcpy(k_out->bytes + TREE_STEM_BYTES, piece.at, piece.len);
    k_out->val = (MDB_val){TREE_STEM_BYTES + piece.len, k_out->bytes};
}
