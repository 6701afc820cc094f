/* Time. clock_wall_ms may be set in tests (clock_fake_wall); the monotonic clock may not. */
#ifndef PENSTOCK_BASE_CLOCK_H
#define PENSTOCK_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970 UTC. */
int64_t clock_wall_ms(void);
/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_ns(void);
/* Tests: from now on clock_wall_ms() returns ms; 0 returns to the real clock. */
void clock_fake_wall(int64_t ms);

#endif
