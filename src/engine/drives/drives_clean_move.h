/*
 * One entry's payload moves out of the victims: read, verified, written elsewhere, flushed, and
 * the entry is relocated (TXN_RELOCATE: only if seq and layout are still those that were read).
 *
 *   going --on the owner, pinned--> [per map: reading the map] --> per extent: reading
 *        --> needing space --> writing --> ... [--> needing space, writing of the map] ...
 *        --> flushing --> committing --> returning --> done, at home
 *   an inline payload: going --> reading --> committing: it goes into the log with the record
 *
 * What cannot be read stays where it is: its segment is marked and not chosen again in this run.
 * One chunk per move, two while a map is open, by arena_try_take: whoever serves clients goes
 * first.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_CLEAN_MOVE_H
#define PENSTOCK_ENGINE_DRIVES_CLEAN_MOVE_H

#include "engine/drives/drives_stage.h"

struct drives_clean;
struct drives_object;

enum move_wait {
    MOVE_GOING,         /* to the owner; woken by its reactor */
    MOVE_READING_MAP,   /* woken by the drive */
    MOVE_READING,       /* woken by the drive */
    MOVE_NEEDING_SPACE, /* woken by drives_extent_alloc_from */
    MOVE_WRITING,       /* woken by the drive */
    MOVE_FLUSHING,      /* woken by drives_extent_sync, once per touched segment */
    MOVE_COMMITTING,    /* woken by drives_commit.c */
    MOVE_RETURNING      /* woken by the home reactor */
};

struct drives_move {
    /* home only */
    bool is_on;
    uint64_t need; /* of the bytes under way */
    /* the owner, between the hops */
    struct drives_clean *clean;
    struct drives_shard *shard;
    enum move_wait wait;
    enum err err;  /* what ends the move, or makes it leave something behind */
    bool is_moved; /* out: it has committed */
    size_t key_len;
    uint8_t key[DRIVES_KEY_BYTES_MAX];
    struct op hop;
    struct drives_entry entry; /* of the object's bytes */
    struct drives_object *object;
    struct engine_put put; /* of the stage: nobody's */
    struct drives_stage *stage;
    uint32_t map_at, item; /* the next ones to look at */
    struct chunk *map, *chunk;
    struct drives_map map_was;
    bool is_map_changed, is_writing_map;
    struct drives_extent extent; /* that moves */
    uint32_t skip;               /* in chunk */
    uint64_t bytes;              /* moved so far */
    struct drives_alloc alloc;
    struct drives_io io;
};

/* At home: m->key, clean and shard are set. clean.c's drives_clean_moved follows, at home. */
void drives_clean_move_start(struct drives_move *m);

#endif
