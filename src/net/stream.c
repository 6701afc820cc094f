/*
 * A plain stream passes each operation on to the ring; a TLS stream lets stream_tls.c decide what
 * the ring does. Either way the ring's operations are ours (S->in, S->out) and the caller's are
 * completed from their advance.
 */
#include "net/stream_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum { STREAM_IO_BYTES_MAX = 1 << 30 };

static void in_advance(struct op *op);
static void out_advance(struct op *op);

enum err stream_new(int fd, struct tls_context *tls, struct stream **stream_out)
{
    struct stream *S = calloc(1, sizeof(*S));

    assert(fd >= 0);
    if (!S)
        return ERR_BUSY;
    S->fd = fd;
    op_init(&S->in.op, in_advance);
    op_init(&S->out.op, out_advance);
    if (tls) {
        enum err e = stream_tls_new(S, tls);

        if (e) {
            free(S);
            return e;
        }
    }
    *stream_out = S;
    return ERR_OK;
}

enum err stream_err(const struct io *io)
{
    enum err e = io->op.err;

    return e == ERR_OK || e == ERR_CANCELLED || e == ERR_CLOSED ? e : ERR_IO;
}

void stream_recv_done(struct stream *S, enum err e)
{
    struct stream_recv *r = S->recv;

    S->recv = NULL;
    op_complete(&r->op, e);
}

void stream_send_done(struct stream *S, enum err e)
{
    struct stream_send *s = S->send;

    S->send = NULL;
    op_complete(&s->op, e);
}

bool stream_send_consume(struct stream_send *s, size_t n)
{
    unsigned first = 0;

    s->taken += n;
    while (first < s->iov_count && n >= s->iov[first].iov_len) {
        n -= s->iov[first].iov_len;
        first++;
    }
    s->iov_count -= first;
    memmove(s->iov, s->iov + first, s->iov_count * sizeof(s->iov[0]));
    if (!s->iov_count)
        return false;
    s->iov[0].iov_base = (uint8_t *)s->iov[0].iov_base + n;
    s->iov[0].iov_len -= n;
    return true;
}

static void plain_send(struct stream *S)
{
    memcpy(S->out.iov, S->send->iov, sizeof(S->out.iov));
    io_send(&S->out, S->fd, S->send->iov_count);
}

static void in_advance(struct op *op)
{
    struct stream *S = container_of(container_of(op, struct io, op), struct stream, in);
    enum err e = stream_err(&S->in);

    if (S->tls) {
        stream_tls_in_done(S);
        return;
    }
    S->recv->got = e ? 0 : (size_t)S->in.result;
    stream_recv_done(S, e);
}

static void out_advance(struct op *op)
{
    struct stream *S = container_of(container_of(op, struct io, op), struct stream, out);
    enum err e = stream_err(&S->out);
    bool has_more;

    if (S->tls) {
        stream_tls_out_done(S);
        return;
    }
    if (e) {
        stream_send_done(S, e);
        return;
    }
    has_more = stream_send_consume(S->send, (size_t)S->out.result);
    if (has_more && S->is_cancelling)
        stream_send_done(S, ERR_CANCELLED);
    else if (has_more)
        plain_send(S);
    else
        stream_send_done(S, ERR_OK);
}

void stream_recv(struct stream_recv *r)
{
    struct stream *S = r->stream;

    assert(!S->recv && r->len > 0);
    op_start(&r->op);
    S->recv = r;
    S->is_cancelling = false;
    r->got = 0;
    if (S->tls)
        stream_tls_turn(S);
    else
        io_recv(&S->in, S->fd, r->at, MIN(r->len, (size_t)STREAM_IO_BYTES_MAX));
}

void stream_send(struct stream_send *s)
{
    struct stream *S = s->stream;

    assert(!S->send && s->iov_count <= IO_IOV_MAX);
    op_start(&s->op);
    S->send = s;
    S->is_cancelling = false;
    s->taken = 0;
    if (!stream_send_consume(s, 0)) /* nothing but empty pieces */
        stream_send_done(S, ERR_OK);
    else if (S->tls)
        stream_tls_turn(S);
    else
        plain_send(S);
}

void stream_cancel(struct stream *S)
{
    S->is_cancelling = true;
    io_cancel(&S->in);
    io_cancel(&S->out);
}

void stream_shutdown(struct stream *S)
{
    assert(!S->send);
    if (S->tls)
        stream_tls_notify(S);
    (void)shutdown(S->fd, SHUT_WR);
}

void stream_free(struct stream *S)
{
    if (!S)
        return;
    assert(!S->recv && !S->send && op_is_idle(&S->in.op) && op_is_idle(&S->out.op));
    if (S->tls)
        stream_tls_free(S);
    close(S->fd);
    free(S);
}

bool stream_is_tls(const struct stream *S)
{
    return S->tls != NULL;
}
