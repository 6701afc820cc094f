/*
 * A byte stream over a connected socket, with or without TLS: what conn.c reads and writes.
 * TLS runs OpenSSL over memory BIOs, so that the ring does all I/O. One reactor only.
 */
#ifndef PENSTOCK_NET_STREAM_H
#define PENSTOCK_NET_STREAM_H

#include "loop/ring.h"

struct tls_context;
struct stream;

/* stream_new(fd, tls, stream_out): takes fd over when it succeeds. tls NULL: plain. The handshake
 * happens inside the first receive. ERR_BUSY when no memory is left. */
enum err stream_new(int fd, struct tls_context *tls, struct stream **stream_out) MUST_CHECK;

/* One receive and one send may be in flight at a time. */
struct stream_recv {
    struct op op;
    struct stream *stream;
    void *at;
    size_t len;
    size_t got; /* out; 0 with ERR_OK: the peer closed its side */
};
struct stream_send {
    struct op op;
    struct stream *stream;
    struct iovec iov[IO_IOV_MAX]; /* consumed while sending */
    unsigned iov_count;
    uint64_t taken; /* out, grows while in flight: bytes that have left; for timeouts */
};
/* Errors ERR_CLOSED, ERR_IO, ERR_CANCELLED (stream_cancel), ERR_MALFORMED (TLS). */
void stream_recv(struct stream_recv *r);
/* Completes when all bytes were taken by the kernel. */
void stream_send(struct stream_send *s);
/* What is in flight ends soon, with ERR_CANCELLED. */
void stream_cancel(struct stream *S);
/* No send in flight, and none will follow: the peer reads the end (close-notify is sent when it
 * costs no wait) while we still receive. */
void stream_shutdown(struct stream *S);
/* Nothing in flight. Closes the descriptor (close-notify is sent when it costs no wait). */
void stream_free(struct stream *S);
bool stream_is_tls(const struct stream *S);

#endif
