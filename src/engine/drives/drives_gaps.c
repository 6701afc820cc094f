#include "engine/drives/drives_gaps.h"

#include <assert.h>
#include <xxhash.h>

static size_t slot_of(const struct engine_key *key)
{
    XXH64_hash_t bucket = XXH3_64bits(key->bucket.at, key->bucket.len);

    return XXH3_64bits_withSeed(key->name.at, key->name.len, bucket) % GAPS_KEYS;
}

static bool is_of(const struct drives_gaps_key *k, const struct engine_key *key)
{
    return view_eq(view_of(k->bucket, k->bucket_len), key->bucket) &&
           view_eq(view_of(k->name, k->name_len), key->name);
}

static bool is_in(const struct drives_gap *gap, uint64_t below)
{
    return gap->from < below && below <= gap->to;
}

uint64_t drives_gaps_skip(const struct drives_gaps *g, const struct engine_key *key, uint64_t below)
{
    const struct drives_gaps_key *k = &g->keys[slot_of(key)];

    if (!is_of(k, key))
        return below;
    if (is_in(&k->newest, below))
        below = k->newest.from;
    return is_in(&k->other, below) ? k->other.from : below;
}

static void take(struct drives_gaps_key *k, const struct engine_key *key)
{
    assert(key->bucket.len <= sizeof k->bucket && key->name.len <= sizeof k->name);
    k->newest = k->other = (struct drives_gap){0};
    k->bucket_len = key->bucket.len;
    k->name_len = key->name.len;
    memcpy(k->bucket, key->bucket.at, key->bucket.len);
    memcpy(k->name, key->name.at, key->name.len);
}

/* Longer, when it begins where the other ends. */
static void note(struct drives_gap *gap, uint64_t from, uint64_t to)
{
    if (gap->from != to)
        gap->to = to;
    gap->from = from;
}

void drives_gaps_note(
    struct drives_gaps *g, const struct engine_key *key, uint64_t from, uint64_t to)
{
    struct drives_gaps_key *k = &g->keys[slot_of(key)];

    assert(from > 0 && from <= to);
    if (!is_of(k, key))
        take(k, key);
    if (to == UINT64_MAX || to == k->newest.from)
        note(&k->newest, from, to);
    else
        note(&k->other, from, to);
}

void drives_gaps_forget(struct drives_gaps *g, const struct engine_key *key)
{
    struct drives_gaps_key *k = &g->keys[slot_of(key)];

    if (is_of(k, key))
        k->newest = k->other = (struct drives_gap){0};
}
