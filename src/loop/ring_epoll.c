/*
 * The ring over epoll: for containers that forbid io_uring.
 *
 * A socket operation is tried when it is submitted; only when it would block does it wait, in a
 * slot of its descriptor. Descriptors are watched edge-triggered, and every wait asks the kernel to
 * watch (EEXIST is fine): so nothing here depends on who closed a descriptor and how, and an event
 * means no more than "try again". Files may block, so
 * they go to a few threads and come back through the reactor's mailbox.
 *
 *   submit -> tried, done ----------------------------------> op_complete
 *          -> would block -> slot -> event -> tried again -> op_complete
 *                                 -> cancel ---------------> op_complete
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "loop/pool.h"
#include "loop/ring_impl.h"
#include "loop/ring_try.h"

enum {
    EVENTS_PER_RUN = 256,
    FDS_MIN = 1 << 16,
    FDS_MAX = 1 << 20, /* the kernel's usual nr_open */
    FILE_THREADS = 4,
    NS_PER_S = 1000000000,
    NS_PER_MS = 1000000,
};

enum slot { SLOT_IN, SLOT_OUT, SLOT_POLL, SLOTS };

struct epoll_fd {
    struct io *waiting[SLOTS];
};

struct epoll_ring {
    struct ring ring;
    int epoll_fd, wake_fd;
    bool has_no_pwait2;   /* before Linux 5.11, and in some sandboxes */
    struct epoll_fd *fds; /* by descriptor; untouched pages cost nothing */
    size_t fds_max;
    struct pool files;
    struct epoll_event events[EVENTS_PER_RUN];
};

static struct epoll_ring *epoll_of(struct ring *r)
{
    return container_of(r, struct epoll_ring, ring);
}

/* --- waiting --- */

static enum slot slot_of(const struct io *io)
{
    if (io->kind == IO_POLL)
        return SLOT_POLL;
    return io->kind == IO_RECV || io->kind == IO_ACCEPT ? SLOT_IN : SLOT_OUT;
}

/* Puts io into its slot; ring_state is the slot while it waits. */
static void await(struct epoll_ring *E, struct io *io)
{
    struct epoll_event watch = {
        .events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET, .data.fd = io->fd};

    if ((size_t)io->fd >= E->fds_max) {
        ring_finish(io, -EMFILE);
        return;
    }
    struct io **slot = &E->fds[io->fd].waiting[slot_of(io)];
    assert(!*slot && "one operation per descriptor and direction");
    *slot = io;
    io->ring_state = slot;
    /* Already watched (EEXIST): what happened since the try has left an event. */
    if (!epoll_ctl(E->epoll_fd, EPOLL_CTL_ADD, io->fd, &watch) || errno == EEXIST)
        return;
    int sys = errno;
    *slot = NULL;
    ring_finish(io, -sys);
}

/* On a thread of the pool. */
static void run_file(struct op *op)
{
    struct io *io = container_of(op, struct io, op);

    ring_finish(io, ring_try(io));
}

static void submit(struct ring *r, struct io *io)
{
    struct epoll_ring *E = epoll_of(r);

    if (ring_try_may_block(io)) {
        pool_push(&E->files, &io->op);
        return;
    }
    int n = ring_try(io);
    if (n == -EAGAIN)
        await(E, io);
    else
        ring_finish(io, n);
}

static void cancel(struct ring *r, struct io *io)
{
    struct epoll_ring *E = epoll_of(r);

    if (ring_try_may_block(io)) {
        if (pool_take_back(&E->files, &io->op))
            ring_finish(io, -ECANCELED);
        return; /* else a thread is at it: its result will come */
    }
    /* In flight, and not a file: it is in its slot. */
    struct io **slot = io->ring_state;
    assert(*slot == io);
    *slot = NULL;
    ring_finish(io, -ECANCELED);
}

/* --- a run --- */

static void retry(struct io **slot)
{
    struct io *io = *slot;

    if (!io)
        return;
    int n = ring_try(io);
    if (n == -EAGAIN)
        return;
    *slot = NULL;
    ring_finish(io, n);
}

static void take_event(struct epoll_ring *E, const struct epoll_event *event)
{
    uint64_t count;

    if (event->data.fd == E->wake_fd) {
        ssize_t n = read(E->wake_fd, &count, sizeof count);
        (void)n; /* non-blocking; all that matters is that it is 0 afterwards */
        return;
    }
    struct io **waiting = E->fds[event->data.fd].waiting;
    bool is_broken = event->events & (EPOLLERR | EPOLLHUP);
    if (is_broken || event->events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI))
        retry(&waiting[SLOT_IN]);
    if (is_broken || event->events & EPOLLOUT)
        retry(&waiting[SLOT_OUT]);
    retry(&waiting[SLOT_POLL]);
}

static int wait_ms(uint64_t wait_ns)
{
    uint64_t ms = wait_ns / NS_PER_MS + (wait_ns % NS_PER_MS != 0);

    return wait_ns == UINT64_MAX ? -1 : (int)MIN(ms, (uint64_t)INT32_MAX);
}

static int wait_events(struct epoll_ring *E, uint64_t wait_ns)
{
    struct timespec ts = {
        .tv_sec = (time_t)(wait_ns / NS_PER_S), .tv_nsec = (long)(wait_ns % NS_PER_S)};
    bool is_whole_ms = wait_ns == 0 || wait_ns == UINT64_MAX;

    if (!E->has_no_pwait2 && !is_whole_ms) {
        int n = epoll_pwait2(E->epoll_fd, E->events, EVENTS_PER_RUN, &ts, NULL);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return n;
        E->has_no_pwait2 = true;
    }
    return epoll_wait(E->epoll_fd, E->events, EVENTS_PER_RUN, wait_ms(wait_ns));
}

static void run(struct ring *r, uint64_t wait_ns)
{
    struct epoll_ring *E = epoll_of(r);
    int n = wait_events(E, wait_ns);

    assert(n >= 0 || errno == EINTR);
    for (int i = 0; i < n; i++)
        take_event(E, &E->events[i]);
}

static void wake(struct ring *r)
{
    uint64_t one = 1;
    /* Can fail only when the counter is full: then the wake is on its way already. */
    ssize_t n = write(epoll_of(r)->wake_fd, &one, sizeof one);
    (void)n;
}

/* --- birth and death --- */

static void free_ring(struct ring *r)
{
    struct epoll_ring *E = epoll_of(r);

    pool_stop(&E->files);
    munmap(E->fds, E->fds_max * sizeof *E->fds);
    close(E->wake_fd);
    close(E->epoll_fd);
    free(E);
}

static const struct ring_ops epoll_ops = {
    .name = "epoll",
    .submit = submit,
    .cancel = cancel,
    .run = run,
    .wake = wake,
    .free = free_ring,
};

static enum err map_fds(struct epoll_ring *E)
{
    struct rlimit limit = {.rlim_max = FDS_MAX};

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    E->fds_max = MIN(MAX(limit.rlim_max, (rlim_t)FDS_MIN), (rlim_t)FDS_MAX);
    E->fds = mmap(
        NULL, E->fds_max * sizeof *E->fds, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return E->fds == MAP_FAILED ? ERR_NO_MEMORY : ERR_OK;
}

static enum err open_fds(struct epoll_ring *E)
{
    struct epoll_event watch = {.events = EPOLLIN};

    E->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    E->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch.data.fd = E->wake_fd;
    if (E->epoll_fd >= 0 && E->wake_fd >= 0 &&
        !epoll_ctl(E->epoll_fd, EPOLL_CTL_ADD, E->wake_fd, &watch))
        return ERR_OK;
    enum err e = err_from_errno(errno);
    if (E->wake_fd >= 0)
        close(E->wake_fd);
    if (E->epoll_fd >= 0)
        close(E->epoll_fd);
    return e;
}

enum err ring_epoll_new(struct ring **ring_out)
{
    struct epoll_ring *E = calloc(1, sizeof *E);
    enum err e;

    if (!E)
        return ERR_NO_MEMORY;
    E->ring.ops = &epoll_ops;
    e = map_fds(E);
    if (e)
        goto undo_alloc;
    e = open_fds(E);
    if (e)
        goto undo_map;
    e = pool_start(&E->files, FILE_THREADS, run_file);
    if (e)
        goto undo_open;
    *ring_out = &E->ring;
    return ERR_OK;

undo_open:
    close(E->wake_fd);
    close(E->epoll_fd);
undo_map:
    munmap(E->fds, E->fds_max * sizeof *E->fds);
undo_alloc:
    free(E);
    return e;
}
