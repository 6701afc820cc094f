/*
 * Plain connections: the socket is made blocking again, with timeouts, and received from by recv
 * with MSG_WAITALL: one system call per megabyte instead of one poll and one recv per segment.
 * TLS: curl_easy_recv, which never waits, and poll.
 *
 * A timeout is without progress: SO_RCVTIMEO ends a recv that waited that long for its next byte,
 * and what had come by then is progress.
 */
#include "client/client_conn.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "client/client_why.h"

enum { CONN_RECEIVE_BYTES_MAX = 4 << 20 };

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- opening --- */

static void conn_options(struct client_conn *c)
{
    const struct client_settings *s = c->settings;
    CURL *curl = c->curl;

    curl_easy_setopt(curl, CURLOPT_URL, s->endpoint);
    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)s->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, s->is_tls ? 512 * 1024L : 16 * 1024L);
    if (s->ca_file[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca_file);
    if (s->is_insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void conn_make_blocking(struct client_conn *c)
{
    unsigned ms = c->settings->timeout_ms;
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    int flags = fcntl(c->fd, F_GETFL);

    (void)fcntl(c->fd, F_SETFL, flags & ~O_NONBLOCK);
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static enum ps_err conn_connect(struct client_conn *c)
{
    char text[CURL_ERROR_SIZE] = "";
    curl_socket_t fd = CURL_SOCKET_BAD;
    CURLcode code;

    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, text);
    code = curl_easy_perform(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK)
        return client_why(
            code == CURLE_OPERATION_TIMEDOUT ? PS_ERR_TIMEOUT : PS_ERR_CONNECT, "%s: %s",
            c->settings->endpoint, text[0] ? text : curl_easy_strerror(code));
    if (curl_easy_getinfo(c->curl, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
        return client_why(PS_ERR_CONNECT, "%s: no socket", c->settings->endpoint);
    c->fd = fd;
    if (!c->settings->is_tls)
        conn_make_blocking(c);
    return PS_OK;
}

enum ps_err client_conn_new(const struct client_settings *s, struct client_conn **conn_out)
{
    struct client_conn *c = calloc(1, sizeof(*c));
    enum ps_err e;

    pthread_once(&curl_once, curl_start);
    if (!c)
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    list_init(&c->link);
    c->settings = s;
    c->fd = -1;
    c->curl = curl_easy_init();
    if (!c->curl) {
        free(c);
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    }
    conn_options(c);
    e = conn_connect(c);
    if (e)
        client_conn_free(c);
    else
        *conn_out = c;
    return e;
}

void client_conn_free(struct client_conn *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    free(c);
}

/* Under TLS the server may have sent what is no answer (session tickets). */
bool client_conn_is_fresh(struct client_conn *c)
{
    uint8_t byte;
    ssize_t got = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

    return got > 0 ? c->settings->is_tls : got < 0 && errno == EAGAIN;
}

void client_conn_break(struct client_conn *c)
{
    shutdown(c->fd, SHUT_RDWR);
}

/* --- bytes --- */

static enum ps_err conn_lost(const struct client_conn *c, int sys)
{
    if (sys == EAGAIN || sys == EWOULDBLOCK || sys == ETIMEDOUT)
        return client_why(
            PS_ERR_TIMEOUT, "%s: no progress for %u ms", c->settings->endpoint,
            c->settings->timeout_ms);
    return client_why(
        PS_ERR_CONNECT, "%s: connection lost (%s)", c->settings->endpoint, strerrorname_np(sys));
}

static enum ps_err conn_wait(struct client_conn *c, short events)
{
    struct pollfd p = {.fd = c->fd, .events = events};
    int r;

    do
        r = poll(&p, 1, (int)c->settings->timeout_ms);
    while (r < 0 && errno == EINTR);
    return r > 0 ? PS_OK : conn_lost(c, r == 0 ? EAGAIN : errno);
}

static enum ps_err tls_send(struct client_conn *c, struct view v)
{
    while (v.len > 0) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(c->curl, v.at, v.len, &sent);

        v = view_from(v, sent);
        if (code != CURLE_OK && code != CURLE_AGAIN)
            return conn_lost(c, ECONNRESET);
        if (code == CURLE_AGAIN) {
            enum ps_err e = conn_wait(c, POLLOUT);

            if (e)
                return e;
        }
    }
    return PS_OK;
}

static enum ps_err plain_send(struct client_conn *c, struct view head, struct view body)
{
    while (head.len + body.len > 0) {
        struct iovec iov[2] = {
            {(void *)(uintptr_t)head.at, head.len}, {(void *)(uintptr_t)body.at, body.len}};
        struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
        ssize_t sent = sendmsg(c->fd, &h, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return conn_lost(c, errno);
        size_t of_head = MIN((size_t)sent, head.len);
        head = view_from(head, of_head);
        body = view_from(body, (size_t)sent - of_head);
    }
    return PS_OK;
}

enum ps_err client_conn_send(struct client_conn *c, struct view head, struct view body)
{
    enum ps_err e;

    if (!c->settings->is_tls)
        return plain_send(c, head, body);
    e = tls_send(c, head);
    return e ? e : tls_send(c, body);
}

/* One step; *got_out 0 with PS_OK: closed. */
static enum ps_err
plain_receive(struct client_conn *c, void *at, size_t len, bool wants_all, size_t *got_out)
{
    ssize_t got;

    do
        got =
            recv(c->fd, at, MIN(len, (size_t)CONN_RECEIVE_BYTES_MAX), wants_all ? MSG_WAITALL : 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return conn_lost(c, errno);
    *got_out = (size_t)got;
    return PS_OK;
}

static enum ps_err tls_receive(struct client_conn *c, void *at, size_t len, size_t *got_out)
{
    for (;;) {
        CURLcode code = curl_easy_recv(c->curl, at, len, got_out);

        if (code == CURLE_OK)
            return PS_OK;
        if (code != CURLE_AGAIN)
            return conn_lost(c, ECONNRESET);
        enum ps_err e = conn_wait(c, POLLIN);
        if (e)
            return e;
    }
}

enum ps_err
client_conn_receive(struct client_conn *c, void *at, size_t len, bool wants_all, size_t *got_out)
{
    size_t have = 0;

    do {
        uint8_t *to = (uint8_t *)at + have;
        size_t got = 0;
        enum ps_err e = c->settings->is_tls ? tls_receive(c, to, len - have, &got)
                                            : plain_receive(c, to, len - have, wants_all, &got);

        if (e)
            return e;
        have += got;
        if (got == 0)
            break;
    } while (wants_all && have < len);
    *got_out = have;
    return PS_OK;
}
