/*
 * What a reactor submits to the kernel: files, sockets, nothing else.
 *
 * Implementations: io_uring (ring_uring.c), epoll with a small thread pool for files
 * (ring_epoll.c; containers often forbid io_uring), simulated (tests/help). One contract suite,
 * tests/suite/ring_suite.c, runs over all of them.
 *
 * A struct io is one operation in flight. The caller fills kind, fd and the arguments of the kind
 * with the io_* functions below, then the op contract of loop/op.h holds. op.err is ERR_OK when
 * the kernel said success (result >= 0), else err_from_errno(-result).
 *
 * Shape    Lengths in bytes, at most 1 GiB. Reads and writes may be short: result says.
 * Owner    Buffers stay untouched by the caller until advance.
 * Cost     No allocation. The io_uring ring queues what does not fit its submission queue.
 */
#ifndef PENSTOCK_LOOP_RING_H
#define PENSTOCK_LOOP_RING_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "loop/op.h"

enum io_kind {
    IO_NONE,
    IO_READ,    /* file; result = bytes, 0 at the end */
    IO_WRITE,   /* file; result = bytes */
    IO_SYNC,    /* fdatasync */
    IO_ACCEPT,  /* result = the new descriptor, close-on-exec and non-blocking */
    IO_CONNECT, /* socket made by the caller */
    IO_RECV,    /* result = bytes, 0 when the peer closed its side */
    IO_SEND,    /* iov; result = bytes, may be short. Never raises SIGPIPE */
    IO_POLL,    /* result = revents; one shot */
    IO_CLOSE
};

enum io_flags {
    IO_DSYNC = 1, /* IO_WRITE: on stable media before completion (RWF_DSYNC) */
};

enum { IO_IOV_MAX = 4 };

struct io {
    struct op op;
    enum io_kind kind;
    int fd;
    unsigned flags;
    int result; /* >= 0, or -errno */
    void *at;   /* IO_READ, IO_WRITE, IO_RECV */
    size_t len;
    uint64_t offset;              /* IO_READ, IO_WRITE */
    struct iovec iov[IO_IOV_MAX]; /* IO_SEND */
    unsigned iov_count;
    short events;                 /* IO_POLL */
    struct sockaddr_storage addr; /* IO_ACCEPT: the peer. IO_CONNECT: where to */
    socklen_t addr_len;
    struct msghdr msg; /* the ring's own */
    void *ring_state;  /* the ring's own */
};

/* Start functions. All on the current reactor's ring. */
void io_read(struct io *io, int fd, void *at, size_t len, uint64_t offset);
void io_write(struct io *io, int fd, const void *at, size_t len, uint64_t offset, unsigned flags);
void io_sync(struct io *io, int fd);
void io_accept(struct io *io, int fd);
void io_connect(struct io *io, int fd, const struct sockaddr *addr, socklen_t len);
void io_recv(struct io *io, int fd, void *at, size_t len);
/* io_send(io, fd, count): the caller has filled io->iov[0..count). */
void io_send(struct io *io, int fd, unsigned count);
void io_poll(struct io *io, int fd, short events);
void io_close(struct io *io, int fd);

/*
 * io_cancel(io): ask the kernel to end it early. advance still runs, exactly once, with
 * ERR_CANCELLED or with the ordinary result when that came first. Harmless when io is not in
 * flight.
 */
void io_cancel(struct io *io);

/* Implementers' side. */
struct ring;

struct ring_ops {
    const char *name;
    void (*submit)(struct ring *r, struct io *io);
    void (*cancel)(struct ring *r, struct io *io);
    /*
     * run: submit what is queued, collect completions (op_complete each). Waits at most wait_ns
     * for the first one; 0 = do not wait; UINT64_MAX = no limit. Returns early when woken.
     */
    void (*run)(struct ring *r, uint64_t wait_ns);
    /* wake: from any thread; a run that waits, or the next one, returns. */
    void (*wake)(struct ring *r);
    /* memory: [at, at+len) will be used for many reads and writes (io_uring: registered). Optional:
     * failure only costs speed, and says why in *why. */
    enum err (*memory)(struct ring *r, void *at, size_t len, const char **why_out);
    void (*free)(struct ring *r); /* nothing may be in flight */
};

struct ring {
    const struct ring_ops *ops;
};

enum ring_kind { RING_AUTO, RING_URING, RING_EPOLL };

/*
 * ring_new(kind, depth, ring_out, why_out): RING_AUTO takes io_uring where it works. When io_uring
 * was not taken, *why_out says why (static text), else NULL. Must run on the thread that will use
 * it.
 */
enum err ring_new(enum ring_kind kind, unsigned depth, struct ring **ring_out, const char **why_out)
    MUST_CHECK;
enum err ring_kind_parse(struct view v, enum ring_kind *kind_out) MUST_CHECK;

#endif
