/* Opening: what is refused, what is repaired, what a torn or damaged log means. */
#include "drives_rig.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "engine/drives/drives_format.h"

static char copy_dir[128];

static void run_command(const char *text)
{
    assert_int_equal(system(text), 0);
}

/* The folder as it is on the drive now, as a crash would leave it; the rig opens that from now on.
 * The engine that is open is closed. */
static void crash(void)
{
    static int count;
    char command[400], was[128];

    (void)snprintf(was, sizeof was, "%s", rig.config.dir);
    (void)snprintf(copy_dir, sizeof copy_dir, "%.80s-%d", rig.dir, count++);
    (void)snprintf(command, sizeof command, "cp -r --sparse=always %s %s", was, copy_dir);
    run_command(command);
    rig_close();
    if (strcmp(was, rig.dir) != 0)
        rig_remove_tree(was);
    rig.config.dir = copy_dir;
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
    rig_remove_tree(copy_dir);
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

static int open_file(const char *folder)
{
    char path[400];
    DIR *d;
    struct dirent *entry;
    int fd = -1;

    (void)snprintf(path, sizeof path, "%s/%s", rig.config.dir, folder);
    d = opendir(path);
    assert_non_null(d);
    while (fd < 0 && (entry = readdir(d))) {
        uint8_t block[DRIVES_HEAD_BYTES];
        struct drives_segment_head h;

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s/%.40s", rig.config.dir, folder, entry->d_name);
        fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, block, sizeof block, 0), sizeof block);
        if (drives_format_head_get(block, &h) ||
            (h.kind == SEGMENT_LOG && h.state != HEAD_OPENED)) {
            (void)close(fd);
            fd = -1;
        }
    }
    (void)closedir(d);
    assert_true(fd >= 0);
    return fd;
}

/* Zeros over the head of the nth group from the end of the log (1: the last). */
static void spoil_group(unsigned nth_last)
{
    int fd = open_file("log");
    uint8_t block[DRIVES_BLOCK_BYTES];
    off_t places[64];
    unsigned count = 0;

    for (off_t at = DRIVES_HEAD_BYTES; pread(fd, block, sizeof block, at) == (ssize_t)sizeof block;
         at += DRIVES_BLOCK_BYTES) {
        struct drives_group_head g;

        if (!drives_format_group_get(block, &g) && count < ARRAY_COUNT(places))
            places[count++] = at;
    }
    assert_true(count >= nth_last);
    memset(block, 0, sizeof block);
    assert_int_equal(pwrite(fd, block, 100, places[count - nth_last]), 100);
    (void)close(fd);
}

static void what_was_answered_is_there_after_a_crash(void **state)
{
    (void)state;
    assert_int_equal(put("a", 100), ERR_OK);
    assert_int_equal(put("b", 70000), ERR_OK);
    assert_int_equal(put("c", 0), ERR_OK);
    assert_int_equal(rig_remove(rig_object("a")), ERR_OK);
    crash();
    rig_open_ok();
    assert_int_equal(check("a", 100), ERR_NOT_FOUND);
    assert_int_equal(check("b", 70000), ERR_OK);
    assert_int_equal(check("c", 0), ERR_OK);
    rig_close();
}

static void a_torn_last_group_is_the_end_of_the_log(void **state)
{
    (void)state;
    assert_int_equal(put("a", 100), ERR_OK);
    assert_int_equal(put("b", 100), ERR_OK);
    crash();
    spoil_group(1);
    rig_open_ok();
    assert_int_equal(check("a", 100), ERR_OK);
    assert_int_equal(check("b", 100), ERR_NOT_FOUND);
    assert_int_equal(put("c", 100), ERR_OK);
    crash();
    rig_open_ok();
    assert_int_equal(check("c", 100), ERR_OK);
    rig_close();
}

static void damage_in_the_middle_of_the_log_is_not_passed_over(void **state)
{
    (void)state;
    assert_int_equal(put("a", 100), ERR_OK);
    assert_int_equal(put("b", 100), ERR_OK);
    crash();
    spoil_group(2);
    assert_int_equal(rig_open(), ERR_CORRUPT);
    assert_non_null(strstr(rig.why, "the log is damaged"));
    /* Told to, it takes what is left. */
    rig.config.is_salvage = true;
    rig_open_ok();
    assert_int_equal(check("a", 100), ERR_NOT_FOUND);
    assert_int_equal(check("b", 100), ERR_OK);
    rig_close();
}

static void what_was_cut_off_does_not_come_back_behind_new_groups(void **state)
{
    (void)state;
    rig_close();
    rig.config.is_relaxed = true; /* a gap in what is written so is the end */
    rig_open_ok();
    assert_int_equal(put("a", 100), ERR_OK);
    assert_int_equal(put("b", 100), ERR_OK);
    crash();
    spoil_group(2);
    rig.config.is_relaxed = false;
    rig_open_ok();
    assert_int_equal(check("b", 100), ERR_NOT_FOUND);
    assert_int_equal(put("c", 100), ERR_OK); /* in the place of a: b's group follows it exactly */
    crash();
    rig_open_ok();
    assert_int_equal(check("c", 100), ERR_OK);
    assert_int_equal(check("b", 100), ERR_NOT_FOUND);
    rig_close();
}

static void a_missing_file_with_objects_in_it_is_said(void **state)
{
    char command[400];

    (void)state;
    assert_int_equal(put("b", 70000), ERR_OK);
    rig_close();
    (void)snprintf(command, sizeof command, "rm %s/data/*", rig.dir);
    run_command(command);
    assert_int_equal(rig_open(), ERR_CORRUPT);
    assert_non_null(strstr(rig.why, "is gone"));
}

static void a_file_of_another_store_is_refused(void **state)
{
    int fd;
    struct drives_segment_head h;
    uint8_t block[DRIVES_HEAD_BYTES];

    (void)state;
    rig_close();
    fd = open_file("log");
    assert_int_equal(pread(fd, block, sizeof block, 0), sizeof block);
    assert_int_equal(drives_format_head_get(block, &h), ERR_OK);
    h.store_id[0] ^= 1;
    drives_format_head_put(&h, block);
    assert_int_equal(pwrite(fd, block, sizeof block, 0), sizeof block);
    (void)close(fd);
    assert_int_equal(rig_open(), ERR_CORRUPT);
    assert_non_null(strstr(rig.why, "another store"));
}

static void a_missing_index_is_said(void **state)
{
    char command[400];

    (void)state;
    rig_close();
    (void)snprintf(command, sizeof command, "rm -r %s/index", rig.dir);
    run_command(command);
    assert_int_equal(rig_open(), ERR_CORRUPT);
    assert_non_null(strstr(rig.why, "index"));
}

static void a_folder_with_something_else_is_refused(void **state)
{
    char path[200];
    FILE *f;

    (void)state;
    rig_close();
    (void)snprintf(copy_dir, sizeof copy_dir, "%.80s-else", rig.dir);
    assert_int_equal(mkdir(copy_dir, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/thesis.doc", copy_dir);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fclose(f);
    rig.config.dir = copy_dir;
    assert_int_equal(rig_open(), ERR_EXISTS);
    assert_non_null(strstr(rig.why, "thesis.doc"));
    assert_int_equal(access(path, F_OK), 0);
}

static void a_second_engine_on_the_folder_is_refused(void **state)
{
    struct engine *first = rig.E;

    (void)state;
    assert_int_equal(rig_open(), ERR_BUSY);
    assert_non_null(strstr(rig.why, "in use"));
    rig.E = first;
    rig_close();
    rig_open_ok();
    rig_close();
}

static void a_damaged_superblock_is_said(void **state)
{
    char path[200];
    int fd;

    (void)state;
    rig_close();
    (void)snprintf(path, sizeof path, "%s/penstock.store", rig.dir);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 100), 1);
    (void)close(fd);
    assert_int_equal(rig_open(), ERR_CORRUPT);
    assert_non_null(strstr(rig.why, "damaged"));
}

static void the_number_of_owners_may_change(void **state)
{
    char name[16];

    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        rig_close();
        rig.config.owner_count = 1 + round % 2;
        rig_open_ok();
        for (unsigned i = 0; i < 8; i++) {
            (void)snprintf(name, sizeof name, "bucket-%u", i);
            assert_int_equal(rig_bucket(name), ERR_OK);
            assert_int_equal(
                rig_put(rig_key(SPACE_OBJECT, name, "x"), round, 3000 * round, "e"), ERR_OK);
        }
        crash();
        rig.config.owner_count = 2 - round % 2;
        rig_open_ok();
        for (unsigned i = 0; i < 8; i++) {
            (void)snprintf(name, sizeof name, "bucket-%u", i);
            assert_int_equal(
                rig_check(rig_key(SPACE_OBJECT, name, "x"), round, 3000 * round, "e"), ERR_OK);
        }
    }
    rig_close();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_answered_is_there_after_a_crash),
        CASE(a_torn_last_group_is_the_end_of_the_log),
        CASE(damage_in_the_middle_of_the_log_is_not_passed_over),
        CASE(what_was_cut_off_does_not_come_back_behind_new_groups),
        CASE(a_missing_file_with_objects_in_it_is_said),
        CASE(a_file_of_another_store_is_refused),
        CASE(a_missing_index_is_said),
        CASE(a_folder_with_something_else_is_refused),
        CASE(a_second_engine_on_the_folder_is_refused),
        CASE(a_damaged_superblock_is_said),
        CASE(the_number_of_owners_may_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
