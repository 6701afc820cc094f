/*
 * Where a key has no older versions: what looks for them have walked over and need not again.
 *
 * A version that was removed stays in the memtables, as removed, for as long as two checkpoints.
 * So the first version behind a place may be behind very many removed ones. A look goes over so
 * many of them in a turn; what it went over is a gap, remembered here by key, and the next turn,
 * and the next look, begin behind it. On the owner's reactor only; what is forgotten, since there
 * are few places, is walked again.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_GAPS_H
#define PENSTOCK_ENGINE_DRIVES_GAPS_H

#include "engine/engine.h"

enum {
    GAPS_KEYS = 64,
    GAPS_STEPS = 2048,     /* of one look, or of those of a round of waiting transactions */
    GAPS_STEPS_LONG = 128, /* worth remembering */
    GAPS_TURNS_MAX = 100   /* then a look goes on to its end: somebody makes it forget */
};

struct drives_gap { /* no version with from <= seq < to; to == 0: nothing is known */
    uint64_t from, to;
};

struct drives_gaps_key {
    struct drives_gap newest; /* to == UINT64_MAX */
    struct drives_gap other;
    size_t bucket_len, name_len;
    uint8_t bucket[ENGINE_BUCKET_BYTES_MAX], name[ENGINE_NAME_BYTES_MAX];
};
struct drives_gaps {
    struct drives_gaps_key keys[GAPS_KEYS]; /* by hash */
};

/* No version has a seq from this one on to `below`: so a look may begin here. */
uint64_t
drives_gaps_skip(const struct drives_gaps *g, const struct engine_key *key, uint64_t below);
/* There is no version with from <= seq < to. */
void drives_gaps_note(
    struct drives_gaps *g, const struct engine_key *key, uint64_t from, uint64_t to);
/* There may be a further version. */
void drives_gaps_forget(struct drives_gaps *g, const struct engine_key *key);

#endif
