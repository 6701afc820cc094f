/* Copies: of objects, and of ranges into parts; what is copied with them, what is refused. */
#include "help/s3_upload.h"

static void copy(const char *target, const char *source, const char *header, const char *more)
{
    ask(&(struct ask){.method = "PUT", .target = target, .headers = {source, header, more}});
}

static const char from_src[] = "x-amz-copy-source:/bucket/src";

static void put_source(size_t bytes)
{
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/src",
        .headers =
            {"content-type:text/x", "x-amz-meta-a:b", "x-amz-storage-class:REDUCED_REDUNDANCY"},
        .body = some_bytes(bytes)});
    assert_answer(200, NULL);
}

static void copies_are_the_same(void **state)
{
    static const size_t sizes[] = {0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 7};

    stand_open();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        put_source(sizes[i]);
        copy("/bucket/dst", from_src, NULL, NULL);
        assert_answer(200, NULL);
        assert_string_equal(element("ChecksumType"), "FULL_OBJECT");
        ask(&(struct ask){.method = "GET", .target = "/bucket/dst"});
        assert_answer(200, NULL);
        assert_true(view_eq(view_of(answer.sent, answer.sent_bytes), some_bytes(sizes[i])));
        assert_header("Content-Type", "text/x");
        assert_header("x-amz-meta-a", "b");
        assert_null(fake_header(&answer, "x-amz-storage-class").at); /* is not copied */
    }
    copy("/bucket/dst", "x-amz-copy-source:bucket/s%72c?versionId=null", NULL, NULL);
    assert_answer(200, NULL);
    stand_close();
}

static void directives_choose_what_is_copied(void **state)
{
    stand_open();
    put_source(3);
    copy("/bucket/dst", from_src, "x-amz-metadata-directive:REPLACE", "x-amz-meta-c:d");
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/dst"});
    assert_header("x-amz-meta-c", "d");
    assert_null(fake_header(&answer, "x-amz-meta-a").at);
    copy("/bucket/src", from_src, NULL, NULL);
    assert_answer(400, "InvalidRequest");
    copy("/bucket/src", from_src, "x-amz-metadata-directive:COPY", NULL);
    assert_answer(400, "InvalidRequest");
    copy("/bucket/dst", from_src, "x-amz-storage-class:REDUCED_REDUNDANCY", NULL);
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/dst"});
    assert_header("x-amz-storage-class", "REDUCED_REDUNDANCY");
    assert_header("x-amz-meta-a", "b");
    copy("/bucket/src", from_src, "x-amz-storage-class:STANDARD", NULL);
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/src"});
    assert_null(fake_header(&answer, "x-amz-storage-class").at);
    copy("/bucket/src", from_src, "x-amz-metadata-directive:REPLACE", "content-type:text/y");
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/src"});
    assert_header("Content-Type", "text/y");
    assert_int_equal(answer.length, 3);
    stand_close();
}

static void what_is_asked_wrongly_is_refused(void **state)
{
    static const struct {
        const char *source, *header;
        unsigned status;
        const char *code;
    } cases[] = {
        {"x-amz-copy-source:", NULL, 400, "InvalidArgument"},
        {"x-amz-copy-source:bucket", NULL, 400, "InvalidArgument"},
        {"x-amz-copy-source:/bucket/", NULL, 400, "InvalidArgument"},
        {"x-amz-copy-source:/bucket/%zz", NULL, 400, "InvalidArgument"},
        {"x-amz-copy-source:/B/key", NULL, 400, "InvalidBucketName"},
        {"x-amz-copy-source:/bucket/src?versionId=abc", NULL, 400, "InvalidArgument"},
        {"x-amz-copy-source:/bucket/absent?versionId=null", NULL, 404, "NoSuchVersion"},
        {"x-amz-copy-source:/bucket/nothing", NULL, 404, "NoSuchKey"},
        {"x-amz-copy-source:/nobucket/src", NULL, 404, "NoSuchBucket"},
        {from_src, "x-amz-metadata-directive:MERGE", 400, "InvalidArgument"},
        {from_src, "x-amz-tagging-directive:SWAP", 400, "InvalidArgument"},
        {from_src, "x-amz-tagging:=b", 400, "InvalidTag"},
        {from_src, "x-amz-copy-source-range:bytes=0-1", 501, "NotImplemented"},
        {from_src, "x-amz-copy-source-server-side-encryption-customer-algorithm:AES256", 501,
         "NotImplemented"},
        {from_src, "x-amz-server-side-encryption:aws:kms", 501, "NotImplemented"},
        {from_src, "x-amz-source-expected-bucket-owner:123456789012", 403, "AccessDenied"},
        {from_src, "x-amz-copy-source-if-match:\"no\"", 412, "PreconditionFailed"},
        {from_src, "x-amz-copy-source-if-none-match:*", 412, "PreconditionFailed"},
        {from_src, "x-amz-copy-source-if-unmodified-since:Thu, 01 Jan 1970 00:00:00 GMT", 412,
         "PreconditionFailed"},
        {from_src, "x-amz-checksum-algorithm:MD6", 400, "InvalidRequest"},
        {from_src, "if-match:\"x\"", 404, "NoSuchKey"},
        {from_src, "x-amz-storage-class:ICE", 400, "InvalidStorageClass"},
    };

    stand_open();
    put_source(3);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        copy("/bucket/dst", cases[i].source, cases[i].header, NULL);
        assert_answer(cases[i].status, cases[i].code);
        assert_absent("/bucket/dst");
    }
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/dst", .headers = {from_src}, .body = VIEW("lost")});
    assert_answer(400, "InvalidRequest");
    copy("/nobucket/dst", from_src, NULL, NULL);
    assert_answer(404, "NoSuchBucket");
    stand_close();
}

static void checksums_of_copies(void **state)
{
    stand_open();
    create_upload("x-amz-checksum-algorithm:SHA256", NULL);
    put_part(
        1, VIEW("abc"), NULL,
        "<ChecksumSHA256>ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=</ChecksumSHA256>");
    complete_with(NULL, NULL);
    assert_string_equal(element("ChecksumType"), "COMPOSITE");
    copy("/bucket/dst", "x-amz-copy-source:bucket/key", NULL, NULL);
    assert_string_equal(element("ChecksumType"), "FULL_OBJECT");
    assert_string_equal(element("ChecksumSHA256"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    assert_says("&quot;900150983cd24fb0d6963f7d28e17f72&quot;"); /* one MD5, no longer of parts */
    copy("/bucket/dst", "x-amz-copy-source:bucket/key", "x-amz-checksum-algorithm:SHA1", NULL);
    assert_string_equal(element("ChecksumSHA1"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/dst?partNumber=1"});
    assert_null(fake_header(&answer, "x-amz-mp-parts-count").at);
    stand_close();
}

static void ranges_become_parts(void **state)
{
    static const struct {
        const char *range;
        unsigned status;
        const char *code;
    } cases[] = {
        {"x-amz-copy-source-range:bytes=0-9", 200, NULL},
        {"x-amz-copy-source-range:bytes=0-10", 416, "InvalidRange"},
        {"x-amz-copy-source-range:bytes=10-11", 416, "InvalidRange"},
        {"x-amz-copy-source-range:bytes=0-18446744073709551615", 416, "InvalidRange"},
        {"x-amz-copy-source-range:bytes=5-", 400, "InvalidArgument"},
        {"x-amz-copy-source-range:bytes=-5", 400, "InvalidArgument"},
        {"x-amz-copy-source-range:0-9", 400, "InvalidArgument"},
        {"x-amz-copy-source-range:bytes=3-5", 200, NULL},
    };

    stand_open();
    put_source(10);
    create_upload("x-amz-checksum-algorithm:CRC32", NULL);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        copy(part_target(1), from_src, cases[i].range, NULL);
        assert_answer(cases[i].status, cases[i].code);
    }
    assert_true(element("ChecksumCRC32")[0]);
    char etag[128], sum[128];
    (void)snprintf(sum, sizeof sum, "<ChecksumCRC32>%s</ChecksumCRC32>", element("ChecksumCRC32"));
    (void)snprintf(etag, sizeof etag, "%s", element("ETag"));
    name_part(1, view_str(etag), sum);
    complete_with(NULL, NULL);
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "GET", .target = "/bucket/key"});
    assert_true(
        view_eq(view_of(answer.sent, answer.sent_bytes), view_of(some_bytes(10).at + 3, 3)));
    copy(part_target(1), from_src, NULL, NULL);
    assert_answer(404, "NoSuchUpload");
    stand_close();
}

static void every_engine_failure_is_clean(void **state)
{
    const char *targets[] = {"/bucket/dst", NULL};

    stand_open();
    put_source((2 << 20) + 5);
    create_upload(NULL, NULL);
    targets[1] = part_target(1);
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        uint64_t failed = 1;

        for (uint64_t n = 1; failed; n++) {
            assert_true(n < 100);
            engine_fails(n, n % 2 ? ERR_CHECKSUM : ERR_BUSY);
            copy(targets[i], from_src, NULL, NULL);
            failed = engine_fault_count(stand.engine);
            assert_int_equal(answer.q.status, !failed ? 200 : n % 2 ? 500 : 503);
            engine_fails(0, ERR_OK);
            ask(&(struct ask){.method = "GET", .target = up.target});
            assert_int_equal(says("<Part>"), i == 1 && !failed);
            if (i == 0 && failed)
                assert_absent("/bucket/dst");
        }
    }
    stand_close();
}

/* --- a source that vanishes --------------------------------------------------------------- */

static struct {
    struct op look;
    struct engine_remove remove;
    bool is_removed;
} vanish;

static void on_vanished(struct op *op)
{
    assert_int_equal(op->err, ERR_OK);
    vanish.is_removed = true;
}

/* Every turn: does the copy read already? */
static void look_at_copy(struct op *op)
{
    if (strcmp(answer.q.wait, "Copy.reading") == 0) {
        op_init(&vanish.remove.op, on_vanished);
        engine_remove(stand.engine, &vanish.remove);
    } else if (strcmp(answer.q.wait, "Finish.sending") != 0) {
        op_start(op);
        op_complete(op, ERR_OK);
    }
}

static void a_source_that_vanishes_is_still_copied(void **state)
{
    struct view body;

    stand_open();
    put_source(3 << 20);
    engine_fault_arm(stand.engine, &(struct engine_fault_config){.seed = 1, .turns_max = 5});
    vanish.remove = (struct engine_remove){.key = {SPACE_OBJECT, VIEW("bucket"), VIEW("src")}};
    op_init(&vanish.look, look_at_copy);
    op_start(&vanish.look);
    op_complete(&vanish.look, ERR_OK);
    copy("/bucket/dst", from_src, NULL, NULL);
    assert_answer(200, NULL);
    engine_fails(0, ERR_OK);
    loop_until(&vanish.is_removed);
    assert_absent("/bucket/src");
    ask(&(struct ask){.method = "GET", .target = "/bucket/dst"});
    body = some_bytes(3 << 20);
    assert_true(view_eq(view_of(answer.sent, answer.sent_bytes), body));
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_the_same),
        cmocka_unit_test(directives_choose_what_is_copied),
        cmocka_unit_test(what_is_asked_wrongly_is_refused),
        cmocka_unit_test(checksums_of_copies),
        cmocka_unit_test(ranges_become_parts),
        cmocka_unit_test(every_engine_failure_is_clean),
        cmocka_unit_test(a_source_that_vanishes_is_still_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
