#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "cli/url.h"

static void operands_name_buckets_keys_paths_and_standard_streams(void **state)
{
    static const struct {
        const char *text;
        enum url_kind kind;
        const char *bucket, *key;
    } cases[] = {
        {"s3://b", URL_S3, "b", ""},
        {"s3://b/", URL_S3, "b", ""},
        {"s3://", URL_S3, "", ""},
        {"s3://b/k", URL_S3, "b", "k"},
        {"s3://b/a/b//c/", URL_S3, "b", "a/b//c/"},
        {"s3://b//k", URL_S3, "b", "/k"},
        {"s3://b/a b?c#d%20", URL_S3, "b", "a b?c#d%20"},
        {"s3:/b/k", URL_PATH, "", ""},
        {"S3://b/k", URL_PATH, "", ""},
        {"-", URL_STDIO, "", ""},
        {"./-", URL_PATH, "", ""},
        {"--", URL_PATH, "", ""},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *why = NULL;
        struct url u;
        assert_true(url_parse(cases[i].text, &u, &why));
        assert_int_equal(u.kind, cases[i].kind);
        assert_string_equal(u.bucket, cases[i].bucket);
        assert_string_equal(u.key, cases[i].key);
        assert_ptr_equal(u.text, cases[i].text);
    }
}

static void impossible_names_are_refused_with_a_reason(void **state)
{
    static const char *const bad[] = {"", "s3:///k", "s3:///"};
    char text[URL_KEY_MAX + 20];
    const char *why;
    struct url u;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        why = NULL;
        assert_false(url_parse(bad[i], &u, &why));
        assert_non_null(why);
    }
    memset(text, 'k', sizeof text);
    memcpy(text, "s3://b/", 7);
    text[7 + URL_KEY_MAX] = '\0';
    assert_true(url_parse(text, &u, &why));
    assert_int_equal(strlen(u.key), URL_KEY_MAX);
    text[7 + URL_KEY_MAX] = 'k';
    text[8 + URL_KEY_MAX] = '\0';
    assert_false(url_parse(text, &u, &why));
    memset(text + 5, 'b', URL_BUCKET_MAX);
    text[5 + URL_BUCKET_MAX] = '\0';
    assert_true(url_parse(text, &u, &why));
    text[5 + URL_BUCKET_MAX] = 'b';
    text[6 + URL_BUCKET_MAX] = '\0';
    assert_false(url_parse(text, &u, &why));
}

static void a_folder_is_empty_or_ends_with_a_slash(void **state)
{
    struct url u = {.kind = URL_S3};

    assert_true(url_is_folder(&u));
    assert_true(url_make_folder(&u));
    assert_string_equal(u.key, "");
    memcpy(u.key, "a/b", 4);
    assert_false(url_is_folder(&u));
    assert_true(url_make_folder(&u));
    assert_string_equal(u.key, "a/b/");
    assert_true(url_make_folder(&u));
    assert_string_equal(u.key, "a/b/");
    memset(u.key, 'k', URL_KEY_MAX);
    u.key[URL_KEY_MAX] = '\0';
    assert_false(url_make_folder(&u));
    assert_int_equal(strlen(u.key), URL_KEY_MAX);
}

static void keys_are_joined_up_to_their_limit(void **state)
{
    char to[URL_KEY_MAX + 2], folder[URL_KEY_MAX + 1];

    assert_true(url_join_key("a/", "b/c", to));
    assert_string_equal(to, "a/b/c");
    assert_true(url_join_key("", "b", to));
    assert_string_equal(to, "b");
    memset(folder, 'k', sizeof folder);
    folder[URL_KEY_MAX] = '\0';
    assert_true(url_join_key(folder, "", to));
    assert_false(url_join_key(folder, "x", to));
}

static void base_names_do_not_count_slashes_at_the_end(void **state)
{
    static const char *const cases[][2] = {{"a/b", "b"}, {"a/b/", "b"}, {"a", "a"},  {"a///", "a"},
                                           {"/", ""},    {"", ""},      {"/a", "a"}, {"x//y", "y"}};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t bytes;
        const char *name = url_base_name(cases[i][0], &bytes);
        assert_true(view_is(view_of(name, bytes), cases[i][1]));
    }
}

static void keys_that_would_leave_their_folder_are_not_safe(void **state)
{
    static const char *const safe[] = {"a", "a/b", "a/b/", "...", "a/..b/c", ".hidden", "a b"};
    static const char *const unsafe[] = {"",       "/",     "/a",   "..",    ".",  "../a", "a/..",
                                         "a/../b", "a/./b", "a//b", "a/../", "./", "a//"};
    char component[NAME_MAX + 3];

    for (size_t i = 0; i < ARRAY_COUNT(safe); i++)
        assert_true(url_key_is_safe(safe[i]));
    for (size_t i = 0; i < ARRAY_COUNT(unsafe); i++)
        assert_false(url_key_is_safe(unsafe[i]));
    memset(component, 'n', sizeof component);
    component[NAME_MAX] = '\0';
    assert_true(url_key_is_safe(component));
    component[NAME_MAX] = 'n';
    component[NAME_MAX + 1] = '\0';
    assert_false(url_key_is_safe(component));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_name_buckets_keys_paths_and_standard_streams),
        cmocka_unit_test(impossible_names_are_refused_with_a_reason),
        cmocka_unit_test(a_folder_is_empty_or_ends_with_a_slash),
        cmocka_unit_test(keys_are_joined_up_to_their_limit),
        cmocka_unit_test(base_names_do_not_count_slashes_at_the_end),
        cmocka_unit_test(keys_that_would_leave_their_folder_are_not_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
