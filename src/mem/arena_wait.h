/*
 * Waiting for a chunk, but not for ever: the limit of back-pressure (invariant 8).
 *
 * Clients may hold all of the arena for as long as they like to be slow; who waits behind them is
 * told so (ERR_BUSY, 503 SlowDown) instead of waiting as long.
 */
#ifndef PENSTOCK_MEM_ARENA_WAIT_H
#define PENSTOCK_MEM_ARENA_WAIT_H

#include "loop/reactor.h"
#include "mem/arena.h"

/* arena_wait(A, w): arena_take with a limit. ERR_OK and chunk, or ERR_BUSY and NULL. */
struct arena_wait {
    struct op op; /* the caller's */

    /* in */
    size_t bytes;
    unsigned limit_ms;

    struct chunk *chunk; /* out */

    /* private */
    unsigned waits_left; /* the arena and the timer */
    struct arena_take take;
    struct timer timer;
};
void arena_wait(struct arena *A, struct arena_wait *w);

#endif
