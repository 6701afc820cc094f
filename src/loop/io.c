/* The start functions of struct io: the contract's asserts live here, the rings rely on them. */
#include <assert.h>

#include "loop/reactor.h"
#include "loop/ring.h"

static const size_t len_max = 1 << 30;

static void io_begin(struct io *io, enum io_kind kind, int fd)
{
    op_start(&io->op);
    io->kind = kind;
    io->fd = fd;
    io->flags = 0;
    io->result = 0;
    io->ring_state = NULL;
}

static void io_submit(struct io *io)
{
    struct ring *r = reactor_ring(io->op.home);

    r->ops->submit(r, io);
}

void io_read(struct io *io, int fd, void *at, size_t len, uint64_t offset)
{
    assert(len <= len_max);
    io_begin(io, IO_READ, fd);
    io->at = at;
    io->len = len;
    io->offset = offset;
    io_submit(io);
}

void io_write(struct io *io, int fd, const void *at, size_t len, uint64_t offset, unsigned flags)
{
    assert(len <= len_max && !(flags & ~(unsigned)IO_DSYNC));
    io_begin(io, IO_WRITE, fd);
    io->at = (void *)(uintptr_t)at; /* only read from */
    io->len = len;
    io->offset = offset;
    io->flags = flags;
    io_submit(io);
}

void io_sync(struct io *io, int fd)
{
    io_begin(io, IO_SYNC, fd);
    io_submit(io);
}

void io_accept(struct io *io, int fd)
{
    io_begin(io, IO_ACCEPT, fd);
    io->addr_len = sizeof io->addr;
    io_submit(io);
}

void io_connect(struct io *io, int fd, const struct sockaddr *addr, socklen_t len)
{
    assert(len <= sizeof io->addr);
    io_begin(io, IO_CONNECT, fd);
    memcpy(&io->addr, addr, len);
    io->addr_len = len;
    io_submit(io);
}

void io_recv(struct io *io, int fd, void *at, size_t len)
{
    assert(len > 0 && len <= len_max);
    io_begin(io, IO_RECV, fd);
    io->at = at;
    io->len = len;
    io_submit(io);
}

void io_send(struct io *io, int fd, unsigned count)
{
    assert(count > 0 && count <= IO_IOV_MAX);
    io_begin(io, IO_SEND, fd);
    io->iov_count = count;
    io->msg = (struct msghdr){.msg_iov = io->iov, .msg_iovlen = count};
    io_submit(io);
}

void io_poll(struct io *io, int fd, short events)
{
    io_begin(io, IO_POLL, fd);
    io->events = events;
    io_submit(io);
}

void io_close(struct io *io, int fd)
{
    io_begin(io, IO_CLOSE, fd);
    io_submit(io);
}

void io_cancel(struct io *io)
{
    if (io->op.life != OP_IN_FLIGHT || io->op.is_cancelled)
        return;
    struct ring *r = reactor_ring(io->op.home);
    assert(io->op.home == reactor_current());
    io->op.is_cancelled = true;
    r->ops->cancel(r, io);
}
