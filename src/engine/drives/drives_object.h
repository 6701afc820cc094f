/* A looked-up entry: a copy of the index's bytes, and pins on the segments they point at. */
#ifndef PENSTOCK_ENGINE_DRIVES_OBJECT_H
#define PENSTOCK_ENGINE_DRIVES_OBJECT_H

#include "engine/drives/drives_layout.h"
#include "engine/engine.h"

struct drives_object {
    struct engine_object object;
    struct drives_layout layout; /* of the bytes below */
    uint8_t bytes[];
};

static inline struct drives_object *drives_object_of(struct engine_object *o)
{
    return container_of(o, struct drives_object, object);
}

#endif
