/*
 * One connection, and the server's insides: shared by conn.c, body.c, reply.c and server.c only.
 *
 *   RECEIVING_HEAD --whole head--> HANDLING --http_request_end--> [DRAINING] --> RECEIVING_HEAD
 *        |                            |                                          or STARTING_NEXT
 *        `--bad head--> REFUSING ---> LINGERING --peer has read, or time--> CLOSING --> free slot
 *
 * Rules: 1. Of one connection at most one receive (c->recv) and one send (c->send) are in flight.
 *        2. A receive is in flight in HANDLING only while a http_body_read waits.
 *        3. A slot is freed only from CLOSING, when neither is in flight.
 */
#ifndef PENSTOCK_HTTP_CONN_H
#define PENSTOCK_HTTP_CONN_H

#include "http/chunk.h"
#include "http/head.h"
#include "http/server.h"
#include "loop/reactor.h"
#include "net/stream.h"

enum {
    CONN_IN_BYTES = HTTP_HEAD_BYTES_MAX,
    CONN_HEAD_BYTES = 4096,                      /* what a head usually fits into */
    CONN_OUT_BYTES = HTTP_HEAD_BYTES_MAX + 4096, /* the head, and what we add at its end */
    CONN_DRAIN_BYTES_MAX = 256 << 10,            /* of an unread body, to keep a connection */
    CONN_LINGER_BYTES_MAX = 64 << 20,
    CONN_LINGER_MS = 5000,
    SERVER_LISTENERS_MAX = 32,
    SERVER_SWEEP_MS = 500
};

enum conn_wait {
    CONN_RECEIVING_HEAD, /* woken by the socket; idle when nothing is buffered */
    CONN_STARTING_NEXT,  /* woken by the ready list: a pipelined request is buffered */
    CONN_HANDLING,       /* woken by the handler: http_request_end */
    CONN_DRAINING,       /* woken by the socket: rest of a body nobody wants */
    CONN_REFUSING,       /* woken by the socket: the answer to a bad head leaves */
    CONN_LINGERING,      /* woken by the socket: our side is shut, theirs not yet */
    CONN_CLOSING         /* woken by the last of recv and send */
};

enum body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED };

struct conn_body {
    enum body_kind kind;
    bool is_end;
    bool wants_continue; /* the client waits for 100, and we have not decided yet */
    bool is_direct;      /* the receive in flight goes into read->to */
    enum err err;        /* final: the connection cannot be kept */
    uint64_t left;       /* BODY_LENGTH */
    struct chunk chunk;  /* BODY_CHUNKED */
    struct http_body *read;
};

enum reply_framing { REPLY_UNDECIDED, REPLY_LENGTH, REPLY_CHUNKED, REPLY_UNTIL_CLOSE };

struct conn_reply {
    struct buf head; /* over c->out */
    enum reply_framing framing;
    bool is_http10;
    bool is_started;    /* http_reply was called */
    bool is_close;      /* http_reply_close was called */
    bool has_left;      /* the head is on its way */
    bool is_whole;      /* the last piece is sent, and all that was promised */
    bool is_continuing; /* c->send carries "100 Continue"; send waits for it */
    enum err err;       /* sending failed: final */
    uint64_t length, sent;
    struct http_send *send;
    char chunk_line[24];
};

struct http_conn {
    struct http_server *server;
    struct list link; /* the server's live or free list */
    struct stream *stream;
    enum conn_wait wait;
    bool is_keep; /* another request may follow this one */
    /* timeouts, looked at by the sweep while the operation is in flight */
    bool is_recv_late, is_send_late;
    uint64_t recv_due_ns, send_due_ns, head_due_ns, drain_due_ns, send_seen;
    struct stream_recv recv;
    struct stream_send send;
    struct op next;
    /* input: bytes [in_start, in_end) are not used yet */
    uint8_t *in;
    size_t in_start, in_end;
    size_t scanned;   /* of the head; from in_start */
    size_t discarded; /* while draining or lingering */
    uint8_t *out;     /* the head of the answer */
    /* the request in hand */
    struct http_request request;
    struct region region;
    struct conn_body body;
    struct conn_reply reply;
    char peer[64];
};

struct listener {
    struct io io;
    struct http_server *server;
    struct tls_context *tls;
    int fd;
    bool is_resting; /* accept failed (descriptors are short); the sweep tries again */
};

struct http_server {
    struct http_server_config config; /* set once at start, zeroes replaced */
    struct http_conn *conns;
    uint8_t *buffers;
    unsigned fresh; /* conns[fresh..] were never used: their memory is not touched */
    unsigned live_count;
    struct list live, free;
    struct listener listeners[SERVER_LISTENERS_MAX];
    unsigned listener_count;
    struct timer sweep;
    struct op *drain;
    bool is_draining;
    uint64_t id_seed, id_next;
    int64_t date_s; /* second of date_text */
    char date_text[96];
    size_t date_len;
};

/* server.c */
void server_request_id(struct http_server *S, char id[HTTP_REQUEST_ID_LEN + 1]);
/* "Date: ...\r\nServer: ...\r\n" */
struct view server_date(struct http_server *S);
void server_conn_gone(struct http_server *S, struct http_conn *c);

/* conn.c */
void conn_init(struct http_conn *c, struct http_server *S); /* once per slot */
void conn_open(struct http_conn *c, struct stream *stream, const char *peer);
void conn_sweep(struct http_conn *c, uint64_t now_ns);
void conn_drain(struct http_conn *c);
/* Receive into c->in; due: when it is late. */
void conn_receive(struct http_conn *c, uint64_t due_ns);
void conn_send(struct http_conn *c);
static inline struct view conn_buffered(const struct http_conn *c)
{
    return view_of(c->in + c->in_start, c->in_end - c->in_start);
}

/* body.c */
void body_begin(struct http_conn *c);
void body_received(struct http_conn *c, enum err e);
/* Takes body bytes off the input buffer; `to` NULL: dropped. Sets is_end. */
enum err body_take(struct http_conn *c, uint8_t *to, size_t cap, size_t *got_out) MUST_CHECK;
/* Can the next request be reached without much reading? */
bool body_is_passable(const struct http_conn *c);

/* reply.c */
void reply_begin(struct http_conn *c, bool is_http10);
void reply_continue(struct http_conn *c); /* sends "100 Continue" */
/* http_reply was called, and nothing was sent. */
bool reply_is_kept_back(const struct http_conn *c);
/* Sends that head with an empty body, and the connection closes. */
void reply_head_only(struct http_conn *c);
void reply_refuse(struct http_conn *c, const struct head_refusal *no);
void reply_sent(struct http_conn *c, enum err e);

#endif
