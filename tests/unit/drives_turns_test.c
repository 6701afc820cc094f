/* Work that walks over much goes on in further turns: others get theirs in between. */
#include "drives_rig.h"

#include "engine/drives/drives_decide.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"
#include "engine/drives/drives_stage.h"

enum { MANY = 30000, PARTS = 10000 };

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

/* ---- purging ------------------------------------------------------------------------------- */

static uint64_t entries_before, entries_most;
static bool is_checkpoint_wanted, is_half_seen;

static bool is_there(enum engine_space space, const char *name)
{
    uint8_t bytes[DRIVES_KEY_BYTES_MAX];
    struct buf key = buf_over(bytes, sizeof bytes);
    bool has;

    drives_format_key_put(&key, space, VIEW("bucket"), view_str(name));
    assert_int_equal(drives_index_begin(&shard()->keys), ERR_OK);
    assert_int_equal(drives_index_has(&shard()->keys, buf_view(&key), &has), ERR_OK);
    drives_index_end(&shard()->keys);
    return has;
}

/* All or nothing, whenever one looks; and not too much between two looks. */
static void look_at_purge(void)
{
    uint64_t now = drives_memtable_entries(shard()->keys.active);

    entries_most = MAX(entries_most, now > entries_before ? now - entries_before : 0);
    entries_before = now;
    assert_true(is_there(SPACE_PART, "id/") != is_there(SPACE_OBJECT, "whole"));
    if (list_is_empty(&shard()->purging))
        return;
    is_half_seen = true;
    if (is_checkpoint_wanted)
        drives_checkpoint_start(shard());
}

static void complete(struct engine_put *p)
{
    fill(SPACE_PART, "id/%05u", PARTS, true);
    checkpoint();
    fill(SPACE_PART, "id/%05u", 100, true); /* some in the memtable as well */
    fill(SPACE_PART, "if/%05u", 1, true);
    entries_before = drives_memtable_entries(shard()->keys.active);
    entries_most = 0;
    is_half_seen = false;
    engine_put_init(rig.E, p, rig_object("whole"), 0);
    p->etag = VIEW("e");
    p->purge_parts = VIEW("id/");
    op_init(&p->op, loop_nothing);
    engine_commit(p);
}

static void a_purge_of_many_parts_lets_others_in_and_is_seen_whole(void **state)
{
    struct engine_put p;

    (void)state;
    is_checkpoint_wanted = false;
    complete(&p);
    assert_int_equal(watch_until(&p.op, look_at_purge), ERR_OK);
    assert_true(is_half_seen);
    assert_in_range(entries_most, 1, 2 * 1024 + 2);
    assert_false(is_there(SPACE_PART, "id/"));
    assert_true(is_there(SPACE_PART, "if/"));
    assert_int_equal(shard()->mark.group, shard()->reached.group);
}

/* A checkpoint in the middle of it must not make the store forget the rest. */
static void a_purge_that_was_half_checkpointed_is_whole_after_a_crash(void **state)
{
    struct engine_put p;
    uint64_t group;

    (void)state;
    is_checkpoint_wanted = true;
    complete(&p);
    group = shard()->mark.group;
    assert_int_equal(watch_until(&p.op, look_at_purge), ERR_OK);
    assert_true(is_half_seen);
    assert_int_equal(shard()->checkpoint.mark.group, group);
    while (shard()->checkpoint.state != CHECKPOINT_IDLE)
        reactor_turn(reactor_current(), 1000000);
    drives_of(rig.E)->is_failed = true; /* no last checkpoint: what is on the drive counts */
    rig_close();
    rig_open_ok();
    assert_false(is_there(SPACE_PART, "id/"));
    assert_true(is_there(SPACE_OBJECT, "whole"));
}

/* Until the removal is durable all is there, then nothing. */
static void look_at_removal(void)
{
    uint64_t now = drives_memtable_entries(shard()->keys.active);

    entries_most = MAX(entries_most, now > entries_before ? now - entries_before : 0);
    entries_before = now;
    assert_true(is_there(SPACE_PART, "id/") == is_there(SPACE_UPLOAD, "k/"));
    is_half_seen |= !list_is_empty(&shard()->purging);
}

static void a_bucket_takes_many_uploads_and_parts_along_in_turns(void **state)
{
    struct engine_remove r = {.key = rig_key(SPACE_BUCKET, "bucket", "")};

    (void)state;
    fill(SPACE_UPLOAD, "k/%05u", PARTS, true);
    fill(SPACE_PART, "id/%05u", PARTS, true);
    checkpoint();
    entries_before = drives_memtable_entries(shard()->keys.active);
    entries_most = 0;
    is_half_seen = false;
    op_init(&r.op, loop_nothing);
    engine_remove(rig.E, &r);
    assert_int_equal(watch_until(&r.op, look_at_removal), ERR_OK);
    look_at_removal();
    assert_true(is_half_seen);
    assert_in_range(entries_most, 1, 2 * 1024 + 3);
    assert_false(is_there(SPACE_UPLOAD, "k/"));
    assert_true(list_is_empty(&shard()->keys.purges));
    assert_int_equal(shard()->mark.group, shard()->reached.group);
}

static void what_is_put_under_a_purged_prefix_is_not_hidden(void **state)
{
    struct drives_purge *rest = NULL;
    uint32_t steps = 100;
    bool is_done = false;

    (void)state;
    fill(SPACE_PART, "id/%05u", 1000, true);
    assert_int_equal(
        drives_index_purge_some(&shard()->keys, VIEW("\4bucket\0id/"), &steps, &rest), ERR_OK);
    assert_non_null(rest);
    assert_int_equal(steps, 0);
    assert_false(is_there(SPACE_PART, "id/"));
    fill(SPACE_PART, "id/new-%u", 1, true);
    assert_true(is_there(SPACE_PART, "id/new-0"));
    assert_false(is_there(SPACE_PART, "id/0"));
    assert_int_equal(drives_index_purge_more(rest, 100, &is_done), ERR_OK);
    assert_true(is_done);
    drives_index_purge_free(rest);
    assert_true(is_there(SPACE_PART, "id/new-0"));
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* However many commits of a bucket are on their way, they are: it is not removed under them. */
static void a_bucket_waits_for_any_number_of_commits_in_it(void **state)
{
    struct drives_txn put = {.what = TXN_PUT, .key = rig_object("k")};
    struct drives_txn removal = {.what = TXN_REMOVE, .key = rig_key(SPACE_BUCKET, "bucket", "")};
    struct drives_decision d;

    (void)state;
    for (unsigned i = 0; i < 1 << 16; i++)
        drives_decide_mark(shard(), &put, 1);
    assert_int_equal(drives_index_begin(&shard()->keys), ERR_OK);
    assert_int_equal(drives_decide(shard(), &removal, &d), ERR_OK);
    drives_index_end(&shard()->keys);
    assert_true(d.must_wait);
    for (unsigned i = 0; i < 1 << 16; i++)
        drives_decide_mark(shard(), &put, -1);
}

/* ---- composing ----------------------------------------------------------------------------- */

enum { SEGMENTS = 3000 };

static struct drives_stage *stage;
static uint32_t gathered, gathered_most;

static void look_at_gathering(void)
{
    uint32_t now = stage->mapper.pending_count;

    gathered_most = MAX(gathered_most, now > gathered ? now - gathered : 0);
    gathered = now; /* 0 again behind the blob */
}

/* Part i: i + 1 bytes, said to be in segment i % SEGMENTS. */
static struct engine_object *make_part(unsigned i)
{
    size_t bytes = LAYOUT_HEAD_BYTES + LAYOUT_EXTENT_BYTES_MAX;
    struct drives_object *o = calloc(1, sizeof *o + bytes);
    struct buf b = buf_over(o->bytes, bytes);
    struct drives_extent x = {.segment = i % SEGMENTS, .len = i + 1};

    drives_layout_put_extents(&b, &x, 1);
    assert_int_equal(drives_layout_get(buf_view(&b), &o->layout), ERR_OK);
    return &o->object;
}

static void check_usage(const struct drives_layout *l)
{
    static uint64_t expected[SEGMENTS];
    struct drives_usage u;
    uint32_t lines = 0;

    for (unsigned i = 0; i < PARTS; i++)
        expected[i % SEGMENTS] += i + 1;
    for (; drives_layout_usage(l, lines, &u) && lines < SEGMENTS; lines++) {
        assert_in_range(u.segment, 0, SEGMENTS - 1);
        /* The blob is in a segment of its own right, and so may be that of a part. */
        assert_in_range(u.bytes, expected[u.segment], expected[u.segment] + MIB);
        expected[u.segment] = UINT64_MAX / 2; /* not twice */
    }
    assert_int_equal(lines, SEGMENTS);
    assert_false(drives_layout_usage(l, lines, &u));
}

static void composing_of_many_parts_lets_others_in_and_counts_each_segment_once(void **state)
{
    static struct engine_object *parts[PARTS];
    struct engine_put p;
    struct drives_layout l;

    (void)state;
    for (unsigned i = 0; i < PARTS; i++)
        parts[i] = make_part(i);
    engine_put_init(rig.E, &p, rig_object("composed"), 0);
    p.parts = parts;
    p.part_count = PARTS;
    stage = drives_stage_new(drives_of(rig.E), &p);
    assert_non_null(stage);
    op_init(&stage->mapper.op, loop_nothing);
    drives_map_start(stage);
    look_at_gathering();
    assert_int_equal(watch_until(&stage->mapper.op, look_at_gathering), ERR_OK);
    assert_in_range(gathered_most, 1, 4096);
    assert_int_equal(drives_layout_get(buf_view(&stage->layout), &l), ERR_OK);
    assert_int_equal(drives_layout_end(&l), (uint64_t)PARTS * (PARTS + 1) / 2);
    check_usage(&l);
    drives_stage_free(stage);
    for (unsigned i = 0; i < PARTS; i++)
        free(drives_object_of(parts[i]));
}

/* ---- a latest one behind many removed ones ------------------------------------------------- */

enum { NEWER = 1000000 };

/* Of "k", newer than all that there are: removed, over entries of the tree. */
static void fill_versions(bool is_there)
{
    uint8_t entry_bytes[200];
    struct buf entry = buf_over(entry_bytes, sizeof entry_bytes);
    struct engine_key k = rig_object("k");
    struct drives_key key;

    drives_format_entry_put(&entry, &(struct drives_entry){.seq = NEWER, .flags = ENGINE_MARKER});
    drives_format_entry_seal(entry.at, entry.len);
    for (unsigned i = 0; i < MANY; i++) {
        struct view name = drives_decide_version_key(&key, &k, NEWER + i);

        if (is_there)
            assert_int_equal(drives_index_put(&shard()->keys, name, buf_view(&entry)), ERR_OK);
        else
            assert_int_equal(drives_index_remove(&shard()->keys, name), ERR_OK);
    }
    drives_of(rig.E)->seq = NEWER + MANY;
}

static void set_versioned(void)
{
    struct engine_amend a = {
        .key = rig_key(SPACE_BUCKET, "bucket", ""),
        .flags = ENGINE_BUCKET_VERSIONED,
        .sets_flags = true};

    op_init(&a.op, loop_nothing);
    engine_amend(rig.E, &a);
    assert_int_equal(loop_wait(&a.op), ERR_OK);
}

/* Of k as it is: found, or the marker. */
static uint64_t latest(bool *is_marker_out)
{
    struct engine_lookup l = {.key = rig_object("k")};
    uint64_t seq;

    op_init(&l.op, loop_nothing);
    engine_lookup(rig.E, &l);
    *is_marker_out = watch_until(&l.op, NULL) == ERR_NOT_FOUND;
    assert_true(*is_marker_out ? l.marker.is_set : l.op.err == ERR_OK);
    seq = *is_marker_out ? l.marker.seq : l.object->info.seq;
    engine_release(l.object);
    return seq;
}

/* How far the look that begins below this seq has come, and how far in one turn at most. */
static uint64_t gap_below, gap_from, gap_most;

static void look_at_gap(void)
{
    struct engine_key k = rig_object("k");
    uint64_t from = drives_gaps_skip(&shard()->gaps, &k, gap_below);

    if (from == gap_below)
        return;
    gap_most = MAX(gap_most, gap_from - MAX(from, NEWER));
    gap_from = MAX(from, NEWER);
}

static void watch_gap(uint64_t below)
{
    gap_below = below;
    gap_from = NEWER + MANY;
    gap_most = 0;
}

static void check_gap(void)
{
    look_at_gap();
    assert_int_equal(gap_from, NEWER);
    assert_in_range(gap_most, 1, 3 * GAPS_STEPS);
}

static enum err remove_version(uint64_t seq)
{
    struct engine_remove r = {.key = rig_object("k"), .version = {VERSION_SEQ, seq}};

    op_init(&r.op, loop_nothing);
    engine_remove(rig.E, &r);
    return watch_until(&r.op, look_at_gap);
}

/* One version, a marker, and before that many that are gone. */
static void make_history(uint64_t *version_out, uint64_t *marker_out)
{
    bool is_marker;

    set_versioned();
    assert_int_equal(rig_put(rig_object("k"), 1, 10, "e"), ERR_OK);
    *version_out = latest(&is_marker);
    assert_int_equal(rig_remove(rig_object("k")), ERR_OK);
    *marker_out = latest(&is_marker);
    assert_true(is_marker);
    fill_versions(true);
    checkpoint();
    fill_versions(false);
}

static void a_look_for_what_is_behind_many_removed_versions_lets_others_in(void **state)
{
    uint64_t version, marker;
    bool is_marker;

    (void)state;
    make_history(&version, &marker);
    assert_int_equal(latest(&is_marker), marker);
    assert_true(is_marker);
    assert_in_range(watch.turns, MANY / 4096, MANY);
    /* Once: it is known then. */
    assert_int_equal(latest(&is_marker), marker);
    assert_in_range(watch.turns, 0, 3);
    assert_int_equal(remove_version(NEWER + 5), ERR_NOT_FOUND);
    assert_in_range(watch.turns, 0, 3);
}

static void a_removal_in_front_of_many_removed_versions_lets_others_in(void **state)
{
    uint64_t version, marker;
    bool is_marker;

    (void)state;
    make_history(&version, &marker);
    watch_gap(UINT64_MAX);
    assert_int_equal(remove_version(marker), ERR_OK);
    check_gap();
    assert_int_equal(latest(&is_marker), version);
    assert_false(is_marker);
}

/* The older ones begin in front of them; the next older is behind them. */
static void the_next_older_behind_many_removed_versions_is_found_in_turns(void **state)
{
    uint64_t version, marker, front;
    bool is_marker;

    (void)state;
    make_history(&version, &marker);
    assert_int_equal(remove_version(marker), ERR_OK);
    assert_int_equal(rig_put(rig_object("k"), 2, 10, "e"), ERR_OK);
    assert_int_equal(remove_version(latest(&is_marker)), ERR_OK);
    assert_int_equal(latest(&is_marker), version);
    assert_int_equal(rig_remove(rig_object("k")), ERR_OK);
    front = latest(&is_marker);
    assert_true(is_marker);
    watch_gap(front);
    assert_int_equal(remove_version(front), ERR_OK);
    check_gap();
    assert_int_equal(latest(&is_marker), version);
    assert_false(is_marker);
}

static void what_is_put_where_nothing_was_is_not_overlooked(void **state)
{
    uint64_t version, marker, front;
    bool is_marker;

    (void)state;
    make_history(&version, &marker);
    assert_int_equal(latest(&is_marker), marker);
    assert_int_equal(rig_remove(rig_object("k")), ERR_OK);
    front = latest(&is_marker);
    assert_true(is_marker && front > NEWER);
    assert_int_equal(rig_put(rig_object("k"), 2, 10, "e"), ERR_OK);
    assert_true(latest(&is_marker) > front && !is_marker);
    assert_int_equal(remove_version(latest(&is_marker)), ERR_OK);
    assert_int_equal(latest(&is_marker), front);
    assert_true(is_marker);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_listing_over_many_removed_names_lets_others_in),
        CASE(a_listing_of_many_groups_lets_others_in_and_misses_none),
        CASE(a_purge_of_many_parts_lets_others_in_and_is_seen_whole),
        CASE(a_purge_that_was_half_checkpointed_is_whole_after_a_crash),
        CASE(a_bucket_takes_many_uploads_and_parts_along_in_turns),
        CASE(what_is_put_under_a_purged_prefix_is_not_hidden),
        CASE(a_bucket_waits_for_any_number_of_commits_in_it),
        CASE(composing_of_many_parts_lets_others_in_and_counts_each_segment_once),
        CASE(a_look_for_what_is_behind_many_removed_versions_lets_others_in),
        CASE(a_removal_in_front_of_many_removed_versions_lets_others_in),
        CASE(the_next_older_behind_many_removed_versions_is_found_in_turns),
        CASE(what_is_put_where_nothing_was_is_not_overlooked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
