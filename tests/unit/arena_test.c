#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop/reactor.h"
#include "mem/arena.h"
#include "mem/arena_wait.h"

enum { BLOCKS = 16 };

static struct arena *A;
static struct reactor *R;
static const char *why;

static struct reactor *new_reactor(unsigned index)
{
    struct reactor_config config = {
        .ring = RING_EPOLL, .ring_depth = 16, .index = index, .region_blocks_max = 1, .cpu = -1};
    struct reactor *made;
    const char *why_not;

    assert_int_equal(reactor_new(&config, &made, &why_not), ERR_OK);
    return made;
}

static int set_up(void **state)
{
    R = new_reactor(0);
    return arena_new(BLOCKS * MIB, &A, &why) != ERR_OK;
}

static int tear_down(void **state)
{
    struct arena_stats stats;

    arena_stats(A, &stats);
    assert_int_equal(stats.bytes_used, 0); /* every test gives everything back */
    arena_free(A);
    reactor_free(R);
    return 0;
}

static uint64_t bytes_used(void)
{
    struct arena_stats stats;

    arena_stats(A, &stats);
    return stats.bytes_used;
}

static uint64_t waiting(void)
{
    struct arena_stats stats;

    arena_stats(A, &stats);
    return stats.waiting;
}

static void sizes_are_rounded_up_and_at_least_16_mib(void **state)
{
    struct arena *small, *odd;
    struct arena_stats stats;

    assert_int_equal(arena_new(0, &small, &why), ERR_OK);
    assert_int_equal(arena_memory(small).len, 16 * MIB);
    arena_free(small);
    assert_int_equal(arena_new(16 * MIB + 1, &odd, &why), ERR_OK);
    arena_stats(odd, &stats);
    assert_int_equal(stats.bytes_total, 17 * MIB);
    arena_free(odd);
    arena_free(NULL);
}

static void an_absurd_size_is_refused(void **state)
{
    struct arena *none = NULL;

    assert_int_equal(arena_new(UINT64_MAX, &none, &why), ERR_NO_MEMORY);
    assert_int_equal(arena_new((uint64_t)1 << 47, &none, &why), ERR_NO_MEMORY);
    assert_null(none);
}

static void a_chunk_is_of_the_smallest_class_that_fits(void **state)
{
    static const size_t sizes[][2] = {
        {0, 4096},      {1, 4096},       {4096, 4096},  {4097, 16384},
        {65536, 65536}, {65537, 262144}, {262145, MIB}, {CHUNK_BYTES_MAX, MIB}};

    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct chunk *c = arena_try_take(A, sizes[i][0]);
        assert_non_null(c);
        assert_int_equal(c->bytes, sizes[i][1]);
        assert_int_equal((uintptr_t)c->at % CHUNK_BYTES_MIN, 0);
        assert_int_equal(c->len, 0);
        assert_int_equal(bytes_used(), c->bytes);
        assert_true(c->at >= arena_memory(A).at);
        assert_true(c->at + c->bytes <= arena_memory(A).at + arena_memory(A).len);
        memset(c->at, 0xee, c->bytes);
        chunk_unref(c);
    }
    chunk_unref(NULL);
}

static void chunks_of_all_classes_do_not_overlap(void **state)
{
    static struct chunk *held[8192];
    static uint8_t owner[BLOCKS * 256];
    size_t count = 0;

    memset(owner, 0, sizeof owner);
    for (size_t i = 0;; i++) {
        struct chunk *c = arena_try_take(A, (size_t)4096 << (2 * (i % CHUNK_CLASSES)));
        if (!c)
            break;
        size_t first = (size_t)(c->at - arena_memory(A).at) / 4096;
        for (size_t page = first; page < first + c->bytes / 4096; page++) {
            assert_int_equal(owner[page], 0);
            owner[page] = 1;
        }
        held[count++] = c;
    }
    assert_true(count > BLOCKS);
    while (count > 0)
        chunk_unref(held[--count]);
    assert_int_equal(bytes_used(), 0);
}

static void a_free_block_serves_every_class(void **state)
{
    static struct chunk *held[BLOCKS * 256];

    for (size_t size = 4096; size <= MIB; size *= 4) {
        size_t count = BLOCKS * MIB / size;
        for (size_t i = 0; i < count; i++)
            assert_non_null(held[i] = arena_try_take(A, size));
        assert_int_equal(bytes_used(), BLOCKS * MIB);
        assert_null(arena_try_take(A, 1));
        for (size_t i = 0; i < count; i++)
            chunk_unref(held[(i * 7) % count]); /* 7 is prime to every count */
    }
}

static void a_chunk_lives_until_its_last_reference(void **state)
{
    struct chunk *c = arena_try_take(A, 4096);

    chunk_ref(c);
    chunk_ref(c);
    chunk_unref(c);
    chunk_unref(c);
    assert_int_equal(bytes_used(), 4096);
    c->at[0] = 1;
    chunk_unref(c);
    assert_int_equal(bytes_used(), 0);
}

/* Takes that write down how they ended. */
struct taker {
    struct arena_take take;
    unsigned rank; /* of its end; 0: not ended */
    enum err err;
};

static unsigned ended;

static void taker_advance(struct op *op)
{
    struct taker *t = container_of(op, struct taker, take.op);

    t->rank = ++ended;
    t->err = op->err;
}

static void start_taker(struct taker *t, size_t bytes)
{
    *t = (struct taker){.take.bytes = bytes};
    op_init(&t->take.op, taker_advance);
    arena_take(A, &t->take);
    assert_int_equal(t->rank, 0); /* never before the start function returns */
}

static void turn_until_ended(unsigned count)
{
    for (int i = 0; i < 1000 && ended < count; i++)
        reactor_turn(R, 1000000);
    assert_int_equal(ended, count);
}

static void fill(struct chunk **held)
{
    for (size_t i = 0; i < BLOCKS; i++)
        assert_non_null(held[i] = arena_try_take(A, MIB));
    ended = 0;
}

static void empty(struct chunk **held)
{
    for (size_t i = 0; i < BLOCKS; i++)
        chunk_unref(held[i]);
}

static void a_take_with_chunks_at_hand_still_ends_later(void **state)
{
    struct taker t;

    ended = 0;
    start_taker(&t, 5000);
    turn_until_ended(1);
    assert_int_equal(t.err, ERR_OK);
    assert_int_equal(t.take.chunk->bytes, 16384);
    chunk_unref(t.take.chunk);
}

static void waiters_are_served_in_their_order(void **state)
{
    struct chunk *held[BLOCKS];
    struct taker big, small, next;

    fill(held);
    start_taker(&big, MIB);
    start_taker(&small, 4096);
    start_taker(&next, 4096);
    assert_int_equal(waiting(), 3);
    reactor_turn(R, 0);
    assert_int_equal(ended, 0);

    chunk_unref(held[0]);
    turn_until_ended(1);
    assert_int_equal(big.rank, 1);
    chunk_unref(held[1]); /* one block holds both */
    turn_until_ended(3);
    assert_int_equal(small.rank, 2);
    assert_int_equal(next.rank, 3);
    assert_int_equal(waiting(), 0);
    held[0] = big.take.chunk;
    held[1] = small.take.chunk;
    chunk_unref(next.take.chunk);
    empty(held);
}

static void nobody_overtakes_a_waiter(void **state)
{
    struct chunk *held[BLOCKS], *parts[4];
    struct taker big, small;

    fill(held);
    chunk_unref(held[0]);
    for (size_t i = 0; i < 4; i++)
        parts[i] = arena_try_take(A, 262144);
    held[0] = NULL;
    start_taker(&big, MIB);
    chunk_unref(parts[0]);
    start_taker(&small, 262144);
    assert_null(arena_try_take(A, 262144)); /* there is room, but somebody waits for more */
    reactor_turn(R, 0);
    assert_int_equal(ended, 0);
    for (size_t i = 1; i < 4; i++)
        chunk_unref(parts[i]);
    turn_until_ended(1);
    chunk_unref(big.take.chunk);
    turn_until_ended(2);
    chunk_unref(small.take.chunk);
    empty(held);
}

static void wait_advance(struct op *op)
{
    (void)op;
    ended++;
}

static void a_wait_has_a_limit(void **state)
{
    struct chunk *held[BLOCKS];
    struct arena_wait w = {.bytes = MIB, .limit_ms = 1};
    struct arena_wait served = {.bytes = MIB, .limit_ms = 60000};

    fill(held);
    op_init(&w.op, wait_advance);
    arena_wait(A, &w);
    turn_until_ended(1);
    assert_int_equal(w.op.err, ERR_BUSY);
    assert_null(w.chunk);
    assert_int_equal(waiting(), 0);

    op_init(&served.op, wait_advance);
    arena_wait(A, &served);
    assert_int_equal(waiting(), 1);
    chunk_unref(held[0]);
    turn_until_ended(2);
    assert_int_equal(served.op.err, ERR_OK);
    held[0] = served.chunk;
    empty(held);
}

static void a_cancelled_waiter_ends_once_and_lets_those_behind_go_on(void **state)
{
    struct chunk *held[BLOCKS], *parts[4];
    struct taker big, small;

    fill(held);
    chunk_unref(held[0]);
    for (size_t i = 0; i < 4; i++)
        parts[i] = arena_try_take(A, 262144);
    held[0] = NULL;
    start_taker(&big, MIB);
    start_taker(&small, 262144);
    chunk_unref(parts[0]);
    assert_int_equal(waiting(), 2);
    arena_take_cancel(&big.take);
    arena_take_cancel(&big.take);
    turn_until_ended(2);
    assert_int_equal(big.err, ERR_CANCELLED);
    assert_null(big.take.chunk);
    assert_int_equal(small.err, ERR_OK);
    chunk_unref(small.take.chunk);
    for (size_t i = 1; i < 4; i++)
        chunk_unref(parts[i]);
    empty(held);
}

static void a_chunk_that_came_first_wins_over_the_cancel(void **state)
{
    struct chunk *held[BLOCKS];
    struct taker t;

    fill(held);
    start_taker(&t, MIB);
    chunk_unref(held[0]);
    arena_take_cancel(&t.take);
    turn_until_ended(1);
    assert_int_equal(t.err, ERR_OK);
    held[0] = t.take.chunk;
    empty(held);
}

/* A hook that holds chunks as the cache does, and gives back those that only it holds. */
struct hoard {
    struct chunk *chunks[BLOCKS];
    unsigned calls;
};

static bool hoard_reclaim(void *ctx, size_t bytes)
{
    struct hoard *h = ctx;
    struct arena_stats stats;

    h->calls++;
    arena_stats(A, &stats); /* would never return if the arena's lock were held */
    for (size_t i = 0; i < BLOCKS; i++) {
        if (h->chunks[i] && h->chunks[i]->refs == 1) {
            struct chunk *c = h->chunks[i];
            h->chunks[i] = NULL;
            chunk_unref(c);
            return true;
        }
    }
    return false;
}

static void the_hook_is_asked_before_anybody_waits_or_fails(void **state)
{
    static struct hoard h;
    struct taker t;

    fill(h.chunks);
    arena_set_reclaim(A, hoard_reclaim, &h);
    struct chunk *c = arena_try_take(A, MIB);
    assert_non_null(c);
    assert_int_equal(h.calls, 1);
    start_taker(&t, MIB);
    turn_until_ended(1);
    chunk_unref(t.take.chunk);
    chunk_unref(c);
    arena_set_reclaim(A, NULL, NULL);
    empty(h.chunks);
}

static void a_failing_hook_ends_the_attempt(void **state)
{
    static struct hoard h;
    struct chunk *held[BLOCKS];

    fill(held);
    arena_set_reclaim(A, hoard_reclaim, &h);
    assert_null(arena_try_take(A, 1));
    assert_int_equal(h.calls, 1);
    arena_set_reclaim(A, NULL, NULL);
    empty(held);
}

static void an_unref_that_leaves_the_hook_alone_serves_a_waiter(void **state)
{
    static struct hoard h;
    struct chunk *held[BLOCKS];
    struct taker t;

    fill(held);
    for (size_t i = 0; i < BLOCKS; i++) {
        h.chunks[i] = held[i];
        chunk_ref(held[i]);
    }
    arena_set_reclaim(A, hoard_reclaim, &h);
    start_taker(&t, MIB);
    reactor_turn(R, 0);
    assert_int_equal(ended, 0);
    chunk_unref(held[3]); /* 2 -> 1: now the hook may let it go, and must be asked */
    turn_until_ended(1);
    assert_int_equal(t.err, ERR_OK);
    arena_set_reclaim(A, NULL, NULL);
    held[3] = t.take.chunk;
    empty(held);
    empty(h.chunks);
}

/* Stress: more takers than memory on several reactors; every chunk carries its owner's mark. */
enum { THREADS = 4, TAKERS = 8, ROUNDS = 150 };

struct worker {
    pthread_t thread;
    unsigned index;
    unsigned running;
    struct {
        struct arena_take take;
        struct worker *worker;
        unsigned rounds;
        uint64_t seed;
    } takers[TAKERS];
};

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void stress_advance(struct op *op)
{
    __typeof__(&((struct worker *)0)->takers[0]) t = container_of(op, __typeof__(*t), take.op);
    struct chunk *c = t->take.chunk;

    assert_int_equal(op->err, ERR_OK);
    uint8_t mark = (uint8_t)next_random(&t->seed);
    c->at[0] = c->at[c->bytes - 1] = mark;
    chunk_ref(c);
    chunk_unref(c);
    assert_int_equal(c->at[0], mark);
    assert_int_equal(c->at[c->bytes - 1], mark);
    chunk_unref(c);
    if (--t->rounds == 0) {
        t->worker->running--;
        return;
    }
    t->take.bytes = (size_t)1 << (10 + next_random(&t->seed) % 11);
    arena_take(A, &t->take);
}

static void *stress_run(void *arg)
{
    struct worker *w = arg;
    struct reactor *own = new_reactor(w->index);

    for (unsigned i = 0; i < TAKERS; i++) {
        w->takers[i].worker = w;
        w->takers[i].rounds = ROUNDS;
        w->takers[i].seed = w->index * 100 + i;
        w->takers[i].take.bytes = MIB;
        op_init(&w->takers[i].take.op, stress_advance);
        arena_take(A, &w->takers[i].take);
        w->running++;
    }
    while (w->running > 0)
        reactor_turn(own, 1000000);
    reactor_free(own);
    return NULL;
}

static void many_threads_share_the_arena_without_loss(void **state)
{
    static struct worker workers[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].index = i + 1;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, stress_run, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    assert_int_equal(waiting(), 0);
    assert_int_equal(bytes_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_rounded_up_and_at_least_16_mib),
        cmocka_unit_test(an_absurd_size_is_refused),
        cmocka_unit_test_setup_teardown(
            a_chunk_is_of_the_smallest_class_that_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(chunks_of_all_classes_do_not_overlap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_free_block_serves_every_class, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_chunk_lives_until_its_last_reference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_take_with_chunks_at_hand_still_ends_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiters_are_served_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_overtakes_a_waiter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wait_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_cancelled_waiter_ends_once_and_lets_those_behind_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_chunk_that_came_first_wins_over_the_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_hook_is_asked_before_anybody_waits_or_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failing_hook_ends_the_attempt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_unref_that_leaves_the_hook_alone_serves_a_waiter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            many_threads_share_the_arena_without_loss, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
