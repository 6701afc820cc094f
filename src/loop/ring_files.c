#include "loop/ring_files.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "loop/ring_impl.h"

static ssize_t call_once(const struct io *io)
{
    struct iovec iov = {.iov_base = io->at, .iov_len = io->len};

    if (io->kind == IO_READ)
        return pread(io->fd, io->at, io->len, (off_t)io->offset);
    if (io->kind == IO_SYNC)
        return fdatasync(io->fd);
    return pwritev2(io->fd, &iov, 1, (off_t)io->offset, io->flags & IO_DSYNC ? RWF_DSYNC : 0);
}

int ring_files_call(const struct io *io)
{
    ssize_t n;

    do
        n = call_once(io);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (int)n;
}

static void run_file(struct op *op)
{
    struct io *io = container_of(op, struct io, op);

    ring_finish(io, ring_files_call(io));
}

enum err ring_files_start(struct pool *P)
{
    return pool_start(P, RING_FILES_THREADS, run_file);
}

bool ring_files_owns(const struct io *io)
{
    return io->kind == IO_READ || io->kind == IO_WRITE || io->kind == IO_SYNC;
}
