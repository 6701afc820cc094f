/*
 * Guarded mappings: memory of a client, mapped here, that cannot kill the server when the kernel
 * fails to provide a page of it (SIGBUS). local_guard.c says when that can happen at all.
 */
#ifndef PENSTOCK_DIRECT_LOCAL_GUARD_H
#define PENSTOCK_DIRECT_LOCAL_GUARD_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/list.h"

struct local_guard {
    struct list link; /* the guard list's */
    uint8_t *at;
    size_t bytes;
    _Atomic bool is_broken; /* a page was missing: the mapping is private memory now */
};

/* local_guard_add(g): g->at, g->bytes are set: a mapping, page-aligned. Installs the handler once.
 */
void local_guard_add(struct local_guard *g);
/* Before the munmap. */
void local_guard_remove(struct local_guard *g);

#endif
