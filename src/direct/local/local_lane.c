/*
 * The lane of a session: one thread that moves bytes between arena memory and ranges of the
 * client's address space, by process_vm_readv and process_vm_writev, one transfer at a time.
 *
 * Those calls touch pages of the client, and a client can make its pages arrive as late as it likes
 * (userfaultfd, a FUSE file); the kernel lets nobody but the client's death interrupt them. So:
 *
 *   1. They run on the client's own thread: neither a reactor nor the work pool waits for them.
 *   2. They move between the client and the lane's bounce buffer: a transfer can be given up while
 *      the kernel is stuck, and its arena memory is free again. `running` is NULL from then on, and
 *      the copy between bounce and arena is left out. A transfer whose copy is under way is given
 *      up right behind it. The lock is not held over the copy: a reactor that wants it would wait
 *      for as long as the scheduler keeps this thread from the CPU.
 *   3. A window closes only when the kernel is out of it: the answer that is waiting for the close
 *      is that client's own.
 *
 *   queue --lane--> running --kernel--> completed
 *     |                |
 *     +---- cancel ----+--> ERR_TIMEOUT at once
 *     +---- close -----+--> ERR_CANCELLED at once; the close itself always ends on the lane, behind
 *                           the transfers it completed: advances run in that order.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "direct/local/local_impl.h"

enum { LANE_BOUNCE_BYTES = 128 * 1024 };

struct local_lane {
    const struct local_session *session;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct list queue;        /* transfers, by op.link */
    struct transfer *running; /* NULL: none, or given up */
    bool is_copying;          /* between bounce and the arena memory of `running`, without lock */
    enum err give_up;         /* what `running` ends with behind the copy; ERR_OK: it goes on */
    struct list closing;      /* local_windows, by lane_link */
    bool is_stopping;
    uint8_t bounce[LANE_BOUNCE_BYTES]; /* the lane thread's */
};

static struct local_window *window_of(const struct transfer *t)
{
    return t->window->state[0];
}

/* A transfer as the lane thread needs it when the struct may be gone. */
struct lane_job {
    uint64_t address;
    size_t len;
    bool is_read;
    uint64_t deadline_ns;
};

static enum err lane_err(ssize_t moved)
{
    if (moved >= 0)
        return ERR_IO; /* fewer bytes than asked for: the next page is not there */
    switch (errno) {
    case ESRCH:
        return ERR_CLOSED;
    case EPERM:
        return ERR_DENIED;
    case ENOMEM:
        return ERR_BUSY;
    default: /* EFAULT: not mapped, or not writable */
        return ERR_IO;
    }
}

static struct transfer *lane_begin_copy(struct local_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    struct transfer *t = lane->running;
    lane->is_copying = t != NULL;
    pthread_mutex_unlock(&lane->lock);
    return t;
}

/* False when the transfer was given up meanwhile: it ends here. */
static bool lane_end_copy(struct local_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    enum err e = lane->give_up;
    struct transfer *t = lane->running;
    lane->is_copying = false;
    lane->give_up = ERR_OK;
    if (e)
        lane->running = NULL;
    pthread_mutex_unlock(&lane->lock);
    /* Without the lock: the reactor this wakes may want it at once, on our CPU. */
    if (e)
        op_complete(&t->op, e);
    return e == ERR_OK;
}

/* Between arena and bounce, unless the transfer was given up. */
static bool lane_copy(struct local_lane *lane, size_t off, size_t len, bool is_fill)
{
    struct transfer *t = lane_begin_copy(lane);

    if (!t)
        return false;
    uint8_t *at = (uint8_t *)t->at + off;
    if (is_fill)
        memcpy(lane->bounce, at, len);
    else
        memcpy(at, lane->bounce, len);
    return lane_end_copy(lane);
}

static enum err lane_piece(struct local_lane *lane, const struct lane_job *job, size_t off)
{
    size_t len = MIN(job->len - off, (size_t)LANE_BOUNCE_BYTES);
    struct iovec here = {lane->bounce, len};
    /* A number of the other address space, in the type the call wants. */
    struct iovec there = {(void *)(uintptr_t)(job->address + off), len};
    pid_t pid = lane->session->pid;

    if (clock_ns() >= job->deadline_ns)
        return ERR_TIMEOUT;
    if (!local_who_is_alive(lane->session->pidfd))
        return ERR_CLOSED;
    if (!job->is_read && !lane_copy(lane, off, len, true))
        return ERR_CANCELLED;
    ssize_t moved = job->is_read ? process_vm_readv(pid, &here, 1, &there, 1, 0)
                                 : process_vm_writev(pid, &here, 1, &there, 1, 0);
    if (moved != (ssize_t)len)
        return lane_err(moved);
    if (job->is_read && !lane_copy(lane, off, len, false))
        return ERR_CANCELLED;
    return ERR_OK;
}

static enum err lane_run(struct local_lane *lane, const struct lane_job *job)
{
    if (atomic_load(&lane->session->is_closed))
        return ERR_CLOSED;
    for (size_t off = 0; off < job->len; off += LANE_BOUNCE_BYTES)
        TRY(lane_piece(lane, job, off));
    return ERR_OK;
}

/* Takes the next transfer, runs it without the lock, completes it. Under the lock. */
static void lane_next(struct local_lane *lane)
{
    struct transfer *t = container_of(list_pop(&lane->queue), struct transfer, op.link);
    const struct local_window *lw = window_of(t);
    struct lane_job job = {
        .address = lw->region->address + lw->offset + t->window_off,
        .len = t->len,
        .is_read = t->is_read,
        .deadline_ns = t->window->deadline_ns,
    };

    lane->running = t;
    pthread_mutex_unlock(&lane->lock);
    enum err e = lane_run(lane, &job);
    pthread_mutex_lock(&lane->lock);
    bool is_ours = lane->running != NULL;
    lane->running = NULL;
    pthread_mutex_unlock(&lane->lock);
    if (is_ours)
        op_complete(&t->op, e);
    pthread_mutex_lock(&lane->lock);
}

static void *lane_main(void *arg)
{
    struct local_lane *lane = arg;
    struct list *node;

    pthread_mutex_lock(&lane->lock);
    for (;;) {
        while ((node = list_pop(&lane->closing)))
            local_window_end(container_of(node, struct local_window, lane_link));
        if (!list_is_empty(&lane->queue)) {
            lane_next(lane);
            continue;
        }
        if (lane->is_stopping)
            break;
        pthread_cond_wait(&lane->wake, &lane->lock);
    }
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

void local_lane_move(struct local_lane *lane, struct transfer *t)
{
    pthread_mutex_lock(&lane->lock);
    list_push_back(&lane->queue, &t->op.link);
    pthread_mutex_unlock(&lane->lock);
    pthread_cond_signal(&lane->wake);
}

/* Ends what the window has queued, and gives up what is running for it. Under the lock. */
static void lane_end(struct local_lane *lane, const struct local_window *lw, enum err e)
{
    list_for_each(node, &lane->queue)
    {
        struct transfer *t = container_of(node, struct transfer, op.link);

        if (window_of(t) != lw)
            continue;
        list_remove(node);
        op_complete(&t->op, e);
    }
    if (!lane->running || window_of(lane->running) != lw)
        return;
    if (lane->is_copying) {
        lane->give_up = lane->give_up ? lane->give_up : e;
        return;
    }
    op_complete(&lane->running->op, e);
    lane->running = NULL;
}

void local_lane_cancel(struct local_lane *lane, struct local_window *lw)
{
    pthread_mutex_lock(&lane->lock);
    lane_end(lane, lw, ERR_TIMEOUT);
    pthread_mutex_unlock(&lane->lock);
}

void local_lane_close(struct local_lane *lane, struct local_window *lw)
{
    pthread_mutex_lock(&lane->lock);
    lane_end(lane, lw, ERR_CANCELLED);
    list_push_back(&lane->closing, &lw->lane_link);
    pthread_cond_signal(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
}

enum err local_lane_new(const struct local_session *s, struct local_lane **lane_out)
{
    struct local_lane *lane = calloc(1, sizeof(*lane));

    if (!lane)
        return ERR_NO_MEMORY;
    lane->session = s;
    list_init(&lane->queue);
    list_init(&lane->closing);
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->wake, NULL);
    if (local_socket_thread(&lane->thread, lane_main, lane)) {
        pthread_cond_destroy(&lane->wake);
        pthread_mutex_destroy(&lane->lock);
        free(lane);
        return ERR_BUSY;
    }
    *lane_out = lane;
    return ERR_OK;
}

void local_lane_free(struct local_lane *lane)
{
    if (!lane)
        return;
    pthread_mutex_lock(&lane->lock);
    assert(list_is_empty(&lane->queue) && list_is_empty(&lane->closing) && !lane->running);
    lane->is_stopping = true;
    pthread_cond_signal(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    pthread_cond_destroy(&lane->wake);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}
