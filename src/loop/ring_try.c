#include "loop/ring_try.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK))
        return -errno;
    return 0;
}

static int try_accept(struct io *io)
{
    int refused = set_nonblocking(io->fd);

    if (refused)
        return refused;
    io->addr_len = sizeof io->addr;
    int fd =
        accept4(io->fd, (struct sockaddr *)&io->addr, &io->addr_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int begin_connect(struct io *io)
{
    int refused = set_nonblocking(io->fd);

    if (refused)
        return refused;
    if (!connect(io->fd, (struct sockaddr *)&io->addr, io->addr_len))
        return 0;
    if (errno == EAGAIN)
        return -EBUSY; /* a unix listener whose backlog is full; nothing tells when it is not */
    if (errno != EINPROGRESS && errno != EINTR)
        return -errno;
    io->ring_state = io;
    return -EAGAIN;
}

static int try_poll(const struct io *io, short events)
{
    struct pollfd p = {.fd = io->fd, .events = events};
    int n = poll(&p, 1, 0);

    if (n < 0)
        return -errno;
    if (p.revents & POLLNVAL)
        return -EBADF;
    return n ? (unsigned short)p.revents : -EAGAIN;
}

static int end_connect(const struct io *io)
{
    int refused = try_poll(io, POLLOUT), sys = 0;
    socklen_t len = sizeof sys;

    if (refused < 0)
        return refused;
    return getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &sys, &len) ? -errno : -sys;
}

static int try_close(const struct io *io)
{
    /* After EINTR the descriptor is gone all the same. */
    return close(io->fd) && errno != EINTR ? -errno : 0;
}

static ssize_t write_file(const struct io *io)
{
    struct iovec iov = {.iov_base = io->at, .iov_len = io->len};

    return pwritev2(io->fd, &iov, 1, (off_t)io->offset, io->flags & IO_DSYNC ? RWF_DSYNC : 0);
}

/* Those that are one system call with a result as it comes: >= 0, or -1 and errno. */
static ssize_t call(struct io *io)
{
    switch (io->kind) {
    case IO_READ:
        return pread(io->fd, io->at, io->len, (off_t)io->offset);
    case IO_WRITE:
        return write_file(io);
    case IO_SYNC:
        return fdatasync(io->fd);
    case IO_RECV:
        return recv(io->fd, io->at, io->len, MSG_DONTWAIT);
    case IO_SEND:
        return sendmsg(io->fd, &io->msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    case IO_ACCEPT:
    case IO_CONNECT:
    case IO_POLL:
    case IO_CLOSE:
    case IO_NONE:
    default:
        assert(false && "a kind of io");
        errno = EINVAL;
        return -1;
    }
}

static int try_once(struct io *io)
{
    if (io->kind == IO_ACCEPT)
        return try_accept(io);
    if (io->kind == IO_CONNECT)
        return io->ring_state ? end_connect(io) : begin_connect(io);
    if (io->kind == IO_POLL)
        return try_poll(io, io->events);
    if (io->kind == IO_CLOSE)
        return try_close(io);
    ssize_t n = call(io);
    return n < 0 ? -errno : (int)n;
}

int ring_try(struct io *io)
{
    int n;

    do
        n = try_once(io);
    while (n == -EINTR);
    return n;
}

bool ring_try_may_block(const struct io *io)
{
    return io->kind == IO_READ || io->kind == IO_WRITE || io->kind == IO_SYNC;
}
