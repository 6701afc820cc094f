#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop/reactor.h"
#include "mem/cache.h"

static struct arena *A;
static struct cache *C;
static struct metrics counted;

static int set_up(void **state)
{
    const char *note;

    memset(&counted, 0, sizeof counted);
    metrics_use(&counted);
    return arena_new(16 * MIB, &A, &note) != ERR_OK || cache_new(A, 0, &C) != ERR_OK;
}

static int tear_down(void **state)
{
    struct arena_stats stats;

    cache_free(C);
    arena_stats(A, &stats);
    assert_int_equal(stats.bytes_used, 0);
    arena_free(A);
    metrics_use(NULL);
    return 0;
}

static struct cache_key key(uint64_t n)
{
    return (struct cache_key){n / 7, n};
}

static struct cache_stats stats_now(void)
{
    struct cache_stats stats;

    cache_stats(C, &stats);
    return stats;
}

/* A chunk that says which key it belongs to; the caller's reference is the only one. */
static struct chunk *new_chunk(uint64_t n, size_t bytes)
{
    struct chunk *c = arena_try_take(A, bytes);

    assert_non_null(c);
    memcpy(c->at, &n, sizeof n);
    c->len = sizeof n;
    return c;
}

static void insert(uint64_t n, size_t bytes)
{
    struct chunk *c = new_chunk(n, bytes);

    cache_insert(C, key(n), c);
    chunk_unref(c);
}

static bool has(uint64_t n)
{
    struct chunk *c = cache_find(C, key(n));
    bool is_there = c != NULL;

    if (c)
        assert_memory_equal(c->at, &n, sizeof n);
    chunk_unref(c);
    return is_there;
}

static void what_was_inserted_is_found_until_dropped(void **state)
{
    assert_false(has(1));
    insert(1, 4096);
    insert(2, 16384);
    assert_true(has(1));
    assert_true(has(2));
    assert_int_equal(stats_now().entries, 2);
    assert_int_equal(stats_now().bytes, 4096 + 16384);
    cache_drop(C, key(1));
    cache_drop(C, key(1));
    assert_false(has(1));
    assert_true(has(2));
    assert_int_equal(stats_now().entries, 1);
    assert_true(counted.count[METRIC_CACHE_HITS] == 3);
    assert_true(counted.count[METRIC_CACHE_MISSES] == 2);
}

static void both_halves_of_a_key_count(void **state)
{
    struct chunk *c = new_chunk(5, 1);

    cache_insert(C, (struct cache_key){1, 2}, c);
    chunk_unref(c);
    assert_null(cache_find(C, (struct cache_key){2, 1}));
    assert_null(cache_find(C, (struct cache_key){1, 3}));
    assert_null(cache_find(C, (struct cache_key){0, 2}));
}

static void no_cache_finds_nothing_and_keeps_nothing(void **state)
{
    struct chunk *c = new_chunk(5, 1);

    cache_insert(NULL, key(5), c);
    assert_int_equal(c->refs, 1);
    assert_null(cache_find(NULL, key(5)));
    cache_drop(NULL, key(5));
    chunk_unref(c);
    cache_free(NULL);
}

static void the_first_of_two_inserts_stays(void **state)
{
    struct chunk *first = new_chunk(9, 4096), *second = new_chunk(9, 4096);

    cache_insert(C, key(9), first);
    cache_insert(C, key(9), second);
    assert_int_equal(first->refs, 2);
    assert_int_equal(second->refs, 1);
    assert_int_equal(stats_now().bytes, 4096);
    struct chunk *found = cache_find(C, key(9));
    assert_ptr_equal(found, first);
    chunk_unref(found);
    chunk_unref(first);
    chunk_unref(second);
}

static void a_dropped_chunk_stays_with_who_holds_it(void **state)
{
    insert(3, 4096);
    struct chunk *held = cache_find(C, key(3));
    uint64_t n = 3;

    cache_drop(C, key(3));
    insert(3, 4096); /* a new generation does not touch the old bytes */
    assert_memory_equal(held->at, &n, sizeof n);
    assert_int_equal(held->refs, 1);
    chunk_unref(held);
}

static void the_cache_stays_below_its_limit(void **state)
{
    for (uint64_t n = 0; n < 5000; n++) {
        insert(n, 65536);
        assert_true(stats_now().bytes <= 12 * MIB);
    }
    assert_int_equal(stats_now().bytes, 12 * MIB);
    assert_int_equal(stats_now().entries, 192);
    assert_true(counted.count[METRIC_CACHE_EVICTED] == 5000 - 192);
}

static void a_chunk_larger_than_the_limit_evicts_nothing(void **state)
{
    struct cache *small;

    assert_int_equal(cache_new(A, 65536, &small), ERR_OK);
    struct chunk *fits = new_chunk(1, 65536), *large = new_chunk(2, 65537);
    cache_insert(small, key(1), fits);
    cache_insert(small, key(2), large);
    assert_int_equal(fits->refs, 2);
    assert_int_equal(large->refs, 1);
    chunk_unref(fits);
    chunk_unref(large);
    cache_free(small);
}

static void what_is_used_again_survives_a_scan(void **state)
{
    unsigned survivors = 0;

    for (uint64_t n = 0; n < 40; n++)
        insert(n, 65536);
    for (int i = 0; i < 3; i++) {
        for (uint64_t n = 0; n < 40; n++)
            assert_true(has(n));
    }
    for (uint64_t n = 1000; n < 2000; n++)
        insert(n, 65536);
    for (uint64_t n = 0; n < 40; n++)
        survivors += has(n);
    assert_true(survivors >= 36); /* a FIFO of 192 would have kept none */
}

static void an_evicted_name_that_returns_is_kept_longer(void **state)
{
    unsigned survivors = 0;

    /* Four stripe-fulls behind them, the ten are gone, and remembered. */
    for (uint64_t n = 0; n < 10; n++)
        insert(n, 65536);
    for (uint64_t n = 1000; n < 1400; n++)
        insert(n, 65536);
    for (uint64_t n = 0; n < 10; n++) {
        assert_false(has(n));
        insert(n, 65536);
    }
    for (uint64_t n = 2000; n < 2400; n++)
        insert(n, 65536);
    for (uint64_t n = 0; n < 10; n++)
        survivors += has(n);
    assert_true(survivors >= 5);
}

static void chunks_in_use_are_not_evicted(void **state)
{
    struct chunk *held[12];

    for (uint64_t n = 0; n < 12; n++) {
        insert(n, MIB);
        held[n] = cache_find(C, key(n));
        assert_non_null(held[n]);
    }
    insert(100, MIB); /* no room: everything is held */
    assert_false(has(100));
    for (uint64_t n = 0; n < 12; n++)
        assert_true(has(n));
    chunk_unref(held[5]);
    insert(101, MIB);
    assert_true(has(101));
    assert_false(has(5));
    for (uint64_t n = 0; n < 12; n++) {
        if (n != 5)
            chunk_unref(held[n]);
    }
}

static void many_small_entries_stay_within_the_entries_set_aside(void **state)
{
    struct cache *tiny;

    /* 16 stripes of 64 entries, and room for 3072 chunks */
    assert_int_equal(cache_new(A, MIB, &tiny), ERR_OK);
    for (uint64_t n = 0; n < 20000; n++) {
        struct chunk *c = new_chunk(n, 1);
        cache_insert(tiny, key(n), c);
        chunk_unref(c);
    }
    struct cache_stats stats;
    cache_stats(tiny, &stats);
    assert_true(stats.entries <= 256);
    assert_int_equal(stats.bytes, stats.entries * 4096);
    cache_free(tiny);
    arena_set_reclaim(A, NULL, NULL);
}

static void the_arena_takes_back_what_the_cache_holds(void **state)
{
    struct chunk *held[16];

    for (uint64_t n = 0; n < 3072; n++)
        insert(n, 4096);
    for (int i = 0; i < 3; i++)
        assert_true(has(3071)); /* found ones go too when there is need */
    assert_int_equal(stats_now().bytes, 12 * MIB);
    for (size_t i = 0; i < 16; i++)
        assert_non_null(held[i] = arena_try_take(A, MIB));
    assert_int_equal(stats_now().entries, 0);
    assert_int_equal(stats_now().bytes, 0);
    assert_null(arena_try_take(A, 1));
    for (size_t i = 0; i < 16; i++)
        chunk_unref(held[i]);
}

static void all_found_entries_can_still_be_reclaimed(void **state)
{
    for (uint64_t n = 0; n < 12; n++) {
        insert(n, MIB);
        for (int i = 0; i < 5; i++)
            assert_true(has(n));
    }
    struct chunk *held[16];
    for (size_t i = 0; i < 16; i++)
        assert_non_null(held[i] = arena_try_take(A, MIB));
    for (size_t i = 0; i < 16; i++)
        chunk_unref(held[i]);
}

static struct chunk *taken;

static void waiter_advance(struct op *op)
{
    assert_int_equal(op->err, ERR_OK);
    taken = container_of(op, struct arena_take, op)->chunk;
}

static void the_last_reader_of_a_cached_chunk_wakes_a_waiter(void **state)
{
    struct reactor_config config = {.ring = RING_EPOLL, .ring_depth = 16, .cpu = -1};
    struct arena_take take = {.bytes = MIB};
    struct chunk *cached[12], *held[4];
    struct reactor *R;
    const char *why;

    assert_int_equal(reactor_new(&config, &R, &why), ERR_OK);
    for (uint64_t n = 0; n < 12; n++) {
        insert(n, MIB);
        cached[n] = cache_find(C, key(n));
    }
    for (size_t i = 0; i < 4; i++)
        held[i] = arena_try_take(A, MIB);
    taken = NULL;
    op_init(&take.op, waiter_advance);
    arena_take(A, &take);
    reactor_turn(R, 0);
    assert_null(taken);
    chunk_unref(cached[7]); /* nothing is freed by this; the cache must be asked */
    for (int i = 0; i < 1000 && !taken; i++)
        reactor_turn(R, 1000000);
    assert_non_null(taken);
    chunk_unref(taken);
    for (size_t i = 0; i < 4; i++)
        chunk_unref(held[i]);
    for (size_t n = 0; n < 12; n++) {
        if (n != 7)
            chunk_unref(cached[n]);
    }
    reactor_free(R);
}

enum { THREADS = 4, STEPS = 20000, KEYS = 600 };

static void *stress_run(void *arg)
{
    uint64_t seed = (uintptr_t)arg;
    static const size_t sizes[] = {4096, 16384, 65536, 262144, 1048576};

    for (int i = 0; i < STEPS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t n = (seed >> 33) % KEYS;
        struct chunk *c = cache_find(C, key(n));
        if (c) {
            assert_memory_equal(
                c->at, &n, sizeof n); /* never a chunk that was evicted and re-used */
        } else if ((c = arena_try_take(A, sizes[n % ARRAY_COUNT(sizes)]))) {
            memcpy(c->at, &n, sizeof n);
            cache_insert(C, key(n), c);
        }
        if ((seed >> 60) == 0)
            cache_drop(C, key(n));
        chunk_unref(c);
    }
    return NULL;
}

static void finding_racing_with_eviction_never_shows_foreign_bytes(void **state)
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, stress_run, (void *)(i + 1)), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(stats_now().bytes <= 12 * MIB);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_was_inserted_is_found_until_dropped),
        CASE(both_halves_of_a_key_count),
        CASE(no_cache_finds_nothing_and_keeps_nothing),
        CASE(the_first_of_two_inserts_stays),
        CASE(a_dropped_chunk_stays_with_who_holds_it),
        CASE(the_cache_stays_below_its_limit),
        CASE(a_chunk_larger_than_the_limit_evicts_nothing),
        CASE(what_is_used_again_survives_a_scan),
        CASE(an_evicted_name_that_returns_is_kept_longer),
        CASE(chunks_in_use_are_not_evicted),
        CASE(many_small_entries_stay_within_the_entries_set_aside),
        CASE(the_arena_takes_back_what_the_cache_holds),
        CASE(all_found_entries_can_still_be_reclaimed),
        CASE(the_last_reader_of_a_cached_chunk_wakes_a_waiter),
        CASE(finding_racing_with_eviction_never_shows_foreign_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
