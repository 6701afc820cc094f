#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics.h"

static void a_thread_counts_into_its_own_set(void **state)
{
    static struct metrics mine;

    metrics_add(METRIC_STALLS, 5); /* nobody's: must not crash, must not show */
    metrics_use(&mine);
    metrics_add(METRIC_STALLS, 2);
    metrics_add(METRIC_STALLS, 3);
    metrics_use(NULL);
    metrics_add(METRIC_STALLS, 7);
    assert_true(mine.count[METRIC_STALLS] == 5);
    assert_true(mine.count[METRIC_STALL_NS] == 0);
}

static void *count_elsewhere(void *set)
{
    metrics_add(METRIC_COMMITS, 1);
    metrics_use(set);
    metrics_add(METRIC_COMMITS, 10);
    return NULL;
}

static void another_thread_does_not_inherit_the_set(void **state)
{
    static struct metrics mine, other;
    pthread_t thread;

    metrics_use(&mine);
    assert_int_equal(pthread_create(&thread, NULL, count_elsewhere, &other), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    metrics_add(METRIC_COMMITS, 100);
    metrics_use(NULL);
    assert_true(mine.count[METRIC_COMMITS] == 100);
    assert_true(other.count[METRIC_COMMITS] == 10);
}

static void requests_fall_into_their_class_and_bucket(void **state)
{
    static struct metrics m;

    metrics_use(&m);
    metrics_request(3, 200, 0);
    metrics_request(3, 206, 1);
    metrics_request(3, 404, 2);
    metrics_request(3, 503, 3);
    metrics_request(3, 999, UINT32_MAX);
    metrics_request(METRICS_OPS_MAX - 1, 0, 1 << 23);
    metrics_use(NULL);
    assert_true(m.requests[3][2] == 2);
    assert_true(m.requests[3][4] == 1);
    assert_true(m.requests[3][5] == 1);
    assert_true(m.requests[3][0] == 1);
    assert_true(m.latency[3][0] == 2); /* 0 and 1 us */
    assert_true(m.latency[3][1] == 1); /* 2 us */
    assert_true(m.latency[3][2] == 1); /* 3 us */
    assert_true(m.latency[3][METRICS_LATENCY_BUCKETS - 1] == 1);
    assert_true(m.latency_us_sum[3] == (uint64_t)UINT32_MAX + 6);
    assert_true(m.latency[METRICS_OPS_MAX - 1][23] == 1);
    assert_true(m.requests[METRICS_OPS_MAX - 1][0] == 1);
}

static void the_wall_can_be_faked_and_the_monotonic_clock_goes_on(void **state)
{
    uint64_t before = clock_ns();

    clock_fake_wall(12345);
    assert_true(clock_wall_ms() == 12345);
    clock_fake_wall(0);
    assert_true(clock_wall_ms() > 1577836800000); /* 2020 */
    assert_true(clock_ns() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_counts_into_its_own_set),
        cmocka_unit_test(another_thread_does_not_inherit_the_set),
        cmocka_unit_test(requests_fall_into_their_class_and_bucket),
        cmocka_unit_test(the_wall_can_be_faked_and_the_monotonic_clock_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
