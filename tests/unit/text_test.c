#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"

static uint8_t room[256];

static void decimal_numbers_are_digits_only_and_bounded(void **state)
{
    static const char *const bad[] = {
        "",
        "+1",
        "-1",
        " 1",
        "1 ",
        "0x1",
        "1a",
        "18446744073709551616",
        "1.",
        "1_0",
        "99999999999999999999999"};
    uint64_t n = 7;

    assert_int_equal(text_to_u64(VIEW("18446744073709551615"), &n), ERR_OK);
    assert_true(n == UINT64_MAX);
    assert_int_equal(text_to_u64(VIEW("007"), &n), ERR_OK);
    assert_int_equal(n, 7);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(text_to_u64(view_str(bad[i]), &n), ERR_MALFORMED);
    assert_int_equal(text_to_u64(VIEW("1\0"), &n), ERR_MALFORMED);
    assert_int_equal(n, 7);
}

static void hexadecimal_numbers_take_either_case_and_are_bounded(void **state)
{
    uint64_t n;

    assert_int_equal(text_hex_to_u64(VIEW("fFfFffffFFFFFFFF"), &n), ERR_OK);
    assert_true(n == UINT64_MAX);
    assert_int_equal(text_hex_to_u64(VIEW("000000000000000000010"), &n), ERR_OK);
    assert_int_equal(n, 16);
    assert_int_equal(text_hex_to_u64(VIEW("10000000000000000"), &n), ERR_MALFORMED);
    assert_int_equal(text_hex_to_u64(VIEW(""), &n), ERR_MALFORMED);
    assert_int_equal(text_hex_to_u64(VIEW("0x10"), &n), ERR_MALFORMED);
    assert_int_equal(text_hex_to_u64(VIEW("g"), &n), ERR_MALFORMED);
}

static void sizes_are_powers_of_1024(void **state)
{
    static const char *const bad[] = {
        "",    "K",  "KiB",  "iB",  "5iB",    "5KB", "5B",
        "5 K", "-1", "1.5G", "5KK", "5KiBiB", "16E", "18014398509481984K"};
    uint64_t n;

    assert_int_equal(text_to_bytes(VIEW("64"), &n), ERR_OK);
    assert_true(n == 64);
    assert_int_equal(text_to_bytes(VIEW("64K"), &n), ERR_OK);
    assert_true(n == 64 * KIB);
    assert_int_equal(text_to_bytes(VIEW("64KiB"), &n), ERR_OK);
    assert_true(n == 64 * KIB);
    assert_int_equal(text_to_bytes(VIEW("1m"), &n), ERR_OK);
    assert_true(n == MIB);
    assert_int_equal(text_to_bytes(VIEW("5GiB"), &n), ERR_OK);
    assert_true(n == 5 * GIB);
    assert_int_equal(text_to_bytes(VIEW("2T"), &n), ERR_OK);
    assert_true(n == 2048 * GIB);
    assert_int_equal(text_to_bytes(VIEW("15E"), &n), ERR_OK);
    assert_true(n == (uint64_t)15 << 60);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(text_to_bytes(view_str(bad[i]), &n), ERR_MALFORMED);
}

static void hex_is_written_low_and_read_in_either_case(void **state)
{
    struct buf b = buf_over(room, sizeof room);
    uint8_t bytes[4];
    size_t len = 9;

    text_put_hex(&b, VIEW("\x00\xab\xff"));
    assert_true(view_is(buf_view(&b), "00abff"));
    assert_int_equal(text_from_hex(VIEW("00aBFf"), bytes, 3, &len), ERR_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "\x00\xab\xff", 3);
    assert_int_equal(text_from_hex(VIEW("abc"), bytes, 4, &len), ERR_MALFORMED);
    assert_int_equal(text_from_hex(VIEW("zz"), bytes, 4, &len), ERR_MALFORMED);
    assert_int_equal(text_from_hex(VIEW("0 "), bytes, 4, &len), ERR_MALFORMED);
    assert_int_equal(text_from_hex(VIEW("00112233"), bytes, 3, &len), ERR_TOO_LARGE);
    assert_int_equal(len, 3);
    assert_int_equal(text_from_hex(VIEW_EMPTY, bytes, 0, &len), ERR_OK);
    assert_int_equal(len, 0);
}

/* RFC 4648, section 10. */
static const char *const base64_pairs[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"}};

static void base64_follows_the_test_vectors_both_ways(void **state)
{
    for (size_t i = 0; i < ARRAY_COUNT(base64_pairs); i++) {
        struct buf b = buf_over(room, sizeof room);
        struct view plain = view_str(base64_pairs[i][0]);
        uint8_t bytes[8];
        size_t len;

        text_put_base64(&b, plain);
        assert_true(view_is(buf_view(&b), base64_pairs[i][1]));
        assert_int_equal(text_from_base64(buf_view(&b), bytes, plain.len, &len), ERR_OK);
        assert_true(view_eq(view_of(bytes, len), plain));
    }
}

static void base64_has_one_form_only(void **state)
{
    static const char *const bad[] = {"Zg",       "Zg=",    "Zh==", "Zm9=",      "Z===", "====",
                                      "Zg==Zg==", "Zm9v\n", "Zm-_", "Zm9v Zm9v", " Zg=", "=Zg="};
    uint8_t bytes[16];
    size_t len;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(text_from_base64(view_str(bad[i]), bytes, 16, &len), ERR_MALFORMED);
    assert_int_equal(text_from_base64(VIEW("Zm9v"), bytes, 2, &len), ERR_TOO_LARGE);
}

static void uris_are_encoded_as_sigv4_wants(void **state)
{
    struct buf b = buf_over(room, sizeof room);

    text_put_uri(&b, VIEW("aZ09-._~/ +%\xc3\xa4*'"), true);
    assert_true(view_is(buf_view(&b), "aZ09-._~/%20%2B%25%C3%A4%2A%27"));
    b.len = 0;
    text_put_uri(&b, VIEW("a/b"), false);
    assert_true(view_is(buf_view(&b), "a%2Fb"));
    b = buf_over(room, 4);
    text_put_uri(&b, VIEW("ab "), true);
    assert_true(b.overflow);
    assert_true(view_is(buf_view(&b), "ab")); /* an escape is whole or absent */
}

static void uris_are_decoded_strictly(void **state)
{
    static const char *const bad[] = {"%", "%2", "a%", "%zz", "%2g", "%%20", "% 2", "ab%4"};
    uint8_t bytes[8];
    size_t len;

    assert_int_equal(text_from_uri(VIEW("a%2fb%C3+"), false, bytes, 8, &len), ERR_OK);
    assert_true(view_eq(view_of(bytes, len), VIEW("a/b\xc3+")));
    assert_int_equal(text_from_uri(VIEW("a+b%2B"), true, bytes, 8, &len), ERR_OK);
    assert_true(view_eq(view_of(bytes, len), VIEW("a b+")));
    assert_int_equal(text_from_uri(VIEW("%00"), true, bytes, 1, &len), ERR_OK);
    assert_int_equal(len, 1);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(text_from_uri(VIEW("123456789"), true, bytes, 8, &len), ERR_TOO_LARGE);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(text_from_uri(view_str(bad[i]), false, bytes, 8, &len), ERR_MALFORMED);
}

static void utf8_is_well_formed_or_refused(void **state)
{
    static const char *const good[] = {
        "",
        "plain",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xc3\xa4z"};
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2z",
        "\xe0\x9f\xbf",
        "\xe2\x82",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xf0\x90\x80",
        "\xe2\x82z",
        "ok\xfe"};

    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        assert_true(text_is_utf8(view_str(good[i])));
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_false(text_is_utf8(view_str(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimal_numbers_are_digits_only_and_bounded),
        cmocka_unit_test(hexadecimal_numbers_take_either_case_and_are_bounded),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(hex_is_written_low_and_read_in_either_case),
        cmocka_unit_test(base64_follows_the_test_vectors_both_ways),
        cmocka_unit_test(base64_has_one_form_only),
        cmocka_unit_test(uris_are_encoded_as_sigv4_wants),
        cmocka_unit_test(uris_are_decoded_strictly),
        cmocka_unit_test(utf8_is_well_formed_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
