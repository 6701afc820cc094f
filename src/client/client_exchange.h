/*
 * One signed request and its answer. No retries, but for one: an idle connection that turns out to
 * be closed is replaced, unless the request is_once.
 */
#ifndef PENSTOCK_CLIENT_EXCHANGE_H
#define PENSTOCK_CLIENT_EXCHANGE_H

#include "auth/sigv4.h"
#include "client/client_answer.h"
#include "client/client_conns.h"
#include "client/client_stop.h"

enum {
    CLIENT_REQUEST_HEADERS_MAX = 32,
    CLIENT_QUERY_MAX = 4096,
    CLIENT_TEXT_BYTES_MAX = 256 << 20
};

struct client_request {
    const char *method;
    struct view bucket, key; /* raw; the path is made of them, or */
    const char *path;        /* given, encoded */
    struct view query;       /* encoded, without '?' */
    struct sigv4_header headers[CLIENT_REQUEST_HEADERS_MAX];
    unsigned header_count;
    struct view body;
    bool signs_body;          /* by its SHA-256; else UNSIGNED-PAYLOAD */
    struct client_stop *stop; /* or NULL */
    /* Where the body of a 2xx answer goes; NULL: into reply->text, as that of others does. */
    uint8_t *to;
    size_t room;
    bool is_once;      /* must not be repeated unseen, as it is */
    bool wants_new;    /* not on an idle connection */
    bool refuses_body; /* a 2xx answer with a body ends the exchange: PS_ERR_NOT_DIRECT */
};

struct client_reply {
    bool was_sent; /* the server may have seen the request */
    bool is_stale; /* failed on an idle connection that had been closed: worth another try */
    uint64_t payload_bytes;
    char *text; /* NUL-terminated, or NULL */
    size_t text_len;
    struct client_answer answer; /* answer.status 0: none came */
};

/* PS_OK: an answer, of any status, whole. r is always to be passed to client_exchange_done. */
enum ps_err client_exchange(
    struct client_conns *C, const struct client_settings *s, const struct client_request *q,
    struct client_reply *r);
void client_exchange_done(struct client_reply *r);

/* Appends a header; views must live as long as the request. */
void client_exchange_header(struct client_request *q, const char *name, struct view value);
/* Appends "&name=value" (encoded) to a query, or "name" when value.at is NULL. */
void client_exchange_param(struct buf *query, const char *name, struct view value);

#endif
