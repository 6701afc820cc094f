/*
 * One request at a time on the socket, under a mutex; an answer repeats its request's sequence.
 * Any failure of the socket takes the session down for good: the server has then closed it, too, or
 * will when it sees ours closed.
 */
#include "client/local_peer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "direct/local/local_token.h"

/* Registering populates, unregistering waits for transfers: both may take long on a busy server. */
enum { PEER_ANSWER_SECONDS = 60 };

struct local_peer {
    /* set once */
    int fd;
    pid_t pid; /* who connected: a forked child is somebody else */
    pid_t server_pid;
    uint8_t session_id[LOCAL_ID_BYTES];
    uint8_t session_key[LOCAL_KEY_BYTES];

    /* any thread, atomic */
    _Atomic bool is_down;
    _Atomic uint64_t nonce;

    pthread_mutex_t lock; /* one exchange at a time */
    uint16_t sequence;
};

struct exchange {
    struct local_message message; /* in: the request. out: the answer */
    int fd;                       /* travels along, or -1 */
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];
};

static enum err peer_send(struct local_peer *P, struct exchange *x)
{
    struct buf b = buf_over(x->bytes, sizeof(x->bytes));
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov;
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

    local_wire_encode(&x->message, &b);
    iov = (struct iovec){b.at, b.len};
    if (x->fd >= 0) {
        h.msg_control = &control;
        h.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &x->fd, sizeof(int));
    }
    return sendmsg(P->fd, &h, MSG_NOSIGNAL) == (ssize_t)b.len ? ERR_OK : ERR_CLOSED;
}

static enum err peer_receive(struct local_peer *P, struct exchange *x)
{
    uint16_t sequence = x->message.sequence;
    ssize_t got;

    do
        got = recv(P->fd, x->bytes, sizeof(x->bytes), 0);
    while (got < 0 && errno == EINTR);
    /* A server that closed before it read us: its words are still in the queue, behind the error.
     */
    if (got < 0 && errno == ECONNRESET)
        got = recv(P->fd, x->bytes, sizeof(x->bytes), 0);
    if (got <= 0 || local_wire_decode(view_of(x->bytes, (size_t)got), &x->message))
        return ERR_CLOSED;
    if (x->message.type == LOCAL_REFUSED && x->message.sequence == 0)
        return ERR_OK; /* refused before anything was read */
    return x->message.sequence == sequence ? ERR_OK : ERR_CLOSED;
}

/* Request out, answer of type `want` in; a refusal is an error with the server's words. */
static enum err peer_exchange(
    struct local_peer *P, struct exchange *x, enum local_message_type want, struct buf *why)
{
    enum err e = ERR_CLOSED;

    pthread_mutex_lock(&P->lock);
    x->message.sequence = ++P->sequence ? P->sequence : ++P->sequence;
    if (!atomic_load(&P->is_down) && getpid() == P->pid) {
        /* A server that refuses at once closes at once: its words are in the queue even so. */
        if (peer_send(P, x))
            shutdown(P->fd, SHUT_WR);
        e = peer_receive(P, x);
    }
    bool is_refused = !e && x->message.type == LOCAL_REFUSED;
    if (!e && !is_refused && x->message.type != want)
        e = ERR_CLOSED;
    if (e) {
        atomic_store(&P->is_down, true);
        shutdown(P->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&P->lock);
    if (e && why)
        buf_put_str(why, "the server's socket is closed");
    if (!is_refused)
        return e;
    if (why)
        buf_put(why, x->message.text);
    return local_wire_err(x->message.refusal);
}

/* --- the session --- */

static enum err peer_hello(struct local_peer *P, const char *server_id, struct buf *why)
{
    struct exchange x = {.message = {.type = LOCAL_HELLO, .version = LOCAL_VERSION}, .fd = -1};

    TRY(peer_exchange(P, &x, LOCAL_WELCOME, why));
    if (!view_eq(view_str(x.message.server_id), view_str(server_id))) {
        buf_put_str(why, "another server listens there");
        return ERR_DENIED;
    }
    memcpy(P->session_id, x.message.session_id, sizeof(P->session_id));
    memcpy(P->session_key, x.message.session_key, sizeof(P->session_key));
    explicit_bzero(&x, sizeof(x));
    return ERR_OK;
}

static enum err peer_dial(struct local_peer *P, const char *path, struct buf *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = PEER_ANSWER_SECONDS};
    struct ucred cred = {0};
    socklen_t len = sizeof(cred);

    if (strlen(path) >= sizeof(a.sun_path)) {
        buf_put_str(why, "the socket's path is too long");
        return ERR_INVALID;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    P->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (P->fd < 0 || connect(P->fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
        enum err e = err_from_errno(errno);
        buf_printf(why, "cannot reach %s: %s", path, strerrorname_np(errno));
        return e;
    }
    (void)setsockopt(P->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (getsockopt(P->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
        P->server_pid = cred.pid;
    return ERR_OK;
}

enum err local_peer_connect(
    const char *socket_path, const char *server_id, struct local_peer **peer_out,
    struct buf *why_out)
{
    struct local_peer *P = calloc(1, sizeof(*P));
    uint64_t nonce;

    if (!P)
        return ERR_NO_MEMORY;
    P->fd = -1;
    P->pid = getpid();
    pthread_mutex_init(&P->lock, NULL);
    digest_random(&nonce, sizeof(nonce));
    atomic_store(&P->nonce, nonce);
    enum err e = peer_dial(P, socket_path, why_out);
    if (!e)
        e = peer_hello(P, server_id, why_out);
    if (e)
        local_peer_free(P);
    else
        *peer_out = P;
    return e;
}

void local_peer_free(struct local_peer *P)
{
    if (!P)
        return;
    if (P->fd >= 0)
        close(P->fd);
    pthread_mutex_destroy(&P->lock);
    explicit_bzero(P->session_key, sizeof(P->session_key));
    free(P);
}

/* Between exchanges the server says nothing: whatever poll reports is the end. An exchange under
 * way makes the socket readable, too, hence the event asked for. */
bool local_peer_is_up(struct local_peer *P)
{
    struct pollfd p = {.fd = P->fd, .events = POLLRDHUP};

    if (atomic_load(&P->is_down) || getpid() != P->pid)
        return false;
    if (poll(&p, 1, 0) > 0)
        atomic_store(&P->is_down, true);
    return !atomic_load(&P->is_down);
}

/* --- memory --- */

enum err local_peer_register(
    struct local_peer *P, const struct local_memory *m, uint32_t *region_out, struct buf *why_out)
{
    bool is_range = m->fd < 0;
    struct exchange x = {
        .message =
            {.type = is_range ? LOCAL_RANGE : LOCAL_MEMFD,
             .at = is_range ? (uint64_t)(uintptr_t)m->at : 0,
             .bytes = m->bytes},
        .fd = m->fd};

    /* Where Yama restricts ptrace, the server may reach us only if we say so. */
    if (is_range && P->server_pid > 0)
        (void)prctl(PR_SET_PTRACER, (unsigned long)P->server_pid, 0, 0, 0);
    TRY(peer_exchange(P, &x, LOCAL_REGISTERED, why_out));
    *region_out = x.message.region;
    return ERR_OK;
}

enum err local_peer_unregister(struct local_peer *P, uint32_t region)
{
    struct exchange x = {.message = {.type = LOCAL_UNREGISTER, .region = region}, .fd = -1};

    return peer_exchange(P, &x, LOCAL_DONE, NULL);
}

enum err local_peer_revoke(struct local_peer *P, const struct local_ticket *ticket)
{
    struct exchange x = {
        .message = {.type = LOCAL_REVOKE, .nonce = ticket->nonce, .expiry_ms = ticket->expiry_ms},
        .fd = -1};

    return peer_exchange(P, &x, LOCAL_DONE, NULL);
}

enum err local_peer_mint(
    struct local_peer *P, const struct local_mint *what, struct buf *to,
    struct local_ticket *ticket_out)
{
    struct local_token t = {
        .region = what->region,
        .offset = what->offset,
        .bytes = what->bytes,
        .is_write = what->is_write,
        .expiry_ms = (uint64_t)clock_wall_ms() + LOCAL_TOKEN_LIFE_MS,
        .nonce = atomic_fetch_add(&P->nonce, 1)};

    if (!local_peer_is_up(P))
        return ERR_CLOSED;
    memcpy(t.session_id, P->session_id, sizeof(t.session_id));
    local_token_write(&t, P->session_key, to);
    *ticket_out = (struct local_ticket){t.nonce, t.expiry_ms};
    return ERR_OK;
}
