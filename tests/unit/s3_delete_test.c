/* DeleteObjects: a result for every key, and nothing deleted that was not asked for. */
#include "help/s3_upload.h"

static void put(const char *target)
{
    ask(&(struct ask){.method = "PUT", .target = target, .body = VIEW("abc")});
    assert_answer(200, NULL);
}

static void delete_in(const char *target, struct view body, bool is_protected)
{
    static char line[128];
    struct buf b = buf_over(line, sizeof line - 1);
    uint8_t md5[16];

    digest_md5(body, md5);
    buf_put_str(&b, is_protected ? "content-md5:" : "x-nothing:");
    text_put_base64(&b, view_of(md5, sizeof md5));
    line[b.len] = 0;
    ask(&(struct ask){.method = "POST", .target = target, .headers = {line}, .body = body});
}

static void delete_all(const char *objects)
{
    static char body[4096];

    (void)snprintf(body, sizeof body, "<Delete>%s</Delete>", objects);
    delete_in("/bucket?delete", view_str(body), true);
}

static unsigned count(const char *text)
{
    unsigned n = 0;

    for (const char *at = (const char *)answer.sent; (at = strstr(at, text)); at++)
        n++;
    return n;
}

static void every_key_has_its_result(void **state)
{
    char text[1024], etag[64];

    stand_open();
    put("/bucket/a");
    put("/bucket/b");
    put("/bucket/%20c%20");
    put("/bucket/c");
    (void)snprintf(etag, sizeof etag, "%.*s", VIEW_FMT(fake_header(&answer, "ETag")));
    (void)snprintf(
        text, sizeof text,
        "<Object><Key>a</Key></Object><Object><Key>a</Key></Object>"
        "<Object><Key>nothing</Key></Object><Object><Key>no-more</Key><ETag>x</ETag></Object>"
        "<Object><Key>b</Key><ETag>\"x\"</ETag></Object>"
        "<Object><Key>c</Key><ETag>%s</ETag><VersionId>null</VersionId></Object>"
        "<Object><Key> c </Key><VersionId>v1</VersionId></Object>"
        "<Object><Key>b</Key><Size>99</Size></Object>"
        "<Object><Key>b</Key><LastModifiedTime>Wed, 21 Oct 2015 07:28:00 GMT"
        "</LastModifiedTime></Object>",
        etag);
    delete_all(text);
    assert_answer(200, NULL);
    assert_says("<Deleted><Key>a</Key></Deleted><Deleted><Key>a</Key></Deleted>");
    assert_says("<Deleted><Key>nothing</Key></Deleted><Deleted><Key>no-more</Key></Deleted>");
    assert_says("<Error><Key>b</Key><Code>PreconditionFailed</Code>");
    assert_says("<Deleted><Key>c</Key><VersionId>null</VersionId></Deleted>");
    assert_says("<Error><Key> c </Key><VersionId>v1</VersionId><Code>NoSuchVersion</Code>");
    assert_int_equal(count("<Code>PreconditionFailed</Code>"), 3);
    assert_absent("/bucket/a");
    assert_absent("/bucket/c");
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/b"});
    assert_int_equal(answer.q.status, 200);
    delete_all("<Quiet>true</Quiet><Object><Key> c </Key></Object>"
               "<Object><Key>b</Key><ETag>*</ETag></Object>");
    assert_answer(200, NULL);
    assert_false(says("Deleted"));
    assert_absent("/bucket/%20c%20");
    assert_absent("/bucket/b");
    stand_close();
}

static void bodies_that_are_not_understood_delete_nothing(void **state)
{
    static const char *const bad[] = {
        "",
        "<Object></Object>",
        "<Object><Key></Key></Object>",
        "<Object><Key>a</Key></Object><Object/>",
        "<Object><Key>a</Key><Key>b</Key></Object>",
        "<Object><Key>a</Key><OnlyIfOlderThan>1</OnlyIfOlderThan></Object>",
        "<Object><Key>a</Key></Object><DryRun>true</DryRun>",
        "<Quiet>perhaps</Quiet><Object><Key>a</Key></Object>",
        "<Object><Key>a</Key></Object><Object>",
        "<Object><Key>a</Key></Object></Delete><Delete>",
    };

    stand_open();
    put("/bucket/a");
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        delete_all(bad[i]);
        assert_answer(400, "MalformedXML");
    }
    delete_in("/bucket?delete", VIEW("<Delete><Object><Key>a</Key></Object></Delete>"), false);
    assert_answer(400, "InvalidRequest");
    delete_in("/bucket?delete", VIEW("<Erase><Object><Key>a</Key></Object></Erase>"), true);
    assert_answer(400, "MalformedXML");
    delete_in("/nobucket?delete", VIEW("<Delete><Object><Key>a</Key></Object></Delete>"), true);
    assert_answer(404, "NoSuchBucket");
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/a"});
    assert_int_equal(answer.q.status, 200);
    stand_close();
}

static void a_thousand_keys_and_no_more(void **state)
{
    static char body[65536];
    struct buf b = buf_over(body, sizeof body);

    stand_open();
    put("/bucket/k999");
    buf_put_str(&b, "<Delete>");
    for (unsigned i = 0; i < 1000; i++)
        buf_printf(&b, "<Object><Key>k%u</Key></Object>", i);
    size_t full = b.len;
    buf_put_str(&b, "<Object><Key>one more</Key></Object></Delete>");
    delete_in("/bucket?delete", buf_view(&b), true);
    assert_answer(400, "MalformedXML");
    b.len = full;
    buf_put_str(&b, "</Delete>");
    delete_in("/bucket?delete", buf_view(&b), true);
    assert_answer(200, NULL);
    assert_says("<Deleted><Key>k0</Key></Deleted>");
    assert_says("<Deleted><Key>k999</Key></Deleted>");
    assert_absent("/bucket/k999");
    stand_close();
}

/* One failure is one key's; the others are deleted all the same. */
static void every_engine_failure_is_told(void **state)
{
    uint64_t failed = 1;

    stand_open();
    for (uint64_t n = 1; failed; n++) {
        assert_true(n < 20);
        put("/bucket/a");
        put("/bucket/b");
        engine_fails(n, ERR_IO);
        delete_all("<Object><Key>a</Key></Object><Object><Key>b</Key></Object>");
        failed = engine_fault_count(stand.engine);
        engine_fails(0, ERR_OK);
        assert_answer(200, NULL);
        bool a_is_told = says("<Deleted><Key>a</Key></Deleted>");
        bool b_is_told = says("<Deleted><Key>b</Key></Deleted>");
        assert_int_equal(a_is_told + b_is_told, 2 - failed);
        ask(&(struct ask){.method = "HEAD", .target = "/bucket/a"});
        assert_int_equal(answer.q.status, a_is_told ? 404 : 200);
        ask(&(struct ask){.method = "HEAD", .target = "/bucket/b"});
        assert_int_equal(answer.q.status, b_is_told ? 404 : 200);
    }
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_its_result),
        cmocka_unit_test(bodies_that_are_not_understood_delete_nothing),
        cmocka_unit_test(a_thousand_keys_and_no_more),
        cmocka_unit_test(every_engine_failure_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
