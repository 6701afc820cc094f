/*
 * An HTTP answer, read from a connection: the head into its own memory, the body where the caller
 * wants it. Bodies of known length go straight from the connection into that memory.
 */
#ifndef PENSTOCK_CLIENT_ANSWER_H
#define PENSTOCK_CLIENT_ANSWER_H

#include <llhttp.h>

#include "client/client_conn.h"

enum { CLIENT_HEAD_BYTES_MAX = 32768, CLIENT_HEADERS_MAX = 96 };

struct client_answer {
    unsigned status; /* 0: no answer */
    bool has_any;    /* at least one byte of an answer came */
    bool is_kept;    /* the connection may serve another request, once the body is read */
    bool has_body, has_length;
    uint64_t length;
    unsigned header_count;
    struct {
        struct view name, value;
    } headers[CLIENT_HEADERS_MAX];
    /* private */
    bool is_head_request, is_in_value, is_head_done, is_done;
    struct client_sink *sink; /* while a framed body is read */
    llhttp_t parser;
    struct view early; /* bytes of the body that came with the head */
    uint8_t bytes[CLIENT_HEAD_BYTES_MAX];
};

/* Where a body goes: memory of a fixed size, or memory that grows (free(at)). */
struct client_sink {
    uint8_t *at;
    size_t len, cap;
    size_t grows_to; /* 0: does not grow */
    bool is_full;
};

/* Interim answers (1xx) are passed over. PS_ERR_CONNECT, PS_ERR_TIMEOUT, PS_ERR_HTTP. */
enum ps_err
client_answer_head(struct client_answer *a, struct client_conn *c, bool is_head_request);
/* PS_ERR_TOO_SMALL: the sink is full; the connection is not to be used again. PS_ERR_SHORT. */
enum ps_err
client_answer_body(struct client_answer *a, struct client_conn *c, struct client_sink *sink);
/* The value of a header (any case), or an empty view with at == NULL. */
struct view client_answer_header(const struct client_answer *a, const char *name);

#endif
