#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop_help.h"

enum { MANY = 500, REACTORS = 3 };

struct job {
    struct work work;
    unsigned number;
    pthread_t ran_on;
    unsigned ran_at; /* order */
    unsigned ended;
};

static atomic_uint order;

static void run_job(struct work *w)
{
    struct job *j = container_of(w, struct job, work);

    j->ran_on = pthread_self();
    j->ran_at = atomic_fetch_add(&order, 1);
    w->result = j->number % 2 ? ERR_NO_SPACE : ERR_OK;
}

static void end_job(struct op *op)
{
    container_of(op, struct job, work.op)->ended++;
}

static void job_init(struct job *j, unsigned number)
{
    *j = (struct job){.number = number, .work.run = run_job};
    op_init(&j->work.op, end_job);
}

static int open_all(void **state)
{
    atomic_store(&order, 0);
    loop_open(RING_AUTO);
    return work_pool_start(2) != ERR_OK;
}

static int close_all(void **state)
{
    work_pool_stop();
    if (reactor_current())
        loop_close();
    return 0;
}

static void runs_elsewhere_and_advances_here(void **state)
{
    struct job j;

    job_init(&j, 1);
    work_start(&j.work);
    assert_int_equal(j.ended, 0);
    assert_int_equal(loop_wait(&j.work.op), ERR_NO_SPACE);
    assert_int_equal(j.ended, 1);
    assert_false(pthread_equal(j.ran_on, pthread_self()));
    job_init(&j, 2);
    work_start(&j.work);
    assert_int_equal(loop_wait(&j.work.op), ERR_OK);
}

static void leave_result_alone(struct work *w)
{
}

static void the_result_is_success_unless_run_says_otherwise(void **state)
{
    struct job j;

    job_init(&j, 1);
    work_start(&j.work);
    assert_int_equal(loop_wait(&j.work.op), ERR_NO_SPACE);
    j.work.run = leave_result_alone;
    work_start(&j.work);
    assert_int_equal(loop_wait(&j.work.op), ERR_OK);
}

static struct job jobs[REACTORS][MANY];

static void do_many(struct job *j)
{
    for (unsigned i = 0; i < MANY; i++) {
        job_init(&j[i], i);
        work_start(&j[i].work);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(loop_wait(&j[i].work.op), i % 2 ? ERR_NO_SPACE : ERR_OK);
        assert_int_equal(j[i].ended, 1);
    }
}

static void more_work_than_threads_queues(void **state)
{
    do_many(jobs[0]);
}

static void *reactor_thread(void *ctx)
{
    loop_open(RING_AUTO);
    do_many(ctx);
    loop_close();
    return NULL;
}

static void several_reactors_share_the_pool(void **state)
{
    pthread_t thread[REACTORS];

    for (unsigned i = 0; i < REACTORS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, reactor_thread, jobs[i]), 0);
    for (unsigned i = 0; i < REACTORS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(atomic_load(&order), REACTORS * MANY);
}

static void one_thread_runs_first_in_first_out(void **state)
{
    work_pool_stop();
    assert_int_equal(work_pool_start(1), ERR_OK);
    do_many(jobs[0]);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(jobs[0][i].ran_at, i);
}

static void stop_does_what_was_started_first(void **state)
{
    for (unsigned i = 0; i < MANY; i++) {
        job_init(&jobs[0][i], 0);
        work_start(&jobs[0][i].work);
    }
    work_pool_stop();
    assert_int_equal(atomic_load(&order), MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(loop_wait(&jobs[0][i].work.op), ERR_OK);
}

/* The worker's wake and the end of its reactor: the reactor must outlive the wake. */
static void a_reactor_may_end_right_after_its_last_work(void **state)
{
    loop_close();
    for (unsigned round = 0; round < 50; round++) {
        struct job j;
        loop_open(RING_EPOLL);
        job_init(&j, 0);
        work_start(&j.work);
        assert_int_equal(loop_wait(&j.work.op), ERR_OK);
        loop_close();
    }
}

static void a_pool_of_no_or_too_many_threads_is_refused(void **state)
{
    work_pool_stop();
    assert_int_equal(work_pool_start(0), ERR_INVALID);
    assert_int_equal(work_pool_start(100000), ERR_INVALID);
    work_pool_stop(); /* harmless when not started */
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_all, close_all)
    const struct CMUnitTest tests[] = {
        CASE(runs_elsewhere_and_advances_here),
        CASE(the_result_is_success_unless_run_says_otherwise),
        CASE(more_work_than_threads_queues),
        CASE(several_reactors_share_the_pool),
        CASE(one_thread_runs_first_in_first_out),
        CASE(stop_does_what_was_started_first),
        CASE(a_reactor_may_end_right_after_its_last_work),
        CASE(a_pool_of_no_or_too_many_threads_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
