#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/file.h"
#include "cli/walk.h"

static char folder[64];

static int set_up(void **state)
{
    (void)snprintf(folder, sizeof folder, "/tmp/penstock-file-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int set_up_named(void **state)
{
    file_forbid_nameless(true);
    return set_up(state);
}

static int tear_down(void **state)
{
    char command[100];

    file_forbid_nameless(false);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static unsigned entries(const char *path)
{
    DIR *d = opendir(path);
    unsigned n = 0;

    while (readdir(d))
        n++;
    (void)closedir(d);
    return n - 2;
}

static void store(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void assert_content(const char *path, const char *want)
{
    char text[100] = {0};
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    (void)!fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    assert_string_equal(text, want);
}

static void a_file_appears_when_it_is_committed_and_not_before(void **state)
{
    struct file f;

    assert_true(file_create(&f, "new", 6));
    assert_true(file_write(&f, "def", 3, 3));
    assert_true(file_write(&f, "abc", 3, 0));
    assert_int_equal(access("new", F_OK), -1);
    assert_true(file_commit(&f, true));
    assert_content("new", "abcdef");
    assert_int_equal(entries("."), 1);
}

static void what_had_the_name_stays_until_then_and_lends_its_mode(void **state)
{
    struct file f;
    struct stat s;

    store("old", "before");
    assert_int_equal(chmod("old", 0640), 0);
    assert_true(file_create(&f, "old", 0));
    assert_true(file_write(&f, "after", 5, 0));
    assert_content("old", "before");
    assert_true(file_commit(&f, false));
    assert_content("old", "after");
    assert_int_equal(stat("old", &s), 0);
    assert_int_equal(s.st_mode & 07777, 0640);
    assert_int_equal(entries("."), 1);
}

static void an_abandoned_file_leaves_nothing(void **state)
{
    struct file f;

    assert_true(file_create(&f, "never", 100));
    assert_true(file_write(&f, "x", 1, 0));
    file_abandon(&f);
    assert_int_equal(entries("."), 0);
    store("old", "before");
    assert_true(file_create(&f, "old", 0));
    file_abandon(&f);
    assert_content("old", "before");
    assert_int_equal(entries("."), 1);
}

static void a_link_is_followed(void **state)
{
    struct file f;
    struct stat s;

    store("real", "before");
    assert_int_equal(symlink("real", "link"), 0);
    assert_true(file_create(&f, "link", 0));
    assert_true(file_write(&f, "after", 5, 0));
    assert_true(file_commit(&f, false));
    assert_content("real", "after");
    assert_int_equal(lstat("link", &s), 0);
    assert_true(S_ISLNK(s.st_mode));
}

static void pipes_are_written_in_place_and_folders_refused(void **state)
{
    struct file f;

    assert_true(file_create(&f, "/dev/null", 5));
    assert_true(f.is_stream);
    assert_true(file_write(&f, "abc", 3, 0));
    assert_true(file_commit(&f, true));
    assert_false(file_create(&f, ".", 0));
    assert_int_equal(errno, EISDIR);
    assert_false(file_create(&f, "missing/x", 0));
    assert_int_equal(errno, ENOENT);
}

static void too_much_for_the_drive_is_refused_at_once(void **state)
{
    struct file f;

    assert_false(file_create(&f, "huge", (uint64_t)1 << 60));
    assert_true(errno == ENOSPC || errno == EFBIG);
    assert_int_equal(entries("."), 0);
}

static void a_full_device_fails_the_write(void **state)
{
    struct file f;

    assert_true(file_create(&f, "/dev/full", 0));
    assert_false(file_write(&f, "abc", 3, 0));
    assert_int_equal(errno, ENOSPC);
    file_abandon(&f);
}

/* At any point of its life, with a nameless file or a named one: no half file is left. */
static void a_killed_writer_leaves_nothing_behind(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < ARRAY_COUNT(signals); i++) {
        pid_t child = fork();
        if (child == 0) {
            struct file f;
            if (!file_create(&f, "victim", 0) || !file_write(&f, "half", 4, 0))
                _exit(1);
            (void)raise(signals[i]);
            _exit(2);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        assert_int_equal(entries("."), 0);
    }
}

static void folders_above_a_path_are_made(void **state)
{
    assert_true(file_make_folders("a/b/c/file"));
    assert_true(file_make_folders("a/b/c/file"));
    assert_int_equal(access("a/b/c", F_OK), 0);
    assert_int_equal(access("a/b/c/file", F_OK), -1);
    store("plain", "");
    assert_false(file_make_folders("plain/x/y"));
    assert_int_equal(errno, ENOTDIR);
    assert_true(file_make_folders("file"));
}

struct walked {
    char names[20][64];
    unsigned count, problems;
};

static void on_file(const char *path, const char *relative, void *user)
{
    struct walked *w = user;

    assert_int_equal(access(path, R_OK), 0);
    (void)snprintf(w->names[w->count++], 64, "%s", relative);
}

static void on_problem(const char *path, const char *why, void *user)
{
    struct walked *w = user;

    assert_non_null(why);
    w->problems++;
}

static void a_walk_finds_files_in_order_below_any_spelling(void **state)
{
    static const char *const spellings[] = {"tree", "tree/", "./tree", "../%s/tree"};
    static const char *const want[] = {"a/1", "a/b/2", "c"};
    char spelling[100];

    assert_true(file_make_folders("tree/a/b/x") && file_make_folders("tree/empty/x"));
    store("tree/c", "");
    store("tree/a/1", "");
    store("tree/a/b/2", "");
    for (size_t i = 0; i < ARRAY_COUNT(spellings); i++) {
        struct walked w = {0};
        (void)snprintf(spelling, sizeof spelling, spellings[i], folder + 5);
        walk_folder(spelling, on_file, on_problem, &w);
        assert_int_equal(w.problems, 0);
        assert_int_equal(w.count, 3);
        for (size_t k = 0; k < 3; k++)
            assert_string_equal(w.names[k], want[k]);
    }
}

static void a_walk_follows_links_but_no_loops(void **state)
{
    struct walked w = {0};

    assert_true(file_make_folders("tree/a/x") && file_make_folders("other/x"));
    store("other/found", "");
    assert_int_equal(symlink("../other", "tree/link"), 0);
    assert_int_equal(symlink("..", "tree/a/loop"), 0);
    assert_int_equal(symlink("nothing", "tree/dangling"), 0);
    assert_int_equal(mkfifo("tree/pipe", 0600), 0);
    walk_folder("tree", on_file, on_problem, &w);
    assert_int_equal(w.count, 1);
    assert_string_equal(w.names[0], "link/found");
    assert_int_equal(w.problems, 3);
    w = (struct walked){0};
    walk_folder("missing", on_file, on_problem, &w);
    assert_int_equal(w.count, 0);
    assert_int_equal(w.problems, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define NAMED(name)                                                                                \
    {                                                                                              \
#name " (named)", name, set_up_named, tear_down, NULL                                      \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_appears_when_it_is_committed_and_not_before),
        TEST(what_had_the_name_stays_until_then_and_lends_its_mode),
        TEST(an_abandoned_file_leaves_nothing),
        TEST(a_link_is_followed),
        TEST(pipes_are_written_in_place_and_folders_refused),
        TEST(too_much_for_the_drive_is_refused_at_once),
        TEST(a_full_device_fails_the_write),
        TEST(a_killed_writer_leaves_nothing_behind),
        NAMED(a_file_appears_when_it_is_committed_and_not_before),
        NAMED(what_had_the_name_stays_until_then_and_lends_its_mode),
        NAMED(an_abandoned_file_leaves_nothing),
        NAMED(a_link_is_followed),
        NAMED(too_much_for_the_drive_is_refused_at_once),
        NAMED(a_killed_writer_leaves_nothing_behind),
        TEST(folders_above_a_path_are_made),
        TEST(a_walk_finds_files_in_order_below_any_spelling),
        TEST(a_walk_follows_links_but_no_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
