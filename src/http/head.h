/*
 * Request heads: bytes in, struct http_request or a refusal out. Pure: the part that is fuzzed.
 *
 * The rules are RFC 9112 read strictly, because every leniency is a chance for a proxy in front to
 * see another request than we do. The list of what is refused stands in request.h.
 */
#ifndef PENSTOCK_HTTP_HEAD_H
#define PENSTOCK_HTTP_HEAD_H

#include "http/request.h"

/* Why a head is refused: what the client is told. All static. */
struct head_refusal {
    unsigned status;
    const char *code; /* of the S3 error body */
    const char *text;
};

/* What the connection needs to know besides the request. */
struct head_framing {
    bool is_http10;
    bool is_keep_alive;     /* what the client asked for, or the default of its version */
    bool is_close_demanded; /* Content-Length beside chunked: never reuse this connection */
};

/*
 * head_find(bytes, scanned, len_out): where the head ends. *scanned is 0 at first and remembers
 * what was looked at already. ERR_TRUNCATED: more bytes are needed. ERR_MALFORMED: bare CR or LF,
 * a folded line, a NUL, or no method in front: no use to wait for the rest.
 * len_out covers the empty line, and empty lines in front of the head (RFC 9112 section 2.2).
 */
enum err head_find(struct view bytes, size_t *scanned, size_t *len_out) MUST_CHECK;

/*
 * head_parse(head, region, q, framing, refusal_out): a whole head, as head_find found it. q gets
 * everything that stands in the head, in memory of the region; other fields of q are left alone.
 * ERR_MALFORMED with *refusal_out; ERR_BUSY (region exhausted) with *refusal_out too.
 */
enum err head_parse(
    struct view head, struct region *region, struct http_request *q, struct head_framing *framing,
    struct head_refusal *refusal_out) MUST_CHECK;

extern const struct head_refusal head_malformed, head_too_large, head_too_slow;

#endif
