/*
 * Transport `rc` over the fake verbs: what is posted, and what becomes of failures. In every case
 * the fake ends with nothing left, and nothing is carried out once a window has closed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "loop_help.h"
#include "rc_fake.h"
#include "rc_help.h"

enum { BYTES = 1 << 20, ARENA = 4 << 20, MS = 1000000 };

static struct rc_fake fake;
static struct rc_config config;
static struct transport *T;
static struct rc_client client;
static uint8_t *memory, *arena;

/* --- the stand --- */

static void new_transport(void)
{
    struct rc_config c = config;
    uint8_t why[200];
    struct buf b = buf_over(why, sizeof(why));

    c.verbs = &fake.verbs;
    c.arena = view_of(arena, ARENA);
    assert_int_equal(rc_new(&c, &T, &b), ERR_OK);
}

static int setup(void **state)
{
    (void)state;
    config = (struct rc_config){.drain_ms = 30};
    rc_fake_init(&fake);
    arena = calloc(1, ARENA);
    memory = calloc(1, BYTES);
    fake.memory = memory;
    fake.bytes = BYTES;
    rc_client_init(&client, memory, BYTES, RC_FAKE_RKEY);
    assert_int_equal(work_pool_start(2), ERR_OK);
    loop_open(RING_EPOLL);
    T = NULL;
    return 0;
}

static void stop(void)
{
    struct op op;

    op_init(&op, loop_nothing);
    transport_stop(T, &op);
    assert_int_equal(loop_wait(&op), ERR_OK);
    T = NULL;
}

static int teardown(void **state)
{
    (void)state;
    if (T)
        stop();
    loop_close();
    work_pool_stop();
    rc_fake_done(&fake);
    free(arena);
    free(memory);
    return 0;
}

static void connect_user(void)
{
    new_transport();
    assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_OK);
}

struct held {
    struct window window;
    uint8_t text[RC_TOKEN_BYTES];
};

static enum err open_token(struct held *h, const struct rc_token *t, struct view user)
{
    struct buf b = buf_over(h->text, sizeof(h->text));

    rc_token_write(t, client.answer.session_key, &b);
    memset(&h->window, 0, sizeof(h->window));
    op_init(&h->window.op, loop_nothing);
    h->window.token = buf_view(&b);
    h->window.user = user;
    h->window.direction = WINDOW_WRITE;
    h->window.deadline_ns = clock_ns() + UINT64_C(20000) * MS;
    transport_open_window(T, &h->window);
    return loop_wait(&h->window.op);
}

static enum err open_at(struct held *h, uint64_t off, uint64_t len)
{
    struct rc_token t = rc_client_token(&client, off, len, true);

    return open_token(h, &t, VIEW("AKUSER"));
}

static enum err close_held(struct held *h)
{
    transport_close_window(&h->window);
    return loop_wait(&h->window.op);
}

static void start(struct transfer *t, struct held *h, uint64_t off, size_t len)
{
    *t = (struct transfer){.window = &h->window, .window_off = off, .at = arena + off, .len = len};
    op_init(&t->op, loop_nothing);
    transport_write(t);
}

static void sessions_become(unsigned count)
{
    uint64_t until = clock_ns() + UINT64_C(20000) * MS;
    struct rc_stats stats;

    for (rc_stats(T, &stats); stats.sessions != count; rc_stats(T, &stats)) {
        assert_true(clock_ns() < until);
        reactor_turn(reactor_current(), 5 * MS);
    }
}

/* Nothing more is carried out, whatever the device would still do. */
static void assert_quiet(void)
{
    unsigned before = fake.executed;

    rc_fake_release(&fake);
    loop_turns(50);
    assert_int_equal(fake.executed, before);
}

/* --- what is posted --- */

static void the_queue_pair_is_set_up_as_both_ends_said(void **state)
{
    const struct rc_fake_qp *q = &fake.qp[0];
    const struct ibv_qp_attr *a = &q->attr;

    (void)state;
    config.traffic_class = 96;
    config.service_level = 3;
    config.queue_depth = 16;
    connect_user();
    assert_int_equal(q->state, IBV_QPS_RTS);
    assert_int_equal(a->path_mtu, IBV_MTU_1024); /* the client's; the port has 4096 */
    assert_int_equal(a->dest_qp_num, client.end.qpn);
    assert_int_equal(a->rq_psn, client.end.psn);
    assert_int_equal(a->sq_psn, client.answer.end.psn);
    assert_int_equal(a->max_rd_atomic, 4); /* the client's; the device has 16 */
    assert_int_equal(a->qp_access_flags, 0);
    assert_true(a->port_num == 1 && a->ah_attr.port_num == 1 && a->ah_attr.is_global);
    assert_true(a->ah_attr.grh.sgid_index == 3 && a->ah_attr.grh.hop_limit == 64);
    assert_true(a->ah_attr.grh.traffic_class == 96 && a->ah_attr.sl == 3 && !a->ah_attr.dlid);
    assert_memory_equal(a->ah_attr.grh.dgid.raw, client.end.gid, RC_GID_BYTES);
    assert_true(a->timeout == 14 && a->retry_cnt == 7 && a->rnr_retry == 7);
    assert_int_equal(q->cap.max_send_wr, 16);
    assert_int_equal(client.answer.end.qpn, 100);
    assert_int_equal(client.answer.end.mtu, 1024);
    assert_int_equal(client.answer.end.lease_ms, 60000);
    assert_memory_equal(client.answer.end.gid, fake.facts.gids[0].raw, RC_GID_BYTES);
}

static void every_field_of_every_work_request_is_right(void **state)
{
    static const unsigned lens[] = {1000, 1000, 1000, 1000, 500};
    struct transfer t;
    struct held h;

    (void)state;
    config.message_bytes_max = 1000;
    config.signal_every = 2;
    connect_user();
    assert_int_equal(open_at(&h, 4096, 10000), ERR_OK);
    start(&t, &h, 77, 4500);
    assert_int_equal(loop_wait(&t.op), ERR_OK);
    assert_int_equal(fake.logged, ARRAY_COUNT(lens));
    for (unsigned i = 0; i < ARRAY_COUNT(lens); i++) {
        const struct rc_fake_wr *w = &fake.log[i];

        assert_int_equal(w->wr.opcode, IBV_WR_RDMA_WRITE);
        assert_true(w->sge.addr == (uintptr_t)(arena + 77 + i * 1000));
        assert_int_equal(w->sge.length, lens[i]);
        assert_int_equal(w->sge.lkey, RC_FAKE_LKEY);
        assert_true(w->wr.wr.rdma.remote_addr == (uintptr_t)(memory + 4096 + 77 + i * 1000));
        assert_int_equal(w->wr.wr.rdma.rkey, RC_FAKE_RKEY);
        assert_int_equal(
            w->wr.send_flags, i % 2 || i == ARRAY_COUNT(lens) - 1 ? IBV_SEND_SIGNALED : 0);
        assert_int_equal((uint32_t)w->wr.wr_id, i);
    }
    assert_int_equal(close_held(&h), ERR_OK);
}

static void a_full_queue_makes_transfers_wait_their_turn(void **state)
{
    struct transfer t[20];
    struct held h;

    (void)state;
    config.queue_depth = 4;
    fake.is_held = true;
    connect_user();
    assert_int_equal(open_at(&h, 0, BYTES), ERR_OK);
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
        start(&t[i], &h, i * 100, 100);
    loop_turns(20);
    assert_int_equal(fake.logged, 4);
    rc_fake_release(&fake);
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
        assert_int_equal(loop_wait(&t[i].op), ERR_OK);
    assert_int_equal(fake.logged, ARRAY_COUNT(t));
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
        assert_true(fake.log[i].sge.addr == (uintptr_t)(arena + i * 100)); /* in order */
    assert_int_equal(close_held(&h), ERR_OK);
}

static void past_the_table_of_transfers_it_is_busy(void **state)
{
    struct transfer t[3];
    struct held h;

    (void)state;
    config.jobs_max = 2;
    fake.is_held = true;
    connect_user();
    assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
    for (unsigned i = 0; i < 3; i++)
        start(&t[i], &h, 0, 1);
    assert_int_equal(loop_wait(&t[2].op), ERR_BUSY);
    rc_fake_release(&fake);
    assert_int_equal(loop_wait(&t[0].op), ERR_OK);
    assert_int_equal(loop_wait(&t[1].op), ERR_OK);
    assert_int_equal(close_held(&h), ERR_OK);
}

/* --- what fails --- */

static void an_error_costs_its_client_only(void **state)
{
    struct rc_client first;
    struct transfer t[3], good;
    struct held h, other;

    (void)state;
    connect_user();
    assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
    first = client;
    assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_OK);
    assert_int_equal(open_at(&other, 0, 1000), ERR_OK);
    fake.error_nth = 2;
    fake.error_status = IBV_WC_REM_ACCESS_ERR;
    for (unsigned i = 0; i < 3; i++)
        start(&t[i], &h, i * 10, 10);
    assert_int_equal(loop_wait(&t[0].op), ERR_OK);
    assert_int_equal(loop_wait(&t[1].op), ERR_DENIED);
    assert_int_equal(loop_wait(&t[2].op), ERR_CLOSED); /* flushed */
    start(&t[0], &h, 0, 10);
    assert_int_equal(loop_wait(&t[0].op), ERR_CLOSED);
    start(&good, &other, 0, 10);
    assert_int_equal(loop_wait(&good.op), ERR_OK);
    assert_int_equal(close_held(&h), ERR_OK);
    sessions_become(1);
    assert_int_equal(close_held(&other), ERR_OK);
    client = first;
    assert_int_equal(open_at(&h, 0, 1000), ERR_DENIED);
}

/* The completion of a transfer never comes: at its deadline the queue pair goes. */
static void a_lost_completion_ends_at_the_deadline(void **state)
{
    struct transfer t, second;
    struct held h;

    (void)state;
    connect_user();
    assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
    fake.lose_nth = 1;
    h.window.deadline_ns = clock_ns() + UINT64_C(50) * MS;
    start(&t, &h, 0, 10);
    assert_int_equal(loop_wait(&t.op), ERR_TIMEOUT);
    assert_int_equal(fake.qps, 0); /* not before: it might have been under way */
    start(&second, &h, 0, 10);
    assert_int_equal(loop_wait(&second.op), ERR_TIMEOUT);
    assert_int_equal(close_held(&h), ERR_OK);
    sessions_become(0);
}

static void a_close_waits_until_late_work_cannot_arrive(void **state)
{
    struct transfer t[3];
    struct held h;

    (void)state;
    config.queue_depth = 2;
    fake.is_held = true;
    connect_user();
    assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
    for (unsigned i = 0; i < 3; i++)
        start(&t[i], &h, i * 10, 10);
    assert_int_equal(close_held(&h), ERR_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(op_is_idle(&t[i].op));
        assert_int_equal(t[i].op.err, ERR_CANCELLED);
    }
    assert_quiet();
    sessions_become(0);
}

/* No flush comes, either: destroying the queue pair is the last word, and it may take two tries. */
static void without_flushes_the_queue_pair_is_destroyed(void **state)
{
    struct transfer t;
    struct held h;

    (void)state;
    fake.is_held = true;
    fake.holds_flushes = true;
    fake.fail_call = RC_FAKE_DESTROY;
    fake.fail_nth = 1;
    connect_user();
    assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
    start(&t, &h, 0, 10);
    assert_int_equal(close_held(&h), ERR_OK);
    assert_int_equal(t.op.err, ERR_CANCELLED);
    assert_int_equal(fake.calls[RC_FAKE_DESTROY], 2);
    assert_int_equal(fake.qps, 0);
    assert_quiet();
}

static void transfers_that_only_wait_are_taken_back_without_harm(void **state)
{
    struct transfer first[2], waiting;
    struct held h, other;

    (void)state;
    config.queue_depth = 2;
    fake.is_held = true;
    connect_user();
    assert_int_equal(open_at(&h, 0, 100), ERR_OK);
    assert_int_equal(open_at(&other, 0, 100), ERR_OK);
    start(&first[0], &h, 0, 10);
    start(&first[1], &h, 0, 10);
    start(&waiting, &other, 0, 10);
    assert_int_equal(close_held(&other), ERR_OK);
    assert_int_equal(waiting.op.err, ERR_CANCELLED);
    rc_fake_release(&fake);
    assert_int_equal(loop_wait(&first[0].op), ERR_OK);
    assert_int_equal(loop_wait(&first[1].op), ERR_OK);
    assert_int_equal(close_held(&h), ERR_OK);
    sessions_become(1);
}

static void a_lost_device_ends_its_sessions_and_takes_no_more(void **state)
{
    struct transfer t;
    struct held h;

    (void)state;
    fake.is_held = true;
    fake.holds_flushes = true;
    connect_user();
    assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
    fake.is_lost = true;
    start(&t, &h, 0, 10);
    assert_int_equal(loop_wait(&t.op), ERR_CLOSED);
    assert_int_equal(close_held(&h), ERR_OK);
    sessions_become(0);
    assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_UNSUPPORTED);
}

/* Whatever fails during the set-up leaves nothing behind, and the next one works. */
static void a_failed_set_up_leaves_nothing(void **state)
{
    static const struct {
        enum rc_fake_call call;
        unsigned nth;
    } fails[] = {
        {RC_FAKE_CQ, 1},
        {RC_FAKE_QP, 1},
        {RC_FAKE_MODIFY, 1},
        {RC_FAKE_MODIFY, 2},
        {RC_FAKE_MODIFY, 3}};

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(fails); i++) {
        memset(fake.calls, 0, sizeof(fake.calls));
        fake.fail_call = fails[i].call;
        fake.fail_nth = fails[i].nth;
        new_transport();
        assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_SYSTEM);
        sessions_become(0);
        assert_int_equal(fake.qps, 0);
        assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_OK);
        stop();
    }
}

static void a_post_that_fails_ends_the_session(void **state)
{
    struct transfer t[2];
    struct held h;

    (void)state;
    fake.fail_call = RC_FAKE_POST;
    fake.fail_nth = 2;
    connect_user();
    assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
    start(&t[0], &h, 0, 10);
    start(&t[1], &h, 10, 10);
    assert_int_equal(loop_wait(&t[1].op), ERR_SYSTEM);
    (void)loop_wait(&t[0].op);
    assert_int_equal(close_held(&h), ERR_OK);
    sessions_become(0);
}

/* --- who may what --- */

static enum err try_token(const struct rc_token *t, struct view user)
{
    struct held h;
    enum err e = open_token(&h, t, user);

    if (!e)
        assert_int_equal(close_held(&h), ERR_OK);
    return e;
}

static void tokens_that_do_not_hold_are_refused(void **state)
{
    struct rc_token good, t;

    (void)state;
    connect_user();
    good = rc_client_token(&client, 0, 1000, true);
    assert_int_equal(try_token(&good, VIEW("AKUSER")), ERR_OK);
    assert_int_equal(try_token(&good, VIEW("AKOTHER")), ERR_DENIED);
    assert_int_equal(try_token(&good, VIEW_EMPTY), ERR_DENIED);
    t = good, t.is_write = false;
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_DENIED);
    t = good, t.rkey = 0;
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_DENIED);
    t = good, t.base = UINT64_MAX - 10;
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_DENIED);
    t = good, t.expiry_ms = (uint64_t)clock_wall_ms();
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_DENIED);
    t = good, t.session_id[0] ^= 1;
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_DENIED);
    t = good, t.session_id[9] ^= 1;
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_DENIED);
    client.answer.session_key[0] ^= 1;
    assert_int_equal(try_token(&good, VIEW("AKUSER")), ERR_DENIED);
}

static void a_raised_fence_shuts_out_older_tokens(void **state)
{
    struct rc_token old, raised;
    struct held h;

    (void)state;
    connect_user();
    old = rc_client_token(&client, 0, 1000, true);
    raised = old, raised.fence = 1;
    assert_int_equal(open_token(&h, &old, VIEW("AKUSER")), ERR_OK);
    assert_int_equal(try_token(&raised, VIEW("AKUSER")), ERR_BUSY);
    assert_int_equal(close_held(&h), ERR_OK);
    assert_int_equal(try_token(&raised, VIEW("AKUSER")), ERR_OK);
    assert_int_equal(try_token(&old, VIEW("AKUSER")), ERR_DENIED);
}

static void limits_of_sessions_and_bytes_hold(void **state)
{
    struct rc_client second = client;
    struct held h;

    (void)state;
    config.sessions_max = 2;
    config.sessions_per_user = 1;
    config.window_bytes_per_user = 1000;
    connect_user();
    assert_int_equal(rc_client_connect(&second, T, VIEW("AKUSER")), ERR_BUSY);
    assert_int_equal(rc_client_connect(&second, T, VIEW("AKOTHER")), ERR_OK);
    assert_int_equal(rc_client_connect(&second, T, VIEW("AKTHIRD")), ERR_BUSY);
    assert_int_equal(open_at(&h, 0, 600), ERR_OK);
    struct rc_token t = rc_client_token(&client, 0, 401, true);
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_BUSY);
    t.length = 400;
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_OK);
    assert_int_equal(close_held(&h), ERR_OK);
}

static void idle_and_left_sessions_end(void **state)
{
    struct view id = view_of(client.answer.session_id, RC_ID_BYTES);
    struct rc_token t;

    (void)state;
    client.end.lease_ms = 1;
    connect_user();
    t = rc_client_token(&client, 0, 10, true);
    sessions_become(0); /* by the sweep */
    assert_int_equal(try_token(&t, VIEW("AKUSER")), ERR_DENIED);
    client.end.lease_ms = 60000;
    assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_OK);
    assert_int_equal(rc_disconnect(T, id, VIEW("AKOTHER")), ERR_DENIED);
    assert_int_equal(rc_disconnect(T, id, VIEW("AKUSER")), ERR_OK);
    assert_int_equal(rc_disconnect(T, id, VIEW("AKUSER")), ERR_DENIED);
    sessions_become(0);
}

static void a_request_that_nothing_reaches_is_declined(void **state)
{
    (void)state;
    new_transport();
    client.end.gid[0] = 0xfe; /* link-local; the device has a v4-mapped address */
    client.end.gid[1] = 0x80;
    assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_UNSUPPORTED);
    client.end.mtu = 5;
    assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_MALFORMED);
}

/* Of two addresses the nearer one, and RoCE v1 last. */
static void the_address_nearest_to_the_client_is_taken(void **state)
{
    struct rc_gid *g = fake.facts.gids;

    (void)state;
    fake.facts.gid_count = 3;
    g[1] = g[2] = g[0];
    g[0].raw[13] = 78;
    g[1].index = 5;
    g[2].index = 6;
    g[2].raw[15] = 2; /* the client's own, but RoCE v1 */
    g[2].is_roce1 = true;
    connect_user();
    assert_int_equal(fake.qp[0].attr.ah_attr.grh.sgid_index, 5);
}

static void a_thousand_connections_leave_nothing(void **state)
{
    struct held h;
    struct transfer t;

    (void)state;
    new_transport();
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(rc_client_connect(&client, T, VIEW("AKUSER")), ERR_OK);
        assert_int_equal(open_at(&h, 0, 100), ERR_OK);
        start(&t, &h, 0, 100);
        assert_int_equal(loop_wait(&t.op), ERR_OK);
        assert_int_equal(close_held(&h), ERR_OK);
        struct view id = view_of(client.answer.session_id, RC_ID_BYTES);
        assert_int_equal(rc_disconnect(T, id, VIEW("AKUSER")), ERR_OK);
    }
    sessions_become(0);
    assert_int_equal(fake.qps, 0);
    assert_int_equal(fake.cqs, 1);
}

/* --- several reactors --- */

enum { FAR_ROUNDS = 200 };

static bool far_is_done;

static void far_done(struct op *op)
{
    far_is_done = true;
}

/* Another reactor opens windows of a session that lives on the test's, moves, cancels, closes. */
static void *far_main(void *arg)
{
    static struct op done;
    struct transfer t[4];
    struct held h;

    loop_open(RING_EPOLL);
    for (unsigned round = 0; round < FAR_ROUNDS; round++) {
        assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
        for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
            start(&t[i], &h, i * 100, 100);
        for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
            assert_int_equal(loop_wait(&t[i].op), ERR_OK);
        assert_int_equal(close_held(&h), ERR_OK);
    }
    assert_int_equal(open_at(&h, 0, 1000), ERR_OK);
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
        start(&t[i], &h, i * 100, 100);
    assert_int_equal(close_held(&h), ERR_OK); /* behind the transfers, though it was sent at once */
    for (unsigned i = 0; i < ARRAY_COUNT(t); i++)
        assert_true(op_is_idle(&t[i].op));
    loop_close();
    op_init(&done, far_done);
    op_send(&done, arg);
    return NULL;
}

static void windows_of_another_reactor_hop_and_come_back(void **state)
{
    pthread_t thread;

    (void)state;
    connect_user();
    far_is_done = false;
    assert_int_equal(pthread_create(&thread, NULL, far_main, reactor_current()), 0);
    loop_until(&far_is_done);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_memory_equal(memory, arena, 1000);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_queue_pair_is_set_up_as_both_ends_said),
        CASE(every_field_of_every_work_request_is_right),
        CASE(a_full_queue_makes_transfers_wait_their_turn),
        CASE(past_the_table_of_transfers_it_is_busy),
        CASE(an_error_costs_its_client_only),
        CASE(a_lost_completion_ends_at_the_deadline),
        CASE(a_close_waits_until_late_work_cannot_arrive),
        CASE(without_flushes_the_queue_pair_is_destroyed),
        CASE(transfers_that_only_wait_are_taken_back_without_harm),
        CASE(a_lost_device_ends_its_sessions_and_takes_no_more),
        CASE(a_failed_set_up_leaves_nothing),
        CASE(a_post_that_fails_ends_the_session),
        CASE(tokens_that_do_not_hold_are_refused),
        CASE(a_raised_fence_shuts_out_older_tokens),
        CASE(limits_of_sessions_and_bytes_hold),
        CASE(idle_and_left_sessions_end),
        CASE(a_request_that_nothing_reaches_is_declined),
        CASE(the_address_nearest_to_the_client_is_taken),
        CASE(windows_of_another_reactor_hop_and_come_back),
        CASE(a_thousand_connections_leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
