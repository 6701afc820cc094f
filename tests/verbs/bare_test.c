/*
 * What verbs do on this device, without any code of ours: the ground that src/direct/rc stands on.
 * The test's process is the side that acts, as our server does; the other, the holder, owns memory
 * and makes no verbs call while it is read and written.
 *
 * Every case runs from rxe0 to rxe0, and again from rxe0 to rxe1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"
#include "side.h"

enum { MEMORY = 4 << 20, WINDOW_AT = 8192, WINDOW = 65536 };

/* --- the holder --- */

enum order { FILL, CLEAR, HOLDS, BIND, INVALIDATE };

struct request {
    enum order order;
    uint32_t seed;
    size_t offset, bytes;
};

/* The answer to each: whether it holds, or the window's key. */
static uint32_t obey(struct side *s, const struct request *r)
{
    static struct ibv_mw *window;
    static uint32_t key;

    switch (r->order) {
    case FILL:
        side_fill(s, r->offset, r->bytes, r->seed);
        return 1;
    case CLEAR:
        side_clear(s);
        return 1;
    case HOLDS:
        return side_holds(s, r->offset, r->bytes, r->seed);
    case BIND:
        window = side_bind(s, r->offset, r->bytes, &key);
        return key;
    case INVALIDATE:
        side_invalidate(s, key);
        return !ibv_dealloc_mw(window);
    }
    return 0;
}

/* Addresses cross, then an answer to each request, until the first process hangs up. */
static void hold(struct pair *p, int access)
{
    struct side side;
    struct side_address mine, other;
    struct request r;
    uint32_t answer;

    side_open(&side, p->subject, MEMORY, access | IBV_ACCESS_MW_BIND);
    mine = side_address(&side);
    pair_send(p, &mine, sizeof mine);
    while (pair_receive(p, &other, sizeof other)) {
        side_connect(&side, &other);
        pair_send(p, &mine, sizeof mine);
        while (pair_receive(p, &r, sizeof r)) {
            answer = obey(&side, &r);
            pair_send(p, &answer, sizeof answer);
        }
        break;
    }
    side_close(&side);
}

static void holder(struct pair *p)
{
    hold(p, IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE);
}

static void read_only_holder(struct pair *p)
{
    hold(p, IBV_ACCESS_REMOTE_READ);
}

static const struct pair_role roles[] = {
    {"holder", holder},
    {"read-only-holder", read_only_holder},
    {NULL, NULL},
};

/* --- the acting side --- */

struct stand {
    struct side side;
    struct pair holder;
    struct side_address remote;
};

static struct stand stand;

static void open_stand_with(const char *role, const char *device)
{
    struct side_address mine;

    side_open(&stand.side, "rxe0", MEMORY, 0);
    pair_start(&stand.holder, role, device);
    assert_true(pair_receive(&stand.holder, &stand.remote, sizeof stand.remote));
    mine = side_address(&stand.side);
    pair_send(&stand.holder, &mine, sizeof mine);
    side_connect(&stand.side, &stand.remote);
    assert_true(pair_receive(&stand.holder, &stand.remote, sizeof stand.remote)); /* it is ready */
}

static int open_stand(void **state)
{
    open_stand_with("holder", *state);
    return 0;
}

static int open_read_only_stand(void **state)
{
    open_stand_with("read-only-holder", *state);
    return 0;
}

static int close_stand(void **state)
{
    (void)state;
    pair_stop(&stand.holder);
    side_close(&stand.side);
    return 0;
}

static uint32_t ask(enum order order, size_t offset, size_t bytes, uint32_t seed)
{
    struct request r = {.order = order, .seed = seed, .offset = offset, .bytes = bytes};
    uint32_t answer;

    pair_send(&stand.holder, &r, sizeof r);
    assert_true(pair_receive(&stand.holder, &answer, sizeof answer));
    return answer;
}

static struct side_transfer transfer_of(enum ibv_wr_opcode opcode, size_t offset, size_t bytes)
{
    return (struct side_transfer){
        .opcode = opcode,
        .offset = offset,
        .bytes = (uint32_t)bytes,
        .remote = stand.remote.at + offset,
        .rkey = stand.remote.rkey,
    };
}

static void assert_status(enum ibv_wc_status is, enum ibv_wc_status should)
{
    if (is != should)
        fail_msg("%s, not %s", ibv_wc_status_str(is), ibv_wc_status_str(should));
}

/* --- cases --- */

static const size_t sizes[] = {
    1,           2,     3, 7, 64, 255, 4095, 4096, 4097, 65535, 65536, 1 << 20, (1 << 20) + 13,
    MEMORY - 77, MEMORY};

static size_t offset_for(size_t bytes)
{
    return bytes + 77 <= MEMORY ? 77 : 0;
}

static void a_write_of_any_size_places_its_bytes_and_no_others(void **state)
{
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t at = offset_for(sizes[i]);
        struct side_transfer t = transfer_of(IBV_WR_RDMA_WRITE, at, sizes[i]);
        ask(CLEAR, 0, 0, 0);
        side_fill(&stand.side, at, sizes[i], i + 1);
        assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
        assert_int_equal(ask(HOLDS, at, sizes[i], i + 1), 1);
        assert_int_equal(ask(HOLDS, at, sizes[i], i + 2), 0);
    }
}

static void a_read_of_any_size_fetches_its_bytes_and_no_others(void **state)
{
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t at = offset_for(sizes[i]);
        struct side_transfer t = transfer_of(IBV_WR_RDMA_READ, at, sizes[i]);
        side_clear(&stand.side);
        ask(FILL, at, sizes[i], i + 100);
        assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
        assert_true(side_holds(&stand.side, at, sizes[i], i + 100));
        assert_false(side_holds(&stand.side, at, sizes[i], i + 101));
    }
}

static void assert_refused(const struct side_transfer *t)
{
    assert_status(side_transfer(&stand.side, t), IBV_WC_REM_ACCESS_ERR);
    assert_true(side_is_in_error(&stand.side));
}

static void a_wrong_key_is_refused_and_costs_the_connection(void **state)
{
    struct side_transfer t = transfer_of(IBV_WR_RDMA_WRITE, 0, 5000);

    t.rkey ^= 0x55;
    side_fill(&stand.side, 0, 5000, 1);
    assert_refused(&t);
    t.rkey ^= 0x55;
    assert_status(side_transfer(&stand.side, &t), IBV_WC_WR_FLUSH_ERR);
    assert_int_equal(ask(HOLDS, 0, 0, 0), 1);
}

static void a_write_beyond_the_memory_is_refused(void **state)
{
    struct side_transfer t = transfer_of(IBV_WR_RDMA_WRITE, MEMORY - 4096, 4096);

    t.remote += SIDE_GUARD + 1;
    side_fill(&stand.side, MEMORY - 4096, 4096, 1);
    assert_refused(&t);
    assert_int_equal(ask(HOLDS, 0, 0, 0), 1);
}

static void memory_registered_for_reading_is_not_written(void **state)
{
    struct side_transfer t = transfer_of(IBV_WR_RDMA_READ, 0, 4096);

    assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
    t.opcode = IBV_WR_RDMA_WRITE;
    side_fill(&stand.side, 0, 4096, 1);
    assert_refused(&t);
    assert_int_equal(ask(HOLDS, 0, 0, 0), 1);
}

/* That it opens no more is for hardware to show: rxe (Linux 6.1) checks an address against the
 * region that the window is bound to, not against the window. So servers check bounds themselves.
 */
static void a_window_opens_its_part(void **state)
{
    struct side_transfer t = transfer_of(IBV_WR_RDMA_WRITE, WINDOW_AT, WINDOW);

    t.rkey = ask(BIND, WINDOW_AT, WINDOW, 0);
    side_fill(&stand.side, WINDOW_AT, WINDOW, 7);
    assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
    assert_int_equal(ask(HOLDS, WINDOW_AT, WINDOW, 7), 1);
    assert_int_equal(ask(INVALIDATE, 0, 0, 0), 1);
}

static void a_killed_holder_of_a_window_leaves_nothing_behind(void **state)
{
    struct side_transfer t = transfer_of(IBV_WR_RDMA_WRITE, WINDOW_AT, 4096);

    t.rkey = ask(BIND, WINDOW_AT, WINDOW, 0);
    pair_kill(&stand.holder);
    assert_int_not_equal(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
    close_stand(state);
    open_stand(state);
    t = transfer_of(IBV_WR_RDMA_WRITE, WINDOW_AT, 4096);
    side_fill(&stand.side, WINDOW_AT, 4096, 9);
    assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
    assert_int_equal(ask(HOLDS, WINDOW_AT, 4096, 9), 1);
}

static void an_invalidated_window_opens_nothing(void **state)
{
    struct side_transfer t = transfer_of(IBV_WR_RDMA_WRITE, WINDOW_AT, 4096);

    t.rkey = ask(BIND, WINDOW_AT, WINDOW, 0);
    side_fill(&stand.side, WINDOW_AT, 4096, 8);
    assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
    assert_int_equal(ask(INVALIDATE, 0, 0, 0), 1);
    ask(CLEAR, 0, 0, 0);
    assert_refused(&t);
    assert_int_equal(ask(HOLDS, 0, 0, 0), 1);
}

static void a_killed_holder_ends_in_an_error(void **state)
{
    struct side_transfer t = transfer_of(IBV_WR_RDMA_WRITE, 0, MEMORY);

    side_fill(&stand.side, 0, MEMORY, 1);
    assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
    pair_kill(&stand.holder);
    enum ibv_wc_status status = side_transfer(&stand.side, &t);
    assert_int_not_equal(status, IBV_WC_SUCCESS);
    assert_true(side_is_in_error(&stand.side));
}

static void a_broken_cable_ends_in_an_error_and_heals(void **state)
{
    struct side_transfer t = transfer_of(IBV_WR_RDMA_WRITE, 0, 65536);

    side_fill(&stand.side, 0, 65536, 1);
    assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
    assert_int_equal(system("ip link set ra down"), 0);
    enum ibv_wc_status status = side_transfer(&stand.side, &t);
    assert_int_equal(system("ip link set ra up"), 0);
    print_message("link down: %s\n", ibv_wc_status_str(status));
    assert_int_not_equal(status, IBV_WC_SUCCESS);
    assert_true(side_is_in_error(&stand.side));
    close_stand(state);
    open_stand(state);
    t = transfer_of(IBV_WR_RDMA_WRITE, 0, 65536);
    side_fill(&stand.side, 0, 65536, 2);
    assert_status(side_transfer(&stand.side, &t), IBV_WC_SUCCESS);
    assert_int_equal(ask(HOLDS, 0, 65536, 2), 1);
}

#define CASE(test, open, device)                                                                   \
    {                                                                                              \
#test " (rxe0 to " device ")", test, open, close_stand, device                             \
    }
#define CASES(device)                                                                              \
    CASE(a_write_of_any_size_places_its_bytes_and_no_others, open_stand, device),                  \
        CASE(a_read_of_any_size_fetches_its_bytes_and_no_others, open_stand, device),              \
        CASE(a_wrong_key_is_refused_and_costs_the_connection, open_stand, device),                 \
        CASE(a_write_beyond_the_memory_is_refused, open_stand, device),                            \
        CASE(memory_registered_for_reading_is_not_written, open_read_only_stand, device),          \
        CASE(a_window_opens_its_part, open_stand, device),                                         \
        CASE(a_killed_holder_of_a_window_leaves_nothing_behind, open_stand, device),               \
        CASE(an_invalidated_window_opens_nothing, open_stand, device),                             \
        CASE(a_killed_holder_ends_in_an_error, open_stand, device),                                \
        CASE(a_broken_cable_ends_in_an_error_and_heals, open_stand, device)

int main(int argc, char **argv)
{
    static const struct CMUnitTest cases[] = {CASES("rxe0"), CASES("rxe1")};

    if (pair_is_role(argc, argv, roles))
        return 0;
    cmocka_set_test_filter(getenv("PENSTOCK_CASE"));
    return cmocka_run_group_tests_name("bare", cases, NULL, NULL);
}
