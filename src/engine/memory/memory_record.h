/*
 * A record: one entry, counted because pins hold it beside the map, and constant once it is in a
 * map.
 */
#ifndef PENSTOCK_ENGINE_MEMORY_MEMORY_RECORD_H
#define PENSTOCK_ENGINE_MEMORY_MEMORY_RECORD_H

#include "engine/engine.h"
#include "engine/memory/memory_payload.h"

struct memory_record {
    struct engine_object object; /* what a lookup gives out */
    _Atomic uint32_t refs;       /* the map's and one per pin */
    struct engine_key key;
    struct memory_payload payload;
    uint8_t bytes[]; /* of key, etag and meta */
};

/* One reference; copies key, etag and meta; the payload is moved in later. NULL: no memory. */
struct memory_record *
memory_record_new(struct engine_key key, const struct engine_info *info) MUST_CHECK;
void memory_record_ref(struct memory_record *r);
void memory_record_unref(struct memory_record *r); /* any thread; NULL is fine */

#endif
