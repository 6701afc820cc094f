/* The contract over transport `fault`, and what only fault does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "direct/fault/fault.h"
#include "loop_help.h"
#include "transport_suite.h"

static struct transport_fault_config config;

static struct suite_stand *stand_new(void)
{
    struct suite_stand *s = calloc(1, sizeof(*s));

    s->memory = calloc(1, SUITE_BYTES);
    config.memory = s->memory;
    config.bytes = SUITE_BYTES;
    assert_int_equal(transport_fault_new(&config, &s->transport), ERR_OK);
    return s;
}

static void stand_free(struct suite_stand *s)
{
    free(s->memory);
    free(s);
}

static void stand_token(
    struct suite_stand *s, uint64_t off, uint64_t len, enum window_direction d, struct buf *to)
{
    (void)s;
    (void)d;
    buf_printf(to, "fault:%016llx:%016llx", (unsigned long long)off, (unsigned long long)len);
}

static const struct suite_kind kind = {
    .name = "fault",
    .foreign = {(const uint8_t *)"local1:00", 9},
    .broken = {(const uint8_t *)"fault:0:1", 9},
    .new = stand_new,
    .free = stand_free,
    .token = stand_token,
};

/* --- only fault --- */

static unsigned order[32], ordered;

struct numbered {
    struct transfer transfer;
    unsigned number;
};

static void note_order(struct op *op)
{
    order[ordered++] = container_of(op, struct numbered, transfer.op)->number;
}

static void orders_of_seed(uint64_t seed, unsigned *out)
{
    struct numbered n[32];
    struct suite_window w;
    uint8_t byte = 1;

    config.seed = seed;
    struct suite_stand *s = suite_open(&kind);
    assert_int_equal(suite_window_open(s, &w, 0, 32, WINDOW_WRITE), ERR_OK);
    ordered = 0;
    for (unsigned i = 0; i < 32; i++) {
        n[i].number = i;
        suite_start(&n[i].transfer, &w, i, &byte, 1);
        n[i].transfer.op.advance = note_order;
    }
    assert_int_equal(suite_window_close(&w), ERR_OK);
    assert_int_equal(ordered, 32);
    memcpy(out, order, sizeof(order));
    suite_close(s);
}

static void the_seed_decides_the_order(void **state)
{
    unsigned first[32], again[32], other[32];
    bool is_shuffled = false;

    (void)state;
    config = (struct transport_fault_config){0};
    orders_of_seed(1, first);
    orders_of_seed(1, again);
    orders_of_seed(2, other);
    assert_memory_equal(first, again, sizeof(first));
    assert_memory_not_equal(first, other, sizeof(first));
    for (unsigned i = 0; i < 32; i++)
        is_shuffled = is_shuffled || first[i] != i;
    assert_true(is_shuffled);
}

/* One open and two moves: calls 1, 2, 3. */
static void fail_at(unsigned nth, enum err open_err, enum err first_err, enum err second_err)
{
    struct suite_window w;
    uint8_t data[100];

    memset(data, 0xcc, sizeof(data));
    config = (struct transport_fault_config){.fail_nth = nth, .fail_err = ERR_IO};
    struct suite_stand *s = suite_open(&kind);
    assert_int_equal(suite_window_open(s, &w, 0, 100, WINDOW_WRITE), open_err);
    if (!open_err) {
        assert_int_equal(suite_move(&w, 0, data, 100), first_err);
        /* A failed transfer may have placed part of its bytes, never all. */
        assert_int_equal(s->memory[99] == 0xcc, first_err == ERR_OK);
        assert_int_equal(suite_move(&w, 0, data, 100), second_err);
        assert_int_equal(suite_window_close(&w), ERR_OK);
        assert_int_equal(transport_fault_calls(s->transport), 3);
    }
    suite_close(s);
}

static void the_nth_call_fails_and_no_other(void **state)
{
    (void)state;
    fail_at(0, ERR_OK, ERR_OK, ERR_OK);
    fail_at(1, ERR_IO, ERR_OK, ERR_OK);
    fail_at(2, ERR_OK, ERR_IO, ERR_OK);
    fail_at(3, ERR_OK, ERR_OK, ERR_IO);
    fail_at(4, ERR_OK, ERR_OK, ERR_OK);
}

static void a_lost_move_ends_when_its_window_closes(void **state)
{
    struct suite_window w, other;
    struct transfer lost, found;
    uint8_t byte = 0xcc;

    (void)state;
    config = (struct transport_fault_config){.lose_nth = 1};
    struct suite_stand *s = suite_open(&kind);
    assert_int_equal(suite_window_open(s, &w, 0, 100, WINDOW_WRITE), ERR_OK);
    assert_int_equal(suite_window_open(s, &other, 100, 100, WINDOW_WRITE), ERR_OK);
    suite_start(&lost, &w, 0, &byte, 1);
    suite_start(&found, &w, 1, &byte, 1);
    assert_int_equal(loop_wait(&found.op), ERR_OK);
    assert_int_equal(suite_move(&other, 0, &byte, 1), ERR_OK);
    assert_int_equal(suite_window_close(&other), ERR_OK);
    loop_turns(50);
    assert_false(op_is_idle(&lost.op));
    assert_int_equal(suite_window_close(&w), ERR_OK);
    assert_true(op_is_idle(&lost.op));
    assert_int_equal(lost.op.err, ERR_CANCELLED);
    assert_int_equal(s->memory[0], suite_byte(1, 0));
    suite_close(s);
}

static void a_lost_move_ends_at_the_deadline(void **state)
{
    struct suite_window w;
    struct transfer lost;
    uint8_t byte = 0xcc;

    (void)state;
    config = (struct transport_fault_config){.lose_nth = 1};
    struct suite_stand *s = suite_open(&kind);
    assert_int_equal(suite_window_open(s, &w, 0, 100, WINDOW_WRITE), ERR_OK);
    w.window.deadline_ns = clock_ns() + 100 * UINT64_C(1000000);
    suite_start(&lost, &w, 0, &byte, 1);
    assert_int_equal(loop_wait(&lost.op), ERR_TIMEOUT);
    assert_int_equal(suite_move(&w, 0, &byte, 1), ERR_TIMEOUT);
    assert_int_equal(suite_window_close(&w), ERR_OK);
    suite_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seed_decides_the_order),
        cmocka_unit_test(the_nth_call_fails_and_no_other),
        cmocka_unit_test(a_lost_move_ends_when_its_window_closes),
        cmocka_unit_test(a_lost_move_ends_at_the_deadline),
    };
    int failed = 0;

    config = (struct transport_fault_config){.seed = 1};
    failed += transport_suite_run(&kind);
    config = (struct transport_fault_config){.seed = 2, .delay_ms_max = 3};
    failed += transport_suite_run(&kind);
    failed += cmocka_run_group_tests_name("fault alone", tests, NULL, NULL);
    return failed;
}
