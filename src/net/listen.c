/* getaddrinfo may block: that is why this is for start-up only. */
#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

enum { LISTEN_BACKLOG = 4096 };

struct place {
    char host[256];
    char port[8];
    bool has_host;
};

static enum err place_parse(struct view spec, struct place *place)
{
    struct view host, port;
    uint64_t number;
    size_t end;

    if (spec.len && spec.at[0] == '[') {
        end = view_index(spec, ']');
        if (end == SIZE_MAX || end + 1 >= spec.len || spec.at[end + 1] != ':')
            return ERR_INVALID;
        host = view_of(spec.at + 1, end - 1);
        port = view_from(spec, end + 2);
    } else {
        end = view_index(spec, ':');
        if (end == SIZE_MAX)
            return ERR_INVALID;
        host = view_upto(spec, end);
        port = view_from(spec, end + 1);
    }
    if (host.len >= sizeof(place->host) || port.len >= sizeof(place->port) ||
        text_to_u64(port, &number) || number > UINT16_MAX)
        return ERR_INVALID;
    snprintf(place->host, sizeof(place->host), "%.*s", VIEW_FMT(host));
    snprintf(place->port, sizeof(place->port), "%.*s", VIEW_FMT(port));
    place->has_host = host.len > 0;
    return ERR_OK;
}

/* On failure *step says which call errno belongs to. */
static int open_one(const struct addrinfo *ai, enum listen_share share, const char **step)
{
    int one = 1, zero = 0;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);

    *step = "socket";
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    /* Accepted sockets inherit it: one system call less per connection. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    *step = "SO_REUSEPORT";
    if (share == LISTEN_FURTHER && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)))
        goto undo_socket;
    *step = "bind";
    if (bind(fd, ai->ai_addr, ai->ai_addrlen))
        goto undo_socket;
    /* After the bind: it was refused where somebody listens, whether they share or not. */
    *step = "SO_REUSEPORT";
    if (share == LISTEN_FIRST && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)))
        goto undo_socket;
    *step = "listen";
    if (listen(fd, LISTEN_BACKLOG))
        goto undo_socket;
    return fd;

undo_socket : {
    int sys = errno;

    close(fd);
    errno = sys;
    return -1;
}
}

static void where_put(int fd, struct buf *where_out)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getsockname(fd, (struct sockaddr *)&addr, &len) ||
        getnameinfo(
            (struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
            NI_NUMERICHOST | NI_NUMERICSERV))
        return;
    buf_printf(where_out, addr.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static enum err open_first(
    struct view spec, const struct addrinfo *list, enum listen_share share, int *fd_out,
    struct buf *why_out)
{
    const char *step = "getaddrinfo";
    int sys = EADDRNOTAVAIL;

    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        int fd = open_one(ai, share, &step);

        if (fd >= 0) {
            *fd_out = fd;
            return ERR_OK;
        }
        sys = errno;
    }
    buf_printf(why_out, "cannot listen on %.*s: %s: %s", VIEW_FMT(spec), step, strerror(sys));
    return err_from_errno(sys);
}

enum err listen_open(
    struct view spec, enum listen_share share, int *fd_out, struct buf *where_out,
    struct buf *why_out)
{
    /* Without a host: the IPv6 wildcard takes both families; it comes first where it exists. */
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    struct place place;
    enum err e;
    int gai;

    if (place_parse(spec, &place)) {
        buf_printf(why_out, "not an address: \"%.*s\" (wanted HOST:PORT)", VIEW_FMT(spec));
        return ERR_INVALID;
    }
    if (!place.has_host)
        hints.ai_family = AF_INET6;
    gai = getaddrinfo(place.has_host ? place.host : NULL, place.port, &hints, &list);
    if (gai) {
        buf_printf(why_out, "cannot find %s: %s", place.host, gai_strerror(gai));
        return ERR_NOT_FOUND;
    }
    e = open_first(spec, list, share, fd_out, why_out);
    freeaddrinfo(list);
    if (e && !place.has_host) { /* a host without IPv6 */
        size_t len = spec.len;
        char any[32];

        why_out->len = 0;
        snprintf(any, sizeof(any), "0.0.0.0%.*s", (int)MIN(len, 8u), (const char *)spec.at);
        return listen_open(view_str(any), share, fd_out, where_out, why_out);
    }
    if (!e)
        where_put(*fd_out, where_out);
    return e;
}
