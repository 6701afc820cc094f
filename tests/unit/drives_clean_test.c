/*
 * The cleaner: what is alive moves out of segments that are mostly dead, with the right bytes, and
 * the segments come back; what cannot be read or is held stays; a full drive takes puts again. The
 * crash oracle (drives_crash_test.c) runs with it, too.
 */
#include "drives_front.h"

#include "drives_rig.h"

#include "base/metrics.h"
#include "drives_clean_rig.h"
#include "loop_sim.h"

enum { CAPACITY_MIB = 32, WAIT_TURNS = 3000 };

static struct ring *ring;
static uint64_t before[METRIC_COUNT]; /* this test */

static int setup(void **state)
{
    (void)state;
    ring = loop_sim_new(5, 0); /* its calls pass through drives_front.h */
    rig_start(ring);
    disk_start(rig.dir);
    disk.is_on = false; /* the capacity only */
    rig.config.owner_count = 2;
    rig.config.cache = NULL; /* it would hide what is read */
    rig.config.clean_percent = 60;
    rig.config.clean_share = 100;
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    assert_int_equal(rig_bucket("second"), ERR_OK);
    for (unsigned k = 0; k < METRIC_COUNT; k++)
        before[k] = metrics_current->count[k];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (rig.E)
        rig_close();
    disk_done();
    disk.capacity = 0;
    rig_stop();
    return 0;
}

static uint64_t counted(enum metric k)
{
    return metrics_current->count[k] - before[k];
}

static struct engine_key key_of(unsigned i)
{
    static char name[16];

    (void)snprintf(name, sizeof name, "%06u", i);
    return rig_key(SPACE_OBJECT, i % 3 ? "second" : "bucket", name);
}

static enum err put(unsigned i, uint64_t size)
{
    return rig_put(key_of(i), i, size, "e");
}

static enum err check(unsigned i, uint64_t size)
{
    return rig_check(key_of(i), i, size, "e");
}

/* Checkpoints of all owners, and what they wake, until nothing is under way. */
static bool is_busy(void)
{
    struct drives *D = drives_of(rig.E);
    bool busy = !drives_clean_is_stopped(D);

    for (unsigned i = 0; i < D->base.owner_count; i++)
        busy |=
            D->shards[i].checkpoint.state != CHECKPOINT_IDLE || D->shards[i].checkpoint.is_wanted;
    return busy;
}

/* What a pass frees counts from the next checkpoint on, and that may make more worth cleaning. */
static void settle(void)
{
    for (unsigned round = 0; round < 4; round++) {
        drives_checkpoint_all(drives_of(rig.E));
        for (unsigned quiet = 0, turns = 0; quiet < 20; turns++) {
            assert_true(turns < WAIT_TURNS);
            quiet = is_busy() ? 0 : quiet + 1;
            usleep(500);
            loop_turns(2);
        }
    }
}

static int64_t live_of(enum drives_segment_kind kind)
{
    struct drives *D = drives_of(rig.E);
    int64_t live = 0;

    for (uint32_t id = 0; id < D->segments.next_id; id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        live += s && s->kind == kind ? s->live : 0;
    }
    return live;
}

/* Segments that hold something. */
static unsigned used(enum drives_segment_kind kind)
{
    struct drives *D = drives_of(rig.E);
    unsigned count = 0;

    for (uint32_t id = 0; id < D->segments.next_id; id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        count += s && s->kind == kind && s->live > 0;
    }
    return count;
}

/* One in ten stays. */
static void put_and_remove(unsigned count, uint64_t size)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(put(i, size), ERR_OK);
    for (unsigned i = 0; i < count; i++)
        if (i % 10 != 0)
            assert_int_equal(rig_remove(key_of(i)), ERR_OK);
}

static void check_rest(unsigned count, uint64_t size)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(check(i, size), i % 10 ? ERR_NOT_FOUND : ERR_OK);
}

static void reopen(void)
{
    rig_close();
    rig_open_ok();
    assert_true(rig_accounts_are_exact());
}

static void what_lives_in_log_segments_moves_together(void **state)
{
    enum { COUNT = 600, SIZE = 9000 }; /* 21 segments and more */

    (void)state;
    put_and_remove(COUNT, SIZE);
    settle();
    assert_true(counted(METRIC_CLEANED_SEGMENTS) > 10);
    assert_true(counted(METRIC_CLEANED_BYTES) > 0);
    assert_int_equal(live_of(SEGMENT_LOG), COUNT / 10 * SIZE);
    assert_in_range(used(SEGMENT_LOG), 1, 8);
    check_rest(COUNT, SIZE);
    reopen();
    check_rest(COUNT, SIZE);
}

static void what_lives_in_data_segments_moves_together(void **state)
{
    enum { COUNT = 120, SIZE = 150000 };

    (void)state;
    put_and_remove(COUNT, SIZE);
    settle();
    assert_int_equal(live_of(SEGMENT_DATA), COUNT / 10 * SIZE);
    assert_in_range(used(SEGMENT_DATA), 1, 4);
    check_rest(COUNT, SIZE);
    reopen();
    check_rest(COUNT, SIZE);
}

static struct engine_info info_of(struct engine_key key)
{
    struct engine_object *o;
    struct engine_info info;

    assert_int_equal(rig_lookup(key, &o), ERR_OK);
    info = o->info;
    engine_release(o);
    return info;
}

/* seq names versions, rev is what conditions rest on. */
static void for_callers_nothing_changes(void **state)
{
    struct engine_info was, is;

    (void)state;
    put_and_remove(300, 9000);
    was = info_of(key_of(10));
    settle();
    assert_true(counted(METRIC_CLEANED_BYTES) > 0);
    is = info_of(key_of(10));
    assert_true(was.seq == is.seq && was.rev == is.rev);
    assert_true(was.crc64 == is.crc64 && was.mtime_ms == is.mtime_ms);
}

static void older_versions_move_as_well(void **state)
{
    struct engine_key key = rig_key(SPACE_OBJECT, "versions", "k");
    struct engine_put p;
    uint64_t seqs[100];

    (void)state;
    engine_put_init(rig.E, &p, rig_key(SPACE_BUCKET, "versions", ""), 0);
    p.flags = ENGINE_BUCKET_VERSIONED;
    assert_int_equal(rig_commit(&p), ERR_OK);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(rig_put(key, i, 20000, "e"), ERR_OK);
        seqs[i] = info_of(key).seq;
    }
    for (unsigned i = 0; i < 100; i++) {
        struct engine_remove r = {.key = key, .version = {VERSION_SEQ, seqs[i]}};

        if (i % 10 == 0)
            continue;
        op_init(&r.op, loop_nothing);
        engine_remove(rig.E, &r);
        assert_int_equal(loop_wait(&r.op), ERR_OK);
    }
    settle();
    assert_true(counted(METRIC_CLEANED_BYTES) >= 5 * 20000);
    reopen();
    for (unsigned i = 0; i < 100; i += 10) {
        struct engine_lookup l = {.key = key, .version = {VERSION_SEQ, seqs[i]}};

        op_init(&l.op, loop_nothing);
        engine_lookup(rig.E, &l);
        assert_int_equal(loop_wait(&l.op), ERR_OK);
        assert_int_equal(rig_check_payload(l.object, i), ERR_OK);
        engine_release(l.object);
    }
}

static void an_open_object_stays_readable_where_it_was(void **state)
{
    struct engine_object *small, *large;

    (void)state;
    assert_int_equal(put(1000, 9000), ERR_OK);
    assert_int_equal(put(1001, 150000), ERR_OK);
    assert_int_equal(rig_lookup(key_of(1000), &small), ERR_OK);
    assert_int_equal(rig_lookup(key_of(1001), &large), ERR_OK);
    put_and_remove(300, 9000);
    put_and_remove(60, 150000);
    settle();
    assert_true(counted(METRIC_CLEANED_BYTES) > 150000);
    put_and_remove(60, 150000); /* writes over whatever came back */
    settle();
    assert_int_equal(rig_check_payload(small, 1000), ERR_OK);
    assert_int_equal(rig_check_payload(large, 1001), ERR_OK);
    engine_release(small);
    engine_release(large);
}

/* ---- composed, and long ------------------------------------------------------------------- */

static void compose(const char *name, unsigned first, unsigned count)
{
    struct engine_object *parts[128];
    struct engine_put p;

    engine_put_init(rig.E, &p, rig_key(SPACE_OBJECT, "bucket", name), 0);
    p.etag = VIEW("e");
    p.parts = parts;
    p.part_count = count;
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(rig_lookup(key_of(3 * (first + i)), &parts[i]), ERR_OK);
    assert_int_equal(rig_commit(&p), ERR_OK);
    for (unsigned i = 0; i < count; i++)
        engine_release(parts[i]);
}

static uint64_t part_size(unsigned i)
{
    return i % 2 ? 40000 : 5000;
}

static void check_composed(const char *name, unsigned first, unsigned count)
{
    struct engine_object *o;
    uint8_t *dst = malloc(40000);
    uint64_t at = 0;

    assert_int_equal(rig_lookup(rig_key(SPACE_OBJECT, "bucket", name), &o), ERR_OK);
    for (unsigned i = first; i < first + count; i++) {
        assert_int_equal(rig_read(o, at, part_size(i), dst), ERR_OK);
        for (uint64_t k = 0; k < part_size(i); k++)
            assert_int_equal(dst[k], rig_byte(3 * i, k));
        at += part_size(i);
    }
    assert_int_equal(o->info.size, at);
    engine_release(o);
    free(dst);
}

/* Of extents in data and in log segments: a list of them, and a map of them. */
static void composed_payloads_move(void **state)
{
    uint64_t moved;

    (void)state;
    for (unsigned i = 0; i < 160; i++) {
        assert_int_equal(put(3 * i, part_size(i)), ERR_OK);
        assert_int_equal(put(3000 + 3 * i, 100000), ERR_OK); /* in between, to be removed */
        assert_int_equal(put(3001 + 3 * i, 20000), ERR_OK);
    }
    compose("short", 0, 20);
    compose("long", 50, 100);
    for (unsigned i = 0; i < 160; i++) {
        assert_int_equal(rig_remove(key_of(3 * i)), ERR_OK);
        assert_int_equal(rig_remove(key_of(3000 + 3 * i)), ERR_OK);
        assert_int_equal(rig_remove(key_of(3001 + 3 * i)), ERR_OK);
    }
    settle();
    moved = counted(METRIC_CLEANED_BYTES);
    assert_true(moved > 100 * 20000);
    assert_in_range(used(SEGMENT_DATA), 2, 6);
    check_composed("short", 0, 20);
    check_composed("long", 50, 100);
    reopen();
    check_composed("short", 0, 20);
    check_composed("long", 50, 100);
    assert_int_equal(rig_remove(rig_key(SPACE_OBJECT, "bucket", "long")), ERR_OK);
    assert_int_equal(rig_remove(rig_key(SPACE_OBJECT, "bucket", "short")), ERR_OK);
    settle();
    reopen();
    assert_int_equal(live_of(SEGMENT_DATA) + live_of(SEGMENT_LOG), 0);
}

/* ---- when it works, and when not ---------------------------------------------------------- */

static void what_is_not_worth_it_is_left_alone(void **state)
{
    struct drives *D = drives_of(rig.E);

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(put(i, 9000), ERR_OK);
    for (unsigned i = 300; i < 360; i++)
        assert_int_equal(put(i, 150000), ERR_OK);
    settle();
    assert_int_equal(counted(METRIC_CLEANED_BYTES), 0);
    assert_true(drives_clean_is_stopped(D));
    assert_true(op_is_idle(&D->clean->timer.op)); /* it waits for nothing but being woken */
    assert_true(op_is_idle(&D->clean->work.op));
}

/* Their records are most of it: their segments never look full. */
static void tiny_objects_are_packed_and_then_left_alone(void **state)
{
    enum { COUNT = 2000, SIZE = 20 };
    uint64_t packed;

    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(put(i, SIZE), ERR_OK);
    settle();
    assert_true(counted(METRIC_CLEANED_BYTES) > 0);
    assert_in_range(counted(METRIC_CLEANED_BYTES), 0, 4 * COUNT * SIZE);
    reopen(); /* what moving takes has to be counted now */
    assert_int_equal(put(COUNT, SIZE), ERR_OK);
    settle();
    packed = counted(METRIC_CLEANED_BYTES);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(put(COUNT, SIZE), ERR_OK);
        settle();
    }
    assert_in_range(counted(METRIC_CLEANED_BYTES), packed, packed + COUNT * SIZE / 10);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(check(i, SIZE), ERR_OK);
}

static void segments_of_an_earlier_run_are_cleaned_when_they_are_counted(void **state)
{
    enum { COUNT = 400, SIZE = 9000 };

    (void)state;
    rig_close();
    rig.config.is_clean_off = true;
    rig_open_ok();
    put_and_remove(COUNT, SIZE);
    reopen();
    assert_int_equal(counted(METRIC_CLEANED_BYTES), 0);
    rig_close();
    rig.config.is_clean_off = false;
    rig_open_ok();
    assert_int_equal(put(9999, 10), ERR_OK); /* a checkpoint */
    settle();
    assert_true(counted(METRIC_CLEANED_BYTES) > 0);
    assert_in_range(used(SEGMENT_LOG), 1, 6);
    check_rest(COUNT, SIZE);
}

static void closing_does_not_wait_for_all_of_it(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 60; turns += 7) {
        put_and_remove(100, 9000);
        drives_checkpoint_all(drives_of(rig.E));
        for (unsigned i = 0; i < turns; i++) {
            usleep(100);
            loop_turns(1);
        }
        reopen();
        check_rest(100, 9000);
    }
}

/* ---- faults ------------------------------------------------------------------------------- */

static void what_cannot_be_read_stays_and_the_rest_moves(void **state)
{
    enum { COUNT = 120, SIZE = 150000 };
    unsigned failed = 0;

    (void)state;
    rig_close();
    rig.config.is_clean_off = true; /* else it may be through before the fault is set */
    rig_open_ok();
    put_and_remove(COUNT, SIZE);
    rig_close();
    rig.config.is_clean_off = false;
    rig_open_ok();
    assert_int_equal(put(9999, 10), ERR_OK); /* a checkpoint */
    loop_sim_fail(ring, IO_READ, loop_sim_count(ring, IO_READ) + 3, EIO);
    settle();
    assert_int_equal(counted(METRIC_CLEAN_UNREADABLE), 1);
    assert_true(counted(METRIC_CLEANED_SEGMENTS) > 3);
    for (unsigned i = 0; i < COUNT; i++)
        failed += check(i, SIZE) != (i % 10 ? ERR_NOT_FOUND : ERR_OK);
    assert_int_equal(failed, 0);
    reopen();
    check_rest(COUNT, SIZE);
}

/* Whichever operation fails while it cleans: what was answered is there. */
static void whichever_operation_fails_nothing_is_lost(void **state)
{
    static const enum io_kind kinds[] = {IO_READ, IO_WRITE, IO_SYNC};

    (void)state;
    for (unsigned k = 0; k < ARRAY_COUNT(kinds); k++) {
        for (unsigned nth = 1; nth < 14; nth += 3) {
            put_and_remove(40, 150000);
            for (unsigned i = 100; i < 200; i++)
                assert_int_equal(put(i, 9000), ERR_OK);
            for (unsigned i = 100; i < 200; i++)
                if (i % 10 != 0)
                    assert_int_equal(rig_remove(key_of(i)), ERR_OK);
            loop_sim_fail(ring, kinds[k], loop_sim_count(ring, kinds[k]) + nth, EIO);
            settle();
            loop_sim_fail(ring, kinds[k], 0, 0);
            check_rest(40, 150000);
            reopen();
            check_rest(40, 150000);
            for (unsigned i = 100; i < 200; i++)
                assert_int_equal(check(i, 9000), i % 10 ? ERR_NOT_FOUND : ERR_OK);
        }
    }
}

/* ---- full --------------------------------------------------------------------------------- */

static enum err put_patiently(unsigned i, uint64_t size)
{
    enum err e = put(i, size);

    for (unsigned tries = 0; e == ERR_NO_SPACE && tries < 20; tries++) {
        settle();
        e = put(i, size);
    }
    return e;
}

static void fill_and_thin_out(uint64_t size)
{
    unsigned stored = 0;
    enum err e;

    rig_close();
    disk.capacity = CAPACITY_MIB * MIB;
    rig.config.clean_percent = 0; /* as it is set for everybody */
    rig_open_ok();
    while (!(e = put(stored, size)))
        stored++;
    assert_int_equal(e, ERR_NO_SPACE);
    for (unsigned i = 0; i < stored; i++)
        if (i % 10 != 0)
            assert_int_equal(rig_remove(key_of(i)), ERR_OK);
    for (unsigned i = 0; i < stored / 2; i++)
        assert_int_equal(put_patiently(100000 + i, size), ERR_OK);
    check_rest(stored, size);
    reopen();
    check_rest(stored, size);
}

static void a_full_drive_of_small_objects_has_room_again(void **state)
{
    (void)state;
    fill_and_thin_out(9000);
}

static void a_full_drive_of_large_objects_has_room_again(void **state)
{
    (void)state;
    fill_and_thin_out(150000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_lives_in_log_segments_moves_together),
        CASE(what_lives_in_data_segments_moves_together),
        CASE(for_callers_nothing_changes),
        CASE(older_versions_move_as_well),
        CASE(an_open_object_stays_readable_where_it_was),
        CASE(composed_payloads_move),
        CASE(what_is_not_worth_it_is_left_alone),
        CASE(tiny_objects_are_packed_and_then_left_alone),
        CASE(segments_of_an_earlier_run_are_cleaned_when_they_are_counted),
        CASE(closing_does_not_wait_for_all_of_it),
        CASE(what_cannot_be_read_stays_and_the_rest_moves),
        CASE(whichever_operation_fails_nothing_is_lost),
        CASE(a_full_drive_of_small_objects_has_room_again),
        CASE(a_full_drive_of_large_objects_has_room_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
