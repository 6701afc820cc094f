/*
 * A full drive (drives_disk.h, with a capacity): removes always work and give space back, and a
 * store that was killed on it opens.
 */
#include "drives_front.h"

#include "drives_rig.h"
#include "loop_sim.h"

enum { CAPACITY_MIB = 24, OBJECTS_MAX = 6000 };

static unsigned stored;

static int setup(void **state)
{
    (void)state;
    stored = 0;
    rig_start(loop_sim_new(3, 0)); /* its calls pass through drives_front.h */
    disk_start(rig.dir);
    disk.is_on = false; /* the capacity only */
    disk.capacity = CAPACITY_MIB * MIB;
    rig.config.owner_count = 2;
    rig.config.memtable_entries_max = 65536; /* none is ever full */
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    assert_int_equal(rig_bucket("second"), ERR_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close();
    disk_done();
    disk.capacity = 0;
    rig_stop();
    return 0;
}

static struct engine_key key_of(unsigned i)
{
    static char name[16];

    (void)snprintf(name, sizeof name, "%u", i);
    return rig_key(SPACE_OBJECT, i % 2 ? "second" : "bucket", name);
}

static uint64_t size_of(unsigned i)
{
    return i % 50 == 0 ? 150000 : 3000 + i % 2000;
}

static void fill(void)
{
    enum err e = ERR_OK;

    for (stored = 0; !e && stored < OBJECTS_MAX; stored++)
        e = rig_put(key_of(stored), stored, size_of(stored), "e");
    assert_int_equal(e, ERR_NO_SPACE);
    stored--;
    assert_true(stored > 1000);
}

static void remove_all_but(unsigned kept)
{
    for (unsigned i = 0; i < stored; i++) {
        if (i == kept)
            continue;
        assert_int_equal(rig_remove(key_of(i)), ERR_OK);
        if (i % 10 == 0) { /* who puts meanwhile does not take what removes need */
            enum err e = rig_put(rig_key(SPACE_OBJECT, "bucket", "meanwhile"), 1, 5000, "e");

            assert_true(e == ERR_OK || e == ERR_NO_SPACE);
        }
    }
}

static void all_of_a_full_store_can_be_removed(void **state)
{
    (void)state;
    fill();
    assert_int_equal(rig_check(key_of(7), 7, size_of(7), "e"), ERR_OK);
    remove_all_but(7);
    assert_int_equal(rig_check(key_of(7), 7, size_of(7), "e"), ERR_OK);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(rig_put(key_of(9000 + i), i, 4000, "e"), ERR_OK);
}

static void a_store_killed_on_a_full_drive_opens(void **state)
{
    char copy[80], command[200];

    (void)state;
    rig_close();
    rig.config.is_clean_off = true; /* nothing may change while it is copied */
    rig_open_ok();
    fill();
    for (int i = 0; i < 200; i++) { /* what the end of the room has started */
        usleep(1000);
        loop_turns(1);
    }
    for (unsigned i = 0; i < 300; i++) /* not in the index yet */
        assert_int_equal(rig_remove(key_of(i)), ERR_OK);
    (void)snprintf(copy, sizeof copy, "%.60s-copy", rig.dir);
    (void)snprintf(command, sizeof command, "cp -r --sparse=always %s %s", rig.dir, copy);
    assert_int_equal(system(command), 0);
    rig_close();
    (void)snprintf(disk.root, sizeof disk.root, "%s", copy);
    disk.root_len = strlen(copy);
    disk.capacity = disk_used(); /* not a free byte */
    rig.config.dir = copy;
    rig.config.is_clean_off = false;
    rig_open_ok();
    assert_int_equal(rig_check(key_of(299), 299, size_of(299), "e"), ERR_NOT_FOUND);
    assert_int_equal(rig_check(key_of(301), 301, size_of(301), "e"), ERR_OK);
    for (unsigned i = 300; i < stored; i++)
        assert_int_equal(rig_remove(key_of(i)), ERR_OK);
    rig_close();
    rig_open_ok();
    assert_int_equal(rig_check(key_of(301), 301, size_of(301), "e"), ERR_NOT_FOUND);
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(rig_put(key_of(9000 + i), i, 4000, "e"), ERR_OK);
    rig_close();
    rig_remove_tree(copy);
    rig.config.dir = rig.dir;
    (void)snprintf(disk.root, sizeof disk.root, "%s", rig.dir);
    disk.capacity = 0;
    rig_open_ok();
}

/* A full drive is asked again and again: no number of a segment is used up. */
static void preparations_that_fail_use_nothing_up(void **state)
{
    struct dirent *entry;
    char path[200];
    DIR *d;

    (void)state;
    rig_close();
    rig.config.is_clean_off = true; /* docs/adr/0011-cleaner.md, "Not yet" */
    rig_open_ok();
    while (rig_put(key_of(stored), 1, 900000, "e") == ERR_OK)
        stored++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(rig_put(key_of(stored), 1, 900000, "e"), ERR_NO_SPACE);
    disk.capacity *= 2;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(rig_put(key_of(i), i, 900000, "e"), ERR_OK);
    (void)snprintf(path, sizeof path, "%s/data", rig.dir);
    d = opendir(path);
    while ((entry = readdir(d)))
        if (entry->d_name[0] != '.')
            assert_in_range(strtoul(entry->d_name, NULL, 16), 1, 40);
    (void)closedir(d);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_of_a_full_store_can_be_removed),
        CASE(a_store_killed_on_a_full_drive_opens),
        CASE(preparations_that_fail_use_nothing_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
