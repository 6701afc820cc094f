/*
 * The life of a connection (states and rules: conn.h). Everything that happens to one comes through
 * recv_advance, send_advance, next_advance, the sweep, or http_request_end.
 */
#include "http/conn.h"

#include <assert.h>

#include "base/clock.h"

static void conn_look(struct http_conn *c);

static uint64_t after_ms(unsigned ms)
{
    return clock_ns() + ms * (uint64_t)1000000;
}

/* Ending. */

static void conn_free_when_quiet(struct http_conn *c)
{
    assert(c->wait == CONN_CLOSING);
    if (!op_is_idle(&c->recv.op) || !op_is_idle(&c->send.op))
        return;
    stream_free(c->stream);
    c->stream = NULL;
    server_conn_gone(c->server, c);
}

static void conn_close(struct http_conn *c)
{
    c->wait = CONN_CLOSING;
    if (!op_is_idle(&c->recv.op) || !op_is_idle(&c->send.op))
        stream_cancel(c->stream);
    conn_free_when_quiet(c);
}

/*
 * Closing a socket with bytes unread makes the kernel send a reset, which may overtake the answer.
 * So: shut our side, read away what the peer still sends, within limits.
 */
static void linger(struct http_conn *c)
{
    assert(op_is_idle(&c->recv.op) && op_is_idle(&c->send.op));
    c->wait = CONN_LINGERING;
    c->discarded = 0;
    c->in_start = c->in_end = 0;
    stream_shutdown(c->stream);
    conn_receive(c, after_ms(c->server->is_draining ? CONN_LINGER_MS / 5 : CONN_LINGER_MS));
}

static void linger_received(struct http_conn *c)
{
    c->discarded += c->recv.got;
    if (c->recv.op.err || !c->recv.got || c->discarded > CONN_LINGER_BYTES_MAX) {
        conn_close(c);
        return;
    }
    conn_receive(c, c->recv_due_ns);
}

/* Receiving a head. */

void conn_receive(struct http_conn *c, uint64_t due_ns)
{
    size_t len = c->in_end - c->in_start;

    if (c->in_start && (!len || c->in_end == CONN_IN_BYTES)) {
        memmove(c->in, c->in + c->in_start, len);
        c->in_start = 0;
        c->in_end = len;
    }
    assert(c->in_end < CONN_IN_BYTES);
    c->recv_due_ns = due_ns;
    c->is_recv_late = false;
    c->recv.at = c->in + c->in_end;
    c->recv.len = CONN_IN_BYTES - c->in_end;
    /* A head is short, what follows it is received where it belongs, or dropped: the rest of the
     * buffer stays untouched memory. */
    if (c->wait != CONN_HANDLING && c->in_end < CONN_HEAD_BYTES)
        c->recv.len = CONN_HEAD_BYTES - c->in_end;
    stream_recv(&c->recv);
}

void conn_send(struct http_conn *c)
{
    c->send_due_ns = after_ms(c->server->config.body_timeout_ms);
    c->send_seen = 0;
    c->is_send_late = false;
    stream_send(&c->send);
}

static void refuse(struct http_conn *c, const struct head_refusal *no)
{
    c->wait = CONN_REFUSING;
    metrics_add(no->status == 503 ? METRIC_BUSY : METRIC_HTTP_MALFORMED, 1);
    server_request_id(c->server, c->request.id);
    reply_refuse(c, no);
}

static void request_init(struct http_conn *c)
{
    struct http_request *q = &c->request;

    memset(q, 0, sizeof(*q));
    q->region = &c->region;
    q->conn = c;
    q->is_tls = stream_is_tls(c->stream);
    q->start_ns = clock_ns();
    q->way = "-";
    q->wait = "";
    memcpy(q->peer, c->peer, sizeof(q->peer));
    server_request_id(c->server, q->id);
}

static void conn_request(struct http_conn *c, size_t head_len)
{
    struct http_server *S = c->server;
    struct head_framing framing;
    struct head_refusal no;
    enum err e;

    request_init(c);
    region_init(&c->region, reactor_regions(reactor_current()));
    e = head_parse(view_upto(conn_buffered(c), head_len), &c->region, &c->request, &framing, &no);
    c->in_start += head_len;
    c->scanned = 0;
    if (e) {
        region_done(&c->region);
        refuse(c, &no);
        return;
    }
    c->is_keep = framing.is_keep_alive && !framing.is_close_demanded;
    c->wait = CONN_HANDLING;
    body_begin(c);
    /*
     * No body, so no "100 Continue" either; botocore then takes the status line of the next answer
     * on this connection for a header and hangs.
     */
    if (c->request.expects_continue && c->body.is_end)
        c->is_keep = false;
    reply_begin(c, framing.is_http10);
    S->config.handle(&c->request, S->config.ctx);
}

/* Something is buffered: a whole head? */
static void conn_look(struct http_conn *c)
{
    struct view bytes = conn_buffered(c);
    size_t len;
    enum err e = head_find(bytes, &c->scanned, &len);

    if (!e)
        conn_request(c, len);
    else if (e == ERR_MALFORMED)
        refuse(c, &head_malformed);
    else if (bytes.len == CONN_IN_BYTES)
        refuse(c, &head_too_large);
    else if (c->server->is_draining)
        linger(c);
    else
        conn_receive(c, c->head_due_ns);
}

static void head_received(struct http_conn *c)
{
    bool is_first = c->in_start == c->in_end;

    if (c->recv.op.err || !c->recv.got) {
        if (c->is_recv_late && !is_first)
            refuse(c, &head_too_slow);
        else
            conn_close(c);
        return;
    }
    if (is_first)
        c->head_due_ns = after_ms(c->server->config.head_timeout_ms);
    c->in_end += c->recv.got;
    conn_look(c);
}

static void conn_next(struct http_conn *c)
{
    if (c->server->is_draining) {
        linger(c);
        return;
    }
    c->scanned = 0;
    if (c->in_start == c->in_end) {
        c->wait = CONN_RECEIVING_HEAD;
        conn_receive(c, after_ms(c->server->config.idle_timeout_ms));
        return;
    }
    /* Not at once: we are inside a handler's http_request_end. */
    c->wait = CONN_STARTING_NEXT;
    c->head_due_ns = after_ms(c->server->config.head_timeout_ms);
    op_start(&c->next);
    op_complete(&c->next, ERR_OK);
}

static void next_advance(struct op *op)
{
    struct http_conn *c = container_of(op, struct http_conn, next);

    assert(c->wait == CONN_STARTING_NEXT);
    c->wait = CONN_RECEIVING_HEAD;
    conn_look(c);
}

/* The rest of a body nobody wants. */
static void drain_more(struct http_conn *c)
{
    size_t before = conn_buffered(c).len, got;
    enum err e = body_take(c, NULL, SIZE_MAX, &got);

    c->discarded += before - conn_buffered(c).len;
    if (e || c->discarded > CONN_DRAIN_BYTES_MAX)
        linger(c);
    else if (c->body.is_end)
        conn_next(c);
    else
        conn_receive(c, c->drain_due_ns);
}

static void drain_received(struct http_conn *c)
{
    if (c->recv.op.err || !c->recv.got) {
        conn_close(c);
        return;
    }
    c->in_end += c->recv.got;
    drain_more(c);
}

void http_request_end(struct http_request *q)
{
    struct http_conn *c = q->conn;
    const struct http_server_config *config = &c->server->config;

    assert(c->wait == CONN_HANDLING && !c->body.read && !c->reply.send);
    if (config->ended)
        config->ended(q, config->ctx);
    region_done(&c->region);
    if (!op_is_idle(&c->send.op)) { /* "100 Continue", and no answer after it */
        conn_close(c);
    } else if (reply_is_kept_back(c)) { /* no memory to send it: we need none */
        c->wait = CONN_REFUSING;
        reply_head_only(c);
    } else if (!c->is_keep || !c->reply.is_whole || !body_is_passable(c)) {
        linger(c);
    } else if (!c->body.is_end) {
        c->wait = CONN_DRAINING;
        c->discarded = 0;
        /* One deadline for all of it: nobody waits for these bytes. */
        c->drain_due_ns = after_ms(c->server->is_draining ? CONN_LINGER_MS / 5 : CONN_LINGER_MS);
        drain_more(c);
    } else {
        conn_next(c);
    }
}

/* Completions. */

static void recv_advance(struct op *op)
{
    struct http_conn *c =
        container_of(container_of(op, struct stream_recv, op), struct http_conn, recv);

    switch (c->wait) {
    case CONN_RECEIVING_HEAD:
        head_received(c);
        break;
    case CONN_HANDLING:
        body_received(c, c->is_recv_late && op->err ? ERR_TIMEOUT : op->err);
        break;
    case CONN_DRAINING:
        drain_received(c);
        break;
    case CONN_LINGERING:
        linger_received(c);
        break;
    case CONN_CLOSING:
        conn_free_when_quiet(c);
        break;
    case CONN_STARTING_NEXT:
    case CONN_REFUSING:
        assert(false && "nothing is received in this state");
    }
}

static void send_advance(struct op *op)
{
    struct http_conn *c =
        container_of(container_of(op, struct stream_send, op), struct http_conn, send);

    switch (c->wait) {
    case CONN_HANDLING:
        reply_sent(c, !op->err ? ERR_OK : c->is_send_late ? ERR_TIMEOUT : ERR_CLOSED);
        break;
    case CONN_REFUSING:
        if (op->err)
            conn_close(c);
        else
            linger(c);
        break;
    case CONN_CLOSING:
        conn_free_when_quiet(c);
        break;
    case CONN_RECEIVING_HEAD:
    case CONN_STARTING_NEXT:
    case CONN_DRAINING:
    case CONN_LINGERING:
        assert(false && "nothing is sent in this state");
    }
}

/* For the server. */

void conn_init(struct http_conn *c, struct http_server *S)
{
    memset(c, 0, sizeof(*c));
    c->server = S;
    list_init(&c->link);
    op_init(&c->recv.op, recv_advance);
    op_init(&c->send.op, send_advance);
    op_init(&c->next, next_advance);
}

void conn_open(struct http_conn *c, struct stream *stream, const char *peer)
{
    const struct http_server_config *config = &c->server->config;

    c->stream = c->recv.stream = c->send.stream = stream;
    c->in_start = c->in_end = c->scanned = 0;
    memcpy(c->peer, peer, sizeof(c->peer));
    c->wait = CONN_RECEIVING_HEAD;
    /* With TLS the handshake is part of the first receive: it has no longer than a head. */
    conn_receive(
        c, after_ms(stream_is_tls(stream) ? config->head_timeout_ms : config->idle_timeout_ms));
}

void conn_sweep(struct http_conn *c, uint64_t now_ns)
{
    if (!op_is_idle(&c->recv.op) && now_ns >= c->recv_due_ns) {
        c->is_recv_late = true;
        stream_cancel(c->stream);
    }
    if (op_is_idle(&c->send.op))
        return;
    if (c->send.taken != c->send_seen) { /* slow, but alive */
        c->send_seen = c->send.taken;
        c->send_due_ns = now_ns + c->server->config.body_timeout_ms * (uint64_t)1000000;
    } else if (now_ns >= c->send_due_ns) {
        c->is_send_late = true;
        stream_cancel(c->stream);
    }
}

void conn_drain(struct http_conn *c)
{
    if (c->wait == CONN_RECEIVING_HEAD)
        conn_close(c);
    else if (c->wait == CONN_LINGERING || c->wait == CONN_DRAINING)
        c->recv_due_ns = c->drain_due_ns = MIN(c->recv_due_ns, after_ms(CONN_LINGER_MS / 5));
}
