/* The insides of a stream, for stream.c (plain) and stream_tls.c. */
#ifndef PENSTOCK_NET_STREAM_IMPL_H
#define PENSTOCK_NET_STREAM_IMPL_H

#include "net/stream.h"

struct tls_layer;

struct stream {
    int fd;
    struct tls_layer *tls;    /* NULL: plain */
    struct io in, out;        /* the ring's; in flight at most one each */
    struct stream_recv *recv; /* the caller's, in flight; or NULL */
    struct stream_send *send; /* the caller's, in flight; or NULL */
    bool is_cancelling;       /* what ends now ends with ERR_CANCELLED */
};

/* Ends the caller's operation: it is no longer in flight. */
void stream_recv_done(struct stream *S, enum err e);
void stream_send_done(struct stream *S, enum err e);
/* Takes n bytes off the front of the send's iov; false when nothing is left. */
bool stream_send_consume(struct stream_send *s, size_t n);
/* The stream's error for an io's. */
enum err stream_err(const struct io *io);

/* stream_tls.c */
enum err stream_tls_new(struct stream *S, struct tls_context *context) MUST_CHECK;
void stream_tls_turn(struct stream *S);     /* do what can be done: after any start or completion */
void stream_tls_in_done(struct stream *S);  /* S->in came back */
void stream_tls_out_done(struct stream *S); /* S->out came back */
void stream_tls_notify(struct stream *S);   /* close-notify, if that costs no wait */
void stream_tls_free(struct stream *S);

#endif
