/*
 * The client's half of transport `local`: a session with a server's socket. Blocking; any number of
 * threads. docs/wire/local.md.
 *
 * A session that has ended (server gone, or the process has forked) stays down: make a new one and
 * hand the memory over again. Tokens live LOCAL_TOKEN_LIFE_MS.
 */
#ifndef PENSTOCK_CLIENT_LOCAL_PEER_H
#define PENSTOCK_CLIENT_LOCAL_PEER_H

#include "client/local_memory.h"

struct local_peer;

/*
 * local_peer_connect: server_id is what HTTP said (32 hex); another server at that path is
 * ERR_DENIED. why_out: a sentence on failure.
 */
enum err local_peer_connect(
    const char *socket_path, const char *server_id, struct local_peer **peer_out,
    struct buf *why_out) MUST_CHECK;
/* NULL is fine. The server forgets all that was handed over, once nothing is in flight. */
void local_peer_free(struct local_peer *P);
bool local_peer_is_up(struct local_peer *P);

/*
 * local_peer_register: hand memory over; a range (m->fd < 0) or a memfd. Errors: ERR_CLOSED,
 * ERR_BUSY (limits), ERR_UNSUPPORTED (a range the server has no right to reach), ERR_INVALID.
 */
enum err local_peer_register(
    struct local_peer *P, const struct local_memory *m, uint32_t *region_out,
    struct buf *why_out) MUST_CHECK;

/*
 * Fences: when they return, the server has nothing in flight into that region, or for that token,
 * and starts nothing any more. ERR_CLOSED: the session is down; tokens of it are refused, what was
 * in flight ends by its deadline.
 */
enum err local_peer_unregister(struct local_peer *P, uint32_t region) MUST_CHECK;

struct local_ticket {
    uint64_t nonce, expiry_ms;
};
enum err local_peer_revoke(struct local_peer *P, const struct local_ticket *ticket) MUST_CHECK;

/*
 * local_peer_mint: a fresh token for [offset, offset + bytes) of a region, appended to `to`
 * (LOCAL_TOKEN_BYTES). is_write: the server may write (GET). ERR_CLOSED when the session is down.
 */
struct local_mint {
    uint32_t region;
    uint64_t offset, bytes;
    bool is_write;
};
enum err local_peer_mint(
    struct local_peer *P, const struct local_mint *what, struct buf *to,
    struct local_ticket *ticket_out) MUST_CHECK;

#endif
