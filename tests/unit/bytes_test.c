#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"

static void order_is_by_unsigned_bytes_then_length(void **state)
{
    assert_int_equal(view_compare(VIEW("a"), VIEW("b")), -1);
    assert_int_equal(view_compare(VIEW("b"), VIEW("a")), 1);
    assert_int_equal(view_compare(VIEW("a"), VIEW("a")), 0);
    assert_int_equal(view_compare(VIEW("a"), VIEW("ab")), -1);
    assert_int_equal(view_compare(VIEW("ab"), VIEW("a")), 1);
    assert_int_equal(view_compare(VIEW("\x7f"), VIEW("\x80")), -1);
    assert_int_equal(view_compare(VIEW_EMPTY, VIEW("")), 0);
    assert_int_equal(view_compare(VIEW_EMPTY, VIEW("a")), -1);
}

static void case_folds_for_ascii_letters_only(void **state)
{
    assert_true(view_eq_nocase(VIEW("Content-MD5"), VIEW("content-md5")));
    assert_false(view_eq_nocase(VIEW("content"), VIEW("contents")));
    assert_false(view_eq_nocase(VIEW("@"), VIEW("`")));
    assert_false(view_eq_nocase(VIEW("["), VIEW("{")));
    assert_false(view_eq_nocase(VIEW("\xc4"), VIEW("\xe4")));
    assert_true(view_eq_nocase(VIEW_EMPTY, VIEW("")));
    assert_true(view_starts_nocase(VIEW("Bearer x"), VIEW("bearer ")));
    assert_false(view_starts_nocase(VIEW("Bear"), VIEW("bearer")));
}

static void prefixes_and_suffixes_match_whole_or_not(void **state)
{
    assert_true(view_starts(VIEW("abc"), VIEW("ab")));
    assert_true(view_starts(VIEW("abc"), VIEW_EMPTY));
    assert_false(view_starts(VIEW("a"), VIEW("ab")));
    assert_true(view_ends(VIEW("abc"), VIEW("bc")));
    assert_true(view_ends(VIEW_EMPTY, VIEW_EMPTY));
    assert_false(view_ends(VIEW("c"), VIEW("bc")));
    assert_true(view_is(view_from(VIEW("abc"), 1), "bc"));
    assert_int_equal(view_from(VIEW("abc"), 9).len, 0);
    assert_true(view_is(view_upto(VIEW("abc"), 2), "ab"));
    assert_true(view_is(view_upto(VIEW("abc"), 9), "abc"));
}

static void trimming_takes_blanks_off_both_ends(void **state)
{
    assert_true(view_is(view_trim(VIEW(" \t a b\t ")), "a b"));
    assert_int_equal(view_trim(VIEW(" \t ")).len, 0);
    assert_int_equal(view_trim(VIEW_EMPTY).len, 0);
    assert_true(view_is(view_trim(VIEW("\na\r")), "\na\r"));
}

static void search_finds_the_first_or_nothing(void **state)
{
    assert_int_equal(view_index(VIEW("abca"), 'a'), 0);
    assert_int_equal(view_index(VIEW("abca"), 'c'), 2);
    assert_true(view_index(VIEW("abc"), 'x') == SIZE_MAX);
    assert_true(view_index(VIEW_EMPTY, 'x') == SIZE_MAX);
    assert_int_equal(view_find(VIEW("aab"), VIEW("ab")), 1);
    assert_int_equal(view_find(VIEW("aab"), VIEW_EMPTY), 0);
    assert_true(view_find(VIEW("aab"), VIEW("aaab")) == SIZE_MAX);
    assert_true(view_find(VIEW_EMPTY, VIEW("a")) == SIZE_MAX);
}

static void check_split(const char *text, const char *const *parts)
{
    struct view rest = view_str(text), part;

    for (; *parts; parts++) {
        assert_true(view_split(&rest, ',', &part));
        assert_true(view_is(part, *parts));
    }
    assert_false(view_split(&rest, ',', &part));
    assert_false(view_split(&rest, ',', &part));
}

static void split_gives_every_part_but_an_empty_last(void **state)
{
    check_split("a,,b", (const char *[]){"a", "", "b", NULL});
    check_split("a", (const char *[]){"a", NULL});
    check_split("a,", (const char *[]){"a", NULL});
    check_split(",a", (const char *[]){"", "a", NULL});
    check_split(",", (const char *[]){"", NULL});
    check_split("", (const char *[]){NULL});
}

static void secrets_compare_by_all_their_bytes(void **state)
{
    assert_true(view_same(VIEW("secret"), VIEW("secret")));
    assert_false(view_same(VIEW("secret"), VIEW("Secret")));
    assert_false(view_same(VIEW("secret"), VIEW("secreT")));
    assert_false(view_same(VIEW("secret"), VIEW("secre")));
    assert_true(view_same(VIEW_EMPTY, VIEW("")));
}

static void a_buf_writes_up_to_its_end_and_nothing_after_an_overflow(void **state)
{
    uint8_t room[8] = "zzzzzzz";
    struct buf b = buf_over(room, 4);

    buf_put(&b, VIEW("abc"));
    buf_put(&b, VIEW_EMPTY);
    assert_false(b.overflow);
    buf_put(&b, VIEW("de"));
    assert_true(b.overflow);
    buf_put_byte(&b, 'f'); /* would fit, but the chain is broken */
    assert_true(view_is(buf_view(&b), "abc"));
    assert_memory_equal(room + 3, "zzzz", 4);

    b = buf_over(room, 4);
    buf_put_str(&b, "wxyz");
    assert_false(b.overflow);
    assert_true(view_is(buf_view(&b), "wxyz"));
    buf_put_byte(&b, '!');
    assert_true(b.overflow);
    assert_int_equal(room[4], 'z');
}

static void numbers_are_written_whole(void **state)
{
    uint8_t room[64];
    struct buf b = buf_over(room, sizeof room);

    buf_put_u64(&b, 0);
    buf_put_byte(&b, ' ');
    buf_put_u64(&b, UINT64_MAX);
    assert_true(view_is(buf_view(&b), "0 18446744073709551615"));
    b = buf_over(room, 2);
    buf_put_u64(&b, 100);
    assert_true(b.overflow);
    assert_int_equal(b.len, 0);
}

static void printf_fills_a_buf_to_the_last_byte(void **state)
{
    uint8_t room[6] = "......";
    struct buf b = buf_over(room, 5);

    buf_printf(&b, "%s-%d", "ab", 12);
    assert_false(b.overflow);
    assert_true(view_is(buf_view(&b), "ab-12"));
    assert_int_equal(room[5], '.');
    buf_printf(&b, "%s", "");
    assert_false(b.overflow);
    buf_printf(&b, "x");
    assert_true(b.overflow);
    assert_int_equal(b.len, 5);
}

static void printf_takes_long_texts_with_a_spare_byte(void **state)
{
    static uint8_t room[4001];
    struct buf b = buf_over(room, 4001);

    buf_printf(&b, "%4000d", 7);
    assert_false(b.overflow);
    assert_int_equal(b.len, 4000);
    assert_int_equal(room[3999], '7');
    b = buf_over(room, 3999);
    buf_printf(&b, "%4000d", 7);
    assert_true(b.overflow);
    assert_int_equal(b.len, 0);
}

static void integers_survive_the_round_trip(void **state)
{
    uint8_t room[64];
    struct buf b = buf_over(room, sizeof room);
    uint16_t n16;
    uint32_t n32;
    uint64_t n64;
    struct view part;

    buf_put_le16(&b, 0x1234);
    buf_put_le32(&b, 0x89abcdef);
    buf_put_le64(&b, 0x0102030405060708);
    buf_put_lv(&b, VIEW("name"));
    buf_put_lv(&b, VIEW_EMPTY);
    assert_memory_equal(room, "\x34\x12\xef\xcd\xab\x89\x08\x07\x06", 9);

    struct view v = buf_view(&b);
    assert_int_equal(view_take_le16(&v, &n16), ERR_OK);
    assert_int_equal(view_take_le32(&v, &n32), ERR_OK);
    assert_int_equal(view_take_le64(&v, &n64), ERR_OK);
    assert_int_equal(n16, 0x1234);
    assert_int_equal(n32, 0x89abcdef);
    assert_true(n64 == 0x0102030405060708);
    assert_int_equal(view_take_lv(&v, &part), ERR_OK);
    assert_true(view_is(part, "name"));
    assert_int_equal(view_take_lv(&v, &part), ERR_OK);
    assert_int_equal(part.len, 0);
    assert_int_equal(v.len, 0);
}

static void a_short_view_gives_nothing_and_stays(void **state)
{
    uint16_t n16;
    uint32_t n32;
    uint64_t n64;
    struct view v = VIEW("\x01"), part;

    assert_int_equal(view_take_le16(&v, &n16), ERR_TRUNCATED);
    assert_int_equal(view_take_le32(&v, &n32), ERR_TRUNCATED);
    assert_int_equal(view_take_le64(&v, &n64), ERR_TRUNCATED);
    assert_int_equal(view_take(&v, 2, &part), ERR_TRUNCATED);
    assert_int_equal(v.len, 1);
    assert_int_equal(view_take(&v, 1, &part), ERR_OK);
    assert_int_equal(v.len, 0);

    v = VIEW("\x05\0\0\0four");
    assert_int_equal(view_take_lv(&v, &part), ERR_TRUNCATED);
    assert_int_equal(v.len, 8);
    v = VIEW("\xff\xff\xff\xff");
    assert_int_equal(view_take_lv(&v, &part), ERR_TRUNCATED);
    assert_int_equal(v.len, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_by_unsigned_bytes_then_length),
        cmocka_unit_test(case_folds_for_ascii_letters_only),
        cmocka_unit_test(prefixes_and_suffixes_match_whole_or_not),
        cmocka_unit_test(trimming_takes_blanks_off_both_ends),
        cmocka_unit_test(search_finds_the_first_or_nothing),
        cmocka_unit_test(split_gives_every_part_but_an_empty_last),
        cmocka_unit_test(secrets_compare_by_all_their_bytes),
        cmocka_unit_test(a_buf_writes_up_to_its_end_and_nothing_after_an_overflow),
        cmocka_unit_test(numbers_are_written_whole),
        cmocka_unit_test(printf_fills_a_buf_to_the_last_byte),
        cmocka_unit_test(printf_takes_long_texts_with_a_spare_byte),
        cmocka_unit_test(integers_survive_the_round_trip),
        cmocka_unit_test(a_short_view_gives_nothing_and_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
