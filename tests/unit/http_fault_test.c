/*
 * The server over the simulated ring: short transfers in any order leave no trace, and whichever
 * operation fails, one connection pays and the next one works.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>

#include "http_rig.h"
#include "loop_sim.h"

#define H "Host: h\r\n"

enum { SEEDS = 40 };

static struct rig rig;
static struct rig_client client;

static const char script[] =
    "PUT /echo?piece=7 HTTP/1.1\r\n" H
    "Content-Length: 11\r\nExpect: 100-continue\r\n\r\nhello world"
    "PUT /echo?piece=4 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
    "6\r\nfirst,\r\n7\r\nsecond,\r\n5\r\nthird\r\n0\r\n\r\n"
    "PUT /early HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nxxxxx"
    "GET /chunked?n=9&piece=3 HTTP/1.1\r\n" H "\r\n"
    "GET /size?n=20000&piece=6000 HTTP/1.1\r\n" H "Connection: close\r\n\r\n";

static void expect_script_answered(void)
{
    uint8_t want[20000];

    rig_wait_closed(&client);
    assert_true(rig_has(&client, "\r\n\r\nhello world"));
    assert_true(rig_has(&client, "\r\n\r\nfirst,second,third"));
    assert_true(rig_has(&client, "\r\n\r\ndenied"));
    assert_true(rig_has(&client, "\r\n\r\n3\r\n"));
    assert_true(rig_has(&client, "\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    rig_pattern(want, sizeof(want), 0);
    assert_true(client.len > sizeof(want));
    assert_memory_equal(client.got + client.len - sizeof(want), want, sizeof(want));
}

static void short_transfers_change_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        rig_start_over(&rig, loop_sim_new(seed, LOOP_SIM_SHORT), NULL, NULL);
        rig_connect(&rig, &client);
        for (size_t at = 0; at < sizeof(script) - 1; at += seed)
            rig_send(&client, script + at, MIN((size_t)seed, sizeof(script) - 1 - at));
        expect_script_answered();
        assert_int_equal(rig.ended, 5);
        rig_close(&client);
        rig_stop(&rig);
    }
}

/* Whatever happens to this one: it ends. */
static void run_script_somehow(void)
{
    rig_connect(&rig, &client);
    for (size_t at = 0; at < sizeof(script) - 1; at += 16)
        rig_send(&client, script + at, MIN((size_t)16, sizeof(script) - 1 - at));
    for (int i = 0; i < 20000 && !client.is_closed && !client.is_reset; i++)
        rig_poll(&client);
    assert_true(client.is_closed || client.is_reset);
    rig_close(&client);
}

/* False when there is no nth operation of that kind. */
static bool run_with_fault(enum io_kind kind, unsigned nth, int sys)
{
    struct ring *ring = loop_sim_new(nth, LOOP_SIM_SHORT);
    bool was_reached;

    loop_sim_fail(ring, kind, nth, sys);
    rig_start_over(&rig, ring, NULL, NULL);
    run_script_somehow();
    was_reached = loop_sim_count(ring, kind) >= nth;
    if (was_reached) {
        rig_connect(&rig, &client);
        rig_text(&client, script);
        expect_script_answered();
        rig_close(&client);
    }
    rig_stop(&rig);
    return was_reached;
}

static unsigned fault_loop(enum io_kind kind, int sys)
{
    unsigned nth = 1;

    while (run_with_fault(kind, nth, sys)) {
        nth++;
        assert_true(nth < 10000);
    }
    return nth - 1;
}

static void any_receive_may_fail(void **state)
{
    (void)state;
    assert_true(fault_loop(IO_RECV, ECONNRESET) > 1);
    assert_true(fault_loop(IO_RECV, EIO) > 1);
}

static void any_send_may_fail(void **state)
{
    (void)state;
    assert_true(fault_loop(IO_SEND, EPIPE) > 5);
}

static void accepting_goes_on_after_a_failure(void **state)
{
    static const int failures[] = {ECONNABORTED, EMFILE, ENOBUFS};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
        struct ring *ring = loop_sim_new(i, 0);

        loop_sim_fail(ring, IO_ACCEPT, 1, failures[i]);
        rig_start_over(&rig, ring, NULL, NULL);
        rig_connect(&rig, &client);
        rig_text(&client, script);
        expect_script_answered();
        rig_close(&client);
        rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_transfers_change_nothing),
        cmocka_unit_test(any_receive_may_fail),
        cmocka_unit_test(any_send_may_fail),
        cmocka_unit_test(accepting_goes_on_after_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
