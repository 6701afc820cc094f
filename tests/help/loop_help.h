/*
 * A reactor in a test. One per thread; every function below works on the current one.
 *
 *     loop_open(RING_EPOLL);
 *     op_init(&io.op, loop_nothing);
 *     io_read(&io, fd, at, len, 0);
 *     assert_int_equal(loop_wait(&io.op), ERR_OK);
 *     loop_close();
 */
#ifndef PENSTOCK_TESTS_LOOP_HELP_H
#define PENSTOCK_TESTS_LOOP_HELP_H

#include "loop/reactor.h"

/* loop_open(kind): a reactor of this thread over that ring. Skips the test where io_uring is
 * refused. */
struct reactor *loop_open(enum ring_kind kind);
/* The same with a submission queue of so many entries. */
struct reactor *loop_open_deep(enum ring_kind kind, unsigned depth);
/* The same over a ring of the test's own (loop_sim.h). */
struct reactor *loop_open_over(struct ring *ring);
/* Runs what is ready, then frees the current reactor. */
void loop_close(void);

/* An advance function that does nothing: the test looks at the operation itself. */
void loop_nothing(struct op *op);

/* loop_until(flag): turns until *flag; the test fails when that takes 30 s. */
void loop_until(const bool *flag);
/* loop_wait(op): turns until op is idle again; how it ended. */
enum err loop_wait(const struct op *op);
/* loop_turns(n): n turns that do not wait, to show that something does not happen. */
void loop_turns(unsigned n);

#endif
