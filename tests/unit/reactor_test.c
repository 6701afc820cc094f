#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/* What containers do: io_uring_setup answers EPERM in this process from now on. */
static bool forbid_io_uring(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = ARRAY_COUNT(code), .filter = code};

    return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
           !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

enum { CHILD_OK = 0, CHILD_BAD = 1, CHILD_NO_SECCOMP = 2 };

static int check_without_io_uring(void)
{
    struct reactor_config config = {.ring = RING_URING, .cpu = -1};
    struct reactor *R;
    const char *why = NULL;

    if (!forbid_io_uring())
        return CHILD_NO_SECCOMP;
    if (reactor_new(&config, &R, &why) != ERR_DENIED || !why)
        return CHILD_BAD;
    why = NULL;
    config.ring = RING_AUTO;
    if (reactor_new(&config, &R, &why) || !why)
        return CHILD_BAD;
    bool is_epoll = view_is(view_str(reactor_ring(R)->ops->name), "epoll");
    reactor_free(R);
    return is_epoll ? CHILD_OK : CHILD_BAD;
}

static void where_io_uring_is_forbidden_auto_takes_epoll_and_says_why(void **state)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(check_without_io_uring());
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CHILD_NO_SECCOMP)
        skip();
    assert_int_equal(WEXITSTATUS(status), CHILD_OK);
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
    uint64_t before = metric(METRIC_STALLS);

    /* A try in which the machine preempts us besides is counted as that: so several. */
    for (unsigned i = 0; i < 20 && metric(METRIC_STALLS) == before; i++) {
        op_init(&op, block);
        op_start(&op);
        op_complete(&op, ERR_OK);
        loop_wait(&op);
    }
    assert_true(metric(METRIC_STALLS) > before);
    assert_true(metric(METRIC_STALL_NS) >= 2 * (uint64_t)REACTOR_STALL_NS);
}

static void waiting_is_not_a_stall(void **state)
{
    struct timer t;
    uint64_t start = clock_ns();

    op_init(&t.op, loop_nothing);
    timer_start(&t, 400);
    loop_wait(&t.op);
    /* A machine that stops us now and then may count some; the wait itself would count 400 ms. */
    assert_true(clock_ns() - start >= 400000000);
    assert_true(metric(METRIC_STALL_NS) < 300000000);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_thread_index_user_and_ring),
        cmocka_unit_test(a_cpu_that_is_not_there_is_refused_cleanly),
        cmocka_unit_test(why_is_null_exactly_when_io_uring_was_taken),
        cmocka_unit_test(where_io_uring_is_forbidden_auto_takes_epoll_and_says_why),
        cmocka_unit_test(ring_names_are_parsed),
        CASE(run_ends_after_the_ready_list),
        CASE(stop_from_another_thread_ends_a_waiting_run),
        CASE(the_thread_counts_into_its_reactor),
        CASE(a_blocking_advance_is_counted_as_a_stall),
        CASE(waiting_is_not_a_stall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
