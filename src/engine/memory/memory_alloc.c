#include "engine/memory/memory_alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic uint64_t countdown;

uint64_t memory_alloc_fail(uint64_t n)
{
    return atomic_exchange(&countdown, n);
}

static bool is_to_fail(void)
{
    uint64_t left = atomic_load(&countdown);

    while (left > 0 && !atomic_compare_exchange_weak(&countdown, &left, left - 1))
        ;
    return left == 1;
}

void *memory_alloc(size_t bytes)
{
    return is_to_fail() ? NULL : calloc(1, bytes);
}

enum err memory_alloc_grow(void **at_io, size_t *cap_io, size_t size)
{
    size_t cap = *cap_io ? 2 * *cap_io : 8;
    void *at = is_to_fail() ? NULL : realloc(*at_io, cap * size);

    if (!at)
        return ERR_NO_SPACE;
    *at_io = at;
    *cap_io = cap;
    return ERR_OK;
}
