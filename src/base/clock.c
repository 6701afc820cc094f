#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t fake_wall_ms;

int64_t clock_wall_ms(void)
{
    int64_t fake = atomic_load_explicit(&fake_wall_ms, memory_order_relaxed);
    struct timespec now;

    if (fake)
        return fake;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void clock_fake_wall(int64_t ms)
{
    atomic_store_explicit(&fake_wall_ms, ms, memory_order_relaxed);
}
