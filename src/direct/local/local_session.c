/*
 * The session thread: one client's messages, blocking, in order. docs/wire/local.md.
 *
 *   check who it is -> HELLO, WELCOME -> { MEMFD | RANGE | UNREGISTER | REVOKE } ... -> closed
 *
 * Anything that is not a message that may come now ends the session. What a client hands over:
 *
 * - A memfd is mapped here. F_SEAL_SHRINK is required, and F_GET_SEALS is the first thing asked of
 *   the descriptor: it fails without touching anything else than a memfd or a tmpfs file. Files of
 *   hugetlbfs are refused (a missing huge page cannot be had later). The file must be populated, so
 *   that its pages are accounted to the client. local_guard.c says what is left that can go wrong.
 * - A range of addresses stays where it is; the lane reaches it.
 *
 * UNREGISTER and REVOKE are fences: they are answered when nothing is in flight into that memory or
 * for that token, and nothing will be. So a client may reuse the memory of a request that got no
 * answer.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "direct/local/local_impl.h"

enum {
    SESSION_HELLO_SECONDS = 5,
    SESSION_SEND_SECONDS = 5,
    SESSION_FDS_MAX = 4,
    SESSION_POPULATE_BYTES = 64 << 20
};

/* One message, and the descriptors that came with it. */
struct session_input {
    struct local_message message;
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];
    int fds[SESSION_FDS_MAX];
    unsigned fd_count;
};

/* --- the table: under local.lock, any thread --- */

struct local_session *local_session_find(struct local *L, const uint8_t id[LOCAL_ID_BYTES])
{
    unsigned slot = (unsigned)id[0] | (unsigned)id[1] << 8;
    struct local_session *s = slot < L->config.sessions_max ? L->sessions[slot] : NULL;

    if (!s || !s->is_welcome || s->is_closed)
        return NULL;
    return view_same(view_of(s->id, LOCAL_ID_BYTES), view_of(id, LOCAL_ID_BYTES)) ? s : NULL;
}

/* Where region `id` is or would be. */
static unsigned region_index(const struct local_session *s, uint32_t id)
{
    unsigned low = 0, high = s->region_count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (s->regions[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct local_region *local_session_region(struct local_session *s, uint32_t id)
{
    unsigned i = region_index(s, id);

    if (i == s->region_count || s->regions[i]->id != id || s->regions[i]->is_gone)
        return NULL;
    return s->regions[i];
}

bool local_session_is_revoked(const struct local_session *s, uint64_t nonce)
{
    for (unsigned i = 0; i < s->revoked_count; i++)
        if (s->revoked[i].nonce == nonce)
            return true;
    return false;
}

bool local_session_settle(struct local_session *s)
{
    if (s->is_dead || !s->is_ended || !list_is_empty(&s->windows))
        return false;
    s->is_dead = true;
    return true;
}

/* --- sending and receiving --- */

static enum err session_send(struct local_session *s, const struct local_message *m)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];
    struct buf b = buf_over(bytes, sizeof(bytes));

    local_wire_encode(m, &b);
    assert(!b.overflow);
    ssize_t sent = send(s->fd, b.at, b.len, MSG_NOSIGNAL);
    return sent == (ssize_t)b.len ? ERR_OK : ERR_CLOSED;
}

static enum err
session_refuse(struct local_session *s, const struct local_message *q, enum err e, const char *why)
{
    return session_send(
        s, &(struct local_message){
               .type = LOCAL_REFUSED,
               .sequence = q->sequence,
               .refusal = local_wire_refusal(e),
               .text = view_str(why)});
}

static void input_close_fds(struct session_input *in)
{
    for (unsigned i = 0; i < in->fd_count; i++)
        close(in->fds[i]);
    in->fd_count = 0;
}

static void input_take_fds(struct session_input *in, struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count && in->fd_count < SESSION_FDS_MAX; i++)
            memcpy(&in->fds[in->fd_count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
}

/* The control buffer holds SESSION_FDS_MAX descriptors; the kernel closes those beyond. */
static enum err session_receive(struct local_session *s, struct session_input *in)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(SESSION_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = {in->bytes, sizeof(in->bytes)};
    struct msghdr h = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control)};
    ssize_t got;

    in->fd_count = 0;
    do
        got = recvmsg(s->fd, &h, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return ERR_CLOSED;
    input_take_fds(in, &h);
    if (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return ERR_MALFORMED;
    TRY(local_wire_decode(view_of(in->bytes, (size_t)got), &in->message));
    return in->fd_count == (in->message.type == LOCAL_MEMFD ? 1 : 0) ? ERR_OK : ERR_MALFORMED;
}

static void session_timeouts(struct local_session *s, time_t receive_seconds)
{
    struct timeval receive = {.tv_sec = receive_seconds}, send_for = {SESSION_SEND_SECONDS, 0};

    (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive));
    (void)setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &send_for, sizeof(send_for));
}

/* --- handing over memory --- */

/* Room for one more, and what it counts. Checked again by nobody: one thread adds. */
static enum err region_check(const struct local_session *s, uint64_t bytes, const char **why_out)
{
    const struct local_config *c = &s->local->config;

    *why_out = NULL;
    if (bytes == 0)
        *why_out = "no bytes";
    if (*why_out)
        return ERR_INVALID;
    if (s->region_count >= c->regions_max || s->region_last == UINT32_MAX)
        *why_out = "too many regions in this session";
    else if (bytes > c->mapped_bytes_max - s->mapped_bytes)
        *why_out = "too much memory in this session";
    return *why_out ? ERR_BUSY : ERR_OK;
}

static enum err region_add(struct local_session *s, struct local_region *region)
{
    struct local *L = s->local;
    size_t bytes = (s->region_count + 1) * sizeof(struct local_region *);

    pthread_mutex_lock(&L->lock);
    struct local_region **grown = realloc(s->regions, bytes);
    if (grown) {
        s->regions = grown;
        region->id = ++s->region_last;
        s->regions[s->region_count++] = region;
        s->mapped_bytes += region->bytes;
        L->region_count++;
        if (!region->is_range)
            L->mapped_bytes += region->bytes;
    }
    pthread_mutex_unlock(&L->lock);
    return grown ? ERR_OK : ERR_NO_MEMORY;
}

static void region_free(struct local_region *region)
{
    if (!region->is_range) {
        local_guard_remove(&region->guard);
        munmap(region->guard.at, region->guard.bytes);
    }
    free(region);
}

/* No window on it. Out of the table, unmapped. */
static void region_remove(struct local_session *s, struct local_region *region)
{
    struct local *L = s->local;

    pthread_mutex_lock(&L->lock);
    unsigned i = region_index(s, region->id);
    assert(s->regions[i] == region && region->windows == 0);
    s->region_count--;
    memmove(
        &s->regions[i], &s->regions[i + 1], (s->region_count - i) * sizeof(struct local_region *));
    s->mapped_bytes -= region->bytes;
    L->region_count--;
    if (!region->is_range)
        L->mapped_bytes -= region->bytes;
    pthread_mutex_unlock(&L->lock);
    region_free(region);
}

static enum err memfd_check(int fd, const struct local_message *m, const char **why_out)
{
    struct statfs fs;
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    *why_out = "not a memfd sealed against shrinking";
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return ERR_DENIED;
    if (fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
        return ERR_DENIED;
    *why_out = "not of tmpfs (hugetlbfs is not taken)";
    if ((uint64_t)fs.f_type != TMPFS_MAGIC)
        return ERR_UNSUPPORTED;
    *why_out = "outside the file, or not at a page";
    if (m->at % (uint64_t)sysconf(_SC_PAGESIZE) != 0 || m->at > (uint64_t)st.st_size ||
        m->bytes > (uint64_t)st.st_size - m->at)
        return ERR_INVALID;
    *why_out = "not populated";
    if ((uint64_t)st.st_blocks * 512 < m->bytes)
        return ERR_INVALID;
    return ERR_OK;
}

/* Fills our page tables, so that no reactor faults later. In slices: a stop need not wait. */
static enum err region_populate(const struct local_session *s, const struct local_guard *g)
{
    (void)madvise(g->at, g->bytes, MADV_HUGEPAGE); /* costs only speed */
    for (size_t off = 0; off < g->bytes; off += SESSION_POPULATE_BYTES) {
        size_t len = MIN(g->bytes - off, (size_t)SESSION_POPULATE_BYTES);

        if (atomic_load(&s->is_closed))
            return ERR_CLOSED;
        if (madvise(g->at + off, len, MADV_POPULATE_WRITE) == 0)
            continue;
        if (errno == EINVAL) /* before Linux 5.14 */
            return ERR_OK;
        return ERR_IO;
    }
    return ERR_OK;
}

static enum err
memfd_map(struct local_session *s, int fd, const struct local_message *m, struct local_region *r)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t mapped = (m->bytes + page - 1) / page * page;
    void *at =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, (off_t)m->at);

    if (at == MAP_FAILED)
        return errno == EPERM ? ERR_DENIED : ERR_BUSY; /* EPERM: sealed against writing */
    r->bytes = m->bytes;
    r->guard.at = at;
    r->guard.bytes = mapped;
    local_guard_add(&r->guard);
    return region_populate(s, &r->guard);
}

static enum err
session_memfd(struct local_session *s, const struct local_message *m, int fd, const char **why_out)
{
    TRY(region_check(s, m->bytes, why_out));
    TRY(memfd_check(fd, m, why_out));

    struct local_region *r = calloc(1, sizeof(*r));
    if (!r)
        return ERR_NO_MEMORY;
    *why_out = "the memory cannot be mapped";
    enum err e = memfd_map(s, fd, m, r);
    if (!e)
        e = region_add(s, r);
    if (!e)
        return ERR_OK;
    if (r->guard.at)
        region_free(r);
    else
        free(r);
    return e;
}

static enum err
session_range(struct local_session *s, const struct local_message *m, const char **why_out)
{
    TRY(region_check(s, m->bytes, why_out));
    *why_out = "beyond the address space";
    if (m->at > INT64_MAX || m->bytes > INT64_MAX - m->at)
        return ERR_INVALID;
    *why_out = "the server may not reach the memory of this process (ptrace rights)";
    if (!local_who_is_reachable(s->pid, s->pidfd))
        return ERR_UNSUPPORTED;
    if (!s->lane)
        TRY(local_lane_new(s, &s->lane));

    struct local_region *r = calloc(1, sizeof(*r));
    if (!r)
        return ERR_NO_MEMORY;
    r->is_range = true;
    r->address = m->at;
    r->bytes = m->bytes;
    enum err e = region_add(s, r);
    if (e)
        free(r);
    return e;
}

/* --- fences --- */

static enum err session_unregister(struct local_session *s, uint32_t id)
{
    struct local *L = s->local;

    pthread_mutex_lock(&L->lock);
    struct local_region *r = local_session_region(s, id);
    if (r)
        r->is_gone = true;
    while (r && r->windows > 0)
        pthread_cond_wait(&s->quiet, &L->lock);
    pthread_mutex_unlock(&L->lock);
    if (!r)
        return ERR_NOT_FOUND;
    region_remove(s, r);
    return ERR_OK;
}

/* Under local.lock. */
static bool session_has_nonce(const struct local_session *s, uint64_t nonce)
{
    list_for_each(node, &s->windows)
    {
        if (container_of(node, struct local_window, link)->nonce == nonce)
            return true;
    }
    return false;
}

/* Forgets what has expired: such tokens are refused by their date. Under local.lock. */
static void revoked_sweep(struct local_session *s)
{
    uint64_t now_ms = (uint64_t)clock_wall_ms();
    unsigned kept = 0;

    for (unsigned i = 0; i < s->revoked_count; i++)
        if (s->revoked[i].expiry_ms > now_ms)
            s->revoked[kept++] = s->revoked[i];
    s->revoked_count = kept;
}

static enum err session_revoke(struct local_session *s, const struct local_message *m)
{
    struct local *L = s->local;

    pthread_mutex_lock(&L->lock);
    revoked_sweep(s);
    bool has_room = s->revoked_count < LOCAL_REVOKED_MAX;
    if (has_room)
        s->revoked[s->revoked_count++] = (struct local_revoked){m->nonce, m->expiry_ms};
    while (has_room && session_has_nonce(s, m->nonce))
        pthread_cond_wait(&s->quiet, &L->lock);
    pthread_mutex_unlock(&L->lock);
    return has_room ? ERR_OK : ERR_BUSY;
}

/* --- the thread --- */

static enum err session_handle(struct local_session *s, const struct session_input *in)
{
    const struct local_message *m = &in->message;
    struct local_message answer = {.type = LOCAL_DONE, .sequence = m->sequence};
    const char *why = "refused";
    enum err e;

    if (m->type == LOCAL_MEMFD)
        e = session_memfd(s, m, in->fds[0], &why);
    else if (m->type == LOCAL_RANGE)
        e = session_range(s, m, &why);
    else if (m->type == LOCAL_UNREGISTER)
        e = session_unregister(s, m->region);
    else if (m->type == LOCAL_REVOKE)
        e = session_revoke(s, m);
    else
        return ERR_CLOSED; /* BYE, or nonsense */
    if (e)
        return session_refuse(s, m, e, why);
    if (m->type == LOCAL_MEMFD || m->type == LOCAL_RANGE) {
        answer.type = LOCAL_REGISTERED;
        answer.region = s->region_last;
    }
    return session_send(s, &answer);
}

static enum err session_welcome(struct local_session *s, const struct local_message *hello)
{
    struct local *L = s->local;
    struct local_message m = {
        .type = LOCAL_WELCOME,
        .sequence = hello->sequence,
        .version = LOCAL_VERSION,
        .regions_max = L->config.regions_max,
        .mapped_bytes_max = L->config.mapped_bytes_max};

    memcpy(m.session_id, s->id, sizeof(m.session_id));
    memcpy(m.session_key, s->key, sizeof(m.session_key));
    memcpy(m.server_id, L->config.server_id, LOCAL_SERVER_ID_LEN);
    pthread_mutex_lock(&L->lock);
    s->is_welcome = true;
    pthread_mutex_unlock(&L->lock);
    return session_send(s, &m);
}

static enum err session_greet(struct local_session *s)
{
    struct session_input in;

    session_timeouts(s, SESSION_HELLO_SECONDS);
    enum err e = local_who_check(s->fd, s->local->config.allowed_gid, &s->pid);
    if (e) {
        (void)!session_refuse(
            s, &(struct local_message){0}, e, "neither the server's user nor of its group");
        return e;
    }
    s->pidfd = local_who_pidfd(s->fd, s->pid);
    e = session_receive(s, &in);
    input_close_fds(&in);
    TRY(e);
    if (in.message.type != LOCAL_HELLO)
        return ERR_MALFORMED;
    if (in.message.version != LOCAL_VERSION) {
        (void)!session_refuse(s, &in.message, ERR_UNSUPPORTED, "this server speaks version 1");
        return ERR_UNSUPPORTED;
    }
    session_timeouts(s, 0);
    return session_welcome(s, &in.message);
}

void *local_session_main(void *session)
{
    struct local_session *s = session;
    struct local *L = s->local;
    struct session_input in;
    enum err e = session_greet(s);

    while (!e) {
        e = session_receive(s, &in);
        if (!e)
            e = session_handle(s, &in);
        input_close_fds(&in);
    }
    shutdown(s->fd, SHUT_RDWR); /* the client sees it now, not when the last window has closed */
    pthread_mutex_lock(&L->lock);
    atomic_store(&s->is_closed, true);
    s->is_ended = true;
    bool is_due = local_session_settle(s);
    pthread_mutex_unlock(&L->lock);
    if (is_due)
        local_socket_wake(L);
    return NULL;
}

void local_session_free(struct local_session *s)
{
    pthread_join(s->thread, NULL);
    local_lane_free(s->lane);
    while (s->region_count > 0)
        region_remove(s, s->regions[s->region_count - 1]);
    free(s->regions);
    close(s->fd);
    if (s->pidfd >= 0)
        close(s->pidfd);
    pthread_cond_destroy(&s->quiet);
    explicit_bzero(s->key, sizeof(s->key));
    free(s);
}
