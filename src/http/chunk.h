/*
 * Transfer coding "chunked", removed (RFC 9112 section 7.1). Pure and strict: no bare LF, no
 * whitespace around sizes, bounded extensions and trailers (both are skipped).
 */
#ifndef PENSTOCK_HTTP_CHUNK_H
#define PENSTOCK_HTTP_CHUNK_H

#include "base/bytes.h"

enum { CHUNK_EXTRA_BYTES_MAX = 16384 }; /* extensions and trailers of one body together */

struct chunk {
    uint8_t state;  /* chunk.c's own */
    uint8_t digits; /* of the size so far */
    uint64_t left;  /* of the chunk's data */
    size_t extra_bytes;
};

void chunk_init(struct chunk *C);
/*
 * chunk_feed(C, in, to, cap, got_out): take bytes off the front of *in; data goes to `to`, at most
 * cap of it (to NULL: dropped, still counted). Stops at the end of *in, at cap with data next, or
 * at the end of the body. ERR_MALFORMED ends it.
 */
enum err
chunk_feed(struct chunk *C, struct view *in, uint8_t *to, size_t cap, size_t *got_out) MUST_CHECK;
bool chunk_is_done(const struct chunk *C);
/* Bytes of data that come next, without framing in between; 0 when framing is next. */
uint64_t chunk_data_left(const struct chunk *C);
/* n data bytes were received past the machine: n <= chunk_data_left. */
void chunk_skip(struct chunk *C, uint64_t n);

#endif
