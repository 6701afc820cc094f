/*
 * TLS over memory: OpenSSL reads from L->in and writes to L->out through a BIO of our own, and the
 * ring moves those two buffers. stream_tls_turn does whatever can be done now:
 *
 *   read     SSL_read into the caller's memory; when OpenSSL wants bytes, the ring receives some
 *   write    SSL_write what the caller sends, while L->out has room for a record
 *   flush    the ring sends L->out, one io at a time
 *   settle   complete the caller's operations that are through
 *
 * Rules: 1. S->in is in flight only while the caller's receive is.
 *        2. S->out is in flight only while one of the caller's operations is: a receive that
 *           produced output (handshake, tickets, alerts) is held back until that output has left,
 *           or a send is there to wait for it. So a stream without operations has no io.
 */
#include "net/stream_impl.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/metrics.h"
#include "net/tls_impl.h"

enum {
    TLS_RECORD_BYTES = 16384,
    TLS_RECORD_ROOM = TLS_RECORD_BYTES + 1024, /* and what OpenSSL puts around it */
    TLS_IN_BYTES = 32768,
    TLS_OUT_BYTES = 2 * TLS_RECORD_ROOM
};

struct tls_layer {
    SSL *ssl;
    size_t in_at, in_end, out_at, out_end;
    bool has_begun;     /* a byte of the peer has come */
    bool is_shaken;     /* the handshake is done (OpenSSL forgets that after an error) */
    bool has_eof;       /* the peer has closed its side of the socket */
    bool is_broken;     /* OpenSSL gave up: no further call but SSL_free */
    bool is_counted;    /* as a failed handshake */
    bool is_notified;   /* close-notify is made */
    bool is_recv_ready; /* the caller's receive has its result, recv_err */
    bool is_send_ready; /* the caller's send is all encrypted, or failed with send_err */
    enum err recv_err, send_err;
    enum err in_err, out_err; /* of the socket; final */
    uint8_t in[TLS_IN_BYTES], out[TLS_OUT_BYTES];
};

/* The BIO. */

static int bio_read(BIO *bio, char *to, int len)
{
    struct tls_layer *L = BIO_get_data(bio);
    size_t n = MIN((size_t)len, L->in_end - L->in_at);

    BIO_clear_retry_flags(bio);
    if (!n) {
        if (L->has_eof)
            return 0;
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, L->in + L->in_at, n);
    L->in_at += n;
    return (int)n;
}

static int bio_write(BIO *bio, const char *from, int len)
{
    struct tls_layer *L = BIO_get_data(bio);
    size_t n = MIN((size_t)len, TLS_OUT_BYTES - L->out_end);

    BIO_clear_retry_flags(bio);
    if (!n) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(L->out + L->out_end, from, n);
    L->out_end += n;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    const struct tls_layer *L = BIO_get_data(bio);

    (void)num;
    (void)ptr;
    if (cmd == BIO_CTRL_FLUSH)
        return 1;
    if (cmd == BIO_CTRL_EOF)
        return L->has_eof && L->in_at == L->in_end;
    return 0;
}

static BIO_METHOD *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static void bio_free(void)
{
    BIO_meth_free(bio_method);
}

static void bio_make(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "penstock");
    if (!bio_method)
        return;
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
    atexit(bio_free);
}

enum err stream_tls_new(struct stream *S, struct tls_context *context)
{
    struct tls_layer *L = malloc(sizeof(*L));
    BIO *bio;

    pthread_once(&bio_once, bio_make);
    if (!L || !bio_method)
        goto undo_layer;
    memset(L, 0, offsetof(struct tls_layer, in));
    L->ssl = tls_context_session(context);
    if (!L->ssl)
        goto undo_layer;
    bio = BIO_new(bio_method);
    if (!bio)
        goto undo_session;
    BIO_set_data(bio, L);
    BIO_set_init(bio, 1);
    SSL_set_bio(L->ssl, bio, bio); /* one reference for both sides */
    S->tls = L;
    return ERR_OK;

undo_session:
    SSL_free(L->ssl);
undo_layer:
    free(L);
    return ERR_BUSY;
}

/* Reading. */

static void recv_ready(struct tls_layer *L, enum err e)
{
    L->is_recv_ready = true;
    L->recv_err = e;
}

static void count_failed_handshake(struct tls_layer *L)
{
    if (L->is_counted || !L->has_begun || L->is_shaken || SSL_is_init_finished(L->ssl))
        return;
    L->is_counted = true;
    metrics_add(METRIC_TLS_FAILED, 1);
}

/* OpenSSL gave no bytes. */
static void read_stopped(struct stream *S, int reason)
{
    struct tls_layer *L = S->tls;

    if (reason == SSL_ERROR_WANT_READ) {
        if (!op_is_idle(&S->in.op) || S->is_cancelling)
            return;
        assert(L->in_at == L->in_end); /* or OpenSSL would not want */
        L->in_at = L->in_end = 0;
        io_recv(&S->in, S->fd, L->in, TLS_IN_BYTES);
        return;
    }
    if (reason == SSL_ERROR_WANT_WRITE) /* the flush comes back to us */
        return;
    count_failed_handshake(L);
    if (reason == SSL_ERROR_ZERO_RETURN) {
        recv_ready(L, ERR_OK);
        return;
    }
    L->is_broken = true;
    /* An end without close-notify: what is cut short shows in the length of the body. */
    recv_ready(L, L->has_eof ? ERR_OK : ERR_MALFORMED);
}

static void turn_read(struct stream *S)
{
    struct tls_layer *L = S->tls;
    struct stream_recv *r = S->recv;

    if (!r || L->is_recv_ready)
        return;
    if (L->in_err || L->is_broken) {
        count_failed_handshake(L);
        recv_ready(L, L->in_err ? L->in_err : ERR_MALFORMED);
        return;
    }
    while (r->got < r->len) {
        int n, want = (int)MIN(r->len - r->got, (size_t)INT_MAX);

        L->is_shaken = L->is_shaken || SSL_is_init_finished(L->ssl);
        ERR_clear_error();
        n = SSL_read(L->ssl, (uint8_t *)r->at + r->got, want);
        if (n <= 0) {
            int reason = SSL_get_error(L->ssl, n);

            if (!r->got)
                read_stopped(S, reason);
            else if (reason == SSL_ERROR_SSL || reason == SSL_ERROR_SYSCALL)
                L->is_broken = true; /* the next receive tells */
            break;
        }
        r->got += (size_t)n;
    }
    if (r->got)
        recv_ready(L, ERR_OK);
}

/* Writing. */

static void send_ready(struct tls_layer *L, enum err e)
{
    L->is_send_ready = true;
    L->send_err = e;
}

/* The next record's bytes: a head and a small body go into one record. */
static struct view next_piece(const struct stream_send *s)
{
    static _Thread_local uint8_t scratch[TLS_RECORD_BYTES]; /* used within one SSL_write only */
    struct buf b = buf_over(scratch, sizeof(scratch));

    if (s->iov_count == 1 || s->iov[0].iov_len >= TLS_RECORD_BYTES)
        return view_of(s->iov[0].iov_base, MIN(s->iov[0].iov_len, (size_t)TLS_RECORD_BYTES));
    for (unsigned i = 0; i < s->iov_count && b.len < b.cap; i++)
        buf_put(&b, view_of(s->iov[i].iov_base, MIN(s->iov[i].iov_len, b.cap - b.len)));
    return buf_view(&b);
}

static void turn_write(struct stream *S)
{
    struct tls_layer *L = S->tls;

    while (S->send && !L->is_send_ready) {
        struct view piece;
        int n;

        if (L->is_broken || L->out_err || L->is_notified) {
            send_ready(L, L->out_err ? L->out_err : ERR_CLOSED);
            return;
        }
        if (TLS_OUT_BYTES - L->out_end < TLS_RECORD_ROOM)
            return;
        piece = next_piece(S->send);
        ERR_clear_error();
        n = SSL_write(L->ssl, piece.at, (int)piece.len);
        if (n <= 0) {
            /* There is room: a retry can only mean that the handshake is not done, and we do not
             * send before the first receive. */
            L->is_broken = true;
            send_ready(L, ERR_IO);
        } else if (!stream_send_consume(S->send, (size_t)n)) {
            send_ready(L, ERR_OK);
        }
    }
}

static void turn_flush(struct stream *S)
{
    struct tls_layer *L = S->tls;

    if (!op_is_idle(&S->out.op) || L->out_at == L->out_end || L->out_err || S->is_cancelling)
        return;
    S->out.iov[0] = (struct iovec){L->out + L->out_at, L->out_end - L->out_at};
    io_send(&S->out, S->fd, 1);
}

static void turn_settle(struct stream *S)
{
    struct tls_layer *L = S->tls;
    bool is_out_idle = op_is_idle(&S->out.op);
    bool is_out_over = is_out_idle && (L->out_at == L->out_end || L->out_err);

    if (S->send && is_out_idle && S->is_cancelling && !is_out_over)
        send_ready(L, ERR_CANCELLED);
    if (S->send && is_out_idle && L->is_send_ready && (is_out_over || S->is_cancelling)) {
        L->is_send_ready = false;
        stream_send_done(S, L->send_err ? L->send_err : L->out_err);
    }
    if (S->recv && S->is_cancelling && !L->is_recv_ready && op_is_idle(&S->in.op))
        recv_ready(L, ERR_CANCELLED);
    if (S->recv && L->is_recv_ready &&
        (S->send || is_out_over || (is_out_idle && S->is_cancelling))) {
        L->is_recv_ready = false;
        stream_recv_done(S, L->recv_err);
    }
}

void stream_tls_turn(struct stream *S)
{
    turn_read(S);
    turn_write(S);
    turn_flush(S);
    turn_settle(S);
}

void stream_tls_in_done(struct stream *S)
{
    struct tls_layer *L = S->tls;
    enum err e = stream_err(&S->in);

    if (!e && S->in.result > 0) {
        L->has_begun = true;
        L->in_end = (size_t)S->in.result;
    } else if (!e) {
        L->has_eof = true;
    } else if (e != ERR_CANCELLED) {
        L->in_err = e;
    }
    stream_tls_turn(S);
}

void stream_tls_out_done(struct stream *S)
{
    struct tls_layer *L = S->tls;
    enum err e = stream_err(&S->out);

    if (!e)
        L->out_at += (size_t)S->out.result;
    else if (e != ERR_CANCELLED)
        L->out_err = e;
    if (L->out_at == L->out_end)
        L->out_at = L->out_end = 0;
    stream_tls_turn(S);
}

void stream_tls_notify(struct stream *S)
{
    struct tls_layer *L = S->tls;

    assert(op_is_idle(&S->out.op));
    if (L->is_notified || L->is_broken || L->out_err || L->out_at != L->out_end ||
        !SSL_is_init_finished(L->ssl))
        return;
    L->is_notified = true;
    ERR_clear_error();
    (void)SSL_shutdown(L->ssl);
    if (send(S->fd, L->out, L->out_end, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        L->out_err = ERR_CLOSED;
    L->out_at = L->out_end = 0;
}

void stream_tls_free(struct stream *S)
{
    stream_tls_notify(S);
    SSL_free(S->tls->ssl); /* and the BIO */
    ERR_clear_error();
    free(S->tls);
}
