/* The contract of loop/op.h, the mailbox included. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop_help.h"

enum { THREADS = 4, MESSAGES = 2000 };

struct note {
    struct op op;
    unsigned times, at; /* at: the order in which it ran */
};

static unsigned ran;

static void take_note(struct op *op)
{
    struct note *n = container_of(op, struct note, op);

    n->times++;
    n->at = ran++;
}

static int open_loop(void **state)
{
    ran = 0;
    loop_open(RING_AUTO);
    return 0;
}

static int close_loop(void **state)
{
    loop_close();
    return 0;
}

static void completes_later_exactly_once_with_its_error(void **state)
{
    struct note n = {.times = 0};

    op_init(&n.op, take_note);
    assert_true(op_is_idle(&n.op));
    op_start(&n.op);
    assert_int_equal(n.op.life, OP_IN_FLIGHT);
    assert_ptr_equal(n.op.home, reactor_current());
    op_complete(&n.op, ERR_TIMEOUT);
    assert_int_equal(n.op.life, OP_READY);
    assert_int_equal(n.times, 0);
    assert_int_equal(loop_wait(&n.op), ERR_TIMEOUT);
    loop_turns(3);
    assert_int_equal(n.times, 1);
}

static void ready_ones_run_in_the_order_of_completion(void **state)
{
    static struct note n[200]; /* more than one turn takes */

    for (unsigned i = 0; i < ARRAY_COUNT(n); i++) {
        n[i].times = 0;
        op_init(&n[i].op, take_note);
        op_start(&n[i].op);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(n); i++)
        op_complete(&n[ARRAY_COUNT(n) - 1 - i].op, ERR_OK);
    for (unsigned i = 0; i < ARRAY_COUNT(n); i++)
        loop_wait(&n[i].op);
    for (unsigned i = 0; i < ARRAY_COUNT(n); i++) {
        assert_int_equal(n[i].times, 1);
        assert_int_equal(n[i].at, ARRAY_COUNT(n) - 1 - i);
    }
}

static void start_forgets_the_last_cancel_and_error(void **state)
{
    struct note n = {.times = 0};

    op_init(&n.op, take_note);
    op_start(&n.op);
    n.op.is_cancelled = true;
    op_complete(&n.op, ERR_CANCELLED);
    loop_wait(&n.op);
    op_start(&n.op);
    assert_false(n.op.is_cancelled);
    assert_int_equal(n.op.err, ERR_OK);
    op_complete(&n.op, ERR_OK);
    assert_int_equal(loop_wait(&n.op), ERR_OK);
    assert_int_equal(n.times, 2);
}

struct chain {
    struct op op;
    unsigned left;
    bool is_done;
};

static void go_on(struct op *op)
{
    struct chain *c = container_of(op, struct chain, op);

    if (c->left-- == 0) {
        c->is_done = true;
        return;
    }
    op_start(op);
    op_complete(op, ERR_OK);
}

static void advance_may_start_its_operation_again_without_recursion(void **state)
{
    struct chain c = {.left = 1000000}; /* would overflow the stack */

    op_init(&c.op, go_on);
    op_start(&c.op);
    op_complete(&c.op, ERR_OK);
    loop_until(&c.is_done);
}

static void a_busy_ready_list_does_not_keep_the_ring_waiting(void **state)
{
    struct chain c = {.left = UINT32_MAX};
    struct timer t;

    op_init(&c.op, go_on);
    op_init(&t.op, loop_nothing);
    op_start(&c.op);
    op_complete(&c.op, ERR_OK); /* from now on there is always something ready */
    timer_start(&t, 1);
    assert_int_equal(loop_wait(&t.op), ERR_OK);
    c.left = 0;
    loop_until(&c.is_done);
}

/* --- from other threads --- */

struct message {
    struct op op;
    unsigned thread, number;
};

static struct message messages[THREADS][MESSAGES];
static struct reactor *target;
static unsigned expected[THREADS];
static unsigned arrived;
static bool is_in_order, is_all;

static void receive(struct op *op)
{
    struct message *m = container_of(op, struct message, op);

    is_in_order = is_in_order && expected[m->thread]++ == m->number;
    is_all = ++arrived == THREADS * MESSAGES;
}

static void *send_all(void *ctx)
{
    struct message *m = ctx;

    for (unsigned i = 0; i < MESSAGES; i++) {
        op_send(&m[i].op, target);
        if (i % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void messages_of_one_thread_arrive_in_order_and_once(void **state)
{
    pthread_t thread[THREADS];

    target = reactor_current();
    arrived = 0;
    is_in_order = true;
    is_all = false;
    for (unsigned t = 0; t < THREADS; t++) {
        expected[t] = 0;
        for (unsigned i = 0; i < MESSAGES; i++) {
            messages[t][i] = (struct message){.thread = t, .number = i};
            op_init(&messages[t][i].op, receive);
        }
    }
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, send_all, messages[t]), 0);
    loop_until(&is_all);
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(thread[t], NULL);
    loop_turns(3);
    assert_true(is_in_order);
    assert_int_equal(arrived, THREADS * MESSAGES);
}

static void *complete_elsewhere(void *ctx)
{
    struct note *n = ctx;

    op_complete(&n->op, ERR_BUSY);
    return NULL;
}

static void completion_on_another_thread_comes_home(void **state)
{
    struct note n = {.times = 0};
    pthread_t thread;

    op_init(&n.op, take_note);
    op_start(&n.op);
    assert_int_equal(pthread_create(&thread, NULL, complete_elsewhere, &n), 0);
    pthread_join(thread, NULL);
    assert_int_equal(n.times, 0);
    assert_int_equal(loop_wait(&n.op), ERR_BUSY);
    assert_int_equal(n.times, 1);
}

/* Two reactors throw one operation to and fro. */
struct ball {
    struct op op;
    struct reactor *players[2];
    unsigned bounces;
    bool is_done;
};

enum { BOUNCES = 2000 };

static void bounce(struct op *op)
{
    struct ball *b = container_of(op, struct ball, op);
    unsigned here = reactor_current() == b->players[1];

    assert(reactor_current() == b->players[here]);
    if (++b->bounces < BOUNCES) {
        op_send(op, b->players[!here]);
        return;
    }
    b->is_done = true;
    reactor_stop(b->players[!here]);
    reactor_stop(b->players[here]);
}

struct player {
    struct ball *ball;
    struct op hello;
    pthread_t thread;
    struct reactor *reactor;
    bool is_ready;
};

static void say_ready(struct op *op)
{
    container_of(op, struct player, hello)->is_ready = true;
}

static void *play(void *ctx)
{
    struct player *p = ctx;

    p->reactor = loop_open(RING_AUTO);
    op_send(&p->hello, p->ball->players[0]);
    reactor_run(p->reactor);
    reactor_free(p->reactor);
    return NULL;
}

static void two_reactors_wake_each_other(void **state)
{
    struct ball b = {.players = {reactor_current()}};
    struct player p = {.ball = &b};

    op_init(&b.op, bounce);
    op_init(&p.hello, say_ready);
    assert_int_equal(pthread_create(&p.thread, NULL, play, &p), 0);
    loop_until(&p.is_ready);
    b.players[1] = p.reactor;
    op_send(&b.op, p.reactor);
    reactor_run(reactor_current());
    pthread_join(p.thread, NULL);
    assert_int_equal(b.bounces, BOUNCES);
    assert_true(b.is_done);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_loop, close_loop)
    const struct CMUnitTest tests[] = {
        CASE(completes_later_exactly_once_with_its_error),
        CASE(ready_ones_run_in_the_order_of_completion),
        CASE(start_forgets_the_last_cancel_and_error),
        CASE(advance_may_start_its_operation_again_without_recursion),
        CASE(a_busy_ready_list_does_not_keep_the_ring_waiting),
        CASE(messages_of_one_thread_arrive_in_order_and_once),
        CASE(completion_on_another_thread_comes_home),
        CASE(two_reactors_wake_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
