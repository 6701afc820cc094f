/* Work that walks over much goes on in further turns: others get theirs in between. */
#include "drives_rig.h"

#include "engine/drives/drives_impl.h"

enum { MANY = 30000 };

static struct drives_shard *shard(void)
{
    return &drives_of(rig.E)->shards[0];
}

/* Straight into the memtable: many commits would take long. */
static void fill(enum engine_space space, const char *format, unsigned count, bool is_there)
{
    uint8_t entry_bytes[200], key_bytes[DRIVES_KEY_BYTES_MAX];
    struct buf entry = buf_over(entry_bytes, sizeof entry_bytes);
    struct drives_entry e = {.seq = 1, .etag = VIEW("etag")};
    char name[64];

    drives_format_entry_put(&entry, &e);
    drives_format_entry_seal(entry.at, entry.len);
    for (unsigned i = 0; i < count; i++) {
        struct buf key = buf_over(key_bytes, sizeof key_bytes);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(name, sizeof name, format, i);
#pragma GCC diagnostic pop
        drives_format_key_put(&key, space, VIEW("bucket"), view_str(name));
        if (is_there)
            assert_int_equal(
                drives_index_put(&shard()->keys, buf_view(&key), buf_view(&entry)), ERR_OK);
        else
            assert_int_equal(drives_index_remove(&shard()->keys, buf_view(&key)), ERR_OK);
    }
}

static void checkpoint(void)
{
    drives_checkpoint_start(shard());
    while (shard()->checkpoint.state != CHECKPOINT_IDLE)
        reactor_turn(reactor_current(), 1000000);
}

static int start(void **state)
{
    (void)state;
    rig_start(NULL);
    rig.config.memtable_entries_max = 1000000;
    rig.config.memtable_bytes_max = 400 * MIB;
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_close();
    rig_stop();
    return 0;
}

/* ---- somebody who wants a turn as often as possible ---------------------------------------- */

static struct {
    struct op op;
    void (*look)(void);
    const struct op *of;
    unsigned turns;
} watch;

static void watched(struct op *op)
{
    watch.turns++;
    if (watch.look)
        watch.look();
    if (!op_is_idle(watch.of))
        op_send(op, reactor_current());
}

/* Until `of` has ended, at the end of whose start we are. */
static enum err watch_until(const struct op *of, void (*look)(void))
{
    watch.look = look;
    watch.of = of;
    watch.turns = 0;
    op_init(&watch.op, watched);
    op_send(&watch.op, reactor_current());
    (void)loop_wait(&watch.op);
    return loop_wait(of);
}

/* ---- listing ------------------------------------------------------------------------------- */

static void a_listing_over_many_removed_names_lets_others_in(void **state)
{
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT, .bucket = VIEW("bucket"), .max_items = 100, .region = &region};

    (void)state;
    fill(SPACE_OBJECT, "gone-%06u", MANY, true);
    checkpoint();
    fill(SPACE_OBJECT, "gone-%06u", MANY, false);
    assert_int_equal(rig_put(rig_object("gone-000000"), 1, 10, "e"), ERR_OK);
    assert_int_equal(rig_put(rig_object("gone-015000"), 1, 10, "e"), ERR_OK);
    assert_int_equal(rig_put(rig_object("gone-029999"), 1, 10, "e"), ERR_OK);
    region_init(&region, reactor_regions(reactor_current()));
    op_init(&l.op, loop_nothing);
    engine_list(rig.E, &l);
    assert_int_equal(watch_until(&l.op, NULL), ERR_OK);
    assert_in_range(watch.turns, MANY / 4096, MANY);
    assert_int_equal(l.count, 3);
    assert_true(view_is(l.items[0].name, "gone-000000"));
    assert_true(view_is(l.items[1].name, "gone-015000"));
    assert_true(view_is(l.items[2].name, "gone-029999"));
    assert_false(l.is_truncated);
    region_done(&region);
}

static void a_listing_of_many_groups_lets_others_in_and_misses_none(void **state)
{
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT,
        .bucket = VIEW("bucket"),
        .delimiter = VIEW("/"),
        .max_items = 1001,
        .region = &region};
    char name[64];

    (void)state;
    fill(SPACE_OBJECT, "%04u/x", 1200, true);
    region_init(&region, reactor_regions(reactor_current()));
    op_init(&l.op, loop_nothing);
    engine_list(rig.E, &l);
    assert_int_equal(watch_until(&l.op, NULL), ERR_OK);
    assert_in_range(watch.turns, 2, 1001);
    assert_int_equal(l.count, 1001);
    for (unsigned i = 0; i < l.count; i++) {
        (void)snprintf(name, sizeof name, "%04u/", i);
        assert_true(l.items[i].is_prefix && view_is(l.items[i].name, name));
    }
    assert_true(l.is_truncated);
    region_done(&region);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_listing_over_many_removed_names_lets_others_in),
        CASE(a_listing_of_many_groups_lets_others_in_and_misses_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
