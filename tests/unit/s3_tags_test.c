/* Tag sets: the header form, XML, the stored form, and what is no tag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "s3/tags.h"

static struct region_pool pool;
static struct region region;
static struct tags set;
static const char *detail;

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

static enum s3_code header(const char *text)
{
    set.count = 0;
    return tags_from_header(view_str(text), &region, &set, &detail);
}

static enum s3_code xml(const char *inside, unsigned max)
{
    char body[8192];

    snprintf(body, sizeof body, "<Tagging><TagSet>%s</TagSet></Tagging>", inside);
    set.count = 0;
    return tags_from_xml(view_str(body), max, &region, &set, &detail);
}

static void assert_tag(unsigned i, const char *key, const char *value)
{
    assert_true(i < set.count);
    assert_true(view_is(set.at[i].key, key));
    assert_true(view_is(set.at[i].value, value));
}

static void a_header_is_a_query_in_the_order_of_keys(void **state)
{
    assert_int_equal(header("foo=b%20a+r&bar&&a%2Fb=c=d"), S3_None);
    assert_int_equal(set.count, 3);
    assert_tag(0, "a/b", "c=d");
    assert_tag(1, "bar", "");
    assert_tag(2, "foo", "b a r");
    assert_int_equal(header(""), S3_None);
    assert_int_equal(set.count, 0);
}

static void a_header_that_is_no_tag_set_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum s3_code code;
    } bad[] = {
        {"a=1&a=2", S3_InvalidArgument}, {"a=%", S3_InvalidArgument},
        {"a=%ff", S3_InvalidArgument},   {"=1", S3_InvalidTag},
        {"aws:a=1", S3_InvalidTag},      {"AWS:a=1", S3_InvalidTag},
        {"a=%3c", S3_InvalidTag},        {"a%0a=1", S3_InvalidTag},
        {"a%00=1", S3_InvalidTag},       {"0&1&2&3&4&5&6&7&8&9&a", S3_InvalidTag},
    };

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(header(bad[i].text), bad[i].code);
    assert_int_equal(header("0&1&2&3&4&5&6&7&8&9"), S3_None);
}

static void lengths_are_counted_in_characters(void **state)
{
    char text[2048];

    snprintf(text, sizeof text, "%0128d=%0256d", 0, 0);
    assert_int_equal(header(text), S3_None);
    snprintf(text, sizeof text, "%0129d=1", 0);
    assert_int_equal(header(text), S3_InvalidTag);
    snprintf(text, sizeof text, "1=%0257d", 0);
    assert_int_equal(header(text), S3_InvalidTag);
    struct buf b = buf_over(text, sizeof text);
    for (int i = 0; i < 128; i++)
        buf_put_str(&b, "%C3%A9");
    text[b.len] = '\0';
    assert_int_equal(header(text), S3_None);
    assert_int_equal(set.at[0].key.len, 256);
}

#define TAG(k, v) "<Tag><Key>" k "</Key><Value>" v "</Value></Tag>"

static void xml_must_fit_the_schema(void **state)
{
    static const char *const bad[] = {
        "<Tag/>",
        "<Tag><Key>a</Key></Tag>",
        "<Tag><Value>a</Value></Tag>",
        "<Tag><Key>a</Key><Key>b</Key><Value/></Tag>",
        "<Tag><Key>a</Key><Value/><More/></Tag>",
        "<Label><Key>a</Key><Value/></Label>",
        "</TagSet><TagSet>",
        "</TagSet><Else/><TagSet>",
        "<",
    };

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(xml(bad[i], TAGS_OBJECT_MAX), S3_MalformedXML);
    assert_int_equal(xml(TAG("b", "1") TAG("a", ""), TAGS_OBJECT_MAX), S3_None);
    assert_tag(0, "a", "");
    assert_tag(1, "b", "1");
    assert_int_equal(xml("", TAGS_OBJECT_MAX), S3_None);
    assert_int_equal(set.count, 0);
    assert_int_equal(xml(TAG("b", "1") TAG("b", "2"), TAGS_OBJECT_MAX), S3_InvalidTag);
    assert_non_null(detail);
    assert_int_equal(xml(TAG("", "1"), TAGS_OBJECT_MAX), S3_InvalidTag);
}

static enum s3_code numbered(unsigned count, unsigned max)
{
    char body[4096];
    struct buf b = buf_over(body, sizeof body);

    for (unsigned i = 0; i < count; i++)
        buf_printf(&b, TAG("%u", "v"), i);
    buf_put_byte(&b, 0);
    return xml(body, max);
}

static void objects_have_ten_buckets_fifty(void **state)
{
    assert_int_equal(numbered(10, TAGS_OBJECT_MAX), S3_None);
    assert_int_equal(numbered(11, TAGS_OBJECT_MAX), S3_InvalidTag);
    assert_int_equal(numbered(50, TAGS_BUCKET_MAX), S3_None);
    assert_int_equal(numbered(51, TAGS_BUCKET_MAX), S3_InvalidTag);
}

static void stored_and_read_it_is_the_same(void **state)
{
    struct view blob;
    char text[1024];

    assert_int_equal(header("k=v&empty&x=1"), S3_None);
    assert_int_equal(tags_encode(&set, &region, &blob), ERR_OK);
    set.count = 0;
    assert_int_equal(tags_decode(blob, &region, &set), ERR_OK);
    assert_int_equal(set.count, 3);
    assert_tag(0, "empty", "");
    assert_tag(2, "x", "1");
    struct buf b = buf_over(text, sizeof text);
    tags_put_xml(&b, &set);
    assert_true(b.len <= tags_xml_bytes(&set));
    assert_int_equal(tags_from_xml(buf_view(&b), TAGS_OBJECT_MAX, &region, &set, &detail), S3_None);
    assert_int_equal(set.count, 3);

    set.count = 0;
    assert_int_equal(tags_encode(&set, &region, &blob), ERR_OK);
    assert_int_equal(blob.len, 0);
}

static void a_damaged_store_is_told(void **state)
{
    static const uint8_t damaged[] = {1, 0, 0, 0, 'k', 2, 0, 0, 0, 'v'};

    for (size_t len = 1; len < sizeof damaged; len++)
        assert_int_equal(tags_decode(view_of(damaged, len), &region, &set), ERR_CORRUPT);
}

static void no_memory_is_no_verdict(void **state)
{
    struct region_pool none;
    struct region empty;

    region_pool_init(&none, 0);
    region_init(&empty, &none);
    assert_int_equal(tags_from_header(VIEW("a=b"), &empty, &set, &detail), S3_SlowDown);
    assert_int_equal(
        tags_from_xml(VIEW("<Tagging/>"), TAGS_OBJECT_MAX, &empty, &set, &detail), S3_SlowDown);
    assert_int_equal(tags_decode(VIEW(""), &empty, &set), ERR_BUSY);
    region_done(&empty);
    region_pool_done(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_a_query_in_the_order_of_keys),
        cmocka_unit_test(a_header_that_is_no_tag_set_is_refused),
        cmocka_unit_test(lengths_are_counted_in_characters),
        cmocka_unit_test(xml_must_fit_the_schema),
        cmocka_unit_test(objects_have_ten_buckets_fifty),
        cmocka_unit_test(stored_and_read_it_is_the_same),
        cmocka_unit_test(a_damaged_store_is_told),
        cmocka_unit_test(no_memory_is_no_verdict),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
