#include "loop_sim.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/ring_impl.h"
#include "loop/ring_try.h"

enum { KINDS = IO_CLOSE + 1, NS_PER_MS = 1000000 };

struct sim {
    struct ring ring;
    uint64_t random;
    unsigned flags;
    int wake_fd;
    struct list inflight; /* of io by op.link */
    unsigned submitted[KINDS];
    unsigned fail_nth[KINDS];
    int fail_sys[KINDS];
    struct io *order[LOOP_SIM_INFLIGHT_MAX];
    struct pollfd polls[LOOP_SIM_INFLIGHT_MAX + 1];
};

static struct sim *sim_of(struct ring *r)
{
    return container_of(r, struct sim, ring);
}

/* splitmix64 */
static uint64_t draw(struct sim *S)
{
    uint64_t z = S->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void submit(struct ring *r, struct io *io)
{
    struct sim *S = sim_of(r);

    if (++S->submitted[io->kind] == S->fail_nth[io->kind])
        ring_finish(io, -S->fail_sys[io->kind]);
    else
        list_push_back(&S->inflight, &io->op.link);
}

static void cancel(struct ring *r, struct io *io)
{
    if (ring_try_may_block(io) && draw(sim_of(r)) % 2)
        return; /* as if it were under way: its result will come */
    list_remove(&io->op.link);
    ring_finish(io, -ECANCELED);
}

static size_t shorter(struct sim *S, size_t len)
{
    bool is_short = S->flags & LOOP_SIM_SHORT && len > 1 && draw(S) % 4 == 0;

    return is_short ? 1 + draw(S) % (len - 1) : len;
}

/* ring_try on a copy, so that the caller never sees a length or a vector that we shortened. */
static int try(struct sim *S, struct io *io)
{
    struct io copy = *io;
    size_t first = 0;

    if (io->kind == IO_SEND) {
        first = shorter(S, io->iov[0].iov_len);
        copy.iov[0].iov_len = first;
        copy.msg.msg_iov = copy.iov;
        copy.msg.msg_iovlen = first == io->iov[0].iov_len ? io->iov_count : 1;
    } else if (io->kind == IO_READ || io->kind == IO_WRITE || io->kind == IO_RECV) {
        copy.len = shorter(S, io->len);
    }
    int n = ring_try(&copy);
    io->addr = copy.addr;
    io->addr_len = copy.addr_len;
    io->ring_state = copy.ring_state;
    return n;
}

static unsigned shuffle(struct sim *S)
{
    unsigned count = 0;

    list_for_each(node, &S->inflight)
    {
        assert(count < LOOP_SIM_INFLIGHT_MAX);
        S->order[count++] = container_of(node, struct io, op.link);
    }
    for (unsigned i = count; i > 1; i--) {
        unsigned j = (unsigned)(draw(S) % i);
        struct io *swap = S->order[i - 1];
        S->order[i - 1] = S->order[j];
        S->order[j] = swap;
    }
    return count;
}

enum pass { PASS_IDLE, PASS_DELAYED, PASS_DONE };

/* Everything in flight gets a chance of one half; what had none is delayed. */
static enum pass do_some(struct sim *S)
{
    enum pass pass = PASS_IDLE;
    unsigned count = shuffle(S);

    for (unsigned i = 0; i < count; i++) {
        struct io *io = S->order[i];
        if (draw(S) % 2) {
            pass = MAX(pass, PASS_DELAYED);
            continue;
        }
        int n = try(S, io);
        if (n == -EAGAIN)
            continue;
        list_remove(&io->op.link);
        ring_finish(io, n);
        pass = PASS_DONE;
    }
    return pass;
}

static short events_of(const struct io *io)
{
    if (io->kind == IO_POLL)
        return io->events;
    return io->kind == IO_RECV || io->kind == IO_ACCEPT ? POLLIN : POLLOUT;
}

/* Until a descriptor is ready, or woken, or timeout_ms; true when woken. */
static bool sleep_until_ready(struct sim *S, int timeout_ms)
{
    nfds_t count = 0;
    uint64_t wakes;

    S->polls[count++] = (struct pollfd){.fd = S->wake_fd, .events = POLLIN};
    list_for_each(node, &S->inflight)
    {
        const struct io *io = container_of(node, struct io, op.link);
        S->polls[count++] = (struct pollfd){.fd = io->fd, .events = events_of(io)};
    }
    (void)poll(S->polls, count, timeout_ms);
    return read(S->wake_fd, &wakes, sizeof wakes) > 0;
}

static int ms_until(uint64_t deadline)
{
    uint64_t now = clock_ns();

    if (deadline == UINT64_MAX)
        return -1;
    return now >= deadline ? 0 : (int)MIN((deadline - now) / NS_PER_MS + 1, (uint64_t)INT32_MAX);
}

static void run(struct ring *r, uint64_t wait_ns)
{
    struct sim *S = sim_of(r);
    uint64_t now = wait_ns ? clock_ns() : 0;
    uint64_t deadline = wait_ns < UINT64_MAX - now ? now + wait_ns : UINT64_MAX;

    for (;;) {
        enum pass pass = do_some(S);
        int timeout_ms = wait_ns && pass == PASS_IDLE ? ms_until(deadline) : 0;
        bool is_woken = sleep_until_ready(S, timeout_ms);
        if (is_woken || pass == PASS_DONE || wait_ns == 0 || ms_until(deadline) == 0)
            return;
    }
}

static void wake(struct ring *r)
{
    uint64_t one = 1;
    ssize_t n = write(sim_of(r)->wake_fd, &one, sizeof one);
    (void)n;
}

static void free_ring(struct ring *r)
{
    struct sim *S = sim_of(r);

    assert(list_is_empty(&S->inflight));
    close(S->wake_fd);
    free(S);
}

static const struct ring_ops sim_ops = {
    .name = "simulated",
    .submit = submit,
    .cancel = cancel,
    .run = run,
    .wake = wake,
    .free = free_ring,
};

struct ring *loop_sim_new(uint64_t seed, unsigned flags)
{
    struct sim *S = calloc(1, sizeof *S);

    assert(S);
    S->ring.ops = &sim_ops;
    S->random = seed;
    S->flags = flags;
    S->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(S->wake_fd >= 0);
    list_init(&S->inflight);
    return &S->ring;
}

void loop_sim_fail(struct ring *r, enum io_kind kind, unsigned nth, int sys)
{
    sim_of(r)->fail_nth[kind] = nth;
    sim_of(r)->fail_sys[kind] = sys;
}

unsigned loop_sim_count(const struct ring *r, enum io_kind kind)
{
    return container_of((struct ring *)(uintptr_t)r, struct sim, ring)->submitted[kind];
}
