/*
 * The token of transport `rc`, as text of a fixed length:
 *
 *   rc1:<session 32>:<rkey 8>:<base 16>:<bytes 16>:<offset 16>:<length 16>:<r|w>:<expiry 12>
 *      :<fence 16>:<mac 32>
 *
 * Lower-case hex. base and bytes: what was registered under rkey; offset and length: the window in
 * it. mac: the first 16 bytes of HMAC-SHA-256, by the session's key, over all that is before it.
 * Pure; shared by both halves. docs/wire/rc.md.
 */
#ifndef PENSTOCK_DIRECT_RC_TOKEN_H
#define PENSTOCK_DIRECT_RC_TOKEN_H

#include "direct/rc/rc_wire.h"

enum { RC_TOKEN_BYTES = 178, RC_TOKEN_MAC_BYTES = 16, RC_TOKEN_LIFE_MS = 30000 };

struct rc_token {
    uint8_t session_id[RC_ID_BYTES];
    uint32_t rkey;
    uint64_t base, bytes;    /* registered */
    uint64_t offset, length; /* the window in it */
    bool is_write;           /* the server may write (GET); else it may read (PUT) */
    uint64_t expiry_ms;      /* wall clock, below 2^48 */
    uint64_t fence;
};

/* It has the prefix: either a good token or a broken one, but nobody else's. */
bool rc_token_is_ours(struct view token);
/* Shape only; ERR_MALFORMED. */
enum err rc_token_parse(struct view token, struct rc_token *t_out) MUST_CHECK;
/* rkey not 0, and the window within what was registered, which does not wrap. */
bool rc_token_is_sound(const struct rc_token *t);
/* A parsed token's mac holds under the key; constant time. */
bool rc_token_holds(struct view token, const uint8_t key[RC_KEY_BYTES]);
/* Appends RC_TOKEN_BYTES. */
void rc_token_write(const struct rc_token *t, const uint8_t key[RC_KEY_BYTES], struct buf *to);

#endif
