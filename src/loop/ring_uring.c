/*
 * The ring over io_uring.
 *
 * One io_uring_enter per turn submits what the turn produced and collects what is there. An io is
 * in one of two places, told apart by ring_state:
 *
 *   waiting   ring_state NULL: on `waiting`, since the submission queue was full
 *   in kernel ring_state set: its sqe is filled; the completion's user_data is the io
 *
 * A cancel in the kernel needs an sqe too: the io is put on `cancels` until the next run has one.
 * Sqes are consumed in order, so the cancel of an io always follows the io.
 *
 * Wakes come through an eventfd of which one read is always in flight.
 */
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop/ring_impl.h"

enum {
    DEPTH_MAX = 32768,
    FIXED_MAX = 64, /* registered pieces of 1 GiB */
    ASYNC_WRITE_BYTES_MIN = 128 * 1024,
    CQ_PER_SQ = 4,  /* idle connections complete in bursts */
    TAG_CANCEL = 1, /* user_data of sqes that are not an io; an io's address is even */
    TAG_WAKE = 3,
    NS_PER_S = 1000000000,
};

struct uring {
    struct ring ring;
    struct io_uring u;
    struct list waiting; /* of io by op.link */
    struct list cancels; /* of io by op.link */
    bool has_taskrun_flag;
    bool is_wake_armed;
    int wake_fd;
    uint64_t wake_count; /* where the wake read lands */
    /* registered memory; fixed_bytes 0: none */
    uint8_t *fixed;
    uint64_t fixed_bytes;
};

static struct uring *uring_of(struct ring *r)
{
    return container_of(r, struct uring, ring);
}

/* --- filling sqes --- */

/* The registered piece that holds all of [at, at+len), or -1. */
static int fixed_index(const struct uring *U, const void *at, size_t len)
{
    uint64_t from = (uint64_t)((uintptr_t)at - (uintptr_t)U->fixed);

    if (from >= U->fixed_bytes || len > U->fixed_bytes - from || len == 0)
        return -1;
    return from / GIB == (from + len - 1) / GIB ? (int)(from / GIB) : -1;
}

static void fill_read(struct uring *U, struct io_uring_sqe *sqe, struct io *io)
{
    int piece = fixed_index(U, io->at, io->len);

    if (piece >= 0)
        io_uring_prep_read_fixed(sqe, io->fd, io->at, (unsigned)io->len, io->offset, piece);
    else
        io_uring_prep_read(sqe, io->fd, io->at, (unsigned)io->len, io->offset);
}

static void fill_write(struct uring *U, struct io_uring_sqe *sqe, struct io *io)
{
    int piece = fixed_index(U, io->at, io->len);

    if (piece >= 0)
        io_uring_prep_write_fixed(sqe, io->fd, io->at, (unsigned)io->len, io->offset, piece);
    else
        io_uring_prep_write(sqe, io->fd, io->at, (unsigned)io->len, io->offset);
    if (io->flags & IO_DSYNC)
        sqe->rw_flags = RWF_DSYNC;
}

static void fill_send(struct io_uring_sqe *sqe, struct io *io)
{
    if (io->iov_count == 1)
        io_uring_prep_send(sqe, io->fd, io->iov[0].iov_base, io->iov[0].iov_len, MSG_NOSIGNAL);
    else
        io_uring_prep_sendmsg(sqe, io->fd, &io->msg, MSG_NOSIGNAL);
}

static void fill(struct uring *U, struct io_uring_sqe *sqe, struct io *io)
{
    struct sockaddr *addr = (struct sockaddr *)&io->addr;

    switch (io->kind) {
    case IO_READ:
        fill_read(U, sqe, io);
        break;
    case IO_WRITE:
        fill_write(U, sqe, io);
        /* A large write fills new blocks: ext4 waits for its block map there, in the middle of the
         * submission and whatever NOWAIT says. The kernel's own workers may wait; we may not. */
        if (io->len >= ASYNC_WRITE_BYTES_MIN)
            sqe->flags |= IOSQE_ASYNC;
        break;
    case IO_SYNC:
        io_uring_prep_fsync(sqe, io->fd, IORING_FSYNC_DATASYNC);
        break;
    case IO_ACCEPT:
        io_uring_prep_accept(sqe, io->fd, addr, &io->addr_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        break;
    case IO_CONNECT:
        io_uring_prep_connect(sqe, io->fd, addr, io->addr_len);
        break;
    case IO_RECV:
        io_uring_prep_recv(sqe, io->fd, io->at, io->len, 0);
        break;
    case IO_SEND:
        fill_send(sqe, io);
        break;
    case IO_POLL:
        io_uring_prep_poll_add(sqe, io->fd, (unsigned)(unsigned short)io->events);
        break;
    case IO_CLOSE:
        io_uring_prep_close(sqe, io->fd);
        break;
    case IO_NONE:
    default:
        assert(false && "a kind of io");
    }
    io_uring_sqe_set_data(sqe, io);
    io->ring_state = U;
}

static void submit(struct ring *r, struct io *io)
{
    struct uring *U = uring_of(r);
    struct io_uring_sqe *sqe = NULL;

    if (list_is_empty(&U->waiting)) /* else it would overtake */
        sqe = io_uring_get_sqe(&U->u);
    if (sqe)
        fill(U, sqe, io);
    else
        list_push_back(&U->waiting, &io->op.link);
}

static void cancel(struct ring *r, struct io *io)
{
    struct uring *U = uring_of(r);

    if (io->ring_state) {
        list_push_back(&U->cancels, &io->op.link);
        return;
    }
    list_remove(&io->op.link);
    ring_finish(io, -ECANCELED);
}

/* --- a run --- */

static void arm_wake(struct uring *U)
{
    struct io_uring_sqe *sqe = U->is_wake_armed ? NULL : io_uring_get_sqe(&U->u);

    if (!sqe)
        return;
    io_uring_prep_read(sqe, U->wake_fd, &U->wake_count, sizeof U->wake_count, 0);
    sqe->user_data = TAG_WAKE;
    U->is_wake_armed = true;
}

static void fill_cancels(struct uring *U)
{
    while (!list_is_empty(&U->cancels)) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&U->u);
        if (!sqe)
            return;
        struct io *io = container_of(list_pop(&U->cancels), struct io, op.link);
        io_uring_prep_cancel(sqe, io, 0);
        sqe->user_data = TAG_CANCEL;
    }
}

static void fill_waiting(struct uring *U)
{
    while (!list_is_empty(&U->waiting)) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&U->u);
        if (!sqe)
            return;
        fill(U, sqe, container_of(list_pop(&U->waiting), struct io, op.link));
    }
}

/* Puts what is waiting into the queue, submitting without waiting as often as it takes. */
static void fill_queue(struct uring *U)
{
    for (;;) {
        arm_wake(U);
        fill_cancels(U);
        fill_waiting(U);
        bool is_all_in =
            U->is_wake_armed && list_is_empty(&U->cancels) && list_is_empty(&U->waiting);
        if (is_all_in || io_uring_submit(&U->u) <= 0)
            return; /* not all, and the kernel takes no more: completions come first */
    }
}

static void enter(struct uring *U, uint64_t wait_ns)
{
    struct io_uring_cqe *cqe;
    struct __kernel_timespec ts = {
        .tv_sec = (int64_t)(wait_ns / NS_PER_S), .tv_nsec = (long long)(wait_ns % NS_PER_S)};
    bool is_stuck = !list_is_empty(&U->waiting) || !list_is_empty(&U->cancels);

    if (wait_ns && !is_stuck && !io_uring_cq_ready(&U->u)) {
        /* Timeouts, signals and a full completion queue are all nothing but the end of a wait. */
        (void)io_uring_submit_and_wait_timeout(
            &U->u, &cqe, 1, wait_ns == UINT64_MAX ? NULL : &ts, NULL);
        return;
    }
    unsigned flags = IO_URING_READ_ONCE(*U->u.sq.kflags);
    bool has_events = !U->has_taskrun_flag || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
    if (has_events)
        (void)io_uring_submit_and_get_events(&U->u);
    else if (io_uring_sq_ready(&U->u))
        (void)io_uring_submit(&U->u);
}

static void complete(struct uring *U, const struct io_uring_cqe *cqe)
{
    if (cqe->user_data == TAG_CANCEL)
        return; /* whether it found anything: the io's own completion tells */
    if (cqe->user_data == TAG_WAKE) {
        U->is_wake_armed = false;
        return;
    }
    struct io *io = io_uring_cqe_get_data(cqe);
    if (!list_is_empty(&io->op.link))
        list_remove(&io->op.link); /* off `cancels`: it came first */
    if (cqe->res == -EINTR && !io->op.is_cancelled) {
        io->ring_state = NULL;
        list_push_back(&U->waiting, &io->op.link);
        return;
    }
    ring_finish(io, cqe->res);
}

static void run(struct ring *r, uint64_t wait_ns)
{
    struct uring *U = uring_of(r);
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;

    fill_queue(U);
    enter(U, wait_ns);
    io_uring_for_each_cqe(&U->u, head, cqe)
    {
        complete(U, cqe);
        count++;
    }
    io_uring_cq_advance(&U->u, count);
}

static void wake(struct ring *r)
{
    uint64_t one = 1;
    /* Can fail only when the counter is full: then the wake is on its way already. */
    ssize_t n = write(uring_of(r)->wake_fd, &one, sizeof one);
    (void)n;
}

/* --- registered memory --- */

static const char *memory_refusal(int sys)
{
    if (sys == ENOMEM)
        return "RLIMIT_MEMLOCK is too low to register the arena with io_uring";
    if (sys == EBUSY)
        return "a piece of memory is registered with this ring already";
    return "the kernel refused to register the arena with io_uring";
}

static enum err memory(struct ring *r, void *at, size_t len, const char **why_out)
{
    struct uring *U = uring_of(r);
    struct iovec piece[FIXED_MAX];
    unsigned count = 0;

    for (uint64_t from = 0; from < len; from += GIB) {
        if (count == FIXED_MAX) {
            *why_out = "the arena is too large to register with io_uring";
            return ERR_TOO_LARGE;
        }
        piece[count++] =
            (struct iovec){.iov_base = (uint8_t *)at + from, .iov_len = MIN(GIB, len - from)};
    }
    int sys = -io_uring_register_buffers(&U->u, piece, count);
    if (sys) {
        *why_out = memory_refusal(sys);
        return err_from_errno(sys);
    }
    U->fixed = at;
    U->fixed_bytes = len;
    *why_out = NULL;
    return ERR_OK;
}

/* --- birth and death --- */

static void free_ring(struct ring *r)
{
    struct uring *U = uring_of(r);

    assert(list_is_empty(&U->waiting) && list_is_empty(&U->cancels));
    while (U->is_wake_armed) { /* the kernel must not have wake_count any more when it is freed */
        wake(r);
        run(r, UINT64_MAX);
    }
    io_uring_queue_exit(&U->u);
    close(U->wake_fd);
    free(U);
}

static const struct ring_ops uring_ops = {
    .name = "io_uring",
    .submit = submit,
    .cancel = cancel,
    .run = run,
    .wake = wake,
    .memory = memory,
    .free = free_ring,
};

static const char *refusal(int sys)
{
    switch (sys) {
    case ENOSYS:
        return "this kernel or container has no io_uring";
    case EPERM:
    case EACCES:
        return "io_uring is forbidden here (seccomp or kernel.io_uring_disabled)";
    case ENOMEM:
        return "RLIMIT_MEMLOCK is too low for io_uring";
    case EMFILE:
    case ENFILE:
        return "too many open files for io_uring";
    default:
        return "io_uring_setup failed";
    }
}

/* The best flags first; an older kernel refuses them with EINVAL. Returns an errno, or 0. */
static int setup(struct uring *U, unsigned depth)
{
    static const unsigned tries[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        0,
    };
    int sys = EINVAL;

    for (size_t i = 0; i < ARRAY_COUNT(tries) && sys == EINVAL; i++) {
        struct io_uring_params p = {
            .flags = tries[i] | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
            .cq_entries = depth * CQ_PER_SQ,
        };
        sys = -io_uring_queue_init_params(depth, &U->u, &p);
        if (!sys && !(p.features & IORING_FEAT_EXT_ARG)) {
            io_uring_queue_exit(&U->u);
            sys = ENOSYS; /* before 5.11: no timeout without a race */
        }
        U->has_taskrun_flag = (tries[i] & IORING_SETUP_TASKRUN_FLAG) != 0;
    }
    return sys;
}

enum err ring_uring_new(unsigned depth, struct ring **ring_out, const char **why_out)
{
    struct uring *U = calloc(1, sizeof *U);

    if (!U)
        return ERR_NO_MEMORY;
    U->ring.ops = &uring_ops;
    list_init(&U->waiting);
    list_init(&U->cancels);
    U->wake_fd = eventfd(0, EFD_CLOEXEC); /* blocking: the read in flight must wait */
    int sys = U->wake_fd < 0 ? errno : setup(U, MIN(depth, (unsigned)DEPTH_MAX));
    if (!sys) {
        /* One less descriptor look-up per enter; where it is refused, nothing is lost. */
        (void)io_uring_register_ring_fd(&U->u);
        *ring_out = &U->ring;
        return ERR_OK;
    }
    *why_out = refusal(sys);
    if (U->wake_fd >= 0)
        close(U->wake_fd);
    free(U);
    return err_from_errno(sys);
}
