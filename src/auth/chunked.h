/*
 * aws-chunked bodies, pure: an incremental decoder for all forms of Content-Encoding aws-chunked.
 *
 *   STREAMING-AWS4-HMAC-SHA256-PAYLOAD
 *       size;chunk-signature=HEX CRLF data CRLF ... 0;chunk-signature=HEX CRLF CRLF
 *   STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
 *       the same up to the last size line, then
 *       name:value CRLF ... x-amz-trailer-signature:HEX CRLF CRLF
 *   STREAMING-UNSIGNED-PAYLOAD-TRAILER
 *       size CRLF data CRLF ... 0 CRLF name:value CRLF ... CRLF
 *
 * Source: Amazon S3 API reference, "Signature Calculations for the Authorization Header:
 * Transferring Payload in Multiple Chunks" (with and without trailers).
 *
 * The decoder works in place: it moves payload to the front of the bytes it is given and hashes it.
 * Data of a chunk is handed out before its signature is known; nothing may be committed before
 * chunked_is_done. Chunk sizes under 8 KiB (but the last) are accepted.
 */
#ifndef PENSTOCK_AUTH_CHUNKED_H
#define PENSTOCK_AUTH_CHUNKED_H

#include "auth/sigv4.h"
#include "base/digest.h"

enum { CHUNKED_LINE_BYTES_MAX = 1024, CHUNKED_TRAILERS_MAX = 8, CHUNKED_TRAILER_BYTES_MAX = 2048 };

struct chunked {
    /* public, read-only */
    uint64_t payload_bytes; /* handed out so far */
    unsigned trailer_count;
    struct sigv4_header trailers[CHUNKED_TRAILERS_MAX]; /* names in lower case; in trailer_text */
    /* private */
    unsigned state;
    enum sigv4_payload form;
    uint64_t left;
    struct buf line;
    struct buf trailer_text;
    uint8_t line_bytes[CHUNKED_LINE_BYTES_MAX];
    uint8_t trailer_bytes[CHUNKED_TRAILER_BYTES_MAX];
    uint8_t previous[32], chunk_signature[32], signing_key[32];
    char amz_date[17];
    char scope[128];
    size_t scope_len;
    struct digest digest;
    bool is_signed, is_trailer_signed, has_blank_line;
    enum err failed;
};

/*
 * chunked_init(c, s): s as sigv4_verify left it; its payload is one of the streaming forms. *c must
 * not be copied or moved.
 */
enum err chunked_init(struct chunked *c, const struct sigv4 *s) MUST_CHECK;
void chunked_done(struct chunked *c); /* also after a chunked_init that failed */
/*
 * chunked_decode(c, at, len, payload_out): consume len raw bytes at `at`; *payload_out bytes of
 * payload are then at the front of `at`. Errors: ERR_MALFORMED (framing; S3
 * InvalidRequest/IncompleteBody), ERR_BAD_SIGNATURE, ERR_TOO_LARGE (a line or the trailers). After
 * an error every call repeats it.
 */
enum err chunked_decode(struct chunked *c, uint8_t *at, size_t len, size_t *payload_out) MUST_CHECK;
/* The last chunk, the trailers and their signature were read and verified. */
bool chunked_is_done(const struct chunked *c);

#endif
