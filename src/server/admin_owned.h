/*
 * Does an account own buckets? Pages through all of them until it finds one.
 * ERR_CONFLICT: it does, and `bucket` is one.
 */
#ifndef PENSTOCK_SERVER_ADMIN_OWNED_H
#define PENSTOCK_SERVER_ADMIN_OWNED_H

#include "engine/engine.h"

struct admin_owned {
    struct op op;
    struct engine *engine;
    struct view id;                           /* canonical id; not root's */
    char bucket[ENGINE_BUCKET_BYTES_MAX + 1]; /* out */
    struct engine_list list;
    struct region region; /* of a page */
};
void admin_owned(struct admin_owned *o);

#endif
