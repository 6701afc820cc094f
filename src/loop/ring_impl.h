/* The rings as ring.c sees them. */
#ifndef PENSTOCK_LOOP_RING_IMPL_H
#define PENSTOCK_LOOP_RING_IMPL_H

#include "loop/ring.h"

enum err ring_uring_new(unsigned depth, struct ring **ring_out, const char **why_out) MUST_CHECK;
enum err ring_epoll_new(struct ring **ring_out) MUST_CHECK;

/* ring_finish(io, result): result >= 0 or -errno becomes io->result and op.err. */
static inline void ring_finish(struct io *io, int result)
{
    io->result = result;
    op_complete(&io->op, result >= 0 ? ERR_OK : err_from_errno(-result));
}

#endif
