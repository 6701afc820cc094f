/*
 * The system call behind a struct io, for rings that make it themselves: epoll, and the simulated
 * one of the tests.
 */
#ifndef PENSTOCK_LOOP_RING_TRY_H
#define PENSTOCK_LOOP_RING_TRY_H

#include "loop/ring.h"

/*
 * ring_try(io): once. A result >= 0, -EAGAIN when it would have to wait, or -errno. To be called
 * again after -EAGAIN; a connect that is under way has a ring_state, whose value is the ring's.
 */
int ring_try(struct io *io);

/* Files: never -EAGAIN, may block instead. */
bool ring_try_may_block(const struct io *io);

#endif
