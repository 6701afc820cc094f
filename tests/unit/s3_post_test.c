/* POST forms through the whole of src/s3: bytes that fail on their way, and nothing that leaks. */
#include "auth/sigv2.h"
#include "help/s3_stand.h"

#define TYPE "content-type:multipart/form-data; boundary=BOUND"
#define PART(name) "\r\n--BOUND\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

enum { FORM_BYTES_MAX = 4 << 20, HEAD_BYTES = 4096 };

/* A signed form with that file: static, until the next call. */
static struct view form(const char *key, struct view file, const char *conditions)
{
    static uint8_t bytes[FORM_BYTES_MAX];
    char text[1024], policy[2048], signature[64];
    struct buf json = buf_over(text, sizeof text), base64 = buf_over(policy, sizeof policy);
    struct buf mac = buf_over(signature, sizeof signature), b = buf_over(bytes, sizeof bytes);

    buf_put_str(&json, "{\"expiration\":\"2999-01-01T00:00:00Z\",\"conditions\":[");
    buf_put_str(&json, "{\"bucket\":\"bucket\"},[\"starts-with\",\"$key\",\"\"]");
    buf_put_str(&json, conditions);
    buf_put_str(&json, "]}");
    text_put_base64(&base64, buf_view(&json));
    sigv2_sign(view_str(stand_secret), buf_view(&base64), &mac);
    buf_put_str(&b, PART("key"));
    buf_put_str(&b, key);
    buf_put_str(&b, PART("AWSAccessKeyId"));
    buf_put_str(&b, stand_key);
    buf_put_str(&b, PART("policy"));
    buf_put(&b, buf_view(&base64));
    buf_put_str(&b, PART("signature"));
    buf_put(&b, buf_view(&mac));
    buf_put_str(&b, PART("file"));
    buf_put(&b, file);
    buf_put_str(&b, "\r\n--BOUND--\r\n");
    assert_false(b.overflow || json.overflow || base64.overflow);
    return buf_view(&b);
}

static void post(struct view body)
{
    ask(&(struct ask){
        .method = "POST",
        .target = "/bucket",
        .headers = {TYPE},
        .body = body,
        .is_anonymous = true});
}

static void assert_stored(const char *target, struct view file)
{
    ask(&(struct ask){.method = "GET", .target = target});
    assert_answer(200, NULL);
    assert_true(view_eq(view_of(answer.sent, answer.sent_bytes), file));
}

/* Around the form's buffer and the chunks of the arena, and without a byte. */
static void files_of_all_sizes_are_stored(void **state)
{
    static const size_t sizes[] = {
        0,
        1,
        4096,
        65536 - 400,
        65536,
        131072,
        (1 << 20) - 1,
        1 << 20,
        (1 << 20) + 1,
        2 << 20,
        (3 << 20) + 77};

    stand_open();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct view file = some_bytes(sizes[i]);

        post(form("key", file, ""));
        assert_int_equal(answer.q.status, 204);
        assert_stored("/bucket/key", file);
    }
    stand_close();
}

static void the_last_boundary_decides(void **state)
{
    struct view file = some_bytes(100000);

    stand_open();
    for (size_t cut = 4; cut < 20; cut++) {
        struct view body = form("key", file, "");
        post(view_upto(body, body.len - cut));
        assert_answer(400, "MalformedPOSTRequest");
        assert_absent("/bucket/key");
    }
    stand_close();
}

static void sizes_are_kept_while_bytes_come(void **state)
{
    stand_open();
    post(form("key", some_bytes(1000), ",[\"content-length-range\",0,999]"));
    assert_answer(400, "EntityTooLarge");
    post(form("key", some_bytes((3 << 20) + 5), ",[\"content-length-range\",0,1000]"));
    assert_answer(400, "EntityTooLarge");
    assert_true(answer.body_at < 1 << 20); /* it was not read to its end first */
    post(form("key", some_bytes(1000), ",[\"content-length-range\",1001,2000]"));
    assert_answer(400, "EntityTooSmall");
    assert_absent("/bucket/key");
    post(form("key", some_bytes(1000), ",[\"content-length-range\",1000,1000]"));
    assert_int_equal(answer.q.status, 204);
    stand_close();
}

static void clients_that_leave_store_nothing(void **state)
{
    struct view file = some_bytes((1 << 20) + 100);

    stand_open();
    for (size_t cut = 1; cut < file.len; cut = cut * 3 + 1) {
        ask(&(struct ask){
            .method = "POST",
            .target = "/bucket",
            .headers = {TYPE},
            .body = form("key", file, ""),
            .cut_at = cut,
            .is_anonymous = true});
        assert_absent("/bucket/key");
    }
    stand_close();
}

static void every_fault_is_survived(void **state)
{
    struct view file = some_bytes((2 << 20) + 100);
    uint64_t failed = 1;

    stand_open();
    for (uint64_t n = 1; failed > 0; n++) {
        const struct engine_fault_config faults = {
            .kinds = ENGINE_FAULT_ANY, .nth = n, .err = ERR_IO, .seed = n, .turns_max = 3};

        engine_fault_arm(stand.engine, &faults);
        post(form("key", file, ""));
        failed = engine_fault_count(stand.engine);
        assert_int_equal(answer.q.status, failed ? 500 : 204);
        engine_fault_arm(stand.engine, &(struct engine_fault_config){0});
        if (failed)
            assert_absent("/bucket/key");
    }
    assert_stored("/bucket/key", file);
    stand_close();
}

static void the_signature_is_of_the_policy(void **state)
{
    struct view body;

    stand_open();
    body = form("key", VIEW("x"), "");
    size_t at = view_find(body, VIEW("name=\"policy\""));
    ((uint8_t *)(uintptr_t)body.at)[at + 40] ^= 1;
    post(body);
    assert_answer(403, "SignatureDoesNotMatch");
    assert_non_null(strstr((const char *)answer.sent, "<SignatureProvided>"));
    assert_null(strstr((const char *)answer.sent, stand_secret));
    assert_absent("/bucket/key");
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_all_sizes_are_stored),
        cmocka_unit_test(the_last_boundary_decides),
        cmocka_unit_test(sizes_are_kept_while_bytes_come),
        cmocka_unit_test(clients_that_leave_store_nothing),
        cmocka_unit_test(every_fault_is_survived),
        cmocka_unit_test(the_signature_is_of_the_policy),
    };
    return cmocka_run_group_tests_name("s3_post", tests, NULL, NULL);
}
