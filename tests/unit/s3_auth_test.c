/* Who is let in, and what those are told who are not. */
#include "auth/sigv2.h"
#include "help/s3_stand.h"

static bool says(const char *text)
{
    return answer.sent && strstr((const char *)answer.sent, text);
}

static void wrong_secrets_are_explained(void **state)
{
    stand_open();
    ask(&(struct ask){.method = "GET", .target = "/bucket/a%20b?x-id=1", .secret = "wrong"});
    assert_answer(403, "SignatureDoesNotMatch");
    assert_true(says("<AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId>"));
    assert_true(says("<StringToSign>AWS4-HMAC-SHA256\n"));
    assert_true(says("<CanonicalRequest>GET\n/bucket/a%20b\nx-id=1\n"));
    assert_true(says("<SignatureProvided>"));
    assert_true(says("<RequestId>0123456789ABCDEF</RequestId>"));
    assert_false(says(stand_secret));
    stand_close();
}

static void strangers_learn_nothing(void **state)
{
    static const char *const targets[] = {"/bucket/key", "/bucket/nothing"};

    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = VIEW("x")});
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        ask(&(struct ask){.method = "GET", .target = targets[i], .is_anonymous = true});
        assert_answer(403, "AccessDenied");
        ask(&(struct ask){.method = "GET", .target = targets[i], .key = "AKIDNOBODY"});
        assert_answer(403, "InvalidAccessKeyId");
        ask(&(struct ask){.method = "HEAD", .target = targets[i], .is_anonymous = true});
        assert_int_equal(answer.q.status, 403);
        assert_int_equal(answer.sent_bytes, 0);
    }
    ask(&(struct ask){.method = "GET", .target = "/nobucket/key", .is_anonymous = true});
    assert_answer(404, "NoSuchBucket");
    ask(&(struct ask){.method = "GET", .target = "/nobucket/key", .key = "AKIDNOBODY"});
    assert_answer(403, "InvalidAccessKeyId");
    ask(&(struct ask){.method = "PUT", .target = "/nobucket", .is_anonymous = true});
    assert_answer(403, "AccessDenied");
    ask(&(struct ask){.method = "GET", .target = "/", .is_anonymous = true});
    assert_answer(403, "AccessDenied");
    stand_close();
}

static void unsigned_amz_headers_are_refused(void **state)
{
    stand_open();
    ask(&(struct ask){
        .method = "PUT", .target = "/bucket/key", .unsigned_header = "x-amz-meta-a:b"});
    assert_answer(403, "AccessDenied");
    assert_absent("/bucket/key");
    stand_close();
}

/* Presigned for GET /bucket/key; static. */
static const char *presigned(const char *target, int64_t age_s, int64_t expires_s)
{
    static char url[4096];
    static uint8_t scratch_bytes[65536];
    struct sigv4_header host = {VIEW("host"), VIEW("s3.test:9000")};
    struct view whole = view_str(target);
    size_t mark = MIN(view_index(whole, '?'), whole.len);
    struct sigv4_request q = {
        VIEW("GET"), view_upto(whole, mark),        view_from(whole, mark + 1), &host,
        1,           clock_wall_ms() - age_s * 1000};
    struct sigv4_signing with = {
        view_str(stand_key), view_str(stand_secret), VIEW("eu-west-7"), VIEW("UNSIGNED-PAYLOAD"),
        q.now_ms};
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    struct buf out = buf_over(url, sizeof url - 1);

    buf_put(&out, q.path);
    buf_put_byte(&out, '?');
    assert_int_equal(sigv4_presign(&q, &with, expires_s, &scratch, &out), ERR_OK);
    url[out.len] = '\0';
    return url;
}

static void presigned_urls_work_until_they_expire(void **state)
{
    stand_open();
    ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = VIEW("abc")});
    ask(&(struct ask){
        .method = "GET", .target = presigned("/bucket/key", 0, 60), .is_anonymous = true});
    assert_answer(200, NULL);
    assert_int_equal(answer.sent_bytes, 3);
    ask(&(struct ask){
        .method = "GET", .target = presigned("/bucket/key", 61, 60), .is_anonymous = true});
    assert_answer(403, "AccessDenied");
    assert_true(says("Request has expired"));
    ask(&(struct ask){
        .method = "HEAD", .target = presigned("/bucket/key", 0, 60), .is_anonymous = true});
    assert_int_equal(answer.q.status, 403); /* presigned for GET */
    ask(&(struct ask){
        .method = "GET",
        .target = presigned("/bucket/key", 0, 60),
        .is_anonymous = true,
        .unsigned_header = "x-amz-rdma-token:fault:0000000000000000:0000000000000003"});
    assert_answer(403, "AccessDenied");
    stand_close();
}

/* Else who was given a URL could make it another operation. */
static void version_2_signs_whatever_selects_an_operation(void **state)
{
    for (unsigned i = 0; i < s3_op_count; i++) {
        const char *sub = s3_ops[i].subresource;

        if (sub && strcmp(sub, "list-type") != 0 && !sigv2_signs(view_str(sub)))
            fail_msg("%s", sub);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_secrets_are_explained),
        cmocka_unit_test(strangers_learn_nothing),
        cmocka_unit_test(unsigned_amz_headers_are_refused),
        cmocka_unit_test(presigned_urls_work_until_they_expire),
        cmocka_unit_test(version_2_signs_whatever_selects_an_operation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
