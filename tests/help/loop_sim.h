/*
 * The simulated ring: real descriptors, seeded schedule.
 *
 * Operations are done when the simulation says so, in an order and with delays drawn from the seed:
 * in a test of one thread the same seed gives the same run. It can shorten transfers, and fail the
 * Nth operation of a kind, for fault loops:
 *
 *     for (unsigned nth = 1;; nth++) {
 *         struct ring *r = loop_sim_new(seed, LOOP_SIM_SHORT);
 *         loop_sim_fail(r, IO_WRITE, nth, ENOSPC);
 *         loop_open_over(r);
 *         ... the test; nothing leaks, nothing half done is visible ...
 *         bool was_reached = loop_sim_count(r, IO_WRITE) >= nth;
 *         loop_close();
 *         if (!was_reached)
 *             break;
 *     }
 *
 * At most LOOP_SIM_INFLIGHT_MAX operations in flight.
 */
#ifndef PENSTOCK_TESTS_LOOP_SIM_H
#define PENSTOCK_TESTS_LOOP_SIM_H

#include "loop/ring.h"

enum { LOOP_SIM_INFLIGHT_MAX = 4096 };

enum loop_sim_flags {
    LOOP_SIM_SHORT = 1, /* one transfer in four moves less than was asked for, at least 1 byte */
};

struct ring *loop_sim_new(uint64_t seed, unsigned flags);
/* loop_sim_fail(r, kind, nth, sys): the nth operation of that kind, counted from the ring's birth,
 * ends with -sys and is not done. */
void loop_sim_fail(struct ring *r, enum io_kind kind, unsigned nth, int sys);
/* How many operations of that kind were submitted so far. */
unsigned loop_sim_count(const struct ring *r, enum io_kind kind);

#endif
