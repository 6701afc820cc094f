/* The parts of the memory engine. */
#ifndef PENSTOCK_ENGINE_MEMORY_IMPL_H
#define PENSTOCK_ENGINE_MEMORY_IMPL_H

#include <stdatomic.h>

#include "engine/engine_versions.h"
#include "engine/memory/memory.h"
#include "engine/memory/memory_map.h"

struct memory {
    struct engine engine;
    struct arena *arena;
    _Atomic uint64_t seq;
    _Atomic uint64_t entries; /* for facts, from any thread */
    _Atomic uint64_t pins, stagings;
    struct memory_map maps[]; /* by owner; that reactor only */
};

static inline struct memory *memory_of(struct engine *E)
{
    return container_of(E, struct memory, engine);
}

static inline struct memory_record *memory_record_of(struct engine_object *o)
{
    return container_of(o, struct memory_record, object);
}

static inline struct memory_map *memory_map_of(struct memory *M, struct view bucket)
{
    return &M->maps[engine_owner(&M->engine, bucket)];
}

/* A name in SPACE_VERSION and its bytes. */
struct memory_name {
    uint8_t at[VERSIONS_NAME_BYTES_MAX];
};
struct engine_key
memory_version_key(struct memory_name *name, const struct engine_key *key, uint64_t seq);

/* memory_versions.c: what there is of `key`, for the planner. */
struct memory_peek {
    const struct memory_map *map;
    struct engine_key key;
    struct engine_peek peek;
};
void memory_peek_init(struct memory_peek *p, const struct memory_map *m, struct engine_key key);
/* ERR_NO_BUCKET, also when it is not the one with `seq` (0: whichever); the flags of the bucket (0
 * when the space has none). */
enum err memory_bucket_flags(
    const struct memory_map *m, enum engine_space space, struct view bucket, uint64_t seq,
    unsigned *flags_out) MUST_CHECK;
/* The record that was found; NULL: none. */
struct memory_record *memory_found_record(
    const struct memory_map *m, const struct engine_key *key, const struct engine_found *f);
/* The whole of engine_lookup, but for the pin. */
enum err memory_find(
    const struct memory_map *m, struct engine_lookup *l, struct memory_record **r_out) MUST_CHECK;

/* Of a put that has ended; NULL state is fine. */
void memory_staging_free(struct memory *M, struct engine_put *p);

/* memory_commit.c, memory_list.c: the ops. */
void memory_commit(struct engine *E, struct engine_put *p);
void memory_amend(struct engine *E, struct engine_amend *a);
void memory_remove(struct engine *E, struct engine_remove *r);
void memory_list(struct engine *E, struct engine_list *l);

#endif
