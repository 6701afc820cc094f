#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/chunked.h"
#include "auth_help.h"
#include "base/text.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SIGNED ";chunk-signature="

/*
 * Amazon S3 API reference, "Signature Calculations for the Authorization Header: Transferring
 * Payload in Multiple Chunks": 66560 bytes of 'a' in chunks of 64 KiB and 1 KiB.
 */
static const char head[] =
    "PUT /examplebucket/chunkObject.txt\nHost:s3.amazonaws.com\nx-amz-date:20130524T000000Z\n"
    "x-amz-storage-class:REDUCED_REDUNDANCY\n"
    "x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\nContent-Encoding:aws-chunked\n"
    "x-amz-decoded-content-length:66560\nContent-Length:66824\n"
    "Authorization:AWS4-HMAC-SHA256 "
    "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
    "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
    "x-amz-decoded-content-length;x-amz-storage-class,"
    "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
#define SIG_1 "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
#define SIG_2 "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
#define SIG_3 "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"

/* the same, "... (Including Trailing Headers)" */
static const char trailer_head[] =
    "PUT /examplebucket/chunkObject.txt\nHost:s3.amazonaws.com\nx-amz-date:20130524T000000Z\n"
    "x-amz-storage-class:REDUCED_REDUNDANCY\n"
    "x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\nContent-Encoding:aws-chunked"
    "\nx-amz-decoded-content-length:66560\nx-amz-trailer:x-amz-checksum-crc32c\n"
    "Authorization:AWS4-HMAC-SHA256 "
    "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
    "SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;"
    "x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer,"
    "Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
#define TSIG_1 "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"
#define TSIG_2 "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"
#define TSIG_3 "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
#define TSIG_4 "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
#define TRAILER "x-amz-checksum-crc32c:sOO8/Q=="
#define END_SIG "x-amz-trailer-signature:"

static const char unsigned_head[] =
    "PUT /b/k\nHost:h\nx-amz-content-sha256:STREAMING-UNSIGNED-PAYLOAD-TRAILER";

enum { BODY_MAX = 70000 };

struct body {
    uint8_t at[BODY_MAX];
    size_t len;
};

static void add(struct body *b, const char *text)
{
    size_t n = strlen(text);

    assert_true(b->len + n <= BODY_MAX);
    memcpy(b->at + b->len, text, n);
    b->len += n;
}

static void add_a(struct body *b, size_t n)
{
    memset(b->at + b->len, 'a', n);
    b->len += n;
}

static void published(struct body *b, const char *s1, const char *s2, const char *s3)
{
    b->len = 0;
    add(b, "10000" SIGNED);
    add(b, s1);
    add(b, "\r\n");
    add_a(b, 65536);
    add(b, "\r\n400" SIGNED);
    add(b, s2);
    add(b, "\r\n");
    add_a(b, 1024);
    add(b, "\r\n0" SIGNED);
    add(b, s3);
    add(b, "\r\n");
}

/* A decoder that *s signed the head of; the payload it gave is in `got`. */
struct session {
    struct auth_help r;
    struct sigv4 s;
    struct chunked c;
    uint8_t got[BODY_MAX];
    size_t got_len;
};
static struct session session;

static struct session *open_session(const char *text)
{
    static uint8_t bytes[16384];
    struct buf scratch = buf_over(bytes, sizeof bytes);
    struct session *S = &session;
    struct view canonical, to_sign;

    auth_help_read(&S->r, view_str(text), AUTH_HELP_MAY_24);
    assert_int_equal(sigv4_parse(&S->r.q, &S->s), SIGV4_OK);
    if (S->s.form != SIGV4_ANONYMOUS)
        assert_int_equal(
            sigv4_verify(&S->r.q, &S->s, VIEW(SECRET), &scratch, &canonical, &to_sign), SIGV4_OK);
    S->got_len = 0;
    assert_int_equal(chunked_init(&S->c, &S->s), ERR_OK);
    return S;
}

/* Feeds pieces of `step` bytes (0: random ones), each in memory of its own size. */
static enum err feed(struct session *S, const uint8_t *at, size_t len, size_t step)
{
    enum err e = ERR_OK;

    while (len > 0 && !e) {
        size_t n = step ? step : 1 + (size_t)rand() % 3000, payload = SIZE_MAX;
        n = MIN(n, len);
        uint8_t *piece = malloc(n);

        assert_non_null(piece);
        memcpy(piece, at, n);
        e = chunked_decode(&S->c, piece, n, &payload);
        if (!e) {
            assert_true(payload <= n);
            memcpy(S->got + S->got_len, piece, payload);
            S->got_len += payload;
        }
        free(piece);
        at += n;
        len -= n;
    }
    return e;
}

static enum err decode(const char *request, const struct body *b, size_t step)
{
    struct session *S = open_session(request);
    enum err e = feed(S, b->at, b->len, step);

    if (!e)
        assert_int_equal(S->c.payload_bytes, S->got_len);
    chunked_done(&S->c);
    return e;
}

static enum err decode_text(const char *request, const char *text)
{
    static struct body b;

    b.len = 0;
    add(&b, text);
    return decode(request, &b, b.len);
}

static const size_t steps[] = {BODY_MAX, 1, 2, 7, 64, 4096, 0, 0, 0};
static struct body body;

static void the_published_example_decodes_at_any_split(void **state)
{
    published(&body, SIG_1, SIG_2, SIG_3);
    add(&body, "\r\n");
    assert_int_equal(body.len, 66824); /* the Content-Length AWS gives */
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        assert_int_equal(decode(head, &body, steps[i]), ERR_OK);
        assert_true(chunked_is_done(&session.c));
        assert_int_equal(session.got_len, 66560);
        for (size_t k = 0; k < session.got_len; k++)
            assert_int_equal(session.got[k], 'a');
    }
}

static void the_published_trailer_example_decodes_at_any_split(void **state)
{
    published(&body, TSIG_1, TSIG_2, TSIG_3);
    add(&body, TRAILER "\r\n" END_SIG TSIG_4 "\r\n\r\n");
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        assert_int_equal(decode(trailer_head, &body, steps[i]), ERR_OK);
        assert_true(chunked_is_done(&session.c));
        assert_int_equal(session.got_len, 66560);
        assert_int_equal(session.c.trailer_count, 1);
        assert_true(view_is(session.c.trailers[0].name, "x-amz-checksum-crc32c"));
        assert_true(view_is(session.c.trailers[0].value, "sOO8/Q=="));
    }
}

static void the_trailers_of_minio_go_decode(void **state)
{
    published(&body, TSIG_1, TSIG_2, TSIG_3);
    add(&body, TRAILER "\n\r\n" END_SIG TSIG_4 "\r\n\r\n");
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        assert_int_equal(decode(trailer_head, &body, steps[i]), ERR_OK);
        assert_true(chunked_is_done(&session.c));
    }
    assert_int_equal(decode_text(unsigned_head, "1\r\na\r\n0\r\nx:y\n\r\n\r\n"), ERR_OK);
    assert_true(chunked_is_done(&session.c));
    assert_int_equal(decode_text(unsigned_head, "1\r\na\r\n0\r\nx:y\n\r\n\r\n\r\n"), ERR_MALFORMED);
}

static void a_body_is_not_done_before_its_last_byte(void **state)
{
    published(&body, TSIG_1, TSIG_2, TSIG_3);
    add(&body, TRAILER "\r\n" END_SIG TSIG_4 "\r\n\r\n");
    for (size_t cut = 1; cut < 300; cut++) {
        struct session *S = open_session(trailer_head);

        assert_int_equal(feed(S, body.at, body.len - cut, BODY_MAX), ERR_OK);
        assert_false(chunked_is_done(&S->c));
        assert_int_equal(feed(S, body.at + body.len - cut, cut, BODY_MAX), ERR_OK);
        assert_true(chunked_is_done(&S->c));
        chunked_done(&S->c);
    }
}

static void an_altered_signed_body_fails(void **state)
{
    /* where, and what is there in the published body: size, signature, data, CRLF, last chunk */
    static const size_t at[] = {0, 4, 5, 22, 85, 86, 87, 88, 40000, 65623, 65624, 66735, 66820};

    for (size_t i = 0; i < ARRAY_COUNT(at); i++) {
        published(&body, SIG_1, SIG_2, SIG_3);
        add(&body, "\r\n");
        body.at[at[i]] ^= 1;
        enum err e = decode(head, &body, 1000);
        if (!e)
            fail_msg("byte %zu passed", at[i]);
    }
    published(&body, SIG_1, SIG_2, SIG_3);
    add(&body, "\r\n");
    body.at[40000] = 'b';
    assert_int_equal(decode(head, &body, 0), ERR_BAD_SIGNATURE);
    published(&body, SIG_2, SIG_1, SIG_3);
    assert_int_equal(decode(head, &body, 0), ERR_BAD_SIGNATURE);
    published(&body, SIG_1, SIG_2, SIG_2);
    assert_int_equal(decode(head, &body, 0), ERR_BAD_SIGNATURE);
}

static void a_missing_or_altered_trailer_signature_fails(void **state)
{
    static const struct {
        const char *tail;
        enum err err;
    } cases[] = {
        {"x-amz-checksum-crc32c:sOO8/A==\r\n" END_SIG TSIG_4 "\r\n\r\n", ERR_BAD_SIGNATURE},
        {TRAILER "\r\n" END_SIG TSIG_3 "\r\n\r\n", ERR_BAD_SIGNATURE},
        {END_SIG TSIG_4 "\r\n\r\n", ERR_BAD_SIGNATURE},
        {TRAILER "\r\nx:y\r\n" END_SIG TSIG_4 "\r\n\r\n", ERR_BAD_SIGNATURE},
        {TRAILER "\r\n\r\n\r\n", ERR_MALFORMED},
        {TRAILER "\r\n\r\nx:y\r\n" END_SIG TSIG_4 "\r\n\r\n", ERR_MALFORMED},
        {TRAILER "\r\n" END_SIG TSIG_4 "\r\nx:y\r\n\r\n", ERR_MALFORMED},
        {TRAILER "\r\n" END_SIG TSIG_4 "\r\n" END_SIG TSIG_4 "\r\n\r\n", ERR_MALFORMED},
        {TRAILER "\r\n" END_SIG "00\r\n\r\n", ERR_MALFORMED},
        {TRAILER "\r\n" END_SIG TSIG_4 "\r\n\r\nmore", ERR_MALFORMED},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        published(&body, TSIG_1, TSIG_2, TSIG_3);
        add(&body, cases[i].tail);
        assert_int_equal(decode(trailer_head, &body, 0), cases[i].err);
    }
    published(&body, TSIG_1, TSIG_2, TSIG_3);
    add(&body, TRAILER "\r\n\r\n");
    assert_int_equal(decode(trailer_head, &body, 0), ERR_OK);
    assert_false(chunked_is_done(&session.c));
}

static void unsigned_bodies_decode(void **state)
{
    static const struct {
        const char *text, *payload;
        unsigned trailers;
    } cases[] = {
        {"0\r\n\r\n", "", 0},
        {"3\r\nabc\r\n0\r\n\r\n", "abc", 0},
        {"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", 0},
        {"00003\r\nabc\r\n0\r\nX-Amz-Checksum-CRC32: AAAAAA== \r\nb:\r\n\r\n", "abc", 2},
        {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        for (size_t step = 1; step < 40; step++) {
            body.len = 0;
            add(&body, cases[i].text);
            assert_int_equal(decode(unsigned_head, &body, step), ERR_OK);
            assert_true(chunked_is_done(&session.c));
            assert_true(view_is(view_of(session.got, session.got_len), cases[i].payload));
            assert_int_equal(session.c.trailer_count, cases[i].trailers);
            if (cases[i].trailers == 2) {
                assert_true(view_is(session.c.trailers[0].name, "x-amz-checksum-crc32"));
                assert_true(view_is(session.c.trailers[0].value, "AAAAAA=="));
                assert_true(view_is(session.c.trailers[1].value, ""));
            }
        }
}

static void malformed_framing_is_refused_at_any_split(void **state)
{
    static const char *const texts[] = {
        "\r\n",
        "g\r\n",
        " 1\r\na\r\n",
        "1 \r\na\r\n",
        "+1\r\na\r\n",
        "0x1\r\na\r\n",
        "-1\r\n",
        "1\na\r\n0\r\n\r\n",
        "1;chunk-signature=00\r\na\r\n0\r\n\r\n",
        "1;\r\na\r\n0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\na\rx",
        "1\r\na0\r\n\r\n",
        "1\r\r\na",
        "8000000000000000\r\n",
        "10000000000000000\r\n",
        "ffffffffffffffff\r\n",
        "1\r\na\r\n7fffffffffffffff\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\n:value\r\n\r\n",
        "0\r\nna me:value\r\n\r\n",
        "0\r\nname :value\r\n\r\n",
        "0\r\na:b\rc\r\n\r\n",
        "0\r\nx-amz-trailer-signature:00\r\n\r\n",
        "0\r\n\r\nx",
        "0\r\n\r\n\n",
        "0\r\n\r\n\r\n\r\n",
    };

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        for (size_t step = 1; step < 40; step++) {
            body.len = 0;
            add(&body, texts[i]);
            if (decode(unsigned_head, &body, step) != ERR_MALFORMED)
                fail_msg("%s at %zu", texts[i], step);
        }
    assert_int_equal(decode_text(head, "1\r\na\r\n"), ERR_MALFORMED);
    assert_int_equal(decode_text(head, "1;chunk-signature=" SIG_1 "0\r\n"), ERR_MALFORMED);
    assert_int_equal(decode_text(head, "1;chunk-sig=" SIG_1 "\r\n"), ERR_MALFORMED);
    assert_int_equal(decode_text(head, "1; chunk-signature=" SIG_1 "\r\n"), ERR_MALFORMED);
}

static void overlong_lines_and_trailers_are_refused(void **state)
{
    char text[4096] = "0\r\n";

    for (size_t step = 1; step < 3000; step = step * 3 + 1) {
        body.len = 0;
        for (int i = 0; i < 1025; i++)
            add(&body, "0");
        assert_int_equal(decode(unsigned_head, &body, step), ERR_TOO_LARGE);
    }
    for (int i = 0; i < 9; i++)
        strcat(text, "a:b\r\n");
    assert_int_equal(decode_text(unsigned_head, text), ERR_TOO_LARGE);

    strcpy(text, "0\r\n");
    for (int i = 0; i < 3; i++) {
        strcat(text, "a:");
        memset(text + strlen(text), 'v', 900); /* the rest of text is zero */
        strcat(text, "\r\n");
    }
    assert_int_equal(decode_text(unsigned_head, text), ERR_TOO_LARGE);
}

static void after_an_error_every_call_repeats_it(void **state)
{
    struct session *S = open_session(unsigned_head);
    uint8_t good[] = "0\r\n\r\n";
    size_t payload = 77;

    assert_int_equal(feed(S, (const uint8_t *)"zz\r\n", 4, 4), ERR_MALFORMED);
    assert_int_equal(chunked_decode(&S->c, good, 5, &payload), ERR_MALFORMED);
    assert_int_equal(chunked_decode(&S->c, good, 0, &payload), ERR_MALFORMED);
    assert_int_equal(payload, 77);
    assert_false(chunked_is_done(&S->c));
    chunked_done(&S->c);
}

static void only_streaming_forms_are_taken(void **state)
{
    struct sigv4 s = {.form = SIGV4_HEADER, .payload = SIGV4_PAYLOAD_SHA256};
    static struct chunked c;

    assert_int_equal(chunked_init(&c, &s), ERR_INVALID);
    chunked_done(&c);
    s.payload = SIGV4_PAYLOAD_STREAMING;
    s.form = SIGV4_ANONYMOUS;
    assert_int_equal(chunked_init(&c, &s), ERR_INVALID);
    chunked_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_example_decodes_at_any_split),
        cmocka_unit_test(the_published_trailer_example_decodes_at_any_split),
        cmocka_unit_test(the_trailers_of_minio_go_decode),
        cmocka_unit_test(a_body_is_not_done_before_its_last_byte),
        cmocka_unit_test(an_altered_signed_body_fails),
        cmocka_unit_test(a_missing_or_altered_trailer_signature_fails),
        cmocka_unit_test(unsigned_bodies_decode),
        cmocka_unit_test(malformed_framing_is_refused_at_any_split),
        cmocka_unit_test(overlong_lines_and_trailers_are_refused),
        cmocka_unit_test(after_an_error_every_call_repeats_it),
        cmocka_unit_test(only_streaming_forms_are_taken),
    };
    return cmocka_run_group_tests_name("chunked", tests, NULL, NULL);
}
