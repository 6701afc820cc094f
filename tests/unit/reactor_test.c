#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop_help.h"

static int open_loop(void **state)
{
    loop_open(RING_AUTO);
    return 0;
}

static int close_loop(void **state)
{
    if (reactor_current())
        loop_close();
    return 0;
}

static void knows_its_thread_index_user_and_ring(void **state)
{
    const struct reactor_config config = {.ring = RING_EPOLL, .index = 7, .cpu = -1};
    struct reactor *R;
    const char *why;
    int user;

    assert_null(reactor_current());
    assert_int_equal(reactor_new(&config, &R, &why), ERR_OK);
    assert_ptr_equal(reactor_current(), R);
    assert_int_equal(reactor_index(R), 7);
    assert_string_equal(reactor_ring(R)->ops->name, "epoll");
    assert_non_null(why);
    assert_null(reactor_user(R));
    reactor_set_user(R, &user);
    assert_ptr_equal(reactor_user(R), &user);
    reactor_free(R);
    assert_null(reactor_current());
}

static void a_cpu_that_is_not_there_is_refused_cleanly(void **state)
{
    struct reactor_config config = {.ring = RING_EPOLL, .cpu = 1000000};
    struct reactor *R;
    const char *why;

    assert_int_equal(reactor_new(&config, &R, &why), ERR_INVALID);
    assert_null(reactor_current());
    config.cpu = -1;
    assert_int_equal(reactor_new(&config, &R, &why), ERR_OK);
    reactor_free(R);
}

static void why_is_null_exactly_when_io_uring_was_taken(void **state)
{
    const struct reactor_config config = {.ring = RING_AUTO, .cpu = -1};
    struct reactor *R;
    const char *why = "unset";

    assert_int_equal(reactor_new(&config, &R, &why), ERR_OK);
    assert_int_equal(why == NULL, view_is(view_str(reactor_ring(R)->ops->name), "io_uring"));
    reactor_free(R);
}

static void ring_names_are_parsed(void **state)
{
    enum ring_kind kind;

    assert_int_equal(ring_kind_parse(VIEW("auto"), &kind), ERR_OK);
    assert_int_equal(kind, RING_AUTO);
    assert_int_equal(ring_kind_parse(VIEW("io_uring"), &kind), ERR_OK);
    assert_int_equal(kind, RING_URING);
    assert_int_equal(ring_kind_parse(VIEW("epoll"), &kind), ERR_OK);
    assert_int_equal(kind, RING_EPOLL);
    assert_int_equal(ring_kind_parse(VIEW("kqueue"), &kind), ERR_INVALID);
    assert_int_equal(ring_kind_parse(VIEW_EMPTY, &kind), ERR_INVALID);
}

/* --- stop --- */

struct last {
    struct op op;
    bool has_run;
};

static void run_last(struct op *op)
{
    container_of(op, struct last, op)->has_run = true;
}

static void run_ends_after_the_ready_list(void **state)
{
    struct last l = {.has_run = false};

    op_init(&l.op, run_last);
    op_start(&l.op);
    op_complete(&l.op, ERR_OK);
    reactor_stop(reactor_current());
    reactor_run(reactor_current());
    assert_true(l.has_run);
}

static void *stop_later(void *ctx)
{
    usleep(20000); /* so that it very likely waits by then; the test holds either way */
    reactor_stop(ctx);
    return NULL;
}

static void stop_from_another_thread_ends_a_waiting_run(void **state)
{
    pthread_t thread;

    for (unsigned i = 0; i < 2; i++) { /* run may be called again after a stop */
        assert_int_equal(pthread_create(&thread, NULL, stop_later, reactor_current()), 0);
        reactor_run(reactor_current());
        pthread_join(thread, NULL);
    }
}

/* --- metrics --- */

static uint64_t metric(enum metric k)
{
    return atomic_load(&reactor_metrics(reactor_current())->count[k]);
}

static void the_thread_counts_into_its_reactor(void **state)
{
    struct metrics *m = reactor_metrics(reactor_current());

    assert_int_equal(metric(METRIC_COMMITS), 0);
    metrics_add(METRIC_COMMITS, 3);
    assert_int_equal(metric(METRIC_COMMITS), 3);
    assert_ptr_equal(metrics_current, m);
    loop_close();
    assert_ptr_not_equal(metrics_current, m);
}

static void block(struct op *op)
{
    usleep(2 * REACTOR_STALL_NS / 1000);
}

static void a_blocking_advance_is_counted_as_a_stall(void **state)
{
    struct op op;

    op_init(&op, block);
    op_start(&op);
    op_complete(&op, ERR_OK);
    uint64_t before = metric(METRIC_STALLS);
    loop_wait(&op);
    assert_true(metric(METRIC_STALLS) > before);
    assert_true(metric(METRIC_STALL_NS) >= 2 * (uint64_t)REACTOR_STALL_NS);
}

static void waiting_is_not_a_stall(void **state)
{
    struct timer t;
    uint64_t start = clock_ns();

    op_init(&t.op, loop_nothing);
    timer_start(&t, 200);
    loop_wait(&t.op);
    /* A machine that stops us now and then may count some; the wait itself would count 200 ms. */
    assert_true(clock_ns() - start >= 200000000);
    assert_true(metric(METRIC_STALL_NS) < 100000000);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_thread_index_user_and_ring),
        cmocka_unit_test(a_cpu_that_is_not_there_is_refused_cleanly),
        cmocka_unit_test(why_is_null_exactly_when_io_uring_was_taken),
        cmocka_unit_test(ring_names_are_parsed),
        CASE(run_ends_after_the_ready_list),
        CASE(stop_from_another_thread_ends_a_waiting_run),
        CASE(the_thread_counts_into_its_reactor),
        CASE(a_blocking_advance_is_counted_as_a_stall),
        CASE(waiting_is_not_a_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
