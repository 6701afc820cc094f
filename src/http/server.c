/*
 * Listeners, the table of connections, the sweep, draining. One timer serves all timeouts: a timer
 * per receive would touch the heap twice per request.
 */
#include "http/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "http/conn.h"

enum { SERVER_BUFFER_BYTES = CONN_IN_BYTES + CONN_OUT_BYTES };

static void sweep_advance(struct op *op);

/* Start and end. */

static void defaults(struct http_server_config *config)
{
    config->conns_max = config->conns_max ? config->conns_max : 1024;
    config->head_timeout_ms = config->head_timeout_ms ? config->head_timeout_ms : 30000;
    config->idle_timeout_ms = config->idle_timeout_ms ? config->idle_timeout_ms : 75000;
    config->body_timeout_ms = config->body_timeout_ms ? config->body_timeout_ms : 60000;
}

enum err http_server_new(const struct http_server_config *config, struct http_server **server_out)
{
    struct http_server *S = calloc(1, sizeof(*S));

    assert(config->handle);
    if (!S)
        return ERR_NO_MEMORY;
    S->config = *config;
    defaults(&S->config);
    list_init(&S->live);
    list_init(&S->free);
    op_init(&S->sweep.op, sweep_advance);
    S->date_s = -1;
    if (getrandom(&S->id_seed, sizeof(S->id_seed), 0) != sizeof(S->id_seed))
        S->id_seed = clock_ns() ^ (uintptr_t)S;
    /* Neither table costs memory before a slot is used for the first time. */
    S->conns = calloc(S->config.conns_max, sizeof(*S->conns));
    S->buffers = mmap(
        NULL, (size_t)S->config.conns_max * SERVER_BUFFER_BYTES, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!S->conns || S->buffers == MAP_FAILED) {
        http_server_free(S);
        return ERR_NO_MEMORY;
    }
    *server_out = S;
    return ERR_OK;
}

void http_server_free(struct http_server *S)
{
    if (!S)
        return;
    assert(S->live_count == 0 && op_is_idle(&S->sweep.op));
    if (S->buffers && S->buffers != MAP_FAILED)
        munmap(S->buffers, (size_t)S->config.conns_max * SERVER_BUFFER_BYTES);
    free(S->conns);
    free(S);
}

/* Draining: over when no connection, no accept and no sweep is left. */

static void drain_check(struct http_server *S)
{
    struct op *op = S->drain;

    if (!op || S->live_count)
        return;
    for (unsigned i = 0; i < S->listener_count; i++)
        if (!op_is_idle(&S->listeners[i].io.op))
            return;
    if (!op_is_idle(&S->sweep.op)) {
        timer_stop(&S->sweep); /* comes back to us */
        return;
    }
    S->drain = NULL;
    op_complete(op, ERR_OK);
}

void http_server_drain(struct http_server *S, struct op *op)
{
    assert(!S->drain && !S->is_draining);
    op_start(op);
    S->drain = op;
    S->is_draining = true;
    for (unsigned i = 0; i < S->listener_count; i++)
        io_cancel(&S->listeners[i].io);
    list_for_each(node, &S->live) conn_drain(container_of(node, struct http_conn, link));
    drain_check(S);
}

/* The sweep. */

static void sweep_start(struct http_server *S)
{
    if (op_is_idle(&S->sweep.op))
        timer_start(&S->sweep, SERVER_SWEEP_MS);
}

static bool wake_resting(struct http_server *S)
{
    bool has_any = false;

    for (unsigned i = 0; i < S->listener_count; i++) {
        struct listener *l = &S->listeners[i];

        if (!l->is_resting || S->is_draining)
            continue;
        l->is_resting = false;
        io_accept(&l->io, l->fd);
        has_any = true;
    }
    return has_any;
}

static void sweep_advance(struct op *op)
{
    struct http_server *S =
        container_of(container_of(op, struct timer, op), struct http_server, sweep);
    uint64_t now = clock_ns();

    list_for_each(node, &S->live) conn_sweep(container_of(node, struct http_conn, link), now);
    if (wake_resting(S) || S->live_count)
        sweep_start(S);
    drain_check(S);
}

/* Accepting. */

static void peer_text(const struct sockaddr_storage *addr, char peer[64])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (addr->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(peer, 64, "%s:%u", host, ntohs(in->sin_port));
    } else if (addr->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)addr;

        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
        snprintf(peer, 64, "[%s]:%u", host, ntohs(in->sin6_port));
    } else {
        snprintf(peer, 64, "unix");
    }
}

static struct http_conn *slot_take(struct http_server *S)
{
    struct list *node = list_pop(&S->free);
    struct http_conn *c;
    size_t i;

    if (node)
        return container_of(node, struct http_conn, link);
    if (S->fresh == S->config.conns_max)
        return NULL;
    i = S->fresh++;
    c = &S->conns[i];
    conn_init(c, S);
    c->in = S->buffers + i * SERVER_BUFFER_BYTES;
    c->out = c->in + CONN_IN_BYTES;
    return c;
}

static void accepted(struct listener *l, int fd, const char *peer)
{
    struct http_server *S = l->server;
    struct http_conn *c = slot_take(S);
    struct stream *stream;

    metrics_add(METRIC_CONNS_ACCEPTED, 1);
    if (!c || stream_new(fd, l->tls, &stream)) {
        metrics_add(METRIC_CONNS_REFUSED, 1);
        if (c)
            list_push_front(&S->free, &c->link);
        close(fd);
        return;
    }
    S->live_count++;
    list_push_back(&S->live, &c->link);
    sweep_start(S);
    conn_open(c, stream, peer);
}

static void accept_advance(struct op *op)
{
    struct listener *l = container_of(container_of(op, struct io, op), struct listener, io);
    struct http_server *S = l->server;
    enum err e = op->err;
    int fd = e ? -1 : l->io.result;
    char peer[64] = "";

    if (S->is_draining) {
        if (!e)
            close(fd);
        drain_check(S);
        return;
    }
    if (!e)
        peer_text(&l->io.addr, peer);
    /* A peer that gave up between is nothing; a shortage of descriptors would spin. */
    if (!e || l->io.result == -ECONNABORTED || l->io.result == -EINTR) {
        io_accept(&l->io, l->fd);
    } else {
        l->is_resting = true;
        sweep_start(S);
    }
    if (!e)
        accepted(l, fd, peer);
}

void http_server_listen(struct http_server *S, int fd, struct tls_context *tls)
{
    struct listener *l = &S->listeners[S->listener_count];
    int one = 1;

    assert(S->listener_count < SERVER_LISTENERS_MAX && !S->is_draining);
    S->listener_count++;
    *l = (struct listener){.server = S, .tls = tls, .fd = fd};
    op_init(&l->io.op, accept_advance);
    /* Inherited by what is accepted; fails on a unix socket, which has no such delay. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    io_accept(&l->io, fd);
}

/* For connections. */

void server_conn_gone(struct http_server *S, struct http_conn *c)
{
    list_remove(&c->link);
    list_push_front(&S->free, &c->link); /* its buffers are warm */
    S->live_count--;
    drain_check(S);
}

/* A bijection of the counter: no id twice (splitmix64). */
void server_request_id(struct http_server *S, char id[HTTP_REQUEST_ID_LEN + 1])
{
    static const char hex[] = "0123456789ABCDEF";
    uint64_t z = S->id_seed + ++S->id_next * 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    for (unsigned i = HTTP_REQUEST_ID_LEN; i-- > 0; z >>= 4)
        id[i] = hex[z & 15];
    id[HTTP_REQUEST_ID_LEN] = 0;
}

struct view server_date(struct http_server *S)
{
    int64_t ms = clock_wall_ms();

    if (ms / 1000 != S->date_s) {
        struct buf b = buf_over(S->date_text, sizeof(S->date_text));

        S->date_s = ms / 1000;
        buf_put(&b, VIEW("Date: "));
        text_put_http_date(&b, ms);
        buf_put(&b, VIEW("\r\nServer: Penstock\r\n"));
        assert(!b.overflow);
        S->date_len = b.len;
    }
    return view_of(S->date_text, S->date_len);
}

/* For the metrics. */

void http_server_each(
    struct http_server *S, void (*fn)(const struct http_request *q, void *ctx), void *ctx)
{
    list_for_each(node, &S->live)
    {
        const struct http_conn *c = container_of(node, struct http_conn, link);

        if (c->wait == CONN_HANDLING)
            fn(&c->request, ctx);
    }
}

unsigned http_server_conns(const struct http_server *S)
{
    return S->live_count;
}
