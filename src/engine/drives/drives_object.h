/* A looked-up entry: a copy of the index's bytes, and pins on the segments they point at. */
#ifndef PENSTOCK_ENGINE_DRIVES_OBJECT_H
#define PENSTOCK_ENGINE_DRIVES_OBJECT_H

#include "engine/drives/drives_format.h"
#include "engine/drives/drives_layout.h"
#include "engine/engine.h"

struct drives;

struct drives_object {
    struct engine_object object;
    struct drives_layout layout; /* of the bytes below */
    uint8_t bytes[];
};

static inline struct drives_object *drives_object_of(struct engine_object *o)
{
    return container_of(o, struct drives_object, object);
}

/* drives_lookup.c: a copy of the index's bytes, pinned; for engine_release. On the owner. */
enum err drives_lookup_pin(struct drives *D, struct view entry, struct engine_object **object_out)
    MUST_CHECK;

/* Views as those of e. */
static inline struct engine_info drives_object_info(const struct drives_entry *e)
{
    return (struct engine_info){
        .size = e->size,
        .mtime_ms = e->mtime_ms,
        .seq = e->seq,
        .rev = e->rev,
        .flags = e->flags,
        .crc64 = e->crc64,
        .etag = e->etag,
        .meta = e->meta,
    };
}

#endif
