/*
 * A drive that fails, fills up, or lies: what was answered stays readable, nothing wrong is served,
 * a failed flush is final, a full store still reads and removes.
 */
#include "drives_rig.h"

#include <fcntl.h>

#include "base/metrics.h"
#include "engine/drives/drives_format.h"
#include "loop_sim.h"

static struct ring *ring;

static int setup_sim(void **state)
{
    (void)state;
    ring = loop_sim_new(11, 0);
    rig_start(ring);
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (rig.E)
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

static void fail_next(enum io_kind kind, int sys)
{
    loop_sim_fail(ring, kind, loop_sim_count(ring, kind) + 1, sys);
}

static void a_failed_payload_write_costs_that_put_only(void **state)
{
    (void)state;
    fail_next(IO_WRITE, EIO);
    assert_int_equal(put("a", 70000), ERR_IO);
    assert_int_equal(check("a", 70000), ERR_NOT_FOUND);
    assert_int_equal(put("a", 70000), ERR_OK);
    assert_int_equal(check("a", 70000), ERR_OK);
}

static void a_full_drive_says_so(void **state)
{
    (void)state;
    fail_next(IO_WRITE, ENOSPC);
    assert_int_equal(put("a", 70000), ERR_NO_SPACE);
    assert_int_equal(put("a", 70000), ERR_OK);
}

static void a_failed_flush_is_final(void **state)
{
    struct engine_facts facts;

    (void)state;
    assert_int_equal(put("a", 70000), ERR_OK);
    fail_next(IO_SYNC, EIO);
    assert_int_equal(put("b", 70000), ERR_IO);
    /* The next flush would succeed; it must not be believed. */
    assert_int_equal(put("b", 70000), ERR_IO);
    assert_int_equal(put("c", 10), ERR_IO);
    assert_int_equal(rig_remove(rig_object("a")), ERR_IO);
    assert_int_equal(check("a", 70000), ERR_OK);
    assert_int_equal(check("b", 70000), ERR_NOT_FOUND);
    engine_facts(rig.E, &facts);
    assert_non_null(strstr(facts.detail, "FAILED"));
    rig_close();
    rig_open_ok();
    assert_int_equal(check("a", 70000), ERR_OK);
    assert_int_equal(put("b", 70000), ERR_OK);
}

static void a_failed_log_write_leaves_its_commits_unknown_and_is_final(void **state)
{
    (void)state;
    assert_int_equal(put("a", 10), ERR_OK);
    fail_next(IO_WRITE, EIO);
    assert_int_equal(put("b", 10), ERR_UNKNOWN_OUTCOME);
    assert_int_equal(put("c", 10), ERR_IO);
    assert_int_equal(check("a", 10), ERR_OK);
    rig_close();
    rig_open_ok();
    assert_int_equal(check("a", 10), ERR_OK);
    assert_int_equal(check("c", 10), ERR_NOT_FOUND);
}

static struct engine_put late;
static void commit_late(struct op *op)
{
    (void)op;
    engine_commit(&late);
}

/* The second commit comes while the group of the first is being written. */
static void behind_a_failed_group_there_is_none(void **state)
{
    struct engine_put first;
    struct op message;

    (void)state;
    engine_put_init(rig.E, &first, rig_object("first"), 0);
    engine_put_init(rig.E, &late, rig_object("late"), 0);
    op_init(&first.op, loop_nothing);
    op_init(&late.op, loop_nothing);
    op_init(&message, commit_late);
    fail_next(IO_WRITE, EIO);
    engine_commit(&first); /* the log sends itself a message: it will start the write */
    op_send(&message, reactor_current());
    loop_turns(1);
    assert_int_equal(loop_wait(&first.op), ERR_UNKNOWN_OUTCOME);
    assert_int_equal(loop_wait(&late.op), ERR_IO);
    rig_close();
    rig_open_ok();
    assert_int_equal(check("late", 0), ERR_NOT_FOUND);
    assert_int_equal(put("next", 10), ERR_OK);
}

static void a_failed_read_is_an_error_and_not_remembered(void **state)
{
    (void)state;
    assert_int_equal(put("a", 70000), ERR_OK);
    fail_next(IO_READ, EIO);
    assert_int_equal(check("a", 70000), ERR_IO);
    assert_int_equal(check("a", 70000), ERR_OK);
}

/* Whichever drive operation fails, in turn: what was answered before and after is there. */
static void whichever_operation_fails_the_answers_hold(void **state)
{
    static const enum io_kind kinds[] = {IO_WRITE, IO_READ, IO_SYNC};
    char name[8];

    (void)state;
    for (unsigned k = 0; k < ARRAY_COUNT(kinds); k++) {
        for (unsigned nth = 1; nth < 12; nth++) {
            bool has[4] = {false}, maybe[4] = {false};

            loop_sim_fail(ring, kinds[k], loop_sim_count(ring, kinds[k]) + nth, EIO);
            for (unsigned i = 0; i < 4; i++) {
                enum err e;

                (void)snprintf(name, sizeof name, "%u-%u-%u", k, nth, i);
                e = put(name, i % 2 ? 90000 : 900);
                has[i] = e == ERR_OK;
                maybe[i] = e == ERR_UNKNOWN_OUTCOME;
                (void)check(name, i % 2 ? 90000 : 900); /* meets the failing reads */
            }
            loop_sim_fail(ring, kinds[k], 0, 0);
            rig_close();
            rig_open_ok();
            for (unsigned i = 0; i < 4; i++) {
                enum err e;

                (void)snprintf(name, sizeof name, "%u-%u-%u", k, nth, i);
                e = check(name, i % 2 ? 90000 : 900);
                assert_true(e == (has[i] ? ERR_OK : ERR_NOT_FOUND) || (maybe[i] && e == ERR_OK));
            }
        }
    }
}

/* ---- rot --------------------------------------------------------------------------------- */

/* One bit of every place in the folder where `needle` lies. Returns how many. */
static unsigned flip_in(const char *folder, const uint8_t *needle, size_t len)
{
    char path[400];
    DIR *d;
    struct dirent *entry;
    unsigned count = 0;

    (void)snprintf(path, sizeof path, "%s/%s", rig.dir, folder);
    d = opendir(path);
    assert_non_null(d);
    while ((entry = readdir(d))) {
        size_t bytes = 2 * MIB;
        uint8_t *at = malloc(bytes), *found;
        ssize_t n;
        int fd;

        (void)snprintf(path, sizeof path, "%s/%s/%.40s", rig.dir, folder, entry->d_name);
        fd = open(path, O_RDWR | O_CLOEXEC);
        n = fd < 0 ? 0 : pread(fd, at, bytes, 0);
        found = n > 0 ? memmem(at, (size_t)n, needle, len) : NULL;
        if (found) {
            found[len / 2] ^= 4;
            assert_int_equal(pwrite(fd, found + len / 2, 1, found - at + (ssize_t)len / 2), 1);
            count++;
        }
        if (fd >= 0)
            (void)close(fd);
        free(at);
    }
    (void)closedir(d);
    return count;
}

static void rot(const char *folder, uint64_t seed, uint64_t from)
{
    uint8_t needle[64];

    for (size_t i = 0; i < sizeof needle; i++)
        needle[i] = rig_byte(seed, from + i);
    assert_int_equal(flip_in(folder, needle, sizeof needle), 1);
}

static void a_rotten_block_is_never_served(void **state)
{
    struct engine_object *o;
    uint8_t dst[1000];
    uint64_t before;

    (void)state;
    assert_int_equal(put("a", 300000), ERR_OK);
    assert_int_equal(put("b", 2000), ERR_OK);
    rig_close();
    rot("data", 'a', 200000);
    rot("log", 'b', 500);
    rig_open_ok();
    before = metrics_current->count[METRIC_CHECKSUM_ERRORS];
    assert_int_equal(check("a", 300000), ERR_CHECKSUM);
    assert_int_equal(check("b", 2000), ERR_CHECKSUM);
    assert_int_equal(metrics_current->count[METRIC_CHECKSUM_ERRORS], before + 2);
    /* Other blocks of the extent are sound, and only they are fetched for a small range. */
    assert_int_equal(rig_lookup(rig_object("a"), &o), ERR_OK);
    assert_int_equal(rig_read(o, 1000, sizeof dst, dst), ERR_OK);
    assert_int_equal(dst[7], rig_byte('a', 1007));
    assert_int_equal(rig_read(o, 200000, sizeof dst, dst), ERR_CHECKSUM);
    engine_release(o);
}

/* ---- full -------------------------------------------------------------------------------- */

static void a_full_store_reads_and_removes(void **state)
{
    char name[8];
    unsigned stored = 0, large = 0;
    enum err e = ERR_OK;

    (void)state;
    rig_close();
    rig.config.reserve_bytes = UINT64_MAX / 2; /* no new segment but for removes */
    rig_open_ok();
    for (; !e && large < 100; large++) {
        (void)snprintf(name, sizeof name, "l%u", large);
        e = put(name, 200000);
    }
    assert_int_equal(e, ERR_NO_SPACE);
    for (e = ERR_OK; !e && stored < 500; stored++) {
        (void)snprintf(name, sizeof name, "s%u", stored);
        e = put(name, 5000);
    }
    assert_int_equal(e, ERR_NO_SPACE);
    assert_true(stored > 5);
    assert_int_equal(check("s1", 5000), ERR_OK);
    for (unsigned i = 0; i + 1 < stored; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        assert_int_equal(rig_remove(rig_object(name)), ERR_OK);
    }
    assert_int_equal(check("s1", 5000), ERR_NOT_FOUND);
    rig_close();
    rig.config.reserve_bytes = 1 * MIB;
    rig_open_ok();
    assert_int_equal(put("s1", 5000), ERR_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup_sim, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_failed_payload_write_costs_that_put_only),
        CASE(a_full_drive_says_so),
        CASE(a_failed_flush_is_final),
        CASE(a_failed_log_write_leaves_its_commits_unknown_and_is_final),
        CASE(behind_a_failed_group_there_is_none),
        CASE(a_failed_read_is_an_error_and_not_remembered),
        CASE(whichever_operation_fails_the_answers_hold),
        CASE(a_rotten_block_is_never_served),
        CASE(a_full_store_reads_and_removes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
