/* Objects by HTTP body: what is stored, what is answered, what is refused. */
#include "help/s3_stand.h"

static const size_t sizes[] = {
    0, 1, 4095, 4096, 4097, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 77};

static void put(const char *target, struct view body)
{
    ask(&(struct ask){.method = "PUT", .target = target, .body = body});
    assert_answer(200, NULL);
}

static void what_is_put_is_got(void **state)
{
    stand_open();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct view body = some_bytes(sizes[i]);
        uint8_t md5[16];
        char etag[40] = "\"";
        struct buf b = buf_over(etag, sizeof etag - 1);

        b.len = 1;
        digest_md5(body, md5);
        text_put_hex(&b, view_of(md5, 16));
        buf_put_byte(&b, '"');
        put("/bucket/key", body);
        assert_true(view_eq(fake_header(&answer, "ETag"), buf_view(&b)));
        ask(&(struct ask){.method = "GET", .target = "/bucket/key"});
        assert_answer(200, NULL);
        assert_true(view_eq(view_of(answer.sent, answer.sent_bytes), body));
        assert_true(answer.is_whole);
        assert_true(view_eq(fake_header(&answer, "ETag"), buf_view(&b)));
        ask(&(struct ask){.method = "HEAD", .target = "/bucket/key"});
        assert_int_equal(answer.length, body.len);
        assert_int_equal(answer.sent_bytes, 0);
    }
    stand_close();
}

static void ranges_are_cut_out(void **state)
{
    struct view body = some_bytes((2 << 20) + 10);
    static const struct {
        const char *range;
        size_t off, len;
    } cases[] = {
        {"range:bytes=0-0", 0, 1},
        {"range:bytes=1048570-1048580", 1048570, 11},
        {"range:bytes=2097152-", 2097152, 10},
        {"range:bytes=-3", (2 << 20) + 7, 3},
        {"range:bytes=5-99999999999", 5, (2 << 20) + 5},
    };

    stand_open();
    put("/bucket/key", body);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        ask(&(struct ask){.method = "GET", .target = "/bucket/key", .headers = {cases[i].range}});
        assert_answer(206, NULL);
        assert_true(view_eq(
            view_of(answer.sent, answer.sent_bytes),
            view_of(body.at + cases[i].off, cases[i].len)));
    }
    assert_header("Content-Range", "bytes 5-2097161/2097162");
    ask(&(struct ask){
        .method = "GET", .target = "/bucket/key", .headers = {"range:bytes=2097162-"}});
    assert_answer(416, "InvalidRange");
    assert_header("Content-Range", "bytes */2097162");
    ask(&(struct ask){
        .method = "GET", .target = "/bucket/key?partNumber=1", .headers = {"range:bytes=0-1"}});
    assert_answer(400, "InvalidRequest");
    ask(&(struct ask){.method = "GET", .target = "/bucket/key?partNumber=2"});
    assert_answer(400, "InvalidPart");
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/key?partNumber=1"});
    assert_answer(206, NULL);
    assert_int_equal(answer.length, body.len);
    stand_close();
}

static void headers_come_back(void **state)
{
    stand_open();
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/a//b/../c+d%20e",
        .headers =
            {"content-type:text/x", "content-encoding:aws-chunked,gzip", "x-amz-meta-Colour:blue",
             "x-amz-meta-colour:red", "cache-control:max-age=1", "x-amz-acl:private",
             "x-amz-storage-class:STANDARD"},
        .body = VIEW("x")});
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/a//b/../c+d%20e"});
    assert_header("Content-Type", "text/x");
    assert_header("Content-Encoding", "gzip");
    assert_header("x-amz-meta-colour", "blue,red");
    assert_header("Cache-Control", "max-age=1");
    assert_null(fake_header(&answer, "x-amz-storage-class").at);
    ask(&(struct ask){
        .method = "GET",
        .target = "/bucket/a//b/../c+d%20e?response-content-type=text%2Fy&response-expires=never"});
    assert_answer(200, NULL);
    assert_header("Content-Type", "text/y");
    assert_header("Expires", "never");
    ask(&(struct ask){
        .method = "GET", .target = "/bucket/a//b/../c+d%20e?response-content-type=a%0D%0Ab"});
    assert_answer(400, "InvalidArgument");
    stand_close();
}

static void conditions_hold_or_not(void **state)
{
    stand_open();
    put("/bucket/key", VIEW("abc")); /* MD5 900150983cd24fb0d6963f7d28e17f72 */
#define E "900150983cd24fb0d6963f7d28e17f72"
    ask(&(struct ask){
        .method = "GET", .target = "/bucket/key", .headers = {"if-none-match:\"" E "\""}});
    assert_answer(304, NULL);
    assert_header("ETag", "\"" E "\"");
    assert_int_equal(answer.sent_bytes, 0);
    ask(&(struct ask){.method = "GET", .target = "/bucket/key", .headers = {"if-match:\"no\""}});
    assert_answer(412, "PreconditionFailed");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/key",
        .headers = {"if-none-match:*"},
        .body = VIEW("y")});
    assert_answer(412, "PreconditionFailed");
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/key", .headers = {"if-match:" E}, .body = VIEW("y")});
    assert_answer(200, NULL);
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/new", .headers = {"if-match:" E}, .body = VIEW("y")});
    assert_answer(404, "NoSuchKey");
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/new", .headers = {"if-none-match:" E ", \"x\""}});
    assert_answer(501, "NotImplemented");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/new",
        .headers = {"if-none-match:" E},
        .body = VIEW("y")});
    assert_answer(200, NULL); /* nothing there is another, too */
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/new",
        .headers = {"if-none-match:\"415290769594460e2e485922904f345d\""},
        .body = VIEW("z")});
    assert_answer(412, "PreconditionFailed");
    ask(&(struct ask){.method = "DELETE", .target = "/bucket/key", .headers = {"if-match:" E}});
    assert_answer(412, "PreconditionFailed");
    ask(&(struct ask){.method = "DELETE", .target = "/bucket/key"});
    assert_answer(204, NULL);
    ask(&(struct ask){.method = "DELETE", .target = "/bucket/key"});
    assert_answer(204, NULL);
    ask(&(struct ask){.method = "GET", .target = "/bucket/key"});
    assert_answer(404, "NoSuchKey");
    stand_close();
}

/* Each case: a write that must be refused and leave nothing. */
static void bad_writes_store_nothing(void **state)
{
    static const struct {
        struct ask ask;
        unsigned status;
        const char *code;
    } cases[] = {
        {{.headers = {"content-md5:AAAAAAAAAAAAAAAAAAAAAA=="}}, 400, "BadDigest"},
        {{.headers = {"content-md5:zzz"}}, 400, "InvalidDigest"},
        {{.headers = {"x-amz-checksum-crc32:AAAAAA=="}}, 400, "BadDigest"},
        {{.headers = {"x-amz-checksum-crc64nvme:AAAAAAAAAAA="}}, 400, "BadDigest"},
        {{.headers = {"x-amz-checksum-crc32:AAAA"}}, 400, "BadDigest"},
        {{.headers = {"x-amz-checksum-xyz:AAAA"}}, 501, "NotImplemented"},
        {{.headers = {"x-amz-checksum-crc32:AAAAAA==", "x-amz-checksum-crc32c:AAAAAA=="}},
         400,
         "InvalidRequest"},
        {{.headers = {"x-amz-sdk-checksum-algorithm:CRC32"}}, 400, "InvalidRequest"},
        {{.headers = {"x-amz-trailer:x-amz-checksum-crc32"}}, 400, "InvalidRequest"},
        {{.payload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
         400,
         "XAmzContentSHA256Mismatch"},
        {{.cut_at = 2}, 400, "IncompleteBody"},
        {{.is_chunked = true, .cut_at = 2}, 400, "IncompleteBody"},
        {{.is_chunked = true, .headers = {"x-amz-decoded-content-length:2"}},
         400,
         "IncompleteBody"},
        {{.is_chunked = true, .headers = {"x-amz-decoded-content-length:4"}},
         400,
         "IncompleteBody"},
        {{.is_chunked = true, .headers = {"x-amz-decoded-content-length:5368709121"}},
         400,
         "EntityTooLarge"},
        {{.headers = {"x-amz-server-side-encryption:AES256"}}, 501, "NotImplemented"},
        {{.headers = {"x-amz-tagging:a=b&a=c"}}, 400, "InvalidArgument"},
        {{.headers = {"x-amz-acl:public-read"}}, 400, "AccessControlListNotSupported"},
        {{.headers = {"x-amz-acl:public-ready"}}, 400, "InvalidArgument"},
        {{.headers = {"x-amz-acl:aws-exec-read"}}, 501, "NotImplemented"},
        {{.headers = {"x-amz-acl:private", "x-amz-grant-read:id=1"}}, 400, "InvalidRequest"},
        {{.headers = {"x-amz-grant-read:id"}}, 400, "InvalidArgument"},
        {{.headers = {"x-amz-grant-read:emailAddress=a@b"}},
         400,
         "UnresolvableGrantByEmailAddress"},
        {{.headers = {"x-amz-storage-class:GLACIER"}}, 400, "InvalidStorageClass"},
        {{.headers = {"x-amz-expected-bucket-owner:123456789012"}}, 403, "AccessDenied"},
        {{.target = "/bucket/key?partNumber=1"}, 501, "NotImplemented"},
        {{.target = "/bucket/key?uploadId=nope&partNumber=1"}, 404, "NoSuchUpload"},
        {{.target = "/bucket/key?uploadId=nope&partNumber=0"}, 400, "InvalidArgument"},
        {{.target = "/nobucket/key"}, 404, "NoSuchBucket"},
        {{.target = "/No_Bucket/key"}, 400, "InvalidBucketName"},
        {{.is_anonymous = true}, 403, "AccessDenied"},
        {{.method = "PATCH"}, 405, "MethodNotAllowed"},
        {{.method = "OPTIONS"}, 400, "BadRequest"}, /* no Origin */
    };

    stand_open();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct ask a = cases[i].ask;

        a.method = a.method ? a.method : "PUT";
        a.target = a.target ? a.target : "/bucket/key";
        a.body = VIEW("abc");
        ask(&a);
        assert_answer(cases[i].status, cases[i].code);
        assert_absent("/bucket/key");
    }
    stand_close();
}

static void checksums_are_kept_and_returned(void **state)
{
    stand_open();
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/key",
        .headers = {"x-amz-checksum-crc32:y/Q5Jg==", "x-amz-sdk-checksum-algorithm:CRC32"},
        .body = VIEW("123456789")});
    assert_answer(200, NULL);
    assert_header("x-amz-checksum-crc32", "y/Q5Jg==");
    ask(&(struct ask){
        .method = "HEAD", .target = "/bucket/key", .headers = {"x-amz-checksum-mode:ENABLED"}});
    assert_header("x-amz-checksum-crc32", "y/Q5Jg==");
    assert_header("x-amz-checksum-type", "FULL_OBJECT");
    ask(&(struct ask){
        .method = "GET",
        .target = "/bucket/key",
        .headers = {"x-amz-checksum-mode:ENABLED", "range:bytes=0-3"}});
    assert_null(fake_header(&answer, "x-amz-checksum-crc32").at);
    put("/bucket/key", VIEW("123456789"));
    assert_header("x-amz-checksum-crc64nvme", "rosUhgp5mIg=");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/key",
        .headers = {"x-amz-checksum-crc64nvme:rosUhgp5mIg="},
        .body = VIEW("123456789")});
    assert_answer(200, NULL);
    ask(&(struct ask){
        .method = "GET", .target = "/bucket/key", .headers = {"x-amz-checksum-mode:enabled"}});
    assert_header("x-amz-checksum-crc64nvme", "rosUhgp5mIg=");
    stand_close();
}

#define UNSIGNED_TRAILER "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

static void framed(const char *body, const char *length, const char *trailer)
{
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/key",
        .headers = {length, trailer},
        .payload = UNSIGNED_TRAILER,
        .is_chunked = true,
        .body = view_str(body)});
}

static void aws_chunked_bodies_are_unframed(void **state)
{
    static const char length[] = "x-amz-decoded-content-length:9";
    static const char trailer[] = "x-amz-trailer:x-amz-checksum-crc32";

    stand_open();
    framed(
        "4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", length, trailer);
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "GET", .target = "/bucket/key"});
    assert_true(view_is(view_of(answer.sent, answer.sent_bytes), "123456789"));
    ask(&(struct ask){.method = "DELETE", .target = "/bucket/key"});

    framed("9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5JA==\r\n\r\n", length, trailer);
    assert_answer(400, "BadDigest");
    framed("9\r\n123456789\r\n0\r\n\r\n", length, trailer);
    assert_answer(400, "InvalidRequest");
    framed("9\r\n123456789\r\n", length, trailer);
    assert_answer(400, "IncompleteBody");
    framed("9\r\n12345678", length, trailer);
    assert_answer(400, "IncompleteBody");
    framed("zz\r\n", length, trailer);
    assert_answer(400, "InvalidRequest");
    framed("0\r\n\r\n", "x-amz-decoded-content-length:0", NULL);
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "DELETE", .target = "/bucket/key"});
    framed("1\r\nx\r\n0\r\n\r\n", "x-amz-decoded-content-length:0", NULL);
    assert_answer(400, "IncompleteBody");
    assert_absent("/bucket/key");
    stand_close();
}

/* Frames of 64 KiB around 2.5 MiB: the pieces never fall on the edges of chunks. */
static void large_framed_bodies_fill_whole_chunks(void **state)
{
    struct view payload = some_bytes((5 << 20) / 2);
    size_t cap = payload.len + 65536;
    struct buf b = buf_over(malloc(cap), cap);

    stand_open();
    for (size_t off = 0; off < payload.len; off += 65536) {
        struct view piece = view_upto(view_from(payload, off), 65536);

        buf_printf(&b, "%zx\r\n", piece.len);
        buf_put(&b, piece);
        buf_put_str(&b, "\r\n");
    }
    buf_put_str(&b, "0\r\n\r\n");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/key",
        .headers = {"x-amz-decoded-content-length:2621440"},
        .payload = UNSIGNED_TRAILER,
        .body = buf_view(&b)});
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "GET", .target = "/bucket/key"});
    assert_true(view_eq(view_of(answer.sent, answer.sent_bytes), payload));
    free(b.at);
    stand_close();
}

/* The N-th call of the engine fails: an error or the whole, never a leak, never half an object. */
static void every_engine_failure_is_clean(void **state)
{
    struct view body = some_bytes((3 << 20) + 5);
    uint64_t failed = 1;

    stand_open();
    put("/bucket/old", body);
    for (uint64_t n = 1; failed; n++) {
        struct engine_fault_config faults = {
            .kinds = ENGINE_FAULT_ANY, .nth = n, .err = ERR_IO, .seed = n, .turns_max = 3};

        assert_true(n < 100);
        engine_fault_arm(stand.engine, &faults);
        ask(&(struct ask){.method = "PUT", .target = "/bucket/new", .body = body});
        failed = engine_fault_count(stand.engine);
        assert_int_equal(answer.q.status, failed ? 500 : 200);
        engine_fault_arm(stand.engine, &(struct engine_fault_config){0});
        if (failed)
            assert_absent("/bucket/new");
    }
    failed = 1;
    for (uint64_t n = 1; failed; n++) {
        struct engine_fault_config faults = {
            .kinds = ENGINE_FAULT_ANY, .nth = n, .err = ERR_CHECKSUM, .seed = n, .turns_max = 3};

        assert_true(n < 100);
        engine_fault_arm(stand.engine, &faults);
        ask(&(struct ask){.method = "GET", .target = "/bucket/old"});
        failed = engine_fault_count(stand.engine);
        assert_true(answer.q.status == 500 || answer.is_whole == !failed);
    }
    engine_fault_arm(stand.engine, &(struct engine_fault_config){0});
    stand_close();
}

static void a_client_that_leaves_costs_nothing(void **state)
{
    struct view body = some_bytes(3 << 20);

    stand_open();
    put("/bucket/key", body);
    for (unsigned n = 1; n <= 3; n++) {
        ask(&(struct ask){.method = "GET", .target = "/bucket/key", .fail_send_nth = n});
        assert_false(answer.is_whole);
        ask(&(struct ask){
            .method = "PUT", .target = "/bucket/cut", .body = body, .cut_at = n * 700000});
        assert_answer(400, "IncompleteBody");
        assert_absent("/bucket/cut");
    }
    stand_close();
}

/* Whoever holds one chunk gets on: nobody waits for a second one while holding the first. */
static void one_chunk_is_enough(void **state)
{
    struct view body = some_bytes((5 << 20) + 9);
    struct chunk *held[STAND_ARENA_BYTES >> 20], *last = NULL;
    unsigned count = 0;

    stand_open();
    for (struct chunk *c; (c = arena_try_take(stand.arena, CHUNK_BYTES_MAX)); last = c)
        held[count++] = c;
    assert_non_null(last);
    chunk_unref(held[--count]);
    put("/bucket/key", body);
    ask(&(struct ask){.method = "GET", .target = "/bucket/key"});
    assert_true(view_eq(view_of(answer.sent, answer.sent_bytes), body));
    while (count > 0)
        chunk_unref(held[--count]);
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_got),
        cmocka_unit_test(ranges_are_cut_out),
        cmocka_unit_test(headers_come_back),
        cmocka_unit_test(conditions_hold_or_not),
        cmocka_unit_test(bad_writes_store_nothing),
        cmocka_unit_test(checksums_are_kept_and_returned),
        cmocka_unit_test(aws_chunked_bodies_are_unframed),
        cmocka_unit_test(large_framed_bodies_fill_whole_chunks),
        cmocka_unit_test(every_engine_failure_is_clean),
        cmocka_unit_test(a_client_that_leaves_costs_nothing),
        cmocka_unit_test(one_chunk_is_enough),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
