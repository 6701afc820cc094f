/* malloc that can be told to fail (engine_memory_fail_alloc). free() frees. Any thread. */
#ifndef PENSTOCK_ENGINE_MEMORY_MEMORY_ALLOC_H
#define PENSTOCK_ENGINE_MEMORY_MEMORY_ALLOC_H

#include "base/bytes.h"

void *memory_alloc(size_t bytes) MUST_CHECK; /* cleared; NULL when there is none */
/* memory_alloc_grow(at_io, cap_io, size): room for at least one more element; doubles. */
enum err memory_alloc_grow(void **at_io, size_t *cap_io, size_t size) MUST_CHECK;
uint64_t memory_alloc_fail(uint64_t n);

#endif
