/*
 * The token of transport `local`, as text of a fixed length:
 *
 *   local1:<session 32>:<region 8>:<offset 16>:<length 16>:<r|w>:<expiry 12>:<nonce 16>:<mac 32>
 *
 * Lower-case hex. mac: the first 16 bytes of HMAC-SHA-256, by the session's key, over all 115 bytes
 * before it. Pure; shared by both halves. docs/wire/local.md.
 */
#ifndef PENSTOCK_DIRECT_LOCAL_TOKEN_H
#define PENSTOCK_DIRECT_LOCAL_TOKEN_H

#include "direct/local/local_wire.h"

enum { LOCAL_TOKEN_BYTES = 147, LOCAL_TOKEN_MAC_BYTES = 16, LOCAL_TOKEN_LIFE_MS = 30000 };

struct local_token {
    uint8_t session_id[LOCAL_ID_BYTES];
    uint32_t region;
    uint64_t offset, bytes; /* in the region */
    bool is_write;          /* the server may write (GET); else it may read (PUT) */
    uint64_t expiry_ms;     /* wall clock, below 2^48 */
    uint64_t nonce;
};

/* It has the prefix: either a good token or a broken one, but nobody else's. */
bool local_token_is_ours(struct view token);
/* Shape only; ERR_MALFORMED. */
enum err local_token_parse(struct view token, struct local_token *t_out) MUST_CHECK;
/* A parsed token's mac holds under the key; constant time. */
bool local_token_holds(struct view token, const uint8_t key[LOCAL_KEY_BYTES]);
/* Appends LOCAL_TOKEN_BYTES. */
void local_token_write(
    const struct local_token *t, const uint8_t key[LOCAL_KEY_BYTES], struct buf *to);

#endif
