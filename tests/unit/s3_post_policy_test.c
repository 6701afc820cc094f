/* POST policies: until when, with which fields; and the signatures over them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/sigv4_form.h"
#include "s3/post_policy.h"

#define UNTIL "\"expiration\":\"2026-01-02T03:04:05Z\""
#define NOW_MS 1767323045000 /* the same */
#define DOC(conditions) "{" UNTIL ",\"conditions\":[" conditions "]}"

static struct post_policy p;
static char why[512];

static enum s3_code check_at(const char *json, int64_t now_ms)
{
    static struct post_policy_field fields[4];
    struct buf b = buf_over(why, sizeof why - 1);

    fields[0] = (struct post_policy_field){VIEW("Key"), VIEW("user/a"), false};
    fields[1] = (struct post_policy_field){VIEW("x-ignore-me"), VIEW("b"), false};
    fields[2] = (struct post_policy_field){VIEW("x-amz-checksum-crc32"), VIEW("AAAAAA=="), false};
    fields[3] = (struct post_policy_field){VIEW("bucket"), VIEW("b"), false};
    memset(why, 0, sizeof why);
    p = (struct post_policy){
        .json = view_str(json), .fields = fields, .field_count = 4, .now_ms = now_ms};
    return post_policy_check(&p, &b);
}

static enum s3_code check(const char *json)
{
    return check_at(json, NOW_MS);
}

static void conditions_that_hold_let_the_form_in(void **state)
{
    static const char *const texts[] = {
        DOC("{\"bucket\":\"b\"},{\"key\":\"user/a\"}"),
        DOC("{\"BUCKET\":\"b\"},[\"eq\",\"$KEY\",\"user/a\"]"),
        DOC("[\"Eq\",\"$bucket\",\"b\"],[\"STARTS-WITH\",\"$key\",\"user/\"]"),
        DOC("[\"starts-with\",\"$bucket\",\"\"],[\"starts-with\",\"$key\",\"\"],"
            "[\"starts-with\",\"$acl\",\"\"]"),
        "{\"conditions\":[{\"bucket\":\"b\"},{\"key\":\"user\\/a\"}],\"other\":1," UNTIL "}",
    };

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        assert_int_equal(check(texts[i]), S3_None);
        assert_int_equal(p.bytes_min, 0);
        assert_true(p.bytes_max == UINT64_MAX);
    }
}

static void conditions_that_do_not_hold_are_told(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {DOC("{\"bucket\":\"c\"},{\"key\":\"user/a\"}"), "[\"eq\", \"$bucket\", \"c\"]"},
        {DOC("{\"bucket\":\"b\"},[\"starts-with\",\"$key\",\"User\"]"),
         "[\"starts-with\", \"$key\", \"User\"]"},
        {DOC("{\"bucket\":\"b\"},{\"key\":\"user/a\"},{\"acl\":\"private\"}"), "$acl"},
        {DOC("{\"bucket\":\"b\"}"), "Extra input fields: Key"},
        {DOC("{\"key\":\"user/a\"}"), "Extra input fields: bucket"},
        {DOC(""), "Extra input fields: Key"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(check(cases[i].text), S3_AccessDenied);
        assert_non_null(strstr(why, cases[i].why));
    }
}

static void what_is_no_policy_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "1",
        "{}",
        "{" UNTIL "}",
        "{\"conditions\":[]}",
        "{" UNTIL ",\"conditions\":{}}",
        "{\"expiration\":1,\"conditions\":[]}",
        "{\"expiration\":\"tomorrow\",\"conditions\":[]}",
        "{\"expiration\":\"2026-01-02 03:04:05+00:00\",\"conditions\":[]}",
        "{\"Expiration\":\"2026-01-02T03:04:05Z\",\"conditions\":[]}",
        "{" UNTIL ",\"Conditions\":[]}",
        "{" UNTIL "," UNTIL ",\"conditions\":[]}",
        DOC("1"),
        DOC("{}"),
        DOC("{\"a\":\"b\",\"c\":\"d\"}"),
        DOC("{\"a\":1}"),
        DOC("{\"a\":null}"),
        DOC("[]"),
        DOC("[1]"),
        DOC("[\"eq\"]"),
        DOC("[\"eq\",\"$key\"]"),
        DOC("[\"eq\",\"key\",\"a\"]"),
        DOC("[\"eq\",\"$\",\"a\"]"),
        DOC("[\"eq\",\"$key\",\"a\",\"b\"]"),
        DOC("[\"eq\",\"$key\",1]"),
        DOC("[\"ends-with\",\"$key\",\"a\"]"),
        DOC("[\"content-length-range\"]"),
        DOC("[\"content-length-range\",1]"),
        DOC("[\"content-length-range\",-1,1]"),
        DOC("[\"content-length-range\",2,1]"),
        DOC("[\"content-length-range\",1.5,2]"),
        DOC("[\"content-length-range\",\"x\",2]"),
        DOC("[\"content-length-range\",0,1,2]")};

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (check(texts[i]) != S3_InvalidPolicyDocument)
            fail_msg("%s: %s", texts[i], why);
}

static void ranges_narrow_each_other(void **state)
{
    assert_int_equal(
        check(DOC("{\"bucket\":\"b\"},{\"key\":\"user/a\"},[\"content-length-range\",1,100],"
                  "[\"Content-Length-Range\",\"10\",\"200\"]")),
        S3_None);
    assert_int_equal(p.bytes_min, 10);
    assert_int_equal(p.bytes_max, 100);
}

static void a_policy_ends_with_its_second(void **state)
{
    static const char text[] = DOC("{\"bucket\":\"b\"},{\"key\":\"user/a\"}");

    assert_int_equal(check_at(text, NOW_MS), S3_None);
    assert_int_equal(check_at(text, NOW_MS + 1), S3_AccessDenied);
    assert_non_null(strstr(why, "Policy expired"));
}

static void too_many_conditions_are_refused(void **state)
{
    static char text[POST_POLICY_BYTES_MAX + 2];
    struct buf b = buf_over(text, sizeof text - 1);

    buf_put_str(&b, "{" UNTIL ",\"conditions\":[{\"a\":\"\"}");
    for (unsigned i = 0; i < POST_POLICY_CONDITIONS_MAX; i++)
        buf_put_str(&b, ",{\"a\":\"\"}");
    buf_put_str(&b, "]}");
    assert_int_equal(check(text), S3_InvalidPolicyDocument);
    memset(text, ' ', sizeof text - 1);
    assert_int_equal(check(text), S3_InvalidPolicyDocument);
}

/* Computed with Python's hmac module over the policy "cG9saWN5". */
#define SECRET VIEW("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
#define POLICY VIEW("cG9saWN5")
#define V4_SIGNATURE "e111a490e8a950717d8db19d106c47897aedddfde15e06f5e03bb6c108f2f942"
#define V2_SIGNATURE "eL3OlIgXlaEdW8YOBw30RYKlweI="

static const struct sigv4_form_fields v4 = {
    .policy = POLICY,
    .algorithm = VIEW("AWS4-HMAC-SHA256"),
    .credential = VIEW("AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"),
    .date = VIEW("20151229T000000Z"),
    .signature = VIEW(V4_SIGNATURE),
};
static const struct sigv4_form_fields v2 = {
    .policy = POLICY,
    .v2_access_key = VIEW("AKIAIOSFODNN7EXAMPLE"),
    .v2_signature = VIEW(V2_SIGNATURE),
};

static void signatures_of_both_versions_verify(void **state)
{
    const struct sigv4_form_fields *const forms[] = {&v4, &v2};
    struct sigv4 s;

    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        assert_int_equal(sigv4_form_parse(forms[i], &s), SIGV4_OK);
        assert_true(view_is(s.access_key, "AKIAIOSFODNN7EXAMPLE"));
        assert_int_equal(s.form, SIGV4_POST);
        assert_int_equal(sigv4_form_verify(&s, POLICY, SECRET), SIGV4_OK);
        assert_int_equal(sigv4_form_verify(&s, VIEW("cG9saWN6"), SECRET), SIGV4_MISMATCH);
        assert_int_equal(sigv4_form_verify(&s, POLICY, VIEW("other")), SIGV4_MISMATCH);
    }
}

static void half_a_signature_is_none(void **state)
{
    struct sigv4 s;

    for (unsigned i = 0; i < 6; i++) {
        struct sigv4_form_fields f = i < 4 ? v4 : v2;
        struct view *const parts[] = {&f.algorithm, &f.credential,    &f.date,
                                      &f.signature, &f.v2_access_key, &f.v2_signature};

        *parts[i] = VIEW_EMPTY;
        assert_int_equal(sigv4_form_parse(&f, &s), SIGV4_MALFORMED_FORM);
    }
    struct sigv4_form_fields f = v4;
    f.date = VIEW("20151230T000000Z");
    assert_int_equal(sigv4_form_parse(&f, &s), SIGV4_MALFORMED_FORM);
    f = v4;
    f.algorithm = VIEW("AWS4-HMAC-SHA1");
    assert_int_equal(sigv4_form_parse(&f, &s), SIGV4_MALFORMED_FORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_that_hold_let_the_form_in),
        cmocka_unit_test(conditions_that_do_not_hold_are_told),
        cmocka_unit_test(what_is_no_policy_is_refused),
        cmocka_unit_test(ranges_narrow_each_other),
        cmocka_unit_test(a_policy_ends_with_its_second),
        cmocka_unit_test(too_many_conditions_are_refused),
        cmocka_unit_test(signatures_of_both_versions_verify),
        cmocka_unit_test(half_a_signature_is_none),
    };
    return cmocka_run_group_tests_name("s3_post_policy", tests, NULL, NULL);
}
