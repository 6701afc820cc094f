#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/sigv4.h"
#include "auth_help.h"
#include "base/text.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define NO_BYTES "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SCOPE "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
#define HOST "Host: examplebucket.s3.amazonaws.com\n"
#define DATE "x-amz-date:20130524T000000Z\n"
#define AUTH "Authorization: AWS4-HMAC-SHA256 Credential=" SCOPE

static uint8_t scratch_bytes[65536];

struct outcome {
    struct auth_help r;
    struct sigv4 s;
    struct view canonical, to_sign;
    char text[4096];
};

static enum sigv4_verdict parse_at(struct outcome *o, const char *text, int64_t now_ms)
{
    assert_true(strlen(text) < sizeof o->text);
    strcpy(o->text, text);
    auth_help_read(&o->r, view_str(o->text), now_ms);
    return sigv4_parse(&o->r.q, &o->s);
}

static enum sigv4_verdict parse(struct outcome *o, const char *text)
{
    return parse_at(o, text, AUTH_HELP_MAY_24);
}

static enum sigv4_verdict verify_with(struct outcome *o, const char *secret)
{
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);

    return sigv4_verify(&o->r.q, &o->s, view_str(secret), &scratch, &o->canonical, &o->to_sign);
}

static enum sigv4_verdict check(struct outcome *o, const char *text)
{
    enum sigv4_verdict verdict = parse(o, text);

    return verdict ? verdict : verify_with(o, SECRET);
}

/* Amazon S3 API reference, "Signature Calculations for the Authorization Header: Transferring
 * Payload in a Single Chunk", the four examples */
static const char get_object[] = "GET /test.txt\n" HOST "Range:bytes=0-9\n"
                                 "x-amz-content-sha256:" NO_BYTES "\n" DATE AUTH
                                 ",SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
                                 "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c"
                                 "6036bdb41";
static const char put_object[] =
    "PUT /test$file.text\n" HOST "Date: Fri, 24 May 2013 00:00:00 GMT\n" DATE
    "x-amz-storage-class:REDUCED_REDUNDANCY\n"
    "x-amz-content-sha256:44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n" AUTH
    ",SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
    "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd";
static const char get_lifecycle[] =
    "GET /?lifecycle\n" HOST DATE "x-amz-content-sha256:" NO_BYTES "\n" AUTH
    ",SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
    "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
static const char list_objects[] =
    "GET /?max-keys=2&prefix=J\n" HOST DATE "x-amz-content-sha256:" NO_BYTES "\n" AUTH
    ",SignedHeaders=host;x-amz-content-sha256;x-amz-date,"
    "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
/* the same chapter, "Authenticating Requests: Using Query Parameters" */
static const char presigned[] =
    "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
    "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
    "&X-Amz-SignedHeaders=host&X-Amz-Signature="
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404\n" HOST;

static void the_published_examples_verify(void **state)
{
    static const char *const examples[] = {
        get_object, put_object, get_lifecycle, list_objects, presigned};
    struct outcome o;

    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        if (check(&o, examples[i]) != SIGV4_OK)
            fail_msg("example %zu:\n%.*s", i, VIEW_FMT(o.canonical));
        assert_true(view_is(o.s.access_key, "AKIAIOSFODNN7EXAMPLE"));
        assert_true(view_is(o.s.scope, "20130524/us-east-1/s3/aws4_request"));
        assert_true(view_is(o.s.region, "us-east-1"));
        assert_string_equal(o.s.amz_date, "20130524T000000Z");
        assert_int_equal(verify_with(&o, SECRET "x"), SIGV4_MISMATCH);
        assert_int_equal(verify_with(&o, ""), SIGV4_MISMATCH);
    }
}

static void parsing_tells_form_and_payload(void **state)
{
    struct outcome o;

    assert_int_equal(parse(&o, get_object), SIGV4_OK);
    assert_int_equal(o.s.form, SIGV4_HEADER);
    assert_int_equal(o.s.payload, SIGV4_PAYLOAD_SHA256);
    assert_int_equal(o.s.payload_sha256[0], 0xe3);
    assert_int_equal(o.s.payload_sha256[31], 0x55);
    assert_int_equal(parse(&o, presigned), SIGV4_OK);
    assert_int_equal(o.s.form, SIGV4_PRESIGNED);
    assert_int_equal(o.s.payload, SIGV4_PAYLOAD_NONE_GIVEN);
    assert_int_equal(o.s.expires_s, 86400);
    assert_int_equal(parse(&o, "GET /\nHost:h"), SIGV4_OK);
    assert_int_equal(o.s.form, SIGV4_ANONYMOUS);
    assert_int_equal(parse(&o, "GET /\nHost:h\nAuthorization:\n"), SIGV4_OK);
    assert_int_equal(o.s.form, SIGV4_ANONYMOUS);
}

static void every_payload_form_is_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum sigv4_verdict verdict;
        enum sigv4_payload payload;
    } cases[] = {
        {"UNSIGNED-PAYLOAD", SIGV4_OK, SIGV4_PAYLOAD_UNSIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", SIGV4_OK, SIGV4_PAYLOAD_STREAMING},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", SIGV4_OK, SIGV4_PAYLOAD_STREAMING_TRAILER},
        {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", SIGV4_OK, SIGV4_PAYLOAD_UNSIGNED_TRAILER},
        {NO_BYTES, SIGV4_OK, SIGV4_PAYLOAD_SHA256},
        {NO_BYTES "00", SIGV4_BAD_PAYLOAD_HASH, 0},
        {"e3b0", SIGV4_BAD_PAYLOAD_HASH, 0},
        {"", SIGV4_BAD_PAYLOAD_HASH, 0},
        {"unsigned-payload", SIGV4_BAD_PAYLOAD_HASH, 0},
        {"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", SIGV4_BAD_PAYLOAD_HASH, 0},
    };
    struct outcome o;
    char text[1024];

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(
            text, sizeof text,
            "PUT /\n" HOST DATE "x-amz-content-sha256: %s\n" AUTH
            ",SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=00",
            cases[i].text);
        assert_int_equal(parse(&o, text), cases[i].verdict);
        if (cases[i].verdict == SIGV4_OK)
            assert_int_equal(o.s.payload, cases[i].payload);
    }
}

static void a_signed_request_must_say_its_payload_hash(void **state)
{
    struct outcome o;

    assert_int_equal(
        parse(&o, "PUT /\n" HOST DATE AUTH ",SignedHeaders=host;x-amz-date,Signature=00"),
        SIGV4_NO_PAYLOAD_HASH);
}

static void an_anonymous_chain_of_signatures_is_refused(void **state)
{
    struct outcome o;

    assert_int_equal(
        parse(&o, "PUT /\nx-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n"),
        SIGV4_BAD_PAYLOAD_HASH);
    assert_int_equal(
        parse(&o, "PUT /\nx-amz-content-sha256:STREAMING-UNSIGNED-PAYLOAD-TRAILER\n"), SIGV4_OK);
    assert_int_equal(o.s.payload, SIGV4_PAYLOAD_UNSIGNED_TRAILER);
}

/* Replaces the first `from` in text. */
static const char *altered(const char *text, const char *from, const char *to)
{
    static char out[4096];
    const char *at = strstr(text, from);

    assert_non_null(at);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

static void any_altered_part_is_a_mismatch(void **state)
{
    static const char *const changes[][2] = {
        {"GET", "PUT"},
        {"/test.txt", "/test.tx"},
        {"/test.txt", "/Test.txt"},
        {"/test.txt", "//test.txt"},
        {"/test.txt", "/./test.txt"},
        {"0-9", "0-8"},
        {"0-9", "0- 9"},
        {"Signature=f", "Signature=e"},
        {"Signature=f", "Signature="},
        {"b41", "b4"},
        {"b41", "B41"},
        {"us-east-1", "us-east-2"},
        {"/test.txt", "/test.txt?a"},
        {"Host: e", "Host: f"},
        {"Range", "Renge"},
        {"e3b0", "e3b1"},
    };
    struct outcome o;

    for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
        if (check(&o, altered(get_object, changes[i][0], changes[i][1])) != SIGV4_MISMATCH)
            fail_msg("%s -> %s passed", changes[i][0], changes[i][1]);
    assert_int_equal(check(&o, altered(presigned, "86400", "86401")), SIGV4_MISMATCH);
    assert_int_equal(check(&o, altered(presigned, "&X-Amz-Exp", "&a=b&X-Amz-Exp")), SIGV4_MISMATCH);
    assert_int_equal(check(&o, altered(presigned, "Host: e", "Host: g")), SIGV4_MISMATCH);
}

static void equal_requests_in_other_words_verify(void **state)
{
    static const char *const changes[][2] = {
        {"/test.txt", "/t%65st.txt"},
        {"Range:bytes", "Range: \tbytes"},
        {"0-9", "0-9 \t"},
        {"Range", "RANGE"},
        {",SignedHeaders", " ,\tSignedHeaders"},
        {"AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256   "},
        {"\nx-amz-date", "\nX-Amz-Date"},
    };
    struct outcome o;

    for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
        if (check(&o, altered(get_object, changes[i][0], changes[i][1])) != SIGV4_OK)
            fail_msg("%s -> %s failed", changes[i][0], changes[i][1]);
    assert_int_equal(check(&o, altered(put_object, "$", "%24")), SIGV4_OK);
    assert_int_equal(
        check(&o, altered(list_objects, "max-keys=2&prefix=J", "prefix=%4a&max-keys=2")), SIGV4_OK);
    assert_int_equal(check(&o, altered(list_objects, "max-keys=2&", "&max-keys=2&&")), SIGV4_OK);
    assert_int_equal(check(&o, altered(get_lifecycle, "lifecycle", "lifecycle=")), SIGV4_OK);
}

static void malformed_authorizations_are_told(void **state)
{
    static const struct {
        const char *value;
        enum sigv4_verdict verdict;
    } cases[] = {
        {"AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", SIGV4_UNSUPPORTED},
        {"Basic Zm9vOmJhcg==", SIGV4_UNSUPPORTED},
        {"AWS4-HMAC-SHA2567 Credential=" SCOPE, SIGV4_UNSUPPORTED},
        {"AWS4-ECDSA-P256-SHA256 Credential=" SCOPE, SIGV4_UNSUPPORTED},
        {"AWS4-HMAC-SHA256", SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 HAHAHA", SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host", SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",Signature=00", SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 SignedHeaders=host,Signature=00", SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host,Signature=",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=,Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host;,Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=;host,Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=Host;x-amz-date,Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host,Signature=00,Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host,Signature=00,More=1",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=/20130524/us-east-1/s3/aws4_request,SignedHeaders=host,"
         "Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=A/2013052/us-east-1/s3/aws4_request,SignedHeaders=host,"
         "Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=A/20130524//s3/aws4_request,SignedHeaders=host,Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=A/20130524/us-east-1/iam/aws4_request,SignedHeaders=host,"
         "Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=A/20130524/us-east-1/s3/aws3,SignedHeaders=host,Signature=00",
         SIGV4_MALFORMED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=A/s3/aws4_request,SignedHeaders=host,Signature=00",
         SIGV4_MALFORMED_HEADER},
        /* another day than x-amz-date's */
        {"AWS4-HMAC-SHA256 Credential=A/20130525/us-east-1/s3/aws4_request,SignedHeaders=host,"
         "Signature=00",
         SIGV4_MALFORMED_HEADER},
        /* not wrong in itself: what is missing is that x-amz-date is signed */
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=host,Signature=00",
         SIGV4_UNSIGNED_HEADER},
        {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=x-amz-date,Signature=00",
         SIGV4_UNSIGNED_HEADER},
        /* a key with slashes is one */
        {"AWS4-HMAC-SHA256 Credential=a/b/20130524/us-east-1/s3/aws4_request,"
         "SignedHeaders=host;x-amz-date,Signature=00",
         SIGV4_NO_PAYLOAD_HASH},
    };
    struct outcome o;
    char text[1024];

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        snprintf(text, sizeof text, "GET /\n" HOST DATE "Authorization: %s", cases[i].value);
        if (parse(&o, text) != cases[i].verdict)
            fail_msg("%s", cases[i].value);
    }
    assert_true(view_is(o.s.access_key, "a/b"));
    snprintf(text, sizeof text, "%s\nAuthorization: AWS4-HMAC-SHA256 x=y", get_object);
    assert_int_equal(parse(&o, text), SIGV4_MALFORMED_HEADER);
}

static void malformed_queries_are_told(void **state)
{
    static const char *const changes[][2] = {
        {"X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-HMAC-SHA1"},
        {"X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm"},
        {"&X-Amz-Expires=86400", ""},
        {"X-Amz-Expires=86400", "X-Amz-Expires=-"},
        {"X-Amz-Expires=86400", "X-Amz-Expires=--1"},
        {"X-Amz-Expires=86400", "X-Amz-Expires=604801"},
        {"X-Amz-Expires=86400", "X-Amz-Expires=1h"},
        {"X-Amz-Expires=86400", "X-Amz-Expires=99999999999999999999"},
        {"X-Amz-Expires=86400", "X-Amz-Expires=86400&X-Amz-Expires=86400"},
        {"&X-Amz-SignedHeaders=host", ""},
        {"X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders="},
        {"X-Amz-Date=20130524T000000Z", "X-Amz-Date=20130524"},
        {"X-Amz-Date=20130524T000000Z", "X-Amz-Date=20130525T000000Z"},
        {"%2F20130524", "%2G20130524"},
        {"%2Fs3", "%2Fec2"},
        {"%2Faws4_request", ""},
        {"&X-Amz-Signature=", "&X-Amz-Signatur="},
        {"AKIAIOSFODNN7EXAMPLE%2F", "%2F"},
    };
    struct outcome o;

    for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
        if (parse(&o, altered(presigned, changes[i][0], changes[i][1])) != SIGV4_MALFORMED_QUERY)
            fail_msg("%s -> %s", changes[i][0], changes[i][1]);
    assert_int_equal(
        parse(&o, altered(presigned, "SignedHeaders=host", "SignedHeaders=range")),
        SIGV4_UNSIGNED_HEADER);
    assert_int_equal(
        parse(&o, "GET /?AWSAccessKeyId=a&Signature=b&Expires=1\n"), SIGV4_UNSUPPORTED);
}

static void overlong_credentials_in_a_query_are_refused(void **state)
{
    struct outcome o;
    char key[2200];

    memset(key, 'A', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    assert_int_equal(
        parse(&o, altered(presigned, "AKIAIOSFODNN7EXAMPLE", key)), SIGV4_MALFORMED_QUERY);
}

static void header_and_query_at_once_are_refused(void **state)
{
    struct outcome o;
    char text[2048];

    snprintf(text, sizeof text, "%s" DATE AUTH ",SignedHeaders=host,Signature=00", presigned);
    assert_int_equal(parse(&o, text), SIGV4_BOTH);
}

static void clocks_may_differ_by_a_quarter_of_an_hour(void **state)
{
    struct outcome o;

    assert_int_equal(parse_at(&o, get_object, AUTH_HELP_MAY_24 + 900000), SIGV4_OK);
    assert_int_equal(parse_at(&o, get_object, AUTH_HELP_MAY_24 - 900000), SIGV4_OK);
    assert_int_equal(parse_at(&o, get_object, AUTH_HELP_MAY_24 + 900001), SIGV4_SKEWED);
    assert_int_equal(parse_at(&o, get_object, AUTH_HELP_MAY_24 - 900001), SIGV4_SKEWED);
}

static void a_presigned_url_has_its_lifetime(void **state)
{
    struct outcome o;

    assert_int_equal(parse_at(&o, presigned, AUTH_HELP_MAY_24 + 86400000), SIGV4_OK);
    assert_int_equal(parse_at(&o, presigned, AUTH_HELP_MAY_24 + 86400001), SIGV4_EXPIRED);
    assert_int_equal(parse(&o, altered(presigned, "Expires=86400", "Expires=0")), SIGV4_EXPIRED);
    assert_int_equal(parse(&o, altered(presigned, "Expires=86400", "Expires=-7")), SIGV4_EXPIRED);
    assert_int_equal(parse_at(&o, presigned, AUTH_HELP_MAY_24 - 900000), SIGV4_OK);
    assert_int_equal(parse_at(&o, presigned, AUTH_HELP_MAY_24 - 900001), SIGV4_NOT_YET);
}

static void a_date_is_needed(void **state)
{
    struct outcome o;

    assert_int_equal(parse(&o, altered(get_object, DATE, "")), SIGV4_NO_DATE);
    assert_int_equal(parse(&o, altered(get_object, "20130524T0", "20130524 0")), SIGV4_NO_DATE);
    /* the bad x-amz-date is not covered up by the good Date */
    assert_int_equal(parse(&o, altered(put_object, "20130524T0", "T0")), SIGV4_NO_DATE);
}

static void without_x_amz_date_the_date_header_counts(void **state)
{
    struct outcome o;

    assert_int_equal(
        parse(
            &o, "GET /\n" HOST "Date: Fri, 24 May 2013 00:01:02 GMT\n" AUTH
                ",SignedHeaders=date;host,Signature=00"),
        SIGV4_NO_PAYLOAD_HASH); /* the last thing that is looked at */
    assert_string_equal(o.s.amz_date, "20130524T000102Z");
    assert_int_equal(
        parse(
            &o, "GET /\n" HOST "Date: Fri, 24 May 2013 00:01:02 -0000\n" AUTH
                ",SignedHeaders=date;host,Signature=00"),
        SIGV4_NO_PAYLOAD_HASH);
    assert_int_equal(o.s.date_ms, AUTH_HELP_MAY_24 + 62000);
}

static void every_amz_header_must_be_signed(void **state)
{
    struct outcome o;
    char text[2048];

    snprintf(text, sizeof text, "%s\nX-AMZ-Acl: public-read", get_object);
    assert_int_equal(parse(&o, text), SIGV4_UNSIGNED_HEADER);
    snprintf(text, sizeof text, "%sx-amz-acl: public-read\n", presigned);
    assert_int_equal(parse(&o, text), SIGV4_UNSIGNED_HEADER);
    snprintf(text, sizeof text, "%sx-amzn-trace-id: 1\n", presigned);
    assert_int_equal(parse(&o, text), SIGV4_OK);
}

/* ---- signing, and what it must mean to the verifier ---- */

static struct sigv4_signing signing_now(void)
{
    return (struct sigv4_signing){
        VIEW("AKIAIOSFODNN7EXAMPLE"), VIEW(SECRET), VIEW("us-east-1"), VIEW(NO_BYTES),
        AUTH_HELP_MAY_24};
}

static void signing_gives_the_published_authorization(void **state)
{
    struct sigv4_signing with = signing_now();
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    uint8_t text[512];
    struct buf b = buf_over(text, sizeof text);
    struct auth_help r;

    /* in another order than the canonical one */
    auth_help_read(
        &r,
        VIEW("GET /test.txt\nX-Amz-Date:20130524T000000Z\nx-amz-content-sha256:" NO_BYTES
             "\nRange:bytes=0-9\n" HOST),
        0);
    assert_int_equal(sigv4_sign(&r.q, &with, &scratch, &b), ERR_OK);
    buf_put_byte(&b, 0);
    assert_string_equal(
        text, "AWS4-HMAC-SHA256 Credential=" SCOPE
              ", SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature="
              "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void presigning_gives_the_published_query(void **state)
{
    struct sigv4_signing with = signing_now();
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    uint8_t text[1024];
    struct buf b = buf_over(text, sizeof text);
    struct auth_help r;

    auth_help_read(&r, VIEW("GET /test.txt\n" HOST), 0);
    assert_int_equal(sigv4_presign(&r.q, &with, 86400, &scratch, &b), ERR_OK);
    buf_put_byte(&b, 0);
    assert_non_null(strstr(presigned, (char *)text));
    assert_int_equal(sigv4_presign(&r.q, &with, 0, &scratch, &b), ERR_INVALID);
    assert_int_equal(sigv4_presign(&r.q, &with, 604801, &scratch, &b), ERR_INVALID);
}

static void a_full_buffer_is_an_error_not_a_short_signature(void **state)
{
    struct sigv4_signing with = signing_now();
    uint8_t small[64], text[512];
    struct buf scratch = buf_over(small, sizeof small), b = buf_over(text, sizeof text);
    struct auth_help r;

    auth_help_read(&r, VIEW("GET /test.txt\n" HOST DATE), 0);
    assert_int_equal(sigv4_sign(&r.q, &with, &scratch, &b), ERR_TOO_LARGE);
    scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    b = buf_over(text, 150);
    assert_int_equal(sigv4_sign(&r.q, &with, &scratch, &b), ERR_TOO_LARGE);
}

static void odd_requests_survive_the_round_trip(void **state)
{
    static const char *const heads[] = {
        "GET /\n",
        "GET \n",
        "GET /a%2Fb/%E2%82%AC%20x+y~z//..?prefix=a%20b%2Fc&delimiter=%2F&list-type=2\n",
        "DELETE /b/k?versionId=&a&a=&a=2&a=1&B=0&%41=x\n",
        "PUT /b/k%zz%?x=%&y=%4\nx-amz-meta-b:  two   blanks\t tab \nx-amz-meta-b:second\n",
        "POST /b?delete\nx-amz-meta-empty:\nContent-Type: text/plain;  charset=utf-8\n",
    };
    struct sigv4_signing with = signing_now();

    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
        uint8_t text[1024];
        struct buf b = buf_over(text, sizeof text);
        struct outcome o;
        char head[1024];

        snprintf(head, sizeof head, "%s" HOST DATE "x-amz-content-sha256:" NO_BYTES, heads[i]);
        auth_help_read(&o.r, view_str(head), AUTH_HELP_MAY_24);
        assert_int_equal(sigv4_sign(&o.r.q, &with, &scratch, &b), ERR_OK);
        auth_help_add(&o.r, "Authorization", buf_view(&b));
        assert_int_equal(sigv4_parse(&o.r.q, &o.s), SIGV4_OK);
        assert_int_equal(verify_with(&o, SECRET), SIGV4_OK);
        assert_int_equal(verify_with(&o, "another"), SIGV4_MISMATCH);
    }
}

static void too_many_parameters_are_refused(void **state)
{
    struct outcome o;
    char text[4096] = "GET /?";

    for (int i = 0; i < 200; i++)
        strcat(text, "a=1&");
    strcat(text, strchr(presigned, '?') + 1);
    assert_int_equal(parse(&o, text), SIGV4_OK);
    assert_int_equal(verify_with(&o, SECRET), SIGV4_MALFORMED_QUERY);
}

static void overlong_secrets_verify_and_sign_nothing(void **state)
{
    static char secret[SIGV4_SECRET_BYTES_MAX + 2];
    struct sigv4_signing with = signing_now();
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    struct outcome o;

    memset(secret, 's', sizeof secret - 1);
    assert_int_equal(parse(&o, get_object), SIGV4_OK);
    assert_int_equal(verify_with(&o, secret), SIGV4_MISMATCH);
    with.secret = view_str(secret);
    assert_int_equal(sigv4_sign(&o.r.q, &with, &scratch, &scratch), ERR_INVALID);
}

static void a_crowded_key_cache_still_gives_right_keys(void **state)
{
    struct outcome o;
    char secret[SIGV4_SECRET_BYTES_MAX];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++) {
            /* some of them too long for an entry */
            memset(secret, 'x', sizeof secret);
            secret[i % 2 ? 200 : 20] = '\0';
            secret[0] = (char)('0' + i);
            assert_int_equal(parse(&o, get_object), SIGV4_OK);
            assert_int_equal(verify_with(&o, secret), SIGV4_MISMATCH);
        }
        assert_int_equal(check(&o, get_object), SIGV4_OK);
        assert_int_equal(check(&o, presigned), SIGV4_OK);
    }
}

static void *verify_much(void *failed)
{
    uint8_t bytes[8192];
    struct outcome o;

    for (int i = 0; i < 100; i++) {
        struct buf scratch = buf_over(bytes, sizeof bytes);
        struct view secret = i % 3 ? VIEW(SECRET) : VIEW("another");
        const char *text = i % 2 ? get_object : presigned;

        auth_help_read(&o.r, view_str(text), AUTH_HELP_MAY_24);
        if (sigv4_parse(&o.r.q, &o.s) != SIGV4_OK ||
            sigv4_verify(&o.r.q, &o.s, secret, &scratch, &o.canonical, &o.to_sign) !=
                (i % 3 ? SIGV4_OK : SIGV4_MISMATCH))
            return failed;
    }
    return NULL;
}

/* run under the thread sanitizer: nothing of the key caches is shared */
static void threads_verify_side_by_side(void **state)
{
    static char failed[] = "failed";
    pthread_t thread[4];

    for (size_t i = 0; i < ARRAY_COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, verify_much, failed), 0);
    for (size_t i = 0; i < ARRAY_COUNT(thread); i++) {
        void *result;

        assert_int_equal(pthread_join(thread[i], &result), 0);
        assert_null(result);
    }
}

#include "sigv4_vectors.h"

/* made by tests/help/make_sigv4_vectors.py with botocore, two versions */
static void what_botocore_signs_verifies(void **state)
{
    for (size_t i = 0; i < ARRAY_COUNT(vectors); i++) {
        struct outcome o;

        if (parse_at(&o, vectors[i], VECTORS_NOW_MS) || verify_with(&o, SECRET))
            fail_msg("vector %zu: %s\n%.*s", i, vectors[i], VIEW_FMT(o.canonical));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_examples_verify),
        cmocka_unit_test(parsing_tells_form_and_payload),
        cmocka_unit_test(every_payload_form_is_told_apart),
        cmocka_unit_test(a_signed_request_must_say_its_payload_hash),
        cmocka_unit_test(an_anonymous_chain_of_signatures_is_refused),
        cmocka_unit_test(any_altered_part_is_a_mismatch),
        cmocka_unit_test(equal_requests_in_other_words_verify),
        cmocka_unit_test(malformed_authorizations_are_told),
        cmocka_unit_test(malformed_queries_are_told),
        cmocka_unit_test(overlong_credentials_in_a_query_are_refused),
        cmocka_unit_test(header_and_query_at_once_are_refused),
        cmocka_unit_test(clocks_may_differ_by_a_quarter_of_an_hour),
        cmocka_unit_test(a_presigned_url_has_its_lifetime),
        cmocka_unit_test(a_date_is_needed),
        cmocka_unit_test(without_x_amz_date_the_date_header_counts),
        cmocka_unit_test(every_amz_header_must_be_signed),
        cmocka_unit_test(signing_gives_the_published_authorization),
        cmocka_unit_test(presigning_gives_the_published_query),
        cmocka_unit_test(a_full_buffer_is_an_error_not_a_short_signature),
        cmocka_unit_test(odd_requests_survive_the_round_trip),
        cmocka_unit_test(too_many_parameters_are_refused),
        cmocka_unit_test(overlong_secrets_verify_and_sign_nothing),
        cmocka_unit_test(a_crowded_key_cache_still_gives_right_keys),
        cmocka_unit_test(threads_verify_side_by_side),
        cmocka_unit_test(what_botocore_signs_verifies),
    };
    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
