/* Commands over a client library of memory (cli_fake_client.h): transfers, faults, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/queue.h"
#include "cli_fake_client.h"

#define SLOT QUEUE_SLOT_BYTES

static char folder[64];
static char out[65536], complaints[65536]; /* of the last command */

static int set_up(void **state)
{
    fake_reset();
    (void)snprintf(folder, sizeof folder, "/tmp/penstock-cli-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[100];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(fake.buffers, 0);
    fake_reset();
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void take(int fd, int saved, FILE *from, char *to, size_t cap)
{
    (void)dup2(saved, fd);
    (void)close(saved);
    ssize_t n = pread(fileno(from), to, cap - 1, 0);
    to[n > 0 ? n : 0] = '\0';
    (void)fclose(from);
}

/* Runs a command with what it prints caught; stdout goes to `to` instead when that is not NULL. */
static int run_to(FILE *to, int (*command)(int, char **), const char *const *words)
{
    static char copies[8][256];
    static char *argv[9];
    int argc = 0, saved_out = dup(1), saved_err = dup(2);
    FILE *out_file = tmpfile(), *err_file = tmpfile();

    for (; words[argc]; argc++) {
        (void)snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    (void)fflush(stdout);
    (void)dup2(fileno(to ? to : out_file), 1);
    (void)dup2(fileno(err_file), 2);
    int status = command(argc, argv);
    (void)fflush(stdout);
    take(1, saved_out, out_file, out, sizeof out);
    take(2, saved_err, err_file, complaints, sizeof complaints);
    return status;
}

#define RUN(name, ...) run_to(NULL, name##_main, (const char *const[]){#name, __VA_ARGS__, NULL})
#define RUN_TO(to, name, ...)                                                                      \
    run_to(to, name##_main, (const char *const[]){#name, __VA_ARGS__, NULL})

enum { BLOCK = 1 << 20 };

static void fill_pattern(uint8_t *to, size_t bytes, uint64_t offset)
{
    for (size_t i = 0; i < bytes; i++) {
        uint64_t at = offset + i;
        to[i] = (uint8_t)(at * 31 + (at >> 20) * 7 + (at >> 25));
    }
}

static void make_object(const char *key, size_t bytes)
{
    uint8_t *at = malloc(bytes + 1);

    fill_pattern(at, bytes, 0);
    fake_store(key, at, bytes);
}

static void make_file(const char *path, size_t bytes)
{
    static uint8_t block[BLOCK];
    FILE *f = fopen(path, "w");

    for (size_t at = 0; at < bytes; at += BLOCK) {
        fill_pattern(block, BLOCK, at);
        assert_int_equal(fwrite(block, 1, MIN(BLOCK, bytes - at), f), MIN(BLOCK, bytes - at));
    }
    assert_int_equal(fclose(f), 0);
}

static void assert_pattern(FILE *f, size_t bytes)
{
    static uint8_t block[BLOCK], want[BLOCK];

    assert_non_null(f);
    for (size_t at = 0; at < bytes; at += BLOCK) {
        size_t part = MIN(BLOCK, bytes - at);
        assert_int_equal(fread(block, 1, part, f), part);
        fill_pattern(want, part, at);
        assert_memory_equal(block, want, part);
    }
    assert_int_equal(fgetc(f), EOF);
    (void)fclose(f);
}

static unsigned entries(void)
{
    DIR *d = opendir(".");
    unsigned n = 0;

    while (readdir(d))
        n++;
    (void)closedir(d);
    return n - 2;
}

static void objects_of_every_size_arrive_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, SLOT - 1, SLOT, SLOT + 1, 3 * SLOT + 5};

    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        make_object("k", sizes[i]);
        assert_int_equal(RUN(get, "s3://b/k", "file"), 0);
        assert_pattern(fopen("file", "r"), sizes[i]);
        assert_non_null(strstr(out, "way local"));
    }
    assert_int_equal(entries(), 1);
}

static void a_stream_gets_ranges_in_order_in_bounded_memory(void **state)
{
    FILE *to = tmpfile();

    /* More ranges than slots, and the client gives the last one back first. */
    make_object("k", 9 * SLOT + 3);
    assert_int_equal(RUN_TO(to, cat, "-v", "s3://b/k"), 0);
    assert_int_equal(fake.gets, 10);
    assert_true(fake.buffer_bytes_max <= QUEUE_SLOTS * SLOT);
    assert_true(fake.op_count_max > 2);
    rewind(to);
    assert_pattern(to, 9 * SLOT + 3);
    assert_non_null(strstr(complaints, "way local"));
}

/* Fails each operation in turn until none is left to fail: never a file, never a leak. */
static void a_failed_range_leaves_no_file(void **state)
{
    unsigned n = 1;

    make_object("k", 3 * SLOT);
    for (;; n++) {
        fake.fail_op = n;
        int status = RUN(get, "s3://b/k", "file");
        if (fake.fail_op)
            break;
        assert_int_equal(status, 1);
        assert_int_equal(entries(), 0);
        assert_non_null(strstr(
            complaints, "InternalError: the fake says InternalError (HTTP 500, request "
                        "REQ1)"));
        assert_int_equal(fake.op_count, 0);
    }
    assert_int_equal(n, 4);
    assert_pattern(fopen("file", "r"), 3 * SLOT);
}

static void a_submit_that_fails_is_a_failed_range(void **state)
{
    make_object("k", 3 * SLOT);
    for (unsigned n = 1; n <= 3; n++) {
        fake.fail_submit = n;
        assert_int_equal(RUN(get, "s3://b/k", "file"), 1);
        assert_int_equal(entries(), 0);
    }
}

static void ranges_of_two_versions_are_never_mixed(void **state)
{
    make_object("k", 3 * SLOT);
    fake.replace_after = 2;
    assert_int_equal(RUN(get, "s3://b/k", "file"), 1);
    assert_non_null(strstr(complaints, "replaced while it was read"));
    assert_int_equal(entries(), 0);
}

static void a_short_range_is_an_error(void **state)
{
    make_object("k", 2 * SLOT);
    fake.short_op = 1;
    assert_int_equal(RUN(get, "s3://b/k", "file"), 1);
    assert_int_equal(entries(), 0);
}

static void a_missing_object_is_named_with_its_cause(void **state)
{
    assert_int_equal(RUN(get, "s3://b/nothing", "file"), 1);
    assert_string_equal(
        complaints, "penstock: get s3://b/nothing: NoSuchKey: the fake says NoSuchKey "
                    "(HTTP 404, request REQ1)\n");
    assert_int_equal(entries(), 0);
}

static void files_of_every_size_are_stored_whole(void **state)
{
    static const size_t sizes[] = {0, 1, SLOT, SLOT + 1};

    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        make_file("file", sizes[i]);
        assert_int_equal(RUN(put, "--content-type", "x/y", "file", "s3://b/dir/"), 0);
        const struct fake_object *o = fake_find("dir/file");
        assert_non_null(o);
        assert_int_equal(o->bytes, sizes[i]);
        uint8_t *want = malloc(sizes[i] + 1);
        fill_pattern(want, sizes[i], 0);
        assert_memory_equal(o->at, want, sizes[i]);
        free(want);
        assert_string_equal(fake.last_type, "x/y");
    }
}

static void put_from(size_t bytes, int want)
{
    make_file("input", bytes);
    int fd = open("input", O_RDONLY), saved = dup(0);

    (void)dup2(fd, 0);
    assert_int_equal(RUN(put, "-", "s3://b/stream"), want);
    (void)dup2(saved, 0);
    (void)close(saved);
    (void)close(fd);
}

static void short_streams_are_one_put_and_long_ones_parts(void **state)
{
    put_from(0, 0);
    assert_int_equal(fake_find("stream")->bytes, 0);
    put_from(SLOT - 1, 0);
    assert_int_equal(fake_find("stream")->bytes, SLOT - 1);
    assert_int_equal(fake.requests, 0);
    put_from(2 * SLOT + 5, 0);
    assert_int_equal(fake.parts, 3);
    assert_true(fake.part_bytes[0] == SLOT && fake.part_bytes[1] == SLOT);
    assert_int_equal(fake.part_bytes[2], 5);
    uint8_t first;
    fill_pattern(&first, 1, SLOT);
    assert_int_equal((uint8_t)fake.part_text[1], first);
    assert_non_null(strstr(out, "67108869 bytes  way tcp"));
    fake.parts = 0;
    put_from(SLOT, 0); /* exactly one buffer: no empty part behind it */
    assert_int_equal(fake.parts, 1);
}

static void a_failed_part_aborts_the_upload(void **state)
{
    fake.fail_request = 3;
    put_from(3 * SLOT, 1);
    assert_null(fake_find("stream"));
    assert_int_equal(fake.requests, 4); /* begin, a part, the failure, abort */
    assert_non_null(strstr(complaints, "SlowDown"));
}

static void a_long_stream_is_refused_when_direct_is_required(void **state)
{
    assert_int_equal(setenv("PENSTOCK_CLIENT_DIRECT", "require", 1), 0);
    put_from(SLOT, 1);
    assert_int_equal(unsetenv("PENSTOCK_CLIENT_DIRECT"), 0);
    assert_int_equal(fake.requests, 0);
    assert_non_null(strstr(complaints, "--direct require"));
}

static void trees_go_there_and_back(void **state)
{
    assert_int_equal(system("mkdir -p t/a/b t/empty"), 0);
    make_file("t/1", 10);
    make_file("t/a/2", 0);
    make_file("t/a/b/3", 300000);
    assert_int_equal(RUN(put, "-r", "t", "s3://b/p"), 0);
    assert_non_null(fake_find("p/1"));
    assert_non_null(fake_find("p/a/b/3"));
    assert_int_equal(RUN(get, "-r", "s3://b/p", "back/here"), 0);
    assert_pattern(fopen("back/here/1", "r"), 10);
    assert_pattern(fopen("back/here/a/2", "r"), 0);
    assert_pattern(fopen("back/here/a/b/3", "r"), 300000);
    assert_int_equal(RUN(cp, "-r", "s3://b/p/a", "s3://b/q"), 0);
    assert_non_null(fake_find("q/b/3"));
}

static void large_copies_inside_the_store_go_in_parts(void **state)
{
    make_object("huge", 0);
    fake_find("huge")->bytes = (size_t)(6 * GIB + 1); /* nobody reads them */
    assert_int_equal(RUN(cp, "s3://b/huge", "s3://b/copy"), 0);
    assert_int_equal(fake.parts, 13);
    assert_int_equal(fake.requests, 15); /* begin and complete */
    assert_non_null(strstr(out, "6442450945 bytes  way none"));
    fake.fail_request = 4;
    fake.requests = 0;
    assert_int_equal(RUN(cp, "s3://b/huge", "s3://b/copy2"), 1);
    assert_int_equal(fake.requests, 5); /* and abort */
    assert_null(fake_find("copy2"));
}

static void keys_that_would_leave_the_folder_are_refused(void **state)
{
    assert_int_equal(system("mkdir in"), 0);
    make_object("p/../../evil", 3);
    make_object("p//etc/evil", 3);
    make_object("p/fine", 3);
    make_object("p/marker/", 0);
    assert_int_equal(RUN(get, "-r", "s3://b/p", "in"), 1);
    assert_pattern(fopen("in/fine", "r"), 3);
    assert_int_equal(access("in/marker", F_OK), 0);
    assert_int_equal(entries(), 1);
    assert_non_null(strstr(complaints, "p/../../evil: this key cannot be the name of a file"));
    assert_non_null(strstr(complaints, "p//etc/evil: this key cannot be"));
    make_object("..", 3);
    assert_int_equal(RUN(get, "s3://b/..", "in/"), 1);
}

static void one_failure_does_not_stop_the_rest(void **state)
{
    make_object("1", 1);
    make_object("3", 1);
    assert_int_equal(RUN(get, "s3://b/1", "s3://b/2", "s3://b/3", "."), 1);
    assert_int_equal(entries(), 2);
}

static void many_objects_are_removed_a_thousand_at_a_time(void **state)
{
    char key[40];

    for (unsigned i = 0; i < 1100; i++) {
        (void)snprintf(key, sizeof key, "p/%u", i);
        make_object(key, 0);
    }
    make_object("p", 0);
    make_object("p2/x", 0);
    make_object("p/\x02", 0); /* no XML can say this one */
    assert_int_equal(RUN(rm, "-r", "-q", "s3://b/p"), 0);
    assert_int_equal(fake.count, 2);
    assert_int_equal(fake.requests, 2);
}

static void what_cannot_be_removed_is_named(void **state)
{
    make_object("locked", 0);
    make_object("other", 0);
    assert_int_equal(RUN(rb, "-f", "s3://b"), 1);
    assert_non_null(strstr(complaints, "rm s3://b/locked: AccessDenied: no"));
    assert_non_null(strstr(out, "rm s3://b/other"));
    assert_null(strstr(out, "locked"));
    assert_non_null(fake_find("locked"));
}

static void senseless_operands_are_refused_before_anything_is_sent(void **state)
{
    make_file("f", 1);
    assert_int_equal(RUN(cp, "f", "g"), 2);
    assert_int_equal(RUN(cp, "-", "-"), 2);
    assert_int_equal(RUN(get, "f", "s3://b/k"), 2);
    assert_int_equal(RUN(put, "s3://b/k", "f"), 2);
    assert_int_equal(RUN(get, "s3://b/k", "s3://b/k2"), 2);
    assert_int_equal(RUN(get, "s3://b", "."), 2);
    assert_int_equal(RUN(put, "f", "s3://"), 2);
    assert_int_equal(RUN(put, "-", "s3://b/dir/"), 2);
    assert_int_equal(RUN(get, "-r", "s3://b/p", "-"), 2);
    assert_int_equal(RUN(get, "s3://b/1", "s3://b/2", "nofolder"), 2);
    assert_int_equal(fake.gets + fake.puts + fake.requests, 0);
    assert_non_null(strstr(complaints, "usage: penstock get"));
}

static void json_lines_tell_way_and_error(void **state)
{
    make_object("k", 5);
    assert_int_equal(RUN(get, "--json", "s3://b/k", "s3://b/no", "."), 1);
    assert_non_null(strstr(out, "{\"op\": \"get\", \"name\": \"s3://b/k\""));
    assert_non_null(strstr(out, "\"bytes\": 5, \"way\": \"local\""));
    assert_non_null(strstr(
        out, "\"error\": \"the fake says NoSuchKey\", \"code\": \"NoSuchKey\", "
             "\"status\": 404, \"request_id\": \"REQ1\"}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_of_every_size_arrive_whole),
        TEST(a_stream_gets_ranges_in_order_in_bounded_memory),
        TEST(a_failed_range_leaves_no_file),
        TEST(a_submit_that_fails_is_a_failed_range),
        TEST(ranges_of_two_versions_are_never_mixed),
        TEST(a_short_range_is_an_error),
        TEST(a_missing_object_is_named_with_its_cause),
        TEST(files_of_every_size_are_stored_whole),
        TEST(short_streams_are_one_put_and_long_ones_parts),
        TEST(a_failed_part_aborts_the_upload),
        TEST(a_long_stream_is_refused_when_direct_is_required),
        TEST(trees_go_there_and_back),
        TEST(large_copies_inside_the_store_go_in_parts),
        TEST(keys_that_would_leave_the_folder_are_refused),
        TEST(one_failure_does_not_stop_the_rest),
        TEST(many_objects_are_removed_a_thousand_at_a_time),
        TEST(what_cannot_be_removed_is_named),
        TEST(senseless_operands_are_refused_before_anything_is_sent),
        TEST(json_lines_tell_way_and_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
