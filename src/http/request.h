/*
 * One HTTP/1.1 request and its answer, as handlers (src/s3, src/server) see them.
 *
 * The connection (conn.c) parses a head with llhttp, fills a struct http_request whose views live
 * in the request's region, and calls the handler, once, on its reactor. The handler may wait as
 * long as it likes; it reads the body with http_body_read, answers with http_reply_* and http_send,
 * and ends with http_request_end, after which the request and its region are gone. Pipelined
 * requests are handled one after the other.
 *
 * Strictness (RFC 9112): both Content-Length and Transfer-Encoding, two Content-Lengths, bare LF,
 * obs-fold, a missing or double Host, heads over HTTP_HEAD_BYTES_MAX or HTTP_HEADERS_MAX are
 * refused before any handler runs: 400 (431 for size) with an S3 error body, connection closed. The
 * one exception: Content-Length and `Transfer-Encoding: chunked` together are accepted when
 * x-amz-content-sha256 begins with STREAMING-, chunked wins, and the connection closes after the
 * answer (botocore before 1.42.73 sends both).
 */
#ifndef PENSTOCK_HTTP_REQUEST_H
#define PENSTOCK_HTTP_REQUEST_H

#include "base/region.h"
#include "loop/op.h"

enum { HTTP_HEAD_BYTES_MAX = 32768, HTTP_HEADERS_MAX = 128, HTTP_REQUEST_ID_LEN = 16 };

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_PUT,
    HTTP_POST,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_OTHER
};

struct http_header {
    struct view name;  /* as sent */
    struct view value; /* trimmed */
};

struct http_conn;

struct http_request {
    struct region *region;
    enum http_method method;
    struct view method_text;
    struct view target; /* as sent: path, '?', query */
    struct view path;   /* raw, up to '?' */
    struct view query;  /* raw, behind '?' */
    struct view host;   /* value of Host */
    const struct http_header *headers;
    unsigned header_count;
    uint64_t content_length; /* valid when has_content_length */
    bool has_content_length;
    bool is_chunked; /* Transfer-Encoding: chunked */
    bool is_tls;
    bool expects_continue;
    char id[HTTP_REQUEST_ID_LEN + 1]; /* upper-case hex, unique; x-amz-request-id */
    char peer[64];                    /* "127.0.0.1:4711" */
    uint64_t start_ns;
    struct http_conn *conn;

    /* Filled while answering; the access log reads them in the end hook. */
    unsigned status;
    uint64_t bytes_in, bytes_out; /* payload, without heads and framing */
    unsigned op_index;            /* of the s3 table; for metrics */
    struct view user;             /* access key that signed, or empty */
    const char *way;              /* "tcp", "direct", "-" */
    const struct op *waiting;     /* the operation the handler waits with, for `waits by state` */
    const char *wait;             /* name of what is waited for, static; "" when running */
};

/* The first header of that name (any case); at == NULL when absent. */
struct view http_header(const struct http_request *q, const char *name);
/* How many headers of that name there are. */
unsigned http_header_count(const struct http_request *q, const char *name);
/* True when there is a body to read: chunked, or a Content-Length over zero. */
bool http_has_body(const struct http_request *q);

/*
 * http_body_read(b): fill b->to with exactly cap bytes of body, fewer only at its end. Transfer
 * coding "chunked" is removed, aws-chunked is not. The first read answers `Expect: 100-continue`:
 * so authorise first. Errors   ERR_TRUNCATED (the client closed early), ERR_MALFORMED (framing),
 * ERR_TIMEOUT, ERR_CLOSED. After an error the connection cannot be kept; the answer, if any, says
 * `Connection: close`. When     One at a time. Reading after the end gives got == 0, is_end.
 */
struct http_body {
    struct op op;
    struct http_request *request;
    uint8_t *to;
    size_t cap;
    size_t got;  /* out */
    bool is_end; /* out: no byte follows these */
};
void http_body_read(struct http_body *b);

/*
 * The answer. http_reply starts the head: status line, Date, Server, x-amz-request-id. Then
 * headers, in any order. Then either http_reply_length, and that many bytes by http_send; or
 * http_reply_chunked (lengths unknown). HEAD, 204 and 304: the length is announced, nothing is
 * sent; http_send still has to be called once with is_last to send the head. The head is kept back
 * and leaves with the first http_send in one segment. A head over its buffer (HTTP_HEAD_BYTES_MAX)
 * asserts: callers bound what they echo. http_reply may be called again while the head has not
 * left: the earlier head is forgotten (errors).
 */
void http_reply(struct http_request *q, unsigned status);
void http_reply_header(struct http_request *q, const char *name, struct view value);
__attribute__((format(printf, 3, 4))) void
http_reply_headerf(struct http_request *q, const char *name, const char *fmt, ...);
void http_reply_length(struct http_request *q, uint64_t bytes);
void http_reply_chunked(struct http_request *q);
void http_reply_close(struct http_request *q);          /* Connection: close after this answer */
bool http_reply_has_left(const struct http_request *q); /* the head is on the wire: no new status */

/*
 * http_send(s): send bytes of the answer's body, from memory that stays as it is until advance.
 * Completes when the kernel has taken all of it (and the head). is_last: the body ends here.
 * Errors   ERR_CLOSED, ERR_TIMEOUT (the client reads nothing).
 * When     One at a time.
 */
struct http_send {
    struct op op;
    struct http_request *request;
    struct view bytes; /* may be empty */
    bool is_last;
};
void http_send(struct http_send *s);

/*
 * http_request_end(q): the handler is done. An answer that was promised but not sent whole, or a
 * body that cannot be drained cheaply (over 256 KiB left), closes the connection. q is gone when it
 * returns.
 */
void http_request_end(struct http_request *q);

#endif
