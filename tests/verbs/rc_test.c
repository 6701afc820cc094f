/*
 * Transport `rc` over real verbs, when things go wrong: keys that do not hold, clients that are
 * gone, windows closed early. From rxe0 to rxe0 and from rxe0 to rxe1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "direct/rc/rc_ibv.h"
#include "loop_help.h"
#include "rc_peer.h"

enum { BYTES = 4 << 20, ARENA = 8 << 20, CYCLES = 100 };
static const uint64_t second_ns = 1000000000;

static const char *peer_device;
static struct transport *T;
static struct rc_peer peer;
static uint8_t *memory, *arena;

static void peer_connect(void)
{
    assert_true(rc_peer_open(&peer, peer_device, memory, BYTES));
    assert_int_equal(rc_client_connect(&peer.client, T, VIEW("AKUSER")), ERR_OK);
    rc_peer_finish(&peer);
}

static int setup(void **state)
{
    struct rc_config config = {.verbs = rc_ibv(), .device = "rxe0", .timeout = 8};
    uint8_t why[200];
    struct buf b = buf_over(why, sizeof(why));

    (void)state;
    memory = aligned_alloc(4096, BYTES);
    arena = aligned_alloc(4096, ARENA);
    memset(memory, 0x11, BYTES);
    memset(arena, 0x22, ARENA);
    config.arena = view_of(arena, ARENA);
    assert_int_equal(work_pool_start(2), ERR_OK);
    loop_open(RING_AUTO);
    assert_int_equal(rc_new(&config, &T, &b), ERR_OK);
    peer_connect();
    return 0;
}

static int teardown(void **state)
{
    struct op op;

    (void)state;
    op_init(&op, loop_nothing);
    transport_stop(T, &op);
    assert_int_equal(loop_wait(&op), ERR_OK);
    loop_close();
    work_pool_stop();
    rc_peer_close(&peer);
    free(memory);
    free(arena);
    return 0;
}

struct held {
    struct window window;
    uint8_t text[RC_TOKEN_BYTES];
};

static enum err open_window(struct held *h, enum window_direction d)
{
    struct buf b = buf_over(h->text, sizeof(h->text));

    rc_client_mint(&peer.client, 0, BYTES, d == WINDOW_WRITE, &b);
    memset(&h->window, 0, sizeof(h->window));
    op_init(&h->window.op, loop_nothing);
    h->window.token = buf_view(&b);
    h->window.user = VIEW("AKUSER");
    h->window.direction = d;
    h->window.deadline_ns = clock_ns() + 20 * second_ns;
    transport_open_window(T, &h->window);
    return loop_wait(&h->window.op);
}

static enum err close_window(struct held *h)
{
    transport_close_window(&h->window);
    return loop_wait(&h->window.op);
}

static void start(struct transfer *t, struct held *h, uint64_t off, size_t len)
{
    *t = (struct transfer){.window = &h->window, .window_off = off, .at = arena + off, .len = len};
    op_init(&t->op, loop_nothing);
    if (h->window.direction == WINDOW_WRITE)
        transport_write(t);
    else
        transport_read(t);
}

static bool all_are(const uint8_t *at, size_t len, uint8_t byte)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != byte)
            return false;
    return true;
}

/* After a failure the client comes again, and all is well. */
static void assert_served_again(void)
{
    struct transfer t;
    struct held h;

    rc_peer_close(&peer);
    peer_connect();
    assert_int_equal(open_window(&h, WINDOW_WRITE), ERR_OK);
    start(&t, &h, 0, 1 << 20);
    assert_int_equal(loop_wait(&t.op), ERR_OK);
    assert_int_equal(close_window(&h), ERR_OK);
    assert_true(all_are(memory, 1 << 20, 0x22) && all_are(memory + (1 << 20), 4096, 0x11));
}

static void fails_with_wrong_key(enum window_direction d)
{
    struct transfer t[4];
    struct held h;

    peer.client.rkey ^= 0x55;
    assert_int_equal(open_window(&h, d), ERR_OK);
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
        start(&t[i], &h, i * 65536, 65536);
    assert_int_equal(loop_wait(&t[0].op), ERR_DENIED);
    for (unsigned i = 1; i < ARRAY_COUNT(t); i++)
        assert_int_not_equal(loop_wait(&t[i].op), ERR_OK);
    assert_int_equal(close_window(&h), ERR_OK);
    assert_true(all_are(memory, BYTES, 0x11) && all_are(arena, BYTES, 0x22));
    assert_int_equal(open_window(&h, d), ERR_DENIED); /* the session has ended */
    assert_served_again();
}

static void a_wrong_key_writes_nothing(void **state)
{
    (void)state;
    fails_with_wrong_key(WINDOW_WRITE);
}

static void a_wrong_key_reads_nothing(void **state)
{
    (void)state;
    fails_with_wrong_key(WINDOW_READ);
}

static void a_client_that_is_gone_is_noticed(void **state)
{
    struct transfer t;
    struct held h;

    (void)state;
    assert_int_equal(open_window(&h, WINDOW_WRITE), ERR_OK);
    assert_int_equal(ibv_destroy_qp(peer.qp), 0);
    peer.qp = NULL;
    h.window.deadline_ns = clock_ns() + second_ns;
    start(&t, &h, 0, 4096);
    /* The retries are used up; or, since soft RoCE goes on for longer, the deadline is there. */
    enum err e = loop_wait(&t.op);
    assert_true(e == ERR_CLOSED || e == ERR_TIMEOUT);
    assert_int_equal(close_window(&h), ERR_OK);
    assert_true(all_are(memory, BYTES, 0x11));
    assert_served_again();
}

/* The memory is the client's again the moment the close is done. */
static void nothing_arrives_after_a_close(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct transfer t[4];
        struct held h;

        assert_int_equal(open_window(&h, WINDOW_WRITE), ERR_OK);
        for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
            start(&t[i], &h, i << 20, 1 << 20);
        loop_turns(round % 5);
        assert_int_equal(close_window(&h), ERR_OK);
        memset(memory, 0x33, BYTES);
        loop_turns(50);
        assert_true(all_are(memory, BYTES, 0x33));
        rc_peer_close(&peer);
        peer_connect();
    }
}

static void connections_come_and_go(void **state)
{
    struct rc_stats stats;

    (void)state;
    for (unsigned i = 0; i < CYCLES; i++) {
        struct view id = view_of(peer.client.answer.session_id, RC_ID_BYTES);

        assert_int_equal(rc_disconnect(T, id, VIEW("AKUSER")), ERR_OK);
        rc_peer_close(&peer);
        peer_connect();
    }
    memset(memory, 0x11, BYTES);
    assert_served_again();
    rc_stats(T, &stats);
    assert_true(stats.windows_open == 0 && stats.jobs == 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_wrong_key_writes_nothing),       CASE(a_wrong_key_reads_nothing),
        CASE(a_client_that_is_gone_is_noticed), CASE(nothing_arrives_after_a_close),
        CASE(connections_come_and_go),
    };

    peer_device = "rxe0";
    int failed = cmocka_run_group_tests_name("rc, rxe0 to rxe0", tests, NULL, NULL);
    peer_device = "rxe1";
    return failed + cmocka_run_group_tests_name("rc, rxe0 to rxe1", tests, NULL, NULL);
}
