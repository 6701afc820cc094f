#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"

static const int64_t NOV_1994 = 784111777000; /* the example of RFC 9110, 5.6.7 */

static uint8_t room[64];
static struct buf out;

static struct buf *fresh(void)
{
    out = buf_over(room, sizeof room);
    return &out;
}

static void all_three_http_forms_mean_the_same_instant(void **state)
{
    int64_t ms;

    assert_int_equal(text_to_http_date(VIEW("Sun, 06 Nov 1994 08:49:37 GMT"), &ms), ERR_OK);
    assert_true(ms == NOV_1994);
    assert_int_equal(text_to_http_date(VIEW("Sunday, 06-Nov-94 08:49:37 GMT"), &ms), ERR_OK);
    assert_true(ms == NOV_1994);
    assert_int_equal(text_to_http_date(VIEW("Sun Nov  6 08:49:37 1994"), &ms), ERR_OK);
    assert_true(ms == NOV_1994);
    assert_int_equal(text_to_http_date(VIEW("Wed Nov 16 08:49:37 1994"), &ms), ERR_OK);
    assert_true(ms == NOV_1994 + 10 * (int64_t)86400000);
}

static void two_digit_years_lie_at_most_50_years_ahead(void **state)
{
    int64_t ms, expected;

    clock_fake_wall(1767323045000); /* 2026 */
    assert_int_equal(text_to_http_date(VIEW("Friday, 06-Nov-76 00:00:00 GMT"), &ms), ERR_OK);
    assert_int_equal(text_to_iso_date(VIEW("2076-11-06T00:00:00Z"), &expected), ERR_OK);
    assert_true(ms == expected);
    assert_int_equal(text_to_http_date(VIEW("Sunday, 06-Nov-77 00:00:00 GMT"), &ms), ERR_OK);
    assert_int_equal(text_to_iso_date(VIEW("1977-11-06T00:00:00Z"), &expected), ERR_OK);
    assert_true(ms == expected);
    clock_fake_wall(0);
}

static void broken_http_dates_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06 Nov 94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun, 06 Nov +994 08:49:37 GMT",
    };
    int64_t ms;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(text_to_http_date(view_str(bad[i]), &ms), ERR_MALFORMED);
}

static void leap_years_follow_the_gregorian_rules(void **state)
{
    int64_t ms;

    assert_int_equal(text_to_amz_date(VIEW("20000229T000000Z"), &ms), ERR_OK);
    assert_true(ms == 951782400000);
    assert_int_equal(text_to_amz_date(VIEW("20240229T235959Z"), &ms), ERR_OK);
    assert_int_equal(text_to_amz_date(VIEW("20230229T000000Z"), &ms), ERR_MALFORMED);
    assert_int_equal(text_to_amz_date(VIEW("19000229T000000Z"), &ms), ERR_MALFORMED);
    assert_int_equal(text_to_amz_date(VIEW("21000229T000000Z"), &ms), ERR_MALFORMED);
    assert_int_equal(text_to_amz_date(VIEW("24000229T000000Z"), &ms), ERR_OK);
}

static void leap_seconds_are_for_http_only(void **state)
{
    int64_t leap, next;

    assert_int_equal(text_to_http_date(VIEW("Sat, 31 Dec 2016 23:59:60 GMT"), &leap), ERR_OK);
    assert_int_equal(text_to_amz_date(VIEW("20170101T000000Z"), &next), ERR_OK);
    assert_true(leap == next);
    assert_int_equal(text_to_amz_date(VIEW("20161231T235960Z"), &leap), ERR_MALFORMED);
}

static void amz_dates_have_one_form(void **state)
{
    static const char *const bad[] = {
        "",
        "20260102T030405",
        "2026-01-02T03:04:05Z",
        "20260102 030405Z",
        "20261302T030405Z",
        "20260002T030405Z",
        "20260102T030405ZZ",
        "20260102t030405z",
        "2026010 T030405Z"};
    int64_t ms;

    assert_int_equal(text_to_amz_date(VIEW("20260102T030405Z"), &ms), ERR_OK);
    assert_true(ms == 1767323045000);
    text_put_amz_date(fresh(), ms);
    assert_true(view_is(buf_view(&out), "20260102T030405Z"));
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(text_to_amz_date(view_str(bad[i]), &ms), ERR_MALFORMED);
}

static void iso_dates_carry_milliseconds(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05.1234567890Z",
        "2026-01-02T03:04:05+00:00",
        "2026-01-02 03:04:05Z",
        "2026-1-2T03:04:05Z"};
    int64_t ms;

    assert_int_equal(text_to_iso_date(VIEW("2026-01-02T03:04:05.678Z"), &ms), ERR_OK);
    assert_true(ms == 1767323045678);
    text_put_iso_date(fresh(), ms);
    assert_true(view_is(buf_view(&out), "2026-01-02T03:04:05.678Z"));
    assert_int_equal(text_to_iso_date(VIEW("2026-01-02T03:04:05Z"), &ms), ERR_OK);
    assert_true(ms == 1767323045000);
    assert_int_equal(text_to_iso_date(VIEW("2026-01-02T03:04:05.5Z"), &ms), ERR_OK);
    assert_true(ms == 1767323045500);
    assert_int_equal(text_to_iso_date(VIEW("2026-01-02T03:04:05.678999999Z"), &ms), ERR_OK);
    assert_true(ms == 1767323045678);
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(text_to_iso_date(view_str(bad[i]), &ms), ERR_MALFORMED);
}

static void writing_agrees_with_the_c_library_from_1000_to_9999(void **state)
{
    /* About every 11 days, at odd times of day. */
    for (int64_t s = -30610224000; s < 253402300800; s += 950401) {
        char expected[64];
        time_t t = (time_t)s;
        struct tm tm;
        int64_t back;

        gmtime_r(&t, &tm);
        assert_true(strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
        text_put_http_date(fresh(), s * 1000);
        assert_true(view_is(buf_view(&out), expected));
        assert_int_equal(text_to_http_date(buf_view(&out), &back), ERR_OK);
        assert_true(back == s * 1000);
    }
}

static void dates_outside_four_digit_years_are_clamped(void **state)
{
    text_put_iso_date(fresh(), INT64_MAX);
    assert_true(view_is(buf_view(&out), "9999-12-31T23:59:59.999Z"));
    text_put_iso_date(fresh(), INT64_MIN);
    assert_true(view_is(buf_view(&out), "0000-01-01T00:00:00.000Z"));
    text_put_iso_date(fresh(), -1);
    assert_true(view_is(buf_view(&out), "1969-12-31T23:59:59.999Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_three_http_forms_mean_the_same_instant),
        cmocka_unit_test(two_digit_years_lie_at_most_50_years_ahead),
        cmocka_unit_test(broken_http_dates_are_refused),
        cmocka_unit_test(leap_years_follow_the_gregorian_rules),
        cmocka_unit_test(leap_seconds_are_for_http_only),
        cmocka_unit_test(amz_dates_have_one_form),
        cmocka_unit_test(iso_dates_carry_milliseconds),
        cmocka_unit_test(writing_agrees_with_the_c_library_from_1000_to_9999),
        cmocka_unit_test(dates_outside_four_digit_years_are_clamped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
