/* The contract over transport `local`: a memfd of this process, and a range of another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/local_peer.h"
#include "local_help.h"
#include "transport_suite.h"

static const char broken[] = "local1:0000000000000000000000000000000g";

struct stand {
    struct suite_stand suite;
    struct local_help server;
    /* memfd */
    struct local_peer *peer;
    struct local_memory memory;
    uint32_t region;
    /* range */
    struct local_child child;
};

static struct stand *stand_of(struct suite_stand *s)
{
    return container_of(s, struct stand, suite);
}

/* --- memfd --- */

static struct suite_stand *memfd_new(void)
{
    struct stand *s = calloc(1, sizeof(*s));
    uint8_t why[200];
    struct buf b = buf_over(why, sizeof(why));

    local_help_start(&s->server, NULL);
    assert_int_equal(local_peer_connect(s->server.path, LOCAL_HELP_ID, &s->peer, &b), ERR_OK);
    assert_int_equal(local_memory_new(SUITE_BYTES, &s->memory), ERR_OK);
    assert_int_equal(local_peer_register(s->peer, &s->memory, &s->region, &b), ERR_OK);
    s->suite.memory = s->memory.at;
    s->suite.transport = s->server.transport;
    return &s->suite;
}

static void memfd_free(struct suite_stand *suite)
{
    struct stand *s = stand_of(suite);

    local_peer_free(s->peer);
    local_memory_free(&s->memory);
    s->server.transport = NULL;
    local_help_stop(&s->server);
    free(s);
}

static void memfd_token(
    struct suite_stand *suite, uint64_t off, uint64_t len, enum window_direction d, struct buf *to)
{
    struct stand *s = stand_of(suite);
    struct local_mint mint = {
        .region = s->region, .offset = off, .bytes = len, .is_write = d == WINDOW_WRITE};
    struct local_ticket ticket;

    assert_int_equal(local_peer_mint(s->peer, &mint, to, &ticket), ERR_OK);
}

static const struct suite_kind memfd_kind = {
    .name = "local, memfd",
    .foreign = {(const uint8_t *)"local2:00", 9},
    .broken = {(const uint8_t *)broken, sizeof(broken) - 1},
    .new = memfd_new,
    .free = memfd_free,
    .token = memfd_token,
};

/* --- range --- */

static struct suite_stand *range_new(void)
{
    struct stand *s = calloc(1, sizeof(*s));

    local_child_new(&s->child, SUITE_BYTES);
    local_help_start(&s->server, NULL);
    assert_int_equal(local_child_connect(&s->child, s->server.path, true), ERR_OK);
    s->suite.memory = s->child.memory;
    s->suite.transport = s->server.transport;
    return &s->suite;
}

static void range_free(struct suite_stand *suite)
{
    struct stand *s = stand_of(suite);

    local_child_free(&s->child);
    s->server.transport = NULL;
    local_help_stop(&s->server);
    free(s);
}

static void range_token(
    struct suite_stand *suite, uint64_t off, uint64_t len, enum window_direction d, struct buf *to)
{
    struct local_child_token t = {off, len, d == WINDOW_WRITE};

    local_child_token(&stand_of(suite)->child, &t, to);
}

static const struct suite_kind range_kind = {
    .name = "local, range of another process",
    .foreign = {(const uint8_t *)"fault:00", 8},
    .broken = {(const uint8_t *)broken, sizeof(broken) - 1},
    .new = range_new,
    .free = range_free,
    .token = range_token,
};

int main(void)
{
    return transport_suite_run(&memfd_kind) + transport_suite_run(&range_kind);
}
