#include "http_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/clock.h"
#include "net/listen.h"

enum { RIG_PATIENCE_S = 20, RIG_BODY_MAX = 8 << 20 };

/* The handler. */

struct rig_call {
    struct rig *rig;
    struct http_request *q;
    struct http_body body;
    struct http_send send;
    uint8_t *bytes; /* heap: bodies are larger than regions */
    size_t len;
    uint64_t n, done;
    size_t piece;
};

void rig_pattern(uint8_t *to, size_t len, uint64_t offset)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t at = offset + i;

        to[i] = (uint8_t)(at * 31 + (at >> 8) * 7);
    }
}

static uint64_t query(const struct http_request *q, const char *name, uint64_t otherwise)
{
    struct view rest = q->query, part;
    size_t len = strlen(name);

    while (view_split(&rest, '&', &part))
        if (view_starts(part, view_str(name)) && part.len > len && part.at[len] == '=')
            return strtoull((const char *)part.at + len + 1, NULL, 10);
    return otherwise;
}

static void call_end(struct rig_call *call)
{
    uint8_t *bytes = call->bytes;

    call->rig->last_send_err = call->send.op.err;
    http_request_end(call->q); /* call is gone */
    free(bytes);
}

static void ended_by_send(struct op *op)
{
    call_end(container_of(container_of(op, struct http_send, op), struct rig_call, send));
}

static void answer(struct rig_call *call, unsigned status, struct view bytes)
{
    http_reply(call->q, status);
    http_reply_length(call->q, bytes.len);
    op_init(&call->send.op, ended_by_send);
    call->send.bytes = bytes;
    call->send.is_last = true;
    http_send(&call->send);
}

static void echo_more(struct rig_call *call)
{
    call->body.to = call->bytes + call->len;
    call->body.cap = MIN(call->piece, RIG_BODY_MAX - call->len);
    http_body_read(&call->body);
}

static void echo_advance(struct op *op)
{
    struct rig_call *call =
        container_of(container_of(op, struct http_body, op), struct rig_call, body);

    call->rig->last_body_err = op->err;
    if (op->err) {
        answer(call, 400, view_str(err_name(op->err)));
        return;
    }
    assert_true(call->body.got == call->body.cap || call->body.is_end);
    call->len += call->body.got;
    if (call->body.is_end)
        answer(call, 200, view_of(call->bytes, call->len));
    else
        echo_more(call);
}

static void size_more(struct rig_call *call)
{
    size_t len = (size_t)MIN((uint64_t)call->piece, call->n - call->done);

    rig_pattern(call->bytes, len, call->done);
    call->done += len;
    call->send.bytes = view_of(call->bytes, len);
    call->send.is_last = call->done == call->n;
    http_send(&call->send);
}

static void size_advance(struct op *op)
{
    struct rig_call *call =
        container_of(container_of(op, struct http_send, op), struct rig_call, send);

    if (op->err || call->send.is_last)
        call_end(call);
    else
        size_more(call);
}

static void size_start(struct rig_call *call, bool is_chunked)
{
    call->n = query(call->q, "n", 0);
    op_init(&call->send.op, size_advance);
    http_reply(call->q, 200);
    if (is_chunked)
        http_reply_chunked(call->q);
    else
        http_reply_length(call->q, call->n);
    size_more(call);
}

static void send_last(struct rig_call *call, struct view bytes)
{
    op_init(&call->send.op, ended_by_send);
    call->send.bytes = bytes;
    call->send.is_last = true;
    http_send(&call->send);
}

static void call_run(struct rig_call *call)
{
    struct http_request *q = call->q;

    if (view_is(q->path, "/echo")) {
        op_init(&call->body.op, echo_advance);
        echo_more(call);
    } else if (view_is(q->path, "/size") || view_is(q->path, "/chunked")) {
        size_start(call, view_is(q->path, "/chunked"));
    } else if (view_is(q->path, "/status")) {
        http_reply(q, (unsigned)query(q, "code", 200));
        http_reply_length(q, query(q, "n", 0));
        send_last(call, VIEW_EMPTY);
    } else if (view_is(q->path, "/early")) {
        answer(call, 403, VIEW("denied"));
    } else if (view_is(q->path, "/short")) {
        http_reply(q, 200);
        http_reply_length(q, 100);
        send_last(call, VIEW("0123456789"));
    } else if (view_is(q->path, "/again")) {
        http_reply(q, 200);
        http_reply_header(q, "x-first", VIEW("yes"));
        http_reply_length(q, 1000);
        answer(call, 500, VIEW("oops"));
    } else if (view_is(q->path, "/inject")) {
        http_reply(q, 200);
        http_reply_header(q, "x-a", VIEW("1\r\nx-evil: 1"));
        http_reply_headerf(q, "x-b", "%s", "2\r\n\r\nbody");
        send_last(call, VIEW("fine"));
    } else if (view_is(q->path, "/hold")) {
        call->rig->held = call;
    } else if (view_is(q->path, "/close")) {
        http_reply(q, 200);
        http_reply_close(q);
        send_last(call, VIEW("bye"));
    } else if (view_is(q->path, "/unsent")) {
        http_reply(q, 503);
        call_end(call);
    } else {
        call_end(call); /* "/nothing" */
    }
}

static void handle(struct http_request *q, void *ctx)
{
    struct rig_call *call = region_take_zero(q->region, sizeof(*call));

    assert_non_null(call);
    call->rig = ctx;
    call->rig->handled++;
    call->q = call->body.request = call->send.request = q;
    call->bytes = malloc(RIG_BODY_MAX);
    call->piece = (size_t)query(q, "piece", 65536);
    call_run(call);
}

static void ended(struct http_request *q, void *ctx)
{
    struct rig *g = ctx;

    g->ended++;
    g->last_status = q->status;
    g->last_in = q->bytes_in;
    g->last_out = q->bytes_out;
    memcpy(g->last_id, q->id, sizeof(g->last_id));
}

void rig_release(struct rig *g)
{
    struct rig_call *call = g->held;

    assert_non_null(call);
    g->held = NULL;
    answer(call, 200, VIEW("held"));
}

/* The server. */

static void
server_start(struct rig *g, const struct http_server_config *config, struct tls_context *tls)
{
    struct http_server_config server = config ? *config : (struct http_server_config){0};
    char where_bytes[64] = "", why_bytes[256] = "";
    struct buf where = buf_over(where_bytes, sizeof(where_bytes) - 1);
    struct buf why = buf_over(why_bytes, sizeof(why_bytes) - 1);

    metrics_use(&g->metrics);
    server.handle = handle;
    server.ended = ended;
    server.ctx = g;
    assert_int_equal(http_server_new(&server, &g->server), ERR_OK);
    assert_int_equal(
        listen_open(VIEW("127.0.0.1:0"), LISTEN_ALONE, &g->listen_fd, &where, &why), ERR_OK);
    g->port = (uint16_t)atoi(strrchr(where_bytes, ':') + 1);
    http_server_listen(g->server, g->listen_fd, tls);
}

bool rig_start(
    struct rig *g, enum ring_kind ring, const struct http_server_config *config,
    struct tls_context *tls)
{
    const struct reactor_config reactor = {.ring = ring, .ring_depth = 256, .cpu = -1};
    const char *no_ring;

    memset(g, 0, sizeof(*g));
    if (reactor_new(&reactor, &g->reactor, &no_ring))
        return false;
    server_start(g, config, tls);
    return true;
}

void rig_start_over(
    struct rig *g, struct ring *ring, const struct http_server_config *config,
    struct tls_context *tls)
{
    const struct reactor_config reactor = {.cpu = -1};

    memset(g, 0, sizeof(*g));
    assert_int_equal(reactor_new_over(&reactor, ring, &g->reactor), ERR_OK);
    server_start(g, config, tls);
}

static void drained(struct op *op)
{
    container_of(op, struct rig, drain)->is_drained = true;
}

void rig_turn(struct rig *g)
{
    reactor_turn(g->reactor, 200000);
}

void rig_stop(struct rig *g)
{
    uint64_t until = clock_ns() + RIG_PATIENCE_S * (uint64_t)1000000000;

    if (!g->is_drained && op_is_idle(&g->drain)) {
        op_init(&g->drain, drained);
        http_server_drain(g->server, &g->drain);
    }
    while (!g->is_drained) {
        assert_true(clock_ns() < until);
        rig_turn(g);
    }
    assert_int_equal(http_server_conns(g->server), 0);
    assert_int_equal(g->handled, g->ended);
    assert_int_equal(reactor_regions(g->reactor)->blocks_used, 0);
    http_server_free(g->server);
    close(g->listen_fd);
    reactor_free(g->reactor);
}

void rig_wait_ended(struct rig *g, unsigned count)
{
    uint64_t until = clock_ns() + RIG_PATIENCE_S * (uint64_t)1000000000;

    while ((unsigned)g->ended < count) {
        assert_true(clock_ns() < until);
        rig_turn(g);
    }
}

uint64_t rig_metric(const struct rig *g, enum metric m)
{
    return g->metrics.count[m];
}

/* Clients. */

void rig_connect(struct rig *g, struct rig_client *c)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(g->port)};

    memset(c, 0, sizeof(*c));
    c->rig = g;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof(to)), 0);
}

int rig_shake(struct rig_client *c)
{
    int n = SSL_connect(c->ssl), e = SSL_get_error(c->ssl, n);

    rig_turn(c->rig);
    if (n == 1)
        return 1;
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void client_room(struct rig_client *c)
{
    if (c->cap - c->len >= 65536)
        return;
    c->cap = (c->cap + 65536) * 2;
    c->got = realloc(c->got, c->cap);
    assert_non_null(c->got);
}

static void client_recv_tls(struct rig_client *c)
{
    int n = SSL_read(c->ssl, c->got + c->len, (int)(c->cap - c->len));
    int e;

    if (n > 0) {
        c->len += (size_t)n;
        return;
    }
    e = SSL_get_error(c->ssl, n);
    if (e == SSL_ERROR_ZERO_RETURN)
        c->is_closed = true;
    else if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        c->is_reset = true;
}

static void client_recv(struct rig_client *c)
{
    ssize_t n;

    client_room(c);
    if (c->ssl) {
        client_recv_tls(c);
        return;
    }
    n = recv(c->fd, c->got + c->len, c->cap - c->len, MSG_DONTWAIT);
    if (n > 0)
        c->len += (size_t)n;
    else if (n == 0)
        c->is_closed = true;
    else if (errno != EAGAIN)
        c->is_reset = true;
}

size_t rig_send_some(struct rig_client *c, const void *at, size_t len)
{
    ssize_t n;

    if (c->ssl) {
        int k = SSL_write(c->ssl, at, (int)MIN(len, 1u << 20));

        return k > 0 ? (size_t)k : 0;
    }
    n = send(c->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        c->is_reset = true;
    return n > 0 ? (size_t)n : 0;
}

void rig_send(struct rig_client *c, const void *at, size_t len)
{
    uint64_t until = clock_ns() + RIG_PATIENCE_S * (uint64_t)1000000000;
    size_t sent = 0;

    while (sent < len && !c->is_reset) {
        assert_true(clock_ns() < until);
        sent += rig_send_some(c, (const uint8_t *)at + sent, len - sent);
        rig_turn(c->rig);
    }
}

void rig_text(struct rig_client *c, const char *text)
{
    rig_send(c, text, strlen(text));
}

void rig_poll(struct rig_client *c)
{
    rig_turn(c->rig);
    client_recv(c);
}

static void wait_more(struct rig_client *c, uint64_t until)
{
    assert_true(clock_ns() < until);
    rig_poll(c);
}

void rig_wait_len(struct rig_client *c, size_t len)
{
    uint64_t until = clock_ns() + RIG_PATIENCE_S * (uint64_t)1000000000;

    while (c->len < len) {
        assert_false(c->is_closed || c->is_reset);
        wait_more(c, until);
    }
}

bool rig_has(const struct rig_client *c, const char *text)
{
    return view_find(view_of(c->got, c->len), view_str(text)) != SIZE_MAX;
}

void rig_wait_text(struct rig_client *c, const char *text)
{
    uint64_t until = clock_ns() + RIG_PATIENCE_S * (uint64_t)1000000000;

    while (!rig_has(c, text)) {
        if (c->is_closed || c->is_reset)
            fail_msg("closed without \"%s\", after: %.*s", text, (int)c->len, (char *)c->got);
        wait_more(c, until);
    }
}

void rig_wait_closed(struct rig_client *c)
{
    uint64_t until = clock_ns() + RIG_PATIENCE_S * (uint64_t)1000000000;

    while (!c->is_closed) {
        assert_false(c->is_reset);
        wait_more(c, until);
    }
}

struct view rig_answer(struct rig_client *c, unsigned status)
{
    char line[32];
    size_t head, at;
    uint64_t length = 0;

    rig_wait_text(c, "\r\n\r\n");
    head = view_find(view_of(c->got, c->len), VIEW("\r\n\r\n")) + 4;
    snprintf(line, sizeof(line), "HTTP/1.1 %u ", status);
    if (!view_starts(view_of(c->got, head), view_str(line)))
        fail_msg("wanted %u: %.*s", status, (int)head, (char *)c->got);
    at = view_find(view_of(c->got, head), VIEW("Content-Length: "));
    if (at != SIZE_MAX)
        length = strtoull((char *)c->got + at + 16, NULL, 10);
    rig_wait_len(c, head + length);
    return view_of(c->got + head, length);
}

void rig_forget(struct rig_client *c, size_t len)
{
    assert_true(len <= c->len);
    memmove(c->got, c->got + len, c->len - len);
    c->len -= len;
}

void rig_close(struct rig_client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    free(c->got);
    memset(c, 0, sizeof(*c));
}

void rig_reset(struct rig_client *c)
{
    struct linger now = {.l_onoff = 1};

    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    rig_close(c);
}
