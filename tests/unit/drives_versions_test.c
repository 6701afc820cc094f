/* Versions on drives: accounts of segments, turns of long listings, a full drive. */
#include "drives_front.h"

#include "drives_rig.h"

#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"
#include "loop_sim.h"

enum { KEYS = 6, ROUNDS = 400, MANY = 20000, CAPACITY_MIB = 24 };

static uint64_t draws;

static uint64_t draw(void)
{
    draws = draws * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return draws >> 33;
}

static void set_flags(unsigned flags)
{
    struct engine_amend a = {
        .key = rig_key(SPACE_BUCKET, "bucket", ""), .flags = flags, .sets_flags = true};

    op_init(&a.op, loop_nothing);
    engine_amend(rig.E, &a);
    assert_int_equal(loop_wait(&a.op), ERR_OK);
}

static enum err remove_version(struct engine_key key, uint64_t seq)
{
    struct engine_remove r = {.key = key, .version = {VERSION_SEQ, seq}};

    op_init(&r.op, loop_nothing);
    engine_remove(rig.E, &r);
    return loop_wait(&r.op);
}

static enum err look_up(struct engine_key key, uint64_t seq, struct engine_object **o)
{
    struct engine_lookup l = {.key = key, .version = {VERSION_SEQ, seq}};

    op_init(&l.op, loop_nothing);
    engine_lookup(rig.E, &l);
    *o = loop_wait(&l.op) ? NULL : l.object;
    return l.op.err;
}

/* Every version of every key, through fn; at most 1001. */
typedef void version_fn(struct engine_key key, const struct engine_info *info);
static unsigned each_version(version_fn *fn)
{
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT,
        .bucket = VIEW("bucket"),
        .with_versions = true,
        .max_items = 1001,
        .region = &region};
    unsigned count;

    region_init(&region, reactor_regions(reactor_current()));
    op_init(&l.op, loop_nothing);
    engine_list(rig.E, &l);
    assert_int_equal(loop_wait(&l.op), ERR_OK);
    assert_false(l.is_truncated);
    for (unsigned i = 0; i < l.count; i++)
        fn((struct engine_key){SPACE_OBJECT, l.bucket, l.items[i].name}, &l.items[i].info);
    count = l.count;
    region_done(&region);
    return count;
}

/* ---- accounts ---------------------------------------------------------------------------- */

static int64_t expected[1000]; /* of live bytes, by segment */

static void expect(struct engine_key key, const struct engine_info *info)
{
    struct engine_object *o;
    struct drives_usage u;

    assert_int_equal(look_up(key, info->seq, &o), ERR_OK);
    assert_int_equal(rig_check_payload(o, info->size), ERR_OK);
    for (uint32_t i = 0; drives_layout_usage(&drives_object_of(o)->layout, i, &u); i++)
        expected[u.segment] += (int64_t)u.bytes;
    engine_release(o);
}

/* A store that was opened has all in the tree: live is what the entries point at, to the byte. */
static void accounts_are_right_after(version_fn *fn)
{
    struct drives *D;

    rig_close();
    rig_open_ok();
    D = drives_of(rig.E);
    memset(expected, 0, sizeof expected);
    (void)each_version(fn);
    for (uint32_t id = 0; id < ARRAY_COUNT(expected); id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        assert_int_equal(s ? s->live : 0, expected[id]);
        assert_int_equal(s ? s->staged : 0, 0);
        assert_int_equal(s ? s->pins : 0, 0);
    }
}

static uint64_t some_seq;
static unsigned some_left;
static struct engine_key some_key;
static char some_name[16];

static void pick_some(struct engine_key key, const struct engine_info *info)
{
    if (some_left-- != 0)
        return;
    some_seq = info->seq;
    memset(some_name, 0, sizeof some_name);
    memcpy(some_name, key.name.at, key.name.len);
    some_key = rig_object(some_name);
}

static void nothing(struct engine_key key, const struct engine_info *info)
{
    (void)key;
    (void)info;
}

static void change_something(void)
{
    static const char *const names[KEYS] = {"a", "b", "c", "d", "e", "f"};
    uint64_t what = draw() % 20, size = draw() % 4 ? draw() % 5000 : 33000 + draw() % 90000;
    struct engine_key key = rig_object(names[draw() % KEYS]);
    struct engine_amend a = {.meta = VIEW("amended")};
    unsigned count = each_version(nothing);

    if (what == 0) {
        set_flags(draw() % 2 ? ENGINE_BUCKET_VERSIONED : ENGINE_BUCKET_SUSPENDED);
    } else if (what < 10) {
        assert_int_equal(rig_put(key, size, size, "e"), ERR_OK);
    } else if (what < 13) {
        assert_int_equal(rig_remove(key), ERR_OK);
    } else if (count > 0) {
        some_left = (unsigned)(draw() % count);
        (void)each_version(pick_some);
        a.key = some_key;
        a.version = (struct engine_version){VERSION_SEQ, some_seq};
        op_init(&a.op, loop_nothing);
        engine_amend(rig.E, &a);
        assert_int_equal(loop_wait(&a.op), ERR_OK);
        if (what < 18)
            assert_int_equal(remove_version(some_key, some_seq), ERR_OK);
    }
}

static int setup(void **state)
{
    (void)state;
    rig_start(NULL);
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close();
    rig_stop();
    return 0;
}

static void what_moves_is_accounted_for_once(void **state)
{
    (void)state;
    draws = 4711;
    set_flags(ENGINE_BUCKET_VERSIONED);
    for (unsigned round = 0; round < ROUNDS; round++) {
        change_something();
        if (round % 50 == 49)
            accounts_are_right_after(expect);
    }
    while (each_version(nothing) > 0) {
        some_left = 0;
        (void)each_version(pick_some);
        assert_int_equal(remove_version(some_key, some_seq), ERR_OK);
    }
    accounts_are_right_after(nothing); /* not a byte is left */
    assert_int_equal(rig_remove(rig_key(SPACE_BUCKET, "bucket", "")), ERR_OK);
}

/* ---- turns ------------------------------------------------------------------------------- */

static struct drives_shard *shard(void)
{
    return &drives_of(rig.E)->shards[0];
}

/* Straight into the memtable: many commits would take long. seq 0: in SPACE_OBJECT. */
static void fill(const char *name, uint64_t seq, bool is_there)
{
    uint8_t entry_bytes[200], key_bytes[DRIVES_KEY_BYTES_MAX], name_bytes[64];
    struct buf entry = buf_over(entry_bytes, sizeof entry_bytes);
    struct buf key = buf_over(key_bytes, sizeof key_bytes);
    struct buf full = buf_over(name_bytes, sizeof name_bytes);
    struct drives_entry e = {.seq = seq ? seq : MANY, .flags = ENGINE_VERSION_NAMED};

    drives_format_entry_put(&entry, &e);
    drives_format_entry_seal(entry.at, entry.len);
    if (seq)
        engine_versions_name_put(&full, view_str(name), seq);
    else
        buf_put(&full, view_str(name));
    drives_format_key_put(
        &key, seq ? SPACE_VERSION : SPACE_OBJECT, VIEW("bucket"), buf_view(&full));
    if (is_there)
        assert_int_equal(
            drives_index_put(&shard()->keys, buf_view(&key), buf_view(&entry)), ERR_OK);
    else
        assert_int_equal(drives_index_remove(&shard()->keys, buf_view(&key)), ERR_OK);
}

static struct {
    struct op op;
    const struct op *of;
    unsigned turns;
} watch;

static void watched(struct op *op)
{
    watch.turns++;
    if (!op_is_idle(watch.of))
        op_send(op, reactor_current());
}

static void list_watched(struct engine_list *l)
{
    op_init(&l->op, loop_nothing);
    engine_list(rig.E, l);
    watch.of = &l->op;
    watch.turns = 0;
    op_init(&watch.op, watched);
    op_send(&watch.op, reactor_current());
    (void)loop_wait(&watch.op);
    assert_int_equal(loop_wait(&l->op), ERR_OK);
}

static int setup_turns(void **state)
{
    (void)state;
    rig_start(NULL);
    rig.config.memtable_entries_max = 1000000;
    rig.config.memtable_bytes_max = 400 * MIB;
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    return 0;
}

/* Removed keys in either space, and what is there in the middle of them. */
static void a_listing_over_much_that_is_removed_lets_others_in(void **state)
{
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT,
        .bucket = VIEW("bucket"),
        .with_versions = true,
        .max_items = 100,
        .region = &region};
    char name[16];

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "k%06u", i);
        fill(name, 0, false);
        fill(name, 1 + i % 7, i == MANY / 2 || i == MANY - 1);
    }
    for (unsigned seq = 1; seq < MANY; seq++)
        fill("one key", seq, seq % 5000 == 1);
    fill("one key", 0, true);
    fill("k010000x", 0, true);
    region_init(&region, reactor_regions(reactor_current()));
    list_watched(&l);
    assert_in_range(watch.turns, 3 * MANY / 4096, MANY);
    assert_false(l.is_truncated);
    assert_int_equal(l.count, 8);
    assert_true(view_is(l.items[0].name, "k010000"));
    assert_true(view_is(l.items[1].name, "k010000x"));
    assert_true(view_is(l.items[2].name, "k019999"));
    for (unsigned i = 3; i < 8; i++) {
        assert_true(view_is(l.items[i].name, "one key"));
        assert_int_equal(l.items[i].info.seq, i == 3 ? MANY : 15001 - 5000 * (i - 4));
        assert_int_equal(l.items[i].is_latest, i == 3);
    }
    /* And the same in pages that begin inside of it. */
    l.after = VIEW("one key");
    l.after_seq = 15001;
    list_watched(&l);
    assert_int_equal(l.count, 3);
    assert_int_equal(l.items[0].info.seq, 10001);
    assert_false(l.items[0].is_latest);
    l.after = VIEW_EMPTY;
    l.after_seq = 0;
    l.delimiter = VIEW("0");
    list_watched(&l);
    assert_int_equal(l.count, 6);
    assert_true(l.items[0].is_prefix && view_is(l.items[0].name, "k0"));
    region_done(&region);
}

/* ---- a full drive ------------------------------------------------------------------------ */

static int setup_full(void **state)
{
    (void)state;
    rig_start(loop_sim_new(3, 0)); /* its calls pass through drives_front.h */
    disk_start(rig.dir);
    disk.is_on = false; /* the capacity only */
    disk.capacity = CAPACITY_MIB * MIB;
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    return 0;
}

static int teardown_full(void **state)
{
    (void)state;
    rig_close();
    disk_done();
    disk.capacity = 0;
    rig_stop();
    return 0;
}

/* A marker takes space, and must not take that which removals for good need. */
static void versions_of_a_full_store_can_be_removed_for_good(void **state)
{
    static uint64_t seqs[6000];
    struct engine_key key = rig_object("k");
    unsigned count = 0;
    enum err e = ERR_OK;

    (void)state;
    set_flags(ENGINE_BUCKET_VERSIONED);
    while (!e && count < ARRAY_COUNT(seqs)) {
        struct engine_object *o;

        e = rig_put(key, count, 5000, "e");
        if (e)
            break;
        assert_int_equal(rig_lookup(key, &o), ERR_OK);
        seqs[count++] = o->info.seq;
        engine_release(o);
    }
    assert_int_equal(e, ERR_NO_SPACE);
    do /* what is left of the log's segment */
        e = rig_remove(rig_object("nothing"));
    while (!e);
    assert_int_equal(e, ERR_NO_SPACE);
    while (count > 10)
        assert_int_equal(remove_version(key, seqs[--count]), ERR_OK);
    assert_int_equal(rig_check(key, 9, 5000, "e"), ERR_OK);
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(rig_put(rig_object("again"), i, 4000, "e"), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_moves_is_accounted_for_once, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_listing_over_much_that_is_removed_lets_others_in, setup_turns, teardown),
        cmocka_unit_test_setup_teardown(
            versions_of_a_full_store_can_be_removed_for_good, setup_full, teardown_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
