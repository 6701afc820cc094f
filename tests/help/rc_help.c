#include "rc_help.h"

#include "base/clock.h"
#include "loop_help.h"

void rc_client_init(struct rc_client *c, uint8_t *memory, size_t bytes, uint32_t rkey)
{
    static const uint8_t gid[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 77, [15] = 2};

    memset(c, 0, sizeof(*c));
    memcpy(c->end.gid, gid, sizeof(gid));
    c->end.qpn = 0x1234;
    c->end.psn = 0x5678;
    c->end.mtu = 1024;
    c->end.reads = 4;
    c->end.lease_ms = 60000;
    c->memory = memory;
    c->bytes = bytes;
    c->rkey = rkey;
}

enum err rc_client_connect(struct rc_client *c, struct transport *T, struct view user)
{
    uint8_t request[RC_REQUEST_BYTES];
    struct buf b = buf_over(request, sizeof(request));
    struct rc_connect connect;

    rc_wire_put_request(&c->end, &b);
    op_init(&connect.op, loop_nothing);
    connect.request = buf_view(&b);
    connect.user = user;
    rc_connect(T, &connect);
    TRY(loop_wait(&connect.op));
    return rc_wire_take_answer(view_of(connect.answer, RC_ANSWER_BYTES), &c->answer);
}

struct rc_token
rc_client_token(const struct rc_client *c, uint64_t off, uint64_t len, bool is_write)
{
    struct rc_token t = {
        .rkey = c->rkey,
        .base = (uintptr_t)c->memory,
        .bytes = c->bytes,
        .offset = off,
        .length = len,
        .is_write = is_write,
        .expiry_ms = (uint64_t)clock_wall_ms() + RC_TOKEN_LIFE_MS,
        .fence = c->fence,
    };

    memcpy(t.session_id, c->answer.session_id, RC_ID_BYTES);
    return t;
}

void rc_client_mint(
    const struct rc_client *c, uint64_t off, uint64_t len, bool is_write, struct buf *to)
{
    struct rc_token t = rc_client_token(c, off, len, is_write);

    rc_token_write(&t, c->answer.session_key, to);
}
