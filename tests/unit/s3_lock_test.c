/* Object lock: what it forbids, what a default makes, and the bodies that set it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/region.h"
#include "s3/lock.h"
#include "s3/xml.h"

enum { NOW = 1000, DAY = 86400000 };

static const struct lock none = {.mode = LOCK_NONE};
static const struct lock governed = {.mode = LOCK_GOVERNANCE, .until_ms = NOW + 10};
static const struct lock complied = {.mode = LOCK_COMPLIANCE, .until_ms = NOW + 10};

static struct region_pool pool;
static struct region region;

static int open_all(void **state)
{
    region_pool_init(&pool, 64);
    region_init(&region, &pool);
    return 0;
}

static int close_all(void **state)
{
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}

static void what_is_retained_stays(void **state)
{
    assert_int_equal(lock_check_remove(&none, NOW, false), S3_None);
    assert_int_equal(lock_check_remove(&governed, NOW, false), S3_AccessDenied);
    assert_int_equal(lock_check_remove(&governed, NOW, true), S3_None);
    assert_int_equal(lock_check_remove(&complied, NOW, true), S3_AccessDenied);
    assert_int_equal(lock_check_remove(&complied, NOW + 9, true), S3_AccessDenied);
    assert_int_equal(lock_check_remove(&complied, NOW + 10, false), S3_None);
}

static void a_hold_has_no_end_and_no_bypass(void **state)
{
    struct lock held = {.has_hold = true, .hold_was_set = true};

    assert_int_equal(lock_check_remove(&held, INT64_MAX, true), S3_AccessDenied);
    held.has_hold = false;
    assert_int_equal(lock_check_remove(&held, NOW, false), S3_None);
}

static void only_longer_is_free(void **state)
{
    struct lock longer = governed, shorter = governed;
    longer.until_ms++;
    shorter.until_ms--;

    assert_int_equal(lock_check_change(&none, &complied, NOW, false), S3_None);
    assert_int_equal(lock_check_change(&governed, &governed, NOW, false), S3_None);
    assert_int_equal(lock_check_change(&governed, &longer, NOW, false), S3_None);
    assert_int_equal(lock_check_change(&governed, &shorter, NOW, false), S3_AccessDenied);
    assert_int_equal(lock_check_change(&governed, &shorter, NOW, true), S3_None);
    assert_int_equal(lock_check_change(&governed, &complied, NOW, false), S3_AccessDenied);
    assert_int_equal(lock_check_change(&governed, &complied, NOW, true), S3_None);
    assert_int_equal(lock_check_change(&governed, &none, NOW, false), S3_AccessDenied);
    assert_int_equal(lock_check_change(&governed, &none, NOW + 10, false), S3_None);
    longer = complied;
    longer.until_ms++;
    assert_int_equal(lock_check_change(&complied, &longer, NOW, false), S3_None);
    assert_int_equal(lock_check_change(&longer, &complied, NOW, true), S3_AccessDenied);
    assert_int_equal(lock_check_change(&complied, &governed, NOW, true), S3_AccessDenied);
    assert_int_equal(lock_check_change(&complied, &none, NOW, true), S3_AccessDenied);
}

static void a_default_counts_from_the_write(void **state)
{
    struct lock_default d = {.is_enabled = true};
    struct lock l = none;

    lock_apply_default(&d, NOW, &l);
    assert_int_equal(l.mode, LOCK_NONE);
    d.mode = LOCK_COMPLIANCE;
    d.days = 2;
    lock_apply_default(&d, NOW, &l);
    assert_int_equal(l.mode, LOCK_COMPLIANCE);
    assert_true(l.until_ms == NOW + 2 * (int64_t)DAY);
    d.days = 0;
    d.years = LOCK_YEARS_MAX;
    lock_apply_default(&d, NOW, &l);
    assert_true(l.until_ms == NOW + 36500 * (int64_t)DAY);
}

static const struct xml_node *parse(const char *text)
{
    struct xml_node *root;

    assert_int_equal(xml_parse(view_str(text), &region, &root), ERR_OK);
    return root;
}

static void retentions_are_read(void **state)
{
    static const char *const bad[] = {
        "<Retention><Mode>GOVERNANCE</Mode></Retention>",
        "<Retention><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate></Retention>",
        ("<Retention><Mode>governance</Mode><RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>"
         "</Retention>"),
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>soon</RetainUntilDate></Retention>",
        "<Retention><Else/></Retention>",
        "<Hold/>",
    };
    struct lock l = {.hold_was_set = true};
    const char *detail = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(lock_read_retention(parse(bad[i]), NOW, &l, &detail), S3_MalformedXML);
    const struct xml_node *good =
        parse("<Retention><Mode>GOVERNANCE</Mode>"
              "<RetainUntilDate>1970-01-01T00:00:02.500Z</RetainUntilDate></Retention>");
    assert_int_equal(lock_read_retention(good, NOW, &l, &detail), S3_None);
    assert_int_equal(l.mode, LOCK_GOVERNANCE);
    assert_int_equal(l.until_ms, 2500);
    assert_int_equal(lock_read_retention(good, 2500, &l, &detail), S3_InvalidArgument);
    assert_int_equal(lock_read_retention(parse("<Retention/>"), NOW, &l, &detail), S3_None);
    assert_int_equal(l.mode, LOCK_NONE);
    assert_true(l.hold_was_set);
}

#define RULE(inside)                                                                               \
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"                \
    "<DefaultRetention>" inside "</DefaultRetention></Rule></ObjectLockConfiguration>"
#define MODE "<Mode>GOVERNANCE</Mode>"

static void defaults_are_read(void **state)
{
    static const struct {
        const char *text;
        enum s3_code code;
    } cases[] = {
        {RULE(MODE "<Days>1</Days>"), S3_None},
        {RULE(MODE "<Years>100</Years>"), S3_None},
        {RULE(MODE "<Days>1</Days><Years>1</Years>"), S3_MalformedXML},
        {RULE(MODE), S3_MalformedXML},
        {RULE("<Days>1</Days>"), S3_MalformedXML},
        {RULE("<Mode>abc</Mode><Days>1</Days>"), S3_MalformedXML},
        {RULE(MODE "<Days>x</Days>"), S3_MalformedXML},
        {RULE(MODE "<Days>0</Days>"), S3_InvalidRetentionPeriod},
        {RULE(MODE "<Years>-1</Years>"), S3_InvalidRetentionPeriod},
        {RULE(MODE "<Days>36501</Days>"), S3_InvalidRetentionPeriod},
        {"<ObjectLockConfiguration/>", S3_MalformedXML},
        {"<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled>"
         "</ObjectLockConfiguration>",
         S3_MalformedXML},
        {"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/>"
         "</ObjectLockConfiguration>",
         S3_MalformedXML},
    };
    struct lock_default d = {0};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(lock_read_default(parse(cases[i].text), &d), cases[i].code);
    assert_int_equal(
        lock_read_default(
            parse("<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
                  "</ObjectLockConfiguration>"),
            &d),
        S3_None);
    assert_true(d.is_enabled);
    assert_int_equal(d.mode, LOCK_NONE);
    assert_int_equal(d.years, 0);
}

static void texts_are_exact(void **state)
{
    struct lock l = {0};
    enum lock_mode mode = LOCK_NONE;

    assert_true(lock_read_mode(VIEW("COMPLIANCE"), &mode));
    assert_int_equal(mode, LOCK_COMPLIANCE);
    assert_string_equal(lock_mode_name(mode), "COMPLIANCE");
    assert_false(lock_read_mode(VIEW("Compliance"), &mode));
    assert_false(lock_read_hold(VIEW("on"), &l));
    assert_false(l.hold_was_set);
    assert_true(lock_read_hold(VIEW("ON"), &l));
    assert_true(l.has_hold);
    assert_true(lock_read_hold(VIEW("OFF"), &l));
    assert_true(l.hold_was_set && !l.has_hold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_retained_stays), cmocka_unit_test(a_hold_has_no_end_and_no_bypass),
        cmocka_unit_test(only_longer_is_free),    cmocka_unit_test(a_default_counts_from_the_write),
        cmocka_unit_test(retentions_are_read),    cmocka_unit_test(defaults_are_read),
        cmocka_unit_test(texts_are_exact),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
