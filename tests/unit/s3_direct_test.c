/* Objects by the direct path: what moves, what is declined, what is refused, what a failure says.
 */
#include "base/crc64.h"
#include "help/s3_stand.h"

/* A token for [off, off + len) of the client's memory, as a header line; static. */
static const char *token(size_t off, size_t len)
{
    static char line[80];

    (void)snprintf(line, sizeof line, "x-amz-rdma-token:fault:%016zx:%016zx", off, len);
    return line;
}

static void direct_put(const char *target, const char *line)
{
    ask(&(struct ask){.method = "PUT", .target = target, .headers = {line}});
}

static void direct_get(const char *target, const char *line, const char *other)
{
    ask(&(struct ask){.method = "GET", .target = target, .headers = {line, other}});
}

static void moves_both_ways(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 4097, 1 << 20, (1 << 20) + 1, (5 << 20) + 3};
    char number[24];

    stand_open_with(&(struct transport_fault_config){.seed = 7, .delay_ms_max = 1});
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        size_t n = sizes[i];
        struct view body = some_bytes(n);

        (void)snprintf(number, sizeof number, "%zu", n);
        memcpy(stand.window + 100, body.at, n);
        direct_put("/bucket/key", token(100, n));
        assert_answer(200, NULL);
        assert_header("x-amz-rdma-reply", "200");
        assert_header("x-amz-rdma-bytes-transferred", number);
        assert_int_equal(fake_header(&answer, "ETag").len, 34);
        assert_int_equal(answer.sent_bytes, 0);
        assert_string_equal(answer.q.way, "direct");

        memset(stand.window, 0x5a, sizeof stand.window);
        direct_get("/bucket/key", token(200, n + 10), "x-amz-checksum-mode:ENABLED");
        assert_answer(200, NULL);
        assert_header("x-amz-rdma-reply", "200");
        assert_header("x-amz-rdma-bytes-transferred", number);
        assert_int_equal(answer.length, 0);
        assert_true(view_eq(view_of(stand.window + 200, n), body));
        assert_int_equal(stand.window[199], 0x5a);
        assert_int_equal(stand.window[200 + n], 0x5a);
        assert_true(view_eq(
            fake_header(&answer, "x-penstock-crc64nvme"),
            fake_header(&answer, "x-amz-checksum-crc64nvme")));
    }
    stand_close();
}

static void ranges_answer_206(void **state)
{
    struct view body = some_bytes(3 << 20);

    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = body});
    direct_get("/bucket/key", token(0, 2 << 20), "range:bytes=1000-1500999");
    assert_answer(206, NULL);
    assert_header("x-amz-rdma-reply", "206");
    assert_header("x-amz-rdma-bytes-transferred", "1500000");
    assert_header("Content-Range", "bytes 1000-1500999/3145728");
    assert_true(view_eq(view_of(stand.window, 1500000), view_of(body.at + 1000, 1500000)));
    stand_close();
}

/* A read is served by body and says so; a write stores nothing, not even an empty object. */
static void declines(void **state)
{
    static const char foreign[] = "x-amz-rdma-token:0000:00:00";
    struct view body = some_bytes(100000);

    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = body});
    for (unsigned round = 0; round < 3; round++) {
        const char *line = round == 0 ? foreign : token(0, round == 1 ? 99999 : 100000);

        stand.service.direct_is_on = round != 2;
        direct_get("/bucket/key", line, NULL);
        assert_answer(200, NULL);
        assert_header("x-amz-rdma-reply", "501");
        assert_null(fake_header(&answer, "x-amz-rdma-bytes-transferred").at);
        assert_true(view_eq(view_of(answer.sent, answer.sent_bytes), body));
        assert_string_equal(answer.q.way, "tcp");
    }
    direct_get("/bucket/nothing", foreign, NULL);
    assert_answer(404, "NoSuchKey");
    assert_null(fake_header(&answer, "x-amz-rdma-reply").at);

    direct_put("/bucket/new", foreign);
    assert_answer(501, "RDMANotSupported");
    assert_header("x-amz-rdma-reply", "501");
    direct_put("/bucket/new", token(0, 10)); /* direct is off */
    assert_answer(501, "RDMANotSupported");
    stand.service.put_decline_is_200 = true;
    direct_put("/bucket/new", token(0, 10));
    assert_answer(200, "RDMANotSupported");
    assert_header("x-amz-rdma-reply", "501");
    assert_absent("/bucket/new");
    stand_close();
}

/* What is no token of ours must not be overlooked: the write would store an empty object. */
static void other_dialects_are_no_empty_writes(void **state)
{
    static const char foreign[] = "x-rdma-info:0000:00:00";

    stand_open();
    stand.service.put_decline_is_200 = true; /* those clients go by the status alone */
    direct_put("/bucket/key", foreign);
    assert_answer(501, "RDMANotSupported");
    assert_header("x-amz-rdma-reply", "501");
    direct_put("/bucket/key?X-Amz-Rdma-Token=abc", NULL);
    assert_answer(400, "InvalidRDMAToken");
    assert_absent("/bucket/key");
    ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = VIEW("abc")});
    direct_get("/bucket/key", foreign, NULL);
    assert_answer(501, "RDMANotSupported");
    stand_close();
}

static void refuses(void **state)
{
    static const char empty_hash[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const char other_hash[] =
        "03b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    stand_open();
    direct_put("/bucket/key", "x-amz-rdma-token:fault:zz");
    assert_answer(400, "InvalidRDMAToken");
    assert_null(fake_header(&answer, "x-amz-rdma-reply").at);
    ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .unsigned_header = token(0, 10)});
    assert_answer(403, "AccessDenied");
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/key", .headers = {token(0, 3)}, .body = VIEW("abc")});
    assert_answer(400, "InvalidRequest");
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/key", .headers = {token(0, 3)}, .payload = other_hash});
    assert_answer(400, "XAmzContentSHA256Mismatch");
    direct_put("/bucket/key", token(STAND_WINDOW_BYTES, 10)); /* beyond what was handed over */
    assert_answer(403, "AccessDenied");
    direct_put("/nobucket/key", token(0, 10));
    assert_answer(404, "NoSuchBucket");
    assert_absent("/bucket/key");
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/key", .headers = {token(0, 3)}, .payload = empty_hash});
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "HEAD", .target = "/bucket/key", .headers = {token(0, 9)}});
    assert_answer(200, NULL);
    assert_null(fake_header(&answer, "x-amz-rdma-reply").at);
    stand_close();
}

static void checksums_are_of_the_window(void **state)
{
    stand_open();
    memcpy(stand.window, "123456789", 9);
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/key",
        .headers = {token(0, 9), "x-amz-checksum-crc64nvme:rosUhgp5mIg="}});
    assert_answer(200, NULL);
    assert_header("x-amz-checksum-crc64nvme", "rosUhgp5mIg=");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/key2",
        .headers = {token(0, 8), "x-amz-checksum-crc64nvme:rosUhgp5mIg="}});
    assert_answer(400, "BadDigest");
    ask(&(struct ask){
        .method = "PUT",
        .target = "/bucket/key2",
        .headers = {token(0, 8), "x-amz-checksum-crc32:y/Q5Jg=="}});
    assert_answer(400, "BadDigest");
    assert_absent("/bucket/key2");
    stand_close();
}

/* The N-th open or transfer fails or is lost: the answer is no success, and nothing is stored. */
static void every_transfer_failure_is_said(void **state)
{
    struct view body = some_bytes(3 << 20);

    for (unsigned n = 1; n <= 6; n++) {
        struct transport_fault_config faults = {.seed = n, .fail_nth = n, .fail_err = ERR_CLOSED};
        bool failed;

        stand_open_with(&faults);
        direct_put("/bucket/key", token(0, body.len));
        failed = n <= 4; /* one open, three chunks */
        if (failed) {
            assert_answer(500, "RDMATransferFailed");
            assert_header("x-amz-rdma-reply", "500");
            assert_absent("/bucket/key");
        } else {
            assert_answer(200, NULL);
        }
        stand_close();

        stand_open_with(&faults);
        ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = body});
        direct_get("/bucket/key", token(0, body.len), NULL);
        if (answer.q.status != 200) {
            assert_answer(500, "RDMATransferFailed");
            assert_header("x-amz-rdma-reply", "500");
            assert_true(answer.sent_bytes < 4096);
        }
        assert_int_equal(answer.q.status == 200, transport_fault_calls(stand.transport) < n);
        stand_close();
    }
}

/* The engine fails while the window is open: the window closes, nothing falls back to a body. */
static void engine_failures_close_the_window(void **state)
{
    struct view body = some_bytes(3 << 20);
    uint64_t failed = 1;

    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/old", .body = body});
    for (uint64_t n = 1; failed; n++) {
        struct engine_fault_config faults = {
            .kinds = ENGINE_FAULT_ANY, .nth = n, .err = ERR_IO, .seed = n, .turns_max = 3};

        assert_true(n < 100);
        engine_fault_arm(stand.engine, &faults);
        direct_put("/bucket/new", token(0, body.len));
        failed = engine_fault_count(stand.engine);
        assert_int_equal(answer.q.status, failed ? 500 : 200);
        engine_fault_arm(stand.engine, &(struct engine_fault_config){0});
        if (failed)
            assert_absent("/bucket/new");
    }
    failed = 1;
    for (uint64_t n = 1; failed; n++) {
        struct engine_fault_config faults = {
            .kinds = ENGINE_FAULT_ANY, .nth = n, .err = ERR_IO, .seed = n, .turns_max = 3};

        assert_true(n < 100);
        engine_fault_arm(stand.engine, &faults);
        direct_get("/bucket/old", token(0, body.len), NULL);
        failed = engine_fault_count(stand.engine);
        assert_int_equal(answer.q.status, failed ? 500 : 200);
    }
    engine_fault_arm(stand.engine, &(struct engine_fault_config){0});
    stand_close();
}

/* A shortage while a window is open is 503, for the client to try again; not a failed transfer. */
static void shortage_behind_a_window_is_slow_down(void **state)
{
    struct view body = some_bytes(3 << 20);
    unsigned busy = 0;

    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/old", .body = body});
    for (uint64_t n = 1; n <= 3; n++) {
        engine_fault_arm(
            stand.engine, &(struct engine_fault_config){
                              .kinds = ENGINE_FAULT_READ, .nth = n, .err = ERR_BUSY, .seed = n});
        direct_get("/bucket/old", token(0, body.len), NULL);
        if (answer.q.status == 200) /* it was read ahead, and again */
            continue;
        busy++;
        assert_answer(503, "SlowDown");
        assert_null(fake_header(&answer, "x-amz-rdma-reply").at);
    }
    assert_true(busy > 0);
    engine_fault_arm(stand.engine, &(struct engine_fault_config){0});
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_both_ways),
        cmocka_unit_test(ranges_answer_206),
        cmocka_unit_test(declines),
        cmocka_unit_test(other_dialects_are_no_empty_writes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(checksums_are_of_the_window),
        cmocka_unit_test(every_transfer_failure_is_said),
        cmocka_unit_test(engine_failures_close_the_window),
        cmocka_unit_test(shortage_behind_a_window_is_slow_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
