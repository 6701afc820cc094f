#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "cli/args.h"
#include "cli/cli.h"

static bool recursive;
static const char *type;
static const struct args_option options[] = {
    {'r', "recursive", NULL, "all", .flag = &recursive},
    {'t', "type", "TYPE", "of it", .text = &type},
};
static const struct args_spec spec = {
    .usage = "try [-r] FROM TO",
    .about = "Tries.\n",
    .options = options,
    .option_count = 2,
    .operands_min = 1,
    .operands_max = 2};

static struct args a;

/* What is printed goes to a file, which the last one read leaves in `printed`. */
static char printed[8192];

static int silenced(FILE *stream, int argc, char **argv)
{
    int fd = fileno(stream), saved = dup(fd);
    FILE *to = tmpfile();

    (void)fflush(stream);
    (void)dup2(fileno(to), fd);
    int status = args_read(&a, &spec, argc, argv);
    (void)fflush(stream);
    (void)dup2(saved, fd);
    (void)close(saved);
    ssize_t n = pread(fileno(to), printed, sizeof printed - 1, 0);
    printed[n > 0 ? n : 0] = '\0';
    (void)fclose(to);
    return status;
}

static int reset(void **state)
{
    recursive = false;
    type = NULL;
    return unsetenv("PENSTOCK_CLIENT_DIRECT");
}

static int read_args(FILE *stream, const char *const *words)
{
    static char copies[16][64];
    static char *argv[17];
    int argc = 0;

    for (; words[argc]; argc++) {
        (void)snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    return silenced(stream, argc, argv);
}

#define READ(stream, ...) read_args(stream, (const char *const[]){"try", __VA_ARGS__, NULL})

static void options_and_operands_may_be_mixed(void **state)
{
    assert_int_equal(
        READ(stderr, "one", "-r", "--type", "x/y", "two", "--json", "--endpoint=http://e", "-q"),
        ARGS_GO);
    assert_true(recursive && a.json && a.quiet);
    assert_string_equal(type, "x/y");
    assert_string_equal(a.connect.endpoint, "http://e");
    assert_int_equal(a.count, 2);
    assert_string_equal(a.operands[0], "one");
    assert_string_equal(a.operands[1], "two");
}

static void a_lone_dash_is_an_operand_and_two_end_the_options(void **state)
{
    assert_int_equal(READ(stderr, "-", "--", "-r"), ARGS_GO);
    assert_int_equal(a.count, 2);
    assert_string_equal(a.operands[0], "-");
    assert_string_equal(a.operands[1], "-r");
    assert_false(recursive);
}

static void short_options_take_values_and_go_together(void **state)
{
    assert_int_equal(READ(stderr, "-rt", "x", "one"), ARGS_GO);
    assert_true(recursive);
    assert_string_equal(type, "x");
}

static void what_is_wrong_with_the_usage_is_said(void **state)
{
    assert_int_equal(READ(stderr, "one", "two", "three"), CLI_USAGE);
    assert_non_null(strstr(printed, "too many operands: 'three'"));
    assert_non_null(strstr(printed, "usage: penstock try [-r] FROM TO"));
    assert_int_equal(READ(stderr, "-r"), CLI_USAGE);
    assert_non_null(strstr(printed, "an operand is missing"));
    assert_int_equal(READ(stderr, "one", "--unknown"), CLI_USAGE);
    assert_non_null(strstr(printed, "--unknown"));
    assert_int_equal(READ(stderr, "one", "--type"), CLI_USAGE);
    assert_int_equal(READ(stderr, "one", "--direct", "maybe"), CLI_USAGE);
    assert_non_null(strstr(printed, "'maybe'"));
}

static void the_direct_mode_wins_over_the_variable(void **state)
{
    assert_int_equal(setenv("PENSTOCK_CLIENT_DIRECT", "off", 1), 0);
    assert_int_equal(READ(stderr, "one"), ARGS_GO);
    assert_string_equal(getenv("PENSTOCK_CLIENT_DIRECT"), "off");
    assert_int_equal(READ(stderr, "one", "--direct", "prefer"), ARGS_GO);
    assert_string_equal(getenv("PENSTOCK_CLIENT_DIRECT"), "prefer");
    assert_int_equal(READ(stderr, "one", "--direct", "require"), ARGS_GO);
    assert_int_equal(a.connect.direct, PS_DIRECT_REQUIRE);
}

static void help_names_every_option(void **state)
{
    assert_int_equal(READ(stdout, "--help"), CLI_DONE);
    assert_non_null(strstr(printed, "usage: penstock try [-r] FROM TO\n"));
    assert_non_null(strstr(printed, "-r, --recursive"));
    assert_non_null(strstr(printed, "--type TYPE"));
    assert_non_null(strstr(printed, "--insecure"));
    assert_non_null(strstr(printed, "-h, --help"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(options_and_operands_may_be_mixed, reset),
        cmocka_unit_test_setup(a_lone_dash_is_an_operand_and_two_end_the_options, reset),
        cmocka_unit_test_setup(short_options_take_values_and_go_together, reset),
        cmocka_unit_test_setup(what_is_wrong_with_the_usage_is_said, reset),
        cmocka_unit_test_setup(the_direct_mode_wins_over_the_variable, reset),
        cmocka_unit_test_setup(help_names_every_option, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
