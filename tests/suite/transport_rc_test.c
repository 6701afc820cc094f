/*
 * The contract over transport `rc`: over the fake verbs, and over a real device where there is one
 * (make it run under a kernel with soft RoCE; elsewhere that half says that it was skipped).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "direct/rc/rc_ibv.h"
#include "rc_fake.h"
#include "rc_peer.h"
#include "transport_suite.h"

static const char broken[] = "rc1:0000000000000000000000000000000g";

static struct rc_config config;
static unsigned hold_polls;

struct stand {
    struct suite_stand suite;
    struct rc_fake fake;
    struct rc_client client;
    struct rc_peer peer;
    bool is_connected;
};

static struct stand *stand_of(struct suite_stand *s)
{
    return container_of(s, struct stand, suite);
}

static struct stand *stand_new(const struct rc_verbs *verbs, struct stand *s)
{
    struct rc_config c = config;
    uint8_t why[200];
    struct buf b = buf_over(why, sizeof(why));

    s->suite.memory = aligned_alloc(4096, SUITE_BYTES);
    s->suite.arena = aligned_alloc(4096, SUITE_ARENA_BYTES);
    c.verbs = verbs;
    c.arena = view_of(s->suite.arena, SUITE_ARENA_BYTES);
    assert_int_equal(work_pool_start(2), ERR_OK);
    assert_int_equal(rc_new(&c, &s->suite.transport, &b), ERR_OK);
    return s;
}

static void stand_free(struct stand *s)
{
    work_pool_stop();
    free(s->suite.memory);
    free(s->suite.arena);
    free(s);
}

/* --- fake --- */

static struct suite_stand *fake_new(void)
{
    struct stand *s = calloc(1, sizeof(*s));

    rc_fake_init(&s->fake);
    s->fake.hold_polls = hold_polls;
    stand_new(&s->fake.verbs, s);
    s->fake.memory = s->suite.memory;
    s->fake.bytes = SUITE_BYTES;
    rc_client_init(&s->client, s->suite.memory, SUITE_BYTES, RC_FAKE_RKEY);
    return &s->suite;
}

static void fake_free(struct suite_stand *suite)
{
    rc_fake_done(&stand_of(suite)->fake);
    stand_free(stand_of(suite));
}

/* The first token connects: by then there is a reactor. */
static void fake_token(
    struct suite_stand *suite, uint64_t off, uint64_t len, enum window_direction d, struct buf *to)
{
    struct stand *s = stand_of(suite);

    if (!s->is_connected)
        assert_int_equal(rc_client_connect(&s->client, suite->transport, VIEW("AKUSER")), ERR_OK);
    s->is_connected = true;
    rc_client_mint(&s->client, off, len, d == WINDOW_WRITE, to);
}

static const struct suite_kind fake_kind = {
    .name = "rc, fake verbs",
    .foreign = {(const uint8_t *)"local1:00", 9},
    .broken = {(const uint8_t *)broken, sizeof(broken) - 1},
    .new = fake_new,
    .free = fake_free,
    .token = fake_token,
};

/* --- a device --- */

static struct suite_stand *device_new(void)
{
    struct stand *s = stand_new(rc_ibv(), calloc(1, sizeof(struct stand)));

    assert_true(rc_peer_open(&s->peer, NULL, s->suite.memory, SUITE_BYTES));
    return &s->suite;
}

static void device_free(struct suite_stand *suite)
{
    rc_peer_close(&stand_of(suite)->peer);
    stand_free(stand_of(suite));
}

static void device_token(
    struct suite_stand *suite, uint64_t off, uint64_t len, enum window_direction d, struct buf *to)
{
    struct stand *s = stand_of(suite);

    if (!s->is_connected) {
        assert_int_equal(
            rc_client_connect(&s->peer.client, suite->transport, VIEW("AKUSER")), ERR_OK);
        rc_peer_finish(&s->peer);
    }
    s->is_connected = true;
    rc_client_mint(&s->peer.client, off, len, d == WINDOW_WRITE, to);
}

static const struct suite_kind device_kind = {
    .name = "rc, a device",
    .foreign = {(const uint8_t *)"fault:00", 8},
    .broken = {(const uint8_t *)broken, sizeof(broken) - 1},
    .new = device_new,
    .free = device_free,
    .token = device_token,
};

static bool device_is_there(void)
{
    static uint8_t memory[4096];
    struct rc_peer peer;

    if (!rc_peer_open(&peer, NULL, memory, sizeof(memory)))
        return false;
    rc_peer_close(&peer);
    return true;
}

int main(void)
{
    int failed = transport_suite_run(&fake_kind);

    /* Small work requests, a short queue, completions that come late. */
    config = (struct rc_config){.message_bytes_max = 5000, .queue_depth = 6, .signal_every = 4};
    hold_polls = 3;
    failed += transport_suite_run(&fake_kind);
    config = (struct rc_config){0};
    if (!device_is_there()) {
        print_message("[  SKIPPED ] rc, a device: no RDMA device here\n");
        return failed;
    }
    failed += transport_suite_run(&device_kind);
    config = (struct rc_config){.message_bytes_max = 65536, .queue_depth = 8};
    return failed + transport_suite_run(&device_kind);
}
