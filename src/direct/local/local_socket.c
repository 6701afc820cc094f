/*
 * The socket thread: accepts clients, gives each a session and a thread, buries what has ended.
 *
 * It does nothing that a client can make slow: who the client is, and what it says, is its own
 * thread's business. wake_fd is written when a session is dead and when the transport stops.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/digest.h"
#include "direct/local/local_impl.h"

enum { SOCKET_BACKLOG = 64, SOCKET_PAUSE_MS = 20 };

static bool address_of(const char *path, struct sockaddr_un *a_out)
{
    *a_out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a_out->sun_path))
        return false;
    memcpy(a_out->sun_path, path, strlen(path) + 1);
    return true;
}

static int socket_new(void)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

/* A socket file that nobody listens on is left over from a server that was killed. */
static void remove_stale(const struct sockaddr_un *a)
{
    struct stat st;
    int fd = socket_new();

    if (fd < 0)
        return;
    if (lstat(a->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0 && errno == ECONNREFUSED)
        unlink(a->sun_path);
    close(fd);
}

static enum err socket_bind(struct local *L, const struct sockaddr_un *a)
{
    gid_t gid = L->config.allowed_gid;

    remove_stale(a);
    if (bind(L->listen_fd, (const struct sockaddr *)a, sizeof(*a)) != 0)
        return err_from_errno(errno);
    /* The kernel vouches for every client anyway; the mode only keeps strangers from the queue. */
    if (chmod(a->sun_path, 0660) != 0 || (gid != (gid_t)-1 && chown(a->sun_path, (uid_t)-1, gid)) ||
        listen(L->listen_fd, SOCKET_BACKLOG) != 0) {
        enum err e = err_from_errno(errno);
        unlink(a->sun_path);
        return e;
    }
    return ERR_OK;
}

enum err local_socket_open(struct local *L, struct buf *why)
{
    struct sockaddr_un a;
    enum err e;

    if (!address_of(L->socket_path, &a)) {
        buf_printf(why, "the socket path %s is longer than 107 bytes", L->socket_path);
        return ERR_INVALID;
    }
    L->listen_fd = socket_new();
    L->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    e = L->listen_fd < 0 || L->wake_fd < 0 ? err_from_errno(errno) : socket_bind(L, &a);
    if (!e)
        return ERR_OK;
    buf_printf(why, "cannot listen on %s: %s", L->socket_path, err_text(e));
    if (L->listen_fd >= 0)
        close(L->listen_fd);
    if (L->wake_fd >= 0)
        close(L->wake_fd);
    return e;
}

/* No signal meant for the process is delivered here; those that a fault raises still are. */
enum err local_socket_thread(pthread_t *thread_out, void *(*run)(void *), void *arg)
{
    sigset_t all, before;
    pthread_attr_t attr;

    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSEGV);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, LOCAL_STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(thread_out, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return r ? ERR_BUSY : ERR_OK;
}

void local_socket_wake(struct local *L)
{
    uint64_t one = 1;

    (void)!write(L->wake_fd, &one, sizeof(one));
}

/* --- sessions come --- */

static bool slot_take(struct local *L, struct local_session *s)
{
    bool is_taken = false;

    pthread_mutex_lock(&L->lock);
    for (unsigned i = 0; i < L->config.sessions_max && !is_taken && !L->is_stopping; i++) {
        if (L->sessions[i])
            continue;
        s->slot = i;
        s->id[0] = (uint8_t)i;
        s->id[1] = (uint8_t)(i >> 8);
        L->sessions[i] = s;
        L->session_count++;
        is_taken = true;
    }
    pthread_mutex_unlock(&L->lock);
    return is_taken;
}

static void slot_give(struct local *L, struct local_session *s)
{
    pthread_mutex_lock(&L->lock);
    assert(L->sessions[s->slot] == s);
    L->sessions[s->slot] = NULL;
    L->session_count--;
    pthread_mutex_unlock(&L->lock);
}

static void refuse_busy(int fd)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];
    struct buf b = buf_over(bytes, sizeof(bytes));

    local_wire_encode(
        &(struct local_message){
            .type = LOCAL_REFUSED, .refusal = LOCAL_REFUSAL_BUSY, .text = VIEW("too many clients")},
        &b);
    (void)!send(fd, b.at, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool session_begin(struct local *L, int fd)
{
    struct local_session *s = calloc(1, sizeof(*s));

    if (!s)
        return false;
    s->local = L;
    s->fd = fd;
    s->pidfd = -1;
    list_init(&s->windows);
    pthread_cond_init(&s->quiet, NULL);
    digest_random(s->id, sizeof(s->id));
    digest_random(s->key, sizeof(s->key));
    if (slot_take(L, s)) {
        if (local_socket_thread(&s->thread, local_session_main, s) == ERR_OK)
            return true;
        slot_give(L, s);
    }
    pthread_cond_destroy(&s->quiet);
    free(s);
    return false;
}

static void socket_accept(struct local *L)
{
    int fd = accept4(L->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            usleep(SOCKET_PAUSE_MS * 1000); /* the client waits in the queue */
        return;
    }
    if (session_begin(L, fd))
        return;
    refuse_busy(fd);
    close(fd);
}

/* --- and go --- */

static struct local_session *dead_find(struct local *L)
{
    struct local_session *found = NULL;

    pthread_mutex_lock(&L->lock);
    for (unsigned i = 0; i < L->config.sessions_max && !found; i++)
        if (L->sessions[i] && L->sessions[i]->is_dead)
            found = L->sessions[i];
    pthread_mutex_unlock(&L->lock);
    return found;
}

static void bury_dead(struct local *L)
{
    struct local_session *s;
    uint64_t count;

    (void)!read(L->wake_fd, &count, sizeof(count));
    while ((s = dead_find(L))) {
        slot_give(L, s);
        local_session_free(s);
    }
}

static bool socket_is_stopping(struct local *L)
{
    pthread_mutex_lock(&L->lock);
    bool is_stopping = L->is_stopping;
    pthread_mutex_unlock(&L->lock);
    return is_stopping;
}

/* Their threads see the end of the socket; no new windows from now on. */
static void sessions_shut(struct local *L)
{
    pthread_mutex_lock(&L->lock);
    for (unsigned i = 0; i < L->config.sessions_max; i++) {
        struct local_session *s = L->sessions[i];

        if (!s)
            continue;
        atomic_store(&s->is_closed, true);
        shutdown(s->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&L->lock);
}

static bool sessions_are_gone(struct local *L)
{
    pthread_mutex_lock(&L->lock);
    bool are_gone = L->session_count == 0;
    pthread_mutex_unlock(&L->lock);
    return are_gone;
}

static void socket_end(struct local *L)
{
    struct op *stopping = L->stopping;

    close(L->wake_fd);
    pthread_mutex_destroy(&L->lock);
    free(L->sessions);
    free(L->windows);
    free(L->socket_path);
    free(L);
    op_complete(stopping, ERR_OK);
}

static void *socket_main(void *arg)
{
    struct local *L = arg;
    struct pollfd p[2] = {
        {.fd = L->wake_fd, .events = POLLIN}, {.fd = L->listen_fd, .events = POLLIN}};

    while (!socket_is_stopping(L)) {
        (void)!poll(p, 2, -1);
        if (p[0].revents)
            bury_dead(L);
        if (p[1].revents)
            socket_accept(L);
    }
    unlink(L->socket_path);
    close(L->listen_fd);
    sessions_shut(L);
    for (bury_dead(L); !sessions_are_gone(L); bury_dead(L))
        (void)!poll(p, 1, -1);
    socket_end(L);
    return NULL;
}

enum err local_socket_start(struct local *L)
{
    TRY(local_socket_thread(&L->thread, socket_main, L));
    pthread_detach(L->thread); /* its last act completes the stop */
    return ERR_OK;
}
