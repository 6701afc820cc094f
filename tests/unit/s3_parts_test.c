/* The pure parts of src/s3: ranges, conditions, meta blobs, routing, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "s3/conditions.h"
#include "s3/errors.h"
#include "s3/meta.h"
#include "s3/range.h"
#include "s3/route.h"
#include "s3/upload_name.h"

static struct region_pool pool;
static struct region region;

static int open_region(void **state)
{
    region_pool_init(&pool, 256);
    region_init(&region, &pool);
    return 0;
}

static int close_region(void **state)
{
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}

static void ranges(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
        enum range_verdict verdict;
        uint64_t off, len;
    } cases[] = {
        {"bytes=0-9", 100, RANGE_PART, 0, 10},
        {"BYTES=0-9", 100, RANGE_PART, 0, 10},
        {"bytes= 0 - 9 ", 100, RANGE_PART, 0, 10},
        {"bytes=99-", 100, RANGE_PART, 99, 1},
        {"bytes=90-200", 100, RANGE_PART, 90, 10},
        {"bytes=-5", 100, RANGE_PART, 95, 5},
        {"bytes=-500", 100, RANGE_PART, 0, 100},
        {"bytes=0-99999999999999999999999", 100, RANGE_PART, 0, 100},
        {"bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 100},
        {"bytes=99999999999999999999999-", 100, RANGE_UNSATISFIABLE, 0, 100},
        {"bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 100},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-1", 0, RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=5-4", 100, RANGE_WHOLE, 0, 100},
        {"bytes=0-1,5-6", 100, RANGE_WHOLE, 0, 100},
        {"bytes=", 100, RANGE_WHOLE, 0, 100},
        {"bytes=-", 100, RANGE_WHOLE, 0, 100},
        {"bytes=a-b", 100, RANGE_WHOLE, 0, 100},
        {"bytes=--5", 100, RANGE_WHOLE, 0, 100},
        {"lines=0-1", 100, RANGE_WHOLE, 0, 100},
        {"", 100, RANGE_WHOLE, 0, 100},
    };
    struct range r;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(
            range_resolve(view_str(cases[i].text), cases[i].size, &r), cases[i].verdict);
        assert_int_equal(r.off, cases[i].off);
        assert_int_equal(r.len, cases[i].len);
    }
    assert_int_equal(range_resolve(VIEW_EMPTY, 5, &r), RANGE_WHOLE);
    assert_int_equal(range_resolve_strict(VIEW("bytes=1-4"), 5, &r), ERR_OK);
    assert_int_equal(r.len, 4);
    assert_int_equal(range_resolve_strict(VIEW("bytes=1-5"), 5, &r), ERR_INVALID);
    assert_int_equal(range_resolve_strict(VIEW("bytes=1-"), 5, &r), ERR_MALFORMED);
    assert_int_equal(range_resolve_strict(VIEW("bytes=-1"), 5, &r), ERR_MALFORMED);
}

#define OLD "Mon, 02 Jan 2006 15:04:04 GMT"
#define SAME "Mon, 02 Jan 2006 15:04:05 GMT"
#define NEWER "Mon, 02 Jan 2006 15:04:06 GMT"

static void conditions(void **state)
{
    static const struct {
        const char *match, *none, *modified, *unmodified;
        enum conditions_verdict verdict;
    } cases[] = {
        {NULL, NULL, NULL, NULL, CONDITIONS_HOLD},
        {"\"e\"", NULL, NULL, NULL, CONDITIONS_HOLD},
        {"e", NULL, NULL, NULL, CONDITIONS_HOLD},
        {"*", NULL, NULL, NULL, CONDITIONS_HOLD},
        {"\"a\", \"e\"", NULL, NULL, NULL, CONDITIONS_HOLD},
        {"\"a\"", NULL, NULL, NULL, CONDITIONS_FAILED},
        {"W/\"e\"", NULL, NULL, NULL, CONDITIONS_FAILED},
        {"", NULL, NULL, NULL, CONDITIONS_FAILED},
        {NULL, "\"e\"", NULL, NULL, CONDITIONS_NOT_MODIFIED},
        {NULL, "W/\"e\"", NULL, NULL, CONDITIONS_NOT_MODIFIED},
        {NULL, "*", NULL, NULL, CONDITIONS_NOT_MODIFIED},
        {NULL, "\"a\"", NULL, NULL, CONDITIONS_HOLD},
        {NULL, NULL, OLD, NULL, CONDITIONS_HOLD},
        {NULL, NULL, SAME, NULL, CONDITIONS_NOT_MODIFIED},
        {NULL, NULL, NEWER, NULL, CONDITIONS_NOT_MODIFIED},
        {NULL, NULL, "yesterday", NULL, CONDITIONS_HOLD},
        {NULL, NULL, NULL, OLD, CONDITIONS_FAILED},
        {NULL, NULL, NULL, SAME, CONDITIONS_HOLD},
        {NULL, NULL, NULL, "yesterday", CONDITIONS_HOLD},
        {"\"e\"", NULL, NULL, OLD, CONDITIONS_HOLD},         /* If-Match wins */
        {NULL, "\"e\"", OLD, NULL, CONDITIONS_NOT_MODIFIED}, /* If-None-Match wins */
        {NULL, "\"a\"", NEWER, NULL, CONDITIONS_HOLD},       /* also when it holds */
        {"\"e\"", "\"e\"", NULL, NULL, CONDITIONS_NOT_MODIFIED},
    };
    const int64_t mtime_ms = 1136214245678; /* SAME and a bit */

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct conditions c = {
            view_str(cases[i].match), view_str(cases[i].none), view_str(cases[i].modified),
            view_str(cases[i].unmodified)};

        assert_int_equal(conditions_check(&c, VIEW("e"), mtime_ms), cases[i].verdict);
    }
    assert_true(conditions_range_holds(VIEW_EMPTY, VIEW("e"), mtime_ms));
    assert_true(conditions_range_holds(VIEW("\"e\""), VIEW("e"), mtime_ms));
    assert_true(conditions_range_holds(VIEW(SAME), VIEW("e"), mtime_ms));
    assert_false(conditions_range_holds(VIEW("\"a\""), VIEW("e"), mtime_ms));
    assert_false(conditions_range_holds(VIEW("W/\"e\""), VIEW("e"), mtime_ms));
    assert_false(conditions_range_holds(VIEW(OLD), VIEW("e"), mtime_ms));
}

static void meta_survives(void **state)
{
    static struct meta m, back;
    struct meta_part parts[3] = {
        {.size = 5 << 20, .number = 1}, {.size = 7, .number = 4}, {.size = 0, .number = 10000}};
    enum checksum_kind kind;
    enum checksum_type type;
    struct view blob;

    m = (struct meta){
        .content_type = VIEW("a/b"),
        .expires = VIEW("never"),
        .user_count = 2,
        .checksum_kind = CHECKSUM_SHA1,
        .checksum_type = CHECKSUM_COMPOSITE,
        .parts = parts,
        .part_count = 3};
    m.user[0] = (struct meta_pair){VIEW("x"), VIEW("")};
    m.user[1] = (struct meta_pair){VIEW("y"), VIEW("z")};
    memset(m.checksum, 7, 20);
    memset(parts[1].checksum, 9, 20);
    assert_int_equal(meta_encode(&m, &region, &blob), ERR_OK);
    assert_int_equal(meta_decode(blob, &region, &back), ERR_OK);
    assert_true(view_is(back.content_type, "a/b"));
    assert_true(view_is(back.expires, "never"));
    assert_int_equal(back.cache_control.len, 0);
    assert_int_equal(back.user_count, 2);
    assert_true(view_is(back.user[1].value, "z"));
    assert_int_equal(back.part_count, 3);
    assert_int_equal(back.parts[1].size, 7);
    assert_int_equal(back.parts[2].number, 10000);
    assert_memory_equal(back.parts[1].checksum, parts[1].checksum, 20);
    assert_memory_equal(back.checksum, m.checksum, 20);
    meta_checksum_kind(view_upto(blob, META_CHECKSUM_BYTES), &kind, &type);
    assert_int_equal(kind, CHECKSUM_SHA1);
    assert_int_equal(type, CHECKSUM_COMPOSITE);

    /* Every cut is noticed, or falls between two entries; nothing reads beyond the end. */
    for (size_t n = 1; n < blob.len; n++) {
        uint8_t *cut = malloc(n);

        memcpy(cut, blob.at, n);
        enum err e = meta_decode(view_of(cut, n), &region, &back);
        assert_true(e == ERR_OK || e == ERR_CORRUPT);
        free(cut);
    }
    assert_int_equal(meta_decode(VIEW("\x02"), &region, &back), ERR_CORRUPT);
    assert_int_equal(meta_decode(VIEW_EMPTY, &region, &back), ERR_OK);
    assert_int_equal(meta_decode(VIEW("\x01\xe7\x03\x01\x00\x00\x00?"), &region, &back), ERR_OK);
    meta_checksum_kind(VIEW("\x01\x01\x00\x00"), &kind, &type);
    assert_int_equal(kind, CHECKSUM_NONE);
}

static void targets(void **state)
{
    static const struct s3_service service = {
        .domains = {VIEW("s3.test"), VIEW("other.example")}, .domain_count = 2};
    static const struct {
        const char *host, *path;
        enum s3_code code;
        enum s3_level level;
        const char *bucket, *key;
    } cases[] = {
        {"h", "/", S3_None, S3_SERVICE, "", ""},
        {"h", "/buc", S3_None, S3_BUCKET, "buc", ""},
        {"h", "/buc/", S3_None, S3_BUCKET, "buc", ""},
        {"h", "/buc/k", S3_None, S3_OBJECT, "buc", "k"},
        {"h", "/buc/k/", S3_None, S3_OBJECT, "buc", "k/"},
        {"h", "/buc//k", S3_None, S3_OBJECT, "buc", "/k"},
        {"h", "/buc/a/../b/./c", S3_None, S3_OBJECT, "buc", "a/../b/./c"},
        {"h", "/buc/a+b%2Bc%20d%2f", S3_None, S3_OBJECT, "buc", "a+b+c d/"},
        {"buc.s3.test", "/k", S3_None, S3_OBJECT, "buc", "k"},
        {"buc.s3.test:9000", "/buc/k", S3_None, S3_OBJECT, "buc", "buc/k"},
        {"a.b.other.EXAMPLE", "/", S3_None, S3_BUCKET, "a.b", ""},
        {"s3.test:80", "/buc/k", S3_None, S3_OBJECT, "buc", "k"},
        {"bucs3.test", "/buc", S3_None, S3_BUCKET, "buc", ""},
        {"[::1]:9000", "/buc", S3_None, S3_BUCKET, "buc", ""},
        {"h", "", S3_InvalidURI, S3_SERVICE, "", ""},
        {"h", "*", S3_InvalidURI, S3_SERVICE, "", ""},
        {"h", "/buc/%", S3_InvalidURI, S3_OBJECT, "buc", ""},
        {"h", "/buc/%zz", S3_InvalidURI, S3_OBJECT, "buc", ""},
        {"h", "/buc/%ff", S3_InvalidURI, S3_OBJECT, "buc", NULL},
        {"h", "/buc/a%00", S3_InvalidURI, S3_OBJECT, "buc", NULL},
        {"h", "//k", S3_InvalidBucketName, S3_OBJECT, "", ""},
        {"h", "/Buc/k", S3_InvalidBucketName, S3_OBJECT, "Buc", ""},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct route r;

        assert_int_equal(
            route_target(&service, view_str(cases[i].host), view_str(cases[i].path), &region, &r),
            cases[i].code);
        assert_int_equal(r.level, cases[i].level);
        assert_true(view_is(r.bucket, cases[i].bucket));
        if (cases[i].key)
            assert_true(view_is(r.key, cases[i].key));
    }
}

static void long_keys(void **state)
{
    static const struct s3_service service;
    char path[1100] = "/buc/";
    struct route r;

    memset(path + 5, 'k', 1025);
    assert_int_equal(
        route_target(&service, VIEW("h"), view_of(path, 5 + 1024), &region, &r), S3_None);
    assert_int_equal(
        route_target(&service, VIEW("h"), view_of(path, 5 + 1025), &region, &r),
        S3_KeyTooLongError);
}

static void bucket_names(void **state)
{
    static const char *const good[] = {
        "abc",  "a-b.c", "123",
        "a--b", "1.2.3", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static const char *const bad[] = {
        "",
        "ab",
        "-ab",
        "ab-",
        "a..b",
        ".ab",
        "ab.",
        "a_b",
        "ABC",
        "192.168.5.4",
        "xn--abc",
        "abc-s3alias",
        "a b",
        "a/b",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        assert_true(route_bucket_is_valid(view_str(good[i])));
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_false(route_bucket_is_valid(view_str(bad[i])));
}

static void operations(void **state)
{
    static const struct {
        enum http_method method;
        enum s3_level level;
        const char *query, *name; /* NULL: none; "!": foreign parameters */
    } cases[] = {
        {HTTP_GET, S3_SERVICE, "", "ListBuckets"},
        {HTTP_PUT, S3_SERVICE, "", NULL},
        {HTTP_GET, S3_BUCKET, "", "ListObjects"},
        {HTTP_GET, S3_BUCKET, "list-type=2&prefix=a+b", "ListObjectsV2"},
        {HTTP_GET, S3_BUCKET, "location", "GetBucketLocation"},
        {HTTP_GET, S3_BUCKET, "acl", "GetBucketAcl"},
        {HTTP_GET, S3_BUCKET, "tomorrow", "!"},
        {HTTP_GET, S3_BUCKET, "mark=1", "ListObjects"},
        {HTTP_POST, S3_BUCKET, "delete=", "DeleteObjects"},
        {HTTP_POST, S3_BUCKET, "", "PostObject"},
        {HTTP_GET, S3_OBJECT, "x-id=GetObject", "GetObject"},
        {HTTP_GET, S3_OBJECT, "X-Amz-Signature=x&X-Amz-Date=y", "GetObject"},
        {HTTP_GET, S3_OBJECT, "acl", "GetObjectAcl"},
        {HTTP_GET, S3_OBJECT, "acl&tagging", "!"},
        {HTTP_GET, S3_OBJECT, "uploadId=x", "ListParts"},
        {HTTP_PUT, S3_OBJECT, "", "PutObject"},
        {HTTP_PUT, S3_OBJECT, "tagging", "PutObjectTagging"},
        {HTTP_PUT, S3_OBJECT, "uploadId=x&partNumber=1", "UploadPart"},
        {HTTP_PUT, S3_OBJECT, "partNumber=1", "!"},
        {HTTP_PUT, S3_OBJECT, "mark=1", "!"},
        {HTTP_POST, S3_OBJECT, "", NULL},
        {HTTP_POST, S3_OBJECT, "uploads", "CreateMultipartUpload"},
        {HTTP_DELETE, S3_OBJECT, "versionId=null", "DeleteObject"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct http_request q = {.method = cases[i].method};
        struct s3_request r = {.http = &q};
        bool is_foreign;

        assert_int_equal(
            route_params(view_str(cases[i].query), &region, r.params, &r.param_count), S3_None);
        const struct s3_op *op = route_op(&r, cases[i].level, &is_foreign);
        if (!cases[i].name) {
            assert_null(op);
            continue;
        }
        assert_non_null(op);
        assert_int_equal(is_foreign, cases[i].name[0] == '!');
        if (!is_foreign)
            assert_string_equal(op->name, cases[i].name);
    }
}

static void upload_names(void **state)
{
    struct view name = upload_name(&region, VIEW("key"), VIEW("id"));

    assert_true(view_eq(name, VIEW("key\0id")));
    assert_true(view_is(upload_name_part(&region, VIEW("id"), 17), "id/00017"));
    assert_true(upload_name_is_valid(VIEW("Az09._-")));
    assert_false(upload_name_is_valid(VIEW("")));
    assert_false(upload_name_is_valid(VIEW("a/b")));
    assert_false(upload_name_is_valid(VIEW("a\0b")));
}

static void codes_have_names(void **state)
{
    assert_string_equal(s3_code_name(S3_NoSuchKey), "NoSuchKey");
    assert_int_equal(s3_code_status(S3_InvalidRange), 416);
    for (unsigned e = 1; e < ERR_COUNT; e++)
        assert_true(s3_code_from_err((enum err)e, true) != S3_None);
    assert_int_equal(s3_code_from_err(ERR_NOT_FOUND, true), S3_NoSuchKey);
    assert_int_equal(s3_code_from_err(ERR_NOT_FOUND, false), S3_NoSuchBucket);
    assert_int_equal(s3_code_from_verdict(SIGV4_MISMATCH), S3_SignatureDoesNotMatch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),           cmocka_unit_test(conditions),
        cmocka_unit_test(meta_survives),    cmocka_unit_test(targets),
        cmocka_unit_test(long_keys),        cmocka_unit_test(bucket_names),
        cmocka_unit_test(operations),       cmocka_unit_test(upload_names),
        cmocka_unit_test(codes_have_names),
    };

    return cmocka_run_group_tests(tests, open_region, close_region);
}
