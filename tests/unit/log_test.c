#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

static char caught[8192];
static int saved_stderr = -1;
static FILE *catcher;

/* stderr goes to a file from here on; released() gives what was written. */
static void catch_stderr(void)
{
    catcher = tmpfile();
    assert_non_null(catcher);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(catcher), STDERR_FILENO) >= 0);
}

static struct view released(void)
{
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    close(saved_stderr);
    rewind(catcher);
    size_t n = fread(caught, 1, sizeof caught, catcher);
    (void)fclose(catcher);
    return view_of(caught, n);
}

static void a_line_has_time_level_place_and_text(void **state)
{
    clock_fake_wall(1767323045678);
    catch_stderr();
    log_warn("arena", "%d of %s", 3, "four");
    struct view v = released();
    clock_fake_wall(0);
    assert_true(view_is(v, "2026-01-02T03:04:05.678Z warn arena: 3 of four\n"));
}

static void levels_above_the_set_one_are_silent(void **state)
{
    log_set_level(LOG_WARN);
    catch_stderr();
    log_info("x", "no");
    log_debug("x", "no");
    log_error("x", "yes");
    struct view v = released();
    log_set_level(LOG_INFO);
    assert_true(view_find(v, VIEW("no")) == SIZE_MAX);
    assert_true(view_ends(v, VIEW("error x: yes\n")));
    assert_true(log_enabled(LOG_INFO));
    assert_false(log_enabled(LOG_DEBUG));
}

static void text_from_outside_cannot_forge_a_line(void **state)
{
    catch_stderr();
    log_info("http", "path %s", "a\r\nb\x1b[2J\x7f");
    struct view v = released();
    assert_true(view_ends(v, VIEW("path a??b?[2J?\n")));
    assert_int_equal(view_index(v, '\n'), v.len - 1);
}

static void a_long_text_is_cut_and_says_so(void **state)
{
    catch_stderr();
    log_info("x", "%5000d", 1);
    struct view v = released();
    assert_true(v.len <= 2048);
    assert_true(view_ends(v, VIEW("...\n")));
}

static void level_names_are_exact(void **state)
{
    enum log_level level = LOG_ERROR;

    assert_int_equal(log_level_parse(VIEW("debug"), &level), ERR_OK);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_level_parse(VIEW("Debug"), &level), ERR_INVALID);
    assert_int_equal(log_level_parse(VIEW(""), &level), ERR_INVALID);
    assert_int_equal(level, LOG_DEBUG);
}

static void tokens_are_never_shown_whole(void **state)
{
    assert_string_equal(log_token(VIEW("0123456789abcdef0123")), "01234567...");
    assert_string_equal(log_token(VIEW("01234567")), "0123...");
    assert_string_equal(log_token(VIEW("a")), "...");
    assert_string_equal(log_token(VIEW_EMPTY), "...");
    assert_string_equal(log_token(VIEW("\n\x80 aaaaaaaaaaaaaaaaaaa")), "???aaaaa...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_place_and_text),
        cmocka_unit_test(levels_above_the_set_one_are_silent),
        cmocka_unit_test(text_from_outside_cannot_forge_a_line),
        cmocka_unit_test(a_long_text_is_cut_and_says_so),
        cmocka_unit_test(level_names_are_exact),
        cmocka_unit_test(tokens_are_never_shown_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
