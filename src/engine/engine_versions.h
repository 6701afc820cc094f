/*
 * Which version is meant, and what a change moves: the rules of versions, for implementations.
 *
 * Pure: it looks at the index through a struct engine_peek and says what is to be edited; the
 * implementation does all of it in one commit. Of a key there are
 *
 *   itself   the entry in SPACE_OBJECT (of other spaces: the only one); newer than all others
 *   older    those in SPACE_VERSION, by falling seq; the first is a marker when there is no itself
 *   pointer  the entry in SPACE_NULL, while the null version is among the older ones
 *
 * so that nothing is ever scanned: the null version is found by its pointer, the next older one is
 * the first behind a seq.
 */
#ifndef PENSTOCK_ENGINE_ENGINE_VERSIONS_H
#define PENSTOCK_ENGINE_ENGINE_VERSIONS_H

#include "engine/engine.h"

enum {
    VERSIONS_SUFFIX_BYTES = 9, /* of a name in SPACE_VERSION, behind the key */
    VERSIONS_NAME_BYTES_MAX = ENGINE_NAME_BYTES_MAX + VERSIONS_SUFFIX_BYTES,
    VERSIONS_POINTER_BYTES = 8 /* the meta in SPACE_NULL */
};

/* What is there of one key. Each answers ERR_NOT_FOUND when there is none. Views of an info live as
 * long as the implementation says. */
struct engine_peek {
    void *ctx;
    enum err (*itself)(void *ctx, struct engine_info *info_out);
    /* The first of the older ones with seq < below. */
    enum err (*older)(void *ctx, uint64_t below, struct engine_info *info_out);
    enum err (*pointer)(void *ctx, uint64_t *seq_out);
};

struct engine_found {
    enum { FOUND_NOTHING, FOUND_ITSELF, FOUND_OLDER } at;
    bool is_latest;
    bool is_marker;          /* nothing was found since the latest is a marker: info is of that */
    struct engine_info info; /* of what was found, or of the marker */
};

/* flags: of the bucket. Nothing found is ERR_OK and FOUND_NOTHING. */
enum err engine_versions_find(
    const struct engine_peek *peek, unsigned flags, struct engine_version version,
    struct engine_found *found_out) MUST_CHECK;

struct engine_ask {
    enum { ASK_PUT, ASK_REMOVE, ASK_AMEND } what;
    struct engine_key key;
    struct engine_version version;
    const struct engine_condition *condition;
    unsigned bucket_flags;
    /* Of a bucket: its new flags, when has_flags. */
    unsigned flags;
    bool has_flags;
};

/* What the commit edits, beside what it was asked for. Of a name at most one of these. */
struct engine_plan {
    struct engine_found found;
    /* DOWN: itself becomes an older version. UP: the older one becomes itself, and takes the place
     * of what was. */
    enum { MOVE_NOTHING, MOVE_DOWN, MOVE_UP } move;
    uint64_t moved_seq;
    bool removes_itself;  /* for good, and nothing takes its place */
    uint64_t removes_seq; /* this older one, for good; 0: none */
    enum {
        POINTER_STAYS,
        POINTER_TO_MOVED, /* is put, to moved_seq */
        POINTER_TO_NEW,   /* is put, to the seq of this commit */
        POINTER_GOES
    } pointer;
    bool makes_marker; /* the new entry is one, and goes to the older ones */
    unsigned flags;    /* of the new entry, or the amended one */
};

/*
 * All the checks of engine.h that are about one key, and the plan. Views of plan_out->found live as
 * those of the peek. A put without a condition into a bucket without flags looks at nothing; of a
 * bucket, put looks at what is there.
 */
enum err engine_versions_plan(
    const struct engine_ask *ask, const struct engine_peek *peek,
    struct engine_plan *plan_out) MUST_CHECK;

/* Names in SPACE_VERSION. A seq of 0 sorts behind all of the key, UINT64_MAX before. */
void engine_versions_name_put(struct buf *b, struct view key, uint64_t seq);
/* ERR_CORRUPT: it is no such name. key_out is a view of it. */
enum err
engine_versions_name_get(struct view name, struct view *key_out, uint64_t *seq_out) MUST_CHECK;

/* The meta of an entry in SPACE_NULL. */
void engine_versions_pointer_put(uint8_t at[VERSIONS_POINTER_BYTES], uint64_t seq);
enum err engine_versions_pointer_get(struct view meta, uint64_t *seq_out) MUST_CHECK;

#endif
