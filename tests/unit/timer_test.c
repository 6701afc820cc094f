#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop_help.h"

enum { MANY = 2000, ORDER_MAX = 8 };

static struct timer *order[ORDER_MAX];
static unsigned fired;

static void note(struct op *op)
{
    if (fired < ORDER_MAX)
        order[fired] = container_of(op, struct timer, op);
    fired++;
}

static int open_loop(void **state)
{
    fired = 0;
    loop_open(RING_EPOLL);
    return 0;
}

static int close_loop(void **state)
{
    loop_close();
    return 0;
}

static void fires_not_before_the_deadline(void **state)
{
    struct timer t;
    uint64_t start = clock_ns();

    op_init(&t.op, note);
    timer_start(&t, 5);
    assert_int_equal(loop_wait(&t.op), ERR_OK);
    assert_true(clock_ns() - start >= 5000000);
    assert_int_equal(fired, 1);
}

static void fires_in_order_of_deadline_not_of_start(void **state)
{
    struct timer t[4];
    static const uint64_t delay[] = {30, 10, 40, 20};

    for (unsigned i = 0; i < 4; i++) {
        op_init(&t[i].op, note);
        timer_start(&t[i], delay[i]);
    }
    loop_wait(&t[2].op);
    assert_int_equal(fired, 4);
    assert_ptr_equal(order[0], &t[1]);
    assert_ptr_equal(order[1], &t[3]);
    assert_ptr_equal(order[2], &t[0]);
    assert_ptr_equal(order[3], &t[2]);
}

static void zero_delay_still_is_not_inline(void **state)
{
    struct timer t;

    op_init(&t.op, note);
    timer_start(&t, 0);
    assert_int_equal(fired, 0);
    assert_int_equal(loop_wait(&t.op), ERR_OK);
    assert_int_equal(fired, 1);
}

static void stop_ends_it_once_with_cancelled(void **state)
{
    struct timer t;

    op_init(&t.op, note);
    timer_start(&t, 3600000);
    timer_stop(&t);
    assert_int_equal(fired, 0);
    timer_stop(&t);
    assert_int_equal(loop_wait(&t.op), ERR_CANCELLED);
    loop_turns(3);
    assert_int_equal(fired, 1);
}

static void stop_of_an_idle_timer_is_harmless(void **state)
{
    struct timer t;

    op_init(&t.op, note);
    timer_stop(&t);
    timer_start(&t, 0);
    assert_int_equal(loop_wait(&t.op), ERR_OK);
    timer_stop(&t);
    loop_turns(2);
    assert_int_equal(fired, 1);
}

static void can_be_started_again_from_advance(void **state)
{
    struct timer t;

    op_init(&t.op, note);
    for (unsigned i = 1; i <= 3; i++) {
        timer_start(&t, 1);
        assert_int_equal(loop_wait(&t.op), ERR_OK);
        assert_int_equal(fired, i);
    }
}

static void an_endless_delay_does_not_wrap(void **state)
{
    struct timer t;

    op_init(&t.op, note);
    timer_start(&t, UINT64_MAX);
    loop_turns(3);
    assert_int_equal(fired, 0);
    timer_stop(&t);
    loop_wait(&t.op);
}

/* Heap order under random starts and stops: what is left fires sorted by deadline. */
static struct timer many[MANY];
static uint64_t last_due;
static bool is_sorted;

static void note_due(struct op *op)
{
    struct timer *t = container_of(op, struct timer, op);

    if (op->err)
        return;
    is_sorted = is_sorted && t->due_ns >= last_due;
    last_due = t->due_ns;
    fired++;
}

static void many_started_and_stopped_fire_sorted(void **state)
{
    uint32_t seed = 12345;
    unsigned stopped = 0;

    is_sorted = true;
    last_due = 0;
    for (unsigned i = 0; i < MANY; i++) {
        seed = seed * 1664525 + 1013904223;
        op_init(&many[i].op, note_due);
        timer_start(&many[i], 20 + (seed >> 16) % 100);
        seed = seed * 1664525 + 1013904223;
        unsigned victim = (seed >> 16) % (i + 1);
        if (seed & 0x10000 && many[victim].op.life == OP_IN_FLIGHT) {
            timer_stop(&many[victim]);
            stopped++;
        }
    }
    for (unsigned i = 0; i < MANY; i++)
        loop_wait(&many[i].op);
    assert_true(stopped > MANY / 8);
    assert_int_equal(fired, MANY - stopped);
    assert_true(is_sorted);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        CASE(fires_not_before_the_deadline),     CASE(fires_in_order_of_deadline_not_of_start),
        CASE(zero_delay_still_is_not_inline),    CASE(stop_ends_it_once_with_cancelled),
        CASE(stop_of_an_idle_timer_is_harmless), CASE(can_be_started_again_from_advance),
        CASE(an_endless_delay_does_not_wrap),    CASE(many_started_and_stopped_fire_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
