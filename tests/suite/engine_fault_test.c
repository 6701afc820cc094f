/*
 * The fault engine: the whole suite over memory with nothing failing and everything late, then
 * fault loops of one operation each: N = 1, 2, ... until nothing failed.
 */
#include "engine/fault/fault.h"

#include <stdlib.h>

#include "engine/memory/memory.h"
#include "engine_suite_story.h"

static enum err open_fault(
    struct reactor **owners, unsigned owner_count, struct arena *A, bool is_reopen,
    struct engine **engine_out)
{
    static const struct engine_fault_config late = {.seed = 1, .turns_max = 5};
    struct engine *inner;

    (void)is_reopen;
    TRY(engine_memory_new(owners, owner_count, A, &inner));
    return engine_fault_new(inner, &late, engine_out);
}

static const struct engine_factory factory = {.name = "fault", .open = open_fault};

static int open_case(void **state)
{
    (void)state;
    stand_open(2, true);
    return 0;
}

static int close_case(void **state)
{
    (void)state;
    stand_close();
    return 0;
}

static void arm(unsigned kinds, uint64_t nth, enum err err)
{
    engine_fault_arm(
        stand.E, &(struct engine_fault_config){.kinds = kinds, .nth = nth, .err = err});
}

static void the_chosen_kind_fails_with_the_chosen_error(void **state)
{
    struct engine_object *o;
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT, .bucket = stand.bucket, .max_items = 10, .region = &region};
    uint8_t got[3] = "abc";

    (void)state;
    region_init(&region, reactor_regions(reactor_current()));
    arm(ENGINE_FAULT_WRITE, 1, ERR_NO_SPACE);
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "e"), ERR_NO_SPACE);
    assert_int_equal(stand_put(stand_key("a"), VIEW("xyz"), "e"), ERR_OK);
    arm(ENGINE_FAULT_LOOKUP, 2, ERR_IO);
    assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
    engine_release(o);
    assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_IO);
    assert_int_equal(engine_fault_count(stand.E), 1);
    assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
    arm(ENGINE_FAULT_READ, 1, ERR_CHECKSUM);
    assert_int_equal(stand_read(o, 0, 3, got), ERR_CHECKSUM);
    assert_true(got[0] != 'a' && got[0] != 'x');
    assert_int_equal(stand_read(o, 0, 3, got), ERR_OK);
    assert_memory_equal(got, "xyz", 3);
    engine_release(o);
    arm(ENGINE_FAULT_LIST, 1, ERR_IO);
    assert_int_equal(stand_list(&l), ERR_IO);
    assert_int_equal(stand_list(&l), ERR_OK);
    assert_int_equal(l.count, 1);
    arm(ENGINE_FAULT_REMOVE, 1, ERR_IO);
    assert_int_equal(stand_remove(stand_key("a")), ERR_IO);
    assert_true(stand_has(stand_key("a")));
    arm(ENGINE_FAULT_COMMIT, 1, ERR_IO);
    assert_int_equal(stand_put(stand_key("a"), VIEW("new"), "n"), ERR_IO);
    stand_holds(stand_key("a"), VIEW("xyz"), "e");
    region_done(&region);
    stand_passed();
}

static void a_repeating_fault_repeats(void **state)
{
    struct engine_fault_config every_third = {
        .kinds = ENGINE_FAULT_LOOKUP, .nth = 3, .err = ERR_IO, .is_repeating = true};
    struct engine_object *o;

    (void)state;
    engine_fault_arm(stand.E, &every_third);
    for (int i = 1; i <= 12; i++)
        assert_int_equal(stand_lookup(stand_key("a"), &o), i % 3 ? ERR_NOT_FOUND : ERR_IO);
    assert_int_equal(engine_fault_count(stand.E), 4);
    stand_passed();
}

static void of_an_unknown_outcome_the_work_is_done(void **state)
{
    struct engine_fault_config after = {
        .kinds = ENGINE_FAULT_COMMIT | ENGINE_FAULT_REMOVE,
        .nth = 1,
        .err = ERR_UNKNOWN_OUTCOME,
        .is_after = true};

    (void)state;
    engine_fault_arm(stand.E, &after);
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "e"), ERR_UNKNOWN_OUTCOME);
    stand_holds(stand_key("a"), VIEW("x"), "e");
    engine_fault_arm(stand.E, &after);
    assert_int_equal(stand_remove(stand_key("a")), ERR_UNKNOWN_OUTCOME);
    assert_false(stand_has(stand_key("a")));
    stand_passed();
}

/* One multipart upload, every kind of call in it. The first error ends it, as S3 would. */
static enum err upload(void)
{
    struct engine_key up = stand_key_in(SPACE_UPLOAD, stand.bucket, "key-id");
    struct engine_key part = stand_key_in(SPACE_PART, stand.bucket, "id/00001");
    struct engine_object *o;
    struct engine_put p;
    enum err e;

    TRY(stand_put(up, VIEW_EMPTY, "u"));
    TRY(stand_put(part, VIEW("the part"), "p"));
    TRY(stand_lookup(part, &o));
    stand_put_init(&p, stand_key("a"), "new");
    p.parts = &o;
    p.part_count = 1;
    p.also_remove = up;
    p.purge_parts = VIEW("id/");
    p.require = up;
    e = stand_commit(&p);
    engine_release(o);
    return e;
}

/* "a" is old and the upload may be there, or "a" is new and nothing of the upload is. */
static void is_before_or_after(bool is_after)
{
    if (!is_after) {
        stand_holds(stand_key("a"), VIEW("old"), "old");
        return;
    }
    stand_holds(stand_key("a"), VIEW("the part"), "new");
    assert_false(stand_has(stand_key_in(SPACE_UPLOAD, stand.bucket, "key-id")));
    assert_false(stand_has(stand_key_in(SPACE_PART, stand.bucket, "id/00001")));
}

static void whichever_call_fails_an_upload_is_whole_or_absent(void **state)
{
    uint64_t failed;
    unsigned n = 0;

    (void)state;
    do {
        enum err e;

        assert_int_equal(stand_put(stand_key("a"), VIEW("old"), "old"), ERR_OK);
        arm(ENGINE_FAULT_ANY, ++n, ERR_IO);
        e = upload();
        failed = engine_fault_count(stand.E);
        arm(0, 0, ERR_OK);
        assert_int_equal(e, failed ? ERR_IO : ERR_OK);
        is_before_or_after(!failed);
        /* And what failed can be done again. */
        assert_int_equal(upload(), ERR_OK);
        is_before_or_after(true);
    } while (failed);
    assert_true(n > 4);
    stand_passed();
}

static void whichever_allocation_fails_an_upload_is_whole_or_absent(void **state)
{
    bool has_failed;
    unsigned n = 0;

    (void)state;
    do {
        enum err e;

        assert_int_equal(stand_put(stand_key("a"), VIEW("old"), "old"), ERR_OK);
        (void)engine_memory_fail_alloc(++n);
        e = upload();
        has_failed = engine_memory_fail_alloc(0) == 0;
        assert_int_equal(e, has_failed ? ERR_NO_SPACE : ERR_OK);
        is_before_or_after(!has_failed);
        assert_int_equal(upload(), ERR_OK);
        is_before_or_after(true);
    } while (has_failed);
    assert_true(n > 5);
    stand_passed();
}

/* Changes of a key whose story is "three* two one0", in a bucket with these flags. */
static enum err put_four(void)
{
    return stand_put(stand_key("a"), VIEW("four"), "four");
}

static enum err remove_latest(void)
{
    return stand_remove(stand_key("a"));
}

static enum err remove_first_for_good(void)
{
    return story_remove_version("a", version_of(story_seq("a", 0)));
}

static enum err remove_null_for_good(void)
{
    return story_remove_version("a", version_null);
}

static enum err remove_twice_for_good(void)
{
    TRY(remove_first_for_good());
    return remove_first_for_good();
}

static enum err amend_null(void)
{
    struct engine_amend a = {
        .key = stand_key("a"), .version = version_null, .meta = VIEW("amended")};

    return stand_do_amend(&a);
}

static const struct change {
    enum err (*make)(void);
    unsigned flags;
    const char *between, *after; /* between: of two steps, the first; else NULL */
} changes[] = {
    {put_four, ENGINE_BUCKET_VERSIONED, NULL, "four* three two one0"},
    {put_four, ENGINE_BUCKET_SUSPENDED, NULL, "four0* three two"},
    {remove_latest, ENGINE_BUCKET_VERSIONED, NULL, "X* three two one0"},
    {remove_latest, ENGINE_BUCKET_SUSPENDED, NULL, "X0* three two"},
    {remove_first_for_good, ENGINE_BUCKET_VERSIONED, NULL, "two* one0"},
    {remove_null_for_good, ENGINE_BUCKET_VERSIONED, NULL, "three* two"},
    {remove_twice_for_good, ENGINE_BUCKET_SUSPENDED, "two* one0", "one0*"},
    {amend_null, ENGINE_BUCKET_VERSIONED, NULL, "three* two one0"},
};

static void set_up(const struct change *c)
{
    stand_set_versions(ENGINE_BUCKET_SUSPENDED);
    story_put("a", "one");
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    story_put("a", "two");
    story_put("a", "three");
    stand_set_versions(c->flags);
}

static void clear_up(void)
{
    struct engine_object *o;

    for (;;) {
        struct engine_lookup l = {.key = stand_key("a")};
        enum err e = stand_do_lookup(&l);

        if (e && !l.marker.is_set)
            return;
        o = l.object;
        l.version = version_of(e ? l.marker.seq : o->info.seq);
        engine_release(o);
        assert_int_equal(story_remove_version("a", l.version), ERR_OK);
    }
}

static uint64_t amended_size(void)
{
    struct engine_lookup l = {.key = stand_key("a"), .version = version_null};
    uint64_t len = 0;

    if (stand_do_lookup(&l))
        return 0;
    len = l.object->info.meta.len;
    engine_release(l.object);
    return len;
}

/* Nothing of it, or all of it; and it can be done again. */
static void check_change(const struct change *c, enum err e, const char *before)
{
    if (!e) {
        story_is("a", c->after);
        assert_int_equal(amended_size(), c->make == amend_null ? 7 : 0);
        return;
    }
    assert_int_equal(amended_size(), 0);
    story_is("a", before);
}

static void whichever_call_fails_versions_are_as_before_or_after(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(changes); i++) {
        const struct change *c = &changes[i];
        uint64_t failed = 1;

        for (unsigned n = 1; failed; n++) {
            enum err e;

            set_up(c);
            arm(ENGINE_FAULT_COMMIT | ENGINE_FAULT_REMOVE | ENGINE_FAULT_AMEND, n, ERR_IO);
            e = c->make();
            failed = engine_fault_count(stand.E);
            arm(0, 0, ERR_OK);
            assert_int_equal(e, failed ? ERR_IO : ERR_OK);
            check_change(c, e, n == 2 && c->between ? c->between : "three* two one0");
            clear_up();
        }
    }
    stand_passed();
}

static void whichever_allocation_fails_versions_are_as_before_or_after(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(changes); i++) {
        const struct change *c = &changes[i];
        bool has_failed = true;

        if (c->between) /* the same as the one before, twice */
            continue;
        for (unsigned n = 1; has_failed; n++) {
            enum err e;

            set_up(c);
            (void)engine_memory_fail_alloc(n);
            e = c->make();
            has_failed = engine_memory_fail_alloc(0) == 0;
            assert_int_equal(e, has_failed ? ERR_NO_SPACE : ERR_OK);
            check_change(c, e, "three* two one0");
            if (e) {
                assert_int_equal(c->make(), ERR_OK);
                check_change(c, ERR_OK, NULL);
            }
            clear_up();
        }
    }
    stand_passed();
}

static void an_amendment_of_unknown_outcome_took_place(void **state)
{
    struct engine_fault_config after = {
        .kinds = ENGINE_FAULT_AMEND, .nth = 1, .err = ERR_UNKNOWN_OUTCOME, .is_after = true};

    (void)state;
    story_put("a", "one");
    engine_fault_arm(stand.E, &after);
    assert_int_equal(amend_null(), ERR_UNKNOWN_OUTCOME);
    assert_int_equal(amended_size(), 7);
    stand_passed();
}

enum { LOOKUPS = 32 };

/* Which lookup completed as the how-manieth. */
struct order {
    struct engine_lookup lookups[LOOKUPS];
    unsigned at[LOOKUPS];
    unsigned count;
};
static struct order order;

static void note_order(struct op *op)
{
    struct engine_lookup *l = container_of(op, struct engine_lookup, op);

    assert_int_equal(op->err, ERR_NOT_FOUND);
    order.at[order.count++] = (unsigned)(l - order.lookups);
}

/* All on this thread, so that the seed decides alone. */
static void take_order(uint64_t seed, unsigned turns_max)
{
    order.count = 0;
    engine_fault_arm(stand.E, &(struct engine_fault_config){.seed = seed, .turns_max = turns_max});
    for (int i = 0; i < LOOKUPS; i++) {
        struct engine_lookup *l = &order.lookups[i];

        *l = (struct engine_lookup){.key = stand_key_in(SPACE_OBJECT, stand.bucket2, "nothing")};
        op_init(&l->op, note_order);
        engine_lookup(stand.E, l);
    }
    while (order.count < LOOKUPS)
        reactor_turn(stand.reactors[0], 0);
}

static void completions_come_in_the_order_of_the_seed(void **state)
{
    unsigned first[LOOKUPS];

    (void)state;
    take_order(7, 0);
    for (unsigned i = 0; i < LOOKUPS; i++)
        assert_int_equal(order.at[i], i);
    take_order(7, 9);
    memcpy(first, order.at, sizeof first);
    take_order(7, 9);
    assert_memory_equal(first, order.at, sizeof first);
    take_order(8, 9);
    assert_memory_not_equal(first, order.at, sizeof first);
    stand_passed();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_case, close_case)
    const struct CMUnitTest cases[] = {
        CASE(the_chosen_kind_fails_with_the_chosen_error),
        CASE(a_repeating_fault_repeats),
        CASE(of_an_unknown_outcome_the_work_is_done),
        CASE(whichever_call_fails_an_upload_is_whole_or_absent),
        CASE(whichever_allocation_fails_an_upload_is_whole_or_absent),
        CASE(whichever_call_fails_versions_are_as_before_or_after),
        CASE(whichever_allocation_fails_versions_are_as_before_or_after),
        CASE(an_amendment_of_unknown_outcome_took_place),
        CASE(completions_come_in_the_order_of_the_seed),
    };
#undef CASE
    int failed = engine_suite_run(&factory);

    if (failed)
        return failed;
    stand_build(&factory);
    failed += cmocka_run_group_tests_name("engine fault", cases, NULL, NULL);
    stand_dismantle();
    return failed ? 1 : 0;
}
