/*
 * The HTTP server of one reactor: its listeners, its table of connections (sized at start), its
 * limits. Everything here belongs to one reactor. TLS is a struct tls_context (net/tls.h) shared by
 * all.
 */
#ifndef PENSTOCK_HTTP_SERVER_H
#define PENSTOCK_HTTP_SERVER_H

#include "http/request.h"

struct http_server;
struct tls_context;
struct sockaddr_storage;

typedef void http_handle_fn(struct http_request *q, void *ctx);

struct http_server_config {
    unsigned conns_max;       /* 0: 1024. Further ones are accepted and closed, counted */
    unsigned head_timeout_ms; /* 0: 30000: a whole head, from its first byte */
    unsigned idle_timeout_ms; /* 0: 75000: keep-alive */
    unsigned body_timeout_ms; /* 0: 60000: without any progress */
    http_handle_fn *handle;   /* a request arrived */
    http_handle_fn *ended;    /* access log, metrics; runs inside http_request_end. May be NULL */
    void *ctx;
};

enum err http_server_new(const struct http_server_config *config, struct http_server **server_out)
    MUST_CHECK;
/*
 * http_server_listen(S, fd, tls): accept on a listening socket (net/listen.h) until told to stop.
 * tls NULL: plain. The caller keeps fd and tls alive.
 */
void http_server_listen(struct http_server *S, int fd, struct tls_context *tls);
/*
 * http_server_drain(S, op): stop accepting, close idle connections at once and busy ones after
 * their answer. advance runs when none is left. http_server_free afterwards.
 */
void http_server_drain(struct http_server *S, struct op *op);
void http_server_free(struct http_server *S);

/* Calls fn for every request a handler has in hand: metrics, "waits by state". */
void http_server_each(
    struct http_server *S, void (*fn)(const struct http_request *q, void *ctx), void *ctx);
unsigned http_server_conns(const struct http_server *S);

#endif
