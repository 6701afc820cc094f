/* Space: what is dead comes back, what anybody needs does not; payloads of many extents. */
#include "drives_rig.h"

#include "base/crc64.h"

static int setup(void **state)
{
    (void)state;
    rig_start(NULL);
    rig.config.owner_count = 2;
    rig.config.memtable_entries_max = 20;
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

static enum err put(const char *name, uint64_t size)
{
    return rig_put(rig_object(name), (uint64_t)name[0], size, "e");
}

static enum err check(const char *name, uint64_t size)
{
    return rig_check(rig_object(name), (uint64_t)name[0], size, "e");
}

static unsigned count_files(const char *folder)
{
    char path[200];
    DIR *d;
    struct dirent *entry;
    unsigned count = 0;

    (void)snprintf(path, sizeof path, "%s/%s", rig.dir, folder);
    d = opendir(path);
    assert_non_null(d);
    while ((entry = readdir(d)))
        count += entry->d_name[0] != '.';
    (void)closedir(d);
    return count;
}

/* Enough commits of the bucket for a checkpoint, waited for. */
static void checkpoints(const char *bucket)
{
    for (unsigned i = 0; i < 25; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "churn-%u", i);
        assert_int_equal(rig_put(rig_key(SPACE_OBJECT, bucket, name), 1, 0, "e"), ERR_OK);
    }
    for (int i = 0; i < 10; i++) {
        usleep(1000);
        loop_turns(2);
    }
}

/* A bucket of the other owner than "bucket". */
static const char *other_bucket(void)
{
    static char name[16];

    for (unsigned i = 0;; i++) {
        (void)snprintf(name, sizeof name, "other-%u", i);
        if (engine_owner(rig.E, view_str(name)) != engine_owner(rig.E, VIEW("bucket")))
            break;
    }
    assert_int_equal(rig_bucket(name), ERR_OK);
    return name;
}

static void overwriting_gives_segments_back(void **state)
{
    (void)state;
    for (int round = 0; round < 24; round++) {
        assert_int_equal(put("large", 900000), ERR_OK); /* 22 MB in all, in 2 MiB segments */
        for (int i = 0; i < 10; i++)
            assert_int_equal(put("small", 18000), ERR_OK); /* 4 MB in 256 KiB segments */
        checkpoints("bucket");
        assert_int_equal(check("large", 900000), ERR_OK);
        assert_int_equal(check("small", 18000), ERR_OK);
    }
    assert_true(count_files("data") <= 6);
    assert_true(count_files("log") <= 8);
}

static void an_open_object_keeps_its_bytes(void **state)
{
    struct engine_object *large, *small;

    (void)state;
    rig_close();
    rig.config.cache = NULL; /* it would help */
    rig_open_ok();
    assert_int_equal(put("large", 900000), ERR_OK);
    assert_int_equal(put("small", 9000), ERR_OK);
    assert_int_equal(rig_lookup(rig_object("large"), &large), ERR_OK);
    assert_int_equal(rig_lookup(rig_object("small"), &small), ERR_OK);
    assert_int_equal(rig_remove(rig_object("large")), ERR_OK);
    assert_int_equal(rig_remove(rig_object("small")), ERR_OK);
    for (int round = 0; round < 12; round++) {
        assert_int_equal(put("x", 900000), ERR_OK);
        assert_int_equal(put("y", 30000), ERR_OK);
        checkpoints("bucket");
    }
    assert_int_equal(rig_check_payload(large, 'l'), ERR_OK);
    assert_int_equal(rig_check_payload(small, 's'), ERR_OK);
    engine_release(large);
    engine_release(small);
}

static void what_no_checkpoint_has_yet_keeps_its_segment(void **state)
{
    const char *other = other_bucket();
    char name[8];

    (void)state;
    /* Few enough entries that this owner does not checkpoint; enough bytes to seal segments. */
    for (unsigned i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "%c", 'a' + (int)i);
        assert_int_equal(put(name, 900000), ERR_OK);
    }
    checkpoints(other); /* the other one does, and reclaims */
    for (unsigned i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "%c", 'p' + (int)i % 4);
        assert_int_equal(
            rig_put(rig_key(SPACE_OBJECT, other, name), i, 900000, "e"), ERR_OK); /* reuse */
    }
    cache_free(rig.C); /* what is cached would hide it */
    rig_close();
    assert_int_equal(cache_new(rig.A, 0, &rig.C), ERR_OK);
    rig.config.cache = rig.C;
    rig_open_ok();
    for (unsigned i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "%c", 'a' + (int)i);
        assert_int_equal(check(name, 900000), ERR_OK);
    }
}

/* The account of a segment did not change between two checkpoints, but how full it is did. */
static void what_is_alive_at_the_end_of_a_segment_is_not_written_over(void **state)
{
    (void)state;
    assert_int_equal(put("k", 500000), ERR_OK);
    checkpoints("bucket");
    for (int i = 0; i < 3; i++) /* fills the 2 MiB of the segment */
        assert_int_equal(put("k", 500000), ERR_OK);
    assert_int_equal(put("x", 600000), ERR_OK); /* the next segment: the first is sealed */
    for (int round = 0; round < 2; round++) {
        rig_close();
        rig.config.cache = NULL;
        rig_open_ok();
        for (unsigned i = 0; i < 6; i++)
            assert_int_equal(rig_put(rig_object("other"), i, 400000, "e"), ERR_OK);
        assert_int_equal(check("k", 500000), ERR_OK);
        assert_int_equal(check("x", 600000), ERR_OK);
    }
}

static void an_abandoned_put_gives_its_space_back(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct engine_put p;

        engine_put_init(rig.E, &p, rig_object("never"), 0);
        assert_int_equal(rig_write_all(&p, 1, 1500000), ERR_OK);
        op_init(&p.op, loop_nothing);
        engine_abort(&p);
        assert_int_equal(loop_wait(&p.op), ERR_OK);
        if (i % 4 == 0)
            checkpoints("bucket");
    }
    checkpoints("bucket");
    assert_true(count_files("data") <= 10);
}

/* ---- many extents ------------------------------------------------------------------------ */

static void read_back(const char *name, const uint8_t *expected, uint64_t size)
{
    struct engine_object *o;
    uint8_t *dst = malloc(CHUNK_BYTES_MAX);
    static const uint64_t steps[] = {CHUNK_BYTES_MAX, 70001};

    assert_int_equal(rig_lookup(rig_object(name), &o), ERR_OK);
    assert_int_equal(o->info.size, size);
    assert_int_equal(o->info.crc64, crc64_nvme(0, expected, size));
    for (unsigned s = 0; s < ARRAY_COUNT(steps); s++) {
        for (uint64_t at = s * 13; at < size; at += steps[s] * (1 + 6 * s)) {
            size_t len = (size_t)MIN(size - at, steps[s]);

            assert_int_equal(rig_read(o, at, len, dst), ERR_OK);
            assert_memory_equal(dst, expected + at, len);
        }
    }
    free(dst);
    engine_release(o);
}

static void compose_into(const char *name, struct engine_object *const *parts, size_t count)
{
    struct engine_put p;

    engine_put_init(rig.E, &p, rig_object(name), 0);
    p.etag = VIEW("composed");
    p.parts = parts;
    p.part_count = count;
    assert_int_equal(rig_commit(&p), ERR_OK);
}

static void payloads_of_many_extents_have_maps_that_can_be_composed(void **state)
{
    enum { PARTS = 150, PART = 40000, LARGE = 67 };
    struct engine_object *parts[PARTS], *both[3];
    uint64_t small_size = (uint64_t)PARTS * PART, large_size = LARGE * MIB + 12345;
    uint8_t *expected = malloc(2 * small_size + large_size);
    char name[16];

    (void)state;
    for (unsigned i = 0; i < PARTS; i++) {
        (void)snprintf(name, sizeof name, "part-%u", i);
        assert_int_equal(rig_put(rig_object(name), i, PART, "e"), ERR_OK);
        assert_int_equal(rig_lookup(rig_object(name), &parts[i]), ERR_OK);
        for (unsigned k = 0; k < PART; k++)
            expected[i * PART + k] = rig_byte(i, k);
    }
    compose_into("many", parts, PARTS);
    for (unsigned i = 0; i < PARTS; i++)
        engine_release(parts[i]);
    read_back("many", expected, small_size);
    assert_int_equal(put("large", large_size), ERR_OK); /* more extents than a record takes */
    assert_int_equal(check("large", large_size), ERR_OK);

    assert_int_equal(rig_lookup(rig_object("many"), &both[0]), ERR_OK);
    assert_int_equal(rig_lookup(rig_object("large"), &both[1]), ERR_OK);
    both[2] = both[0];
    compose_into("all", both, 3);
    engine_release(both[0]);
    engine_release(both[1]);
    for (uint64_t i = 0; i < large_size; i++)
        expected[small_size + i] = rig_byte('l', i);
    memcpy(expected + small_size + large_size, expected, small_size);
    assert_int_equal(rig_remove(rig_object("many")), ERR_OK);
    assert_int_equal(rig_remove(rig_object("large")), ERR_OK);
    checkpoints("bucket");
    rig_close();
    rig_open_ok();
    read_back("all", expected, 2 * small_size + large_size);
    free(expected);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(overwriting_gives_segments_back),
        CASE(an_open_object_keeps_its_bytes),
        CASE(what_no_checkpoint_has_yet_keeps_its_segment),
        CASE(what_is_alive_at_the_end_of_a_segment_is_not_written_over),
        CASE(an_abandoned_put_gives_its_space_back),
        CASE(payloads_of_many_extents_have_maps_that_can_be_composed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
