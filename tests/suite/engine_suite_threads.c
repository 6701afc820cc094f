/* Two threads at once; and what a closed engine keeps. */
#include <stdio.h>
#include <stdlib.h>

#include "engine_suite_cases.h"
#include "engine_suite_stand.h"

enum { ENTRIES = 30 };

struct worker {
    char letter;
    unsigned failed; /* how many steps did not do what they should */
};

/* Each entry is put, read back, listed; every third is removed. */
static void work_one(struct worker *w, struct view bucket, int i)
{
    char name[16];
    struct engine_key key;
    struct engine_object *o;
    uint8_t got[16];
    struct view text;

    (void)snprintf(name, sizeof name, "%c-%02d", w->letter, i);
    text = view_str(name);
    key = stand_key_in(SPACE_OBJECT, bucket, name);
    w->failed += stand_put(key, text, name) != ERR_OK;
    if (stand_lookup(key, &o)) {
        w->failed++;
        return;
    }
    w->failed += o->info.size != text.len;
    w->failed += stand_read(o, 0, text.len, got) != ERR_OK;
    w->failed += !view_eq(view_of(got, text.len), text);
    engine_release(o);
    if (i % 3 == 0)
        w->failed += stand_remove(key) != ERR_OK;
}

static void list_own(struct worker *w, struct view bucket, unsigned count)
{
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT,
        .bucket = bucket,
        .prefix = view_of(&w->letter, 1),
        .max_items = 1001,
        .region = &region};

    region_init(&region, reactor_regions(reactor_current()));
    w->failed += stand_list(&l) != ERR_OK;
    w->failed += l.count != count;
    region_done(&region);
}

static void work_all(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < ENTRIES; i++) {
        work_one(w, stand.bucket, i);
        work_one(w, stand.bucket2, i);
        list_own(w, stand.bucket, (unsigned)(i + 1 - (i + 3) / 3));
    }
}

void two_threads_work_on_one_bucket(void **state)
{
    struct worker mine = {.letter = 'm'}, theirs = {.letter = 't'};

    (void)state;
    stand_fork(work_all, &theirs);
    work_all(&mine);
    stand_join();
    assert_int_equal(mine.failed, 0);
    assert_int_equal(theirs.failed, 0);
    stand_holds(stand_key("t-01"), VIEW("t-01"), "t-01");
    stand_holds(stand_key("m-29"), VIEW("m-29"), "m-29");
}

struct rival {
    uint64_t seed;
    unsigned failed;
};

/* Bytes and etag of a version, both from its number. */
static void version_put(struct rival *r, uint64_t number)
{
    size_t len = 1 + (size_t)(number % 70000);
    uint8_t *bytes = stand_bytes(len, number);
    char etag[24];

    (void)snprintf(etag, sizeof etag, "%llu", (unsigned long long)number);
    r->failed += stand_put(stand_key("a"), view_of(bytes, len), etag) != ERR_OK;
    free(bytes);
}

/* Whatever version is found, it is that one whole. */
static void version_check(struct rival *r)
{
    struct engine_object *o;
    uint64_t number = 0;
    uint8_t *bytes, *got;

    if (stand_lookup(stand_key("a"), &o)) {
        r->failed++;
        return;
    }
    for (size_t i = 0; i < o->info.etag.len; i++)
        number = number * 10 + (uint64_t)(o->info.etag.at[i] - '0');
    bytes = stand_bytes((size_t)o->info.size, number);
    got = malloc((size_t)o->info.size);
    r->failed += o->info.size != 1 + number % 70000;
    r->failed += stand_read(o, 0, (size_t)o->info.size, got) != ERR_OK;
    r->failed += memcmp(got, bytes, (size_t)o->info.size) != 0;
    engine_release(o);
    free(bytes);
    free(got);
}

static void compete(void *arg)
{
    struct rival *r = arg;

    for (int i = 0; i < 50; i++) {
        version_put(r, stand_random(&r->seed) >> 40);
        version_check(r);
        version_check(r);
    }
}

void rivals_never_see_a_torn_entry(void **state)
{
    struct rival mine = {.seed = 1}, theirs = {.seed = 2};

    (void)state;
    version_put(&mine, 0);
    stand_fork(compete, &theirs);
    compete(&mine);
    stand_join();
    assert_int_equal(mine.failed, 0);
    assert_int_equal(theirs.failed, 0);
}

static void release_here(void *arg)
{
    engine_release(arg);
}

void a_pin_may_be_released_by_another_thread(void **state)
{
    struct engine_object *o;

    (void)state;
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "e"), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
    assert_int_equal(stand_remove(stand_key("a")), ERR_OK);
    stand_fork(release_here, o);
    stand_join();
    assert_false(stand_has(stand_key("a")));
    engine_release(NULL);
}

static void reopened_holds(const uint8_t *large, size_t len)
{
    assert_true(stand_has(stand_key_in(SPACE_BUCKET, stand.bucket, "")));
    stand_holds(stand_key("small"), VIEW("tiny"), "t");
    stand_holds(stand_key("large"), view_of(large, len), "l");
    assert_false(stand_has(stand_key("removed")));
    assert_false(stand_has(stand_key("aborted")));
    stand_holds(stand_key_in(SPACE_UPLOAD, stand.bucket, "up"), VIEW_EMPTY, "u");
    stand_holds(stand_key_in(SPACE_CONFIG, VIEW_EMPTY, "own"), VIEW("cfg"), "c");
}

void a_closed_engine_opens_with_what_it_had(void **state)
{
    size_t len = (2 << 20) + 77;
    uint8_t *large;
    struct engine_put p;
    uint64_t seq;

    (void)state;
    if (!stand.factory->is_persistent)
        return;
    large = stand_bytes(len, 14);
    assert_int_equal(stand_put(stand_key("small"), VIEW("large before"), "b"), ERR_OK);
    assert_int_equal(stand_put(stand_key("small"), VIEW("tiny"), "t"), ERR_OK);
    assert_int_equal(stand_put(stand_key("large"), view_of(large, len), "l"), ERR_OK);
    assert_int_equal(stand_put(stand_key("removed"), VIEW("x"), "r"), ERR_OK);
    assert_int_equal(stand_remove(stand_key("removed")), ERR_OK);
    assert_int_equal(
        stand_put(stand_key_in(SPACE_UPLOAD, stand.bucket, "up"), VIEW_EMPTY, "u"), ERR_OK);
    assert_int_equal(
        stand_put(stand_key_in(SPACE_CONFIG, VIEW_EMPTY, "own"), VIEW("cfg"), "c"), ERR_OK);
    stand_put_init(&p, stand_key("aborted"), "a");
    assert_int_equal(stand_write(&p, view_of(large, len)), ERR_OK);
    stand_abort(&p);
    stand_put_init(&p, stand_key("last"), "e");
    assert_int_equal(stand_commit(&p), ERR_OK);
    seq = p.info.seq;
    for (unsigned i = 0; i < 4; i++) {
        stand_reopen(1 + i % 2); /* owners may change from start to start */
        reopened_holds(large, len);
        /* seq goes on growing. */
        stand_put_init(&p, stand_key("last"), "e");
        assert_int_equal(stand_commit(&p), ERR_OK);
        assert_true(p.info.seq > seq);
        seq = p.info.seq;
    }
    free(large);
}
