/*
 * Files for the epoll ring: reads, writes and syncs may block, so they run on a small pool of
 * threads and come back through the reactor's mailbox.
 */
#ifndef PENSTOCK_LOOP_RING_FILES_H
#define PENSTOCK_LOOP_RING_FILES_H

#include "loop/pool.h"
#include "loop/ring.h"

enum { RING_FILES_THREADS = 4 };

enum err ring_files_start(struct pool *P) MUST_CHECK;
bool ring_files_owns(const struct io *io);
/* ring_files_call(io): the system call itself; blocks. Bytes, 0, or -errno. */
int ring_files_call(const struct io *io);

#endif
