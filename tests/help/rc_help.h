/*
 * The client's half of transport `rc` in a test: its set-up, its tokens. Over the fake it needs no
 * queue pair; rc_peer.* has a real one.
 */
#ifndef PENSTOCK_TESTS_RC_HELP_H
#define PENSTOCK_TESTS_RC_HELP_H

#include "direct/rc/rc.h"
#include "direct/rc/rc_token.h"

struct rc_client {
    struct rc_wire_end end; /* what it says of itself */
    struct rc_wire_answer answer;
    uint8_t *memory;
    size_t bytes;
    uint32_t rkey;
    uint64_t fence;
};

/* An end at 10.77.0.2. */
void rc_client_init(struct rc_client *c, uint8_t *memory, size_t bytes, uint32_t rkey);
/* By a request of this end's, for `user`; waits. */
enum err rc_client_connect(struct rc_client *c, struct transport *T, struct view user);
/* A token for [off, off + len), valid for 30 s. */
struct rc_token
rc_client_token(const struct rc_client *c, uint64_t off, uint64_t len, bool is_write);
void rc_client_mint(
    const struct rc_client *c, uint64_t off, uint64_t len, bool is_write, struct buf *to);

#endif
