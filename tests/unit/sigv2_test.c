/* Signature Version 2 against AWS's published examples, and against signatures computed with
 * Python's hmac module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/sigv2.h"
#include "auth_help.h"
#include "base/text.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define KEY "AKIAIOSFODNN7EXAMPLE"
#define AUTH "Authorization: AWS " KEY ":"
#define DATE "Date: Tue, 27 Mar 2007 19:36:42 GMT\n"
#define AMZ_DATE "x-amz-date: Tue, 27 Mar 2007 19:36:42 GMT\n"
#define QUERY "AWSAccessKeyId=" KEY "&Expires=1175139620&Signature="
#define MARCH_27 1175024202000 /* 2007-03-27T19:36:42Z */

struct outcome {
    struct auth_help r;
    struct sigv4 s;
    struct view to_sign;
    char text[4096];
};

static uint8_t scratch_bytes[65536];

static enum sigv4_verdict parse_at(struct outcome *o, const char *text, int64_t now_ms)
{
    assert_true(strlen(text) < sizeof o->text);
    strcpy(o->text, text);
    auth_help_read(&o->r, view_str(o->text), now_ms);
    assert_true(sigv2_is(&o->r.q));
    return sigv2_parse(&o->r.q, &o->s);
}

static enum sigv4_verdict
check_at(struct outcome *o, const char *text, const char *host_bucket, int64_t now_ms)
{
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    enum sigv4_verdict verdict = parse_at(o, text, now_ms);

    if (verdict)
        return verdict;
    return sigv2_verify(&o->r.q, &o->s, view_str(host_bucket), VIEW(SECRET), &scratch, &o->to_sign);
}

static enum sigv4_verdict check(struct outcome *o, const char *text)
{
    return check_at(o, text, "", MARCH_27);
}

/* Amazon S3 user guide, "Signing and authenticating REST requests", its examples. */
static void published_requests_verify(void **state)
{
    static const struct {
        const char *text, *host_bucket;
    } cases[] = {
        {"GET /photos/puppy.jpg\nDate: Tue, 27 Mar 2007 19:36:42 +0000\n" AUTH
         "bWq2s1WEIj+Ydj0vQ697zp+IXMU=",
         "johnsmith"},
        {"PUT /photos/puppy.jpg\nContent-Type: image/jpeg\nContent-Length: 94328\n"
         "Date: Tue, 27 Mar 2007 21:15:45 +0000\n" AUTH "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
         "johnsmith"},
        {"GET /?prefix=photos&max-keys=50&marker=puppy\nUser-Agent: Mozilla/5.0\n"
         "Date: Tue, 27 Mar 2007 19:42:41 +0000\n" AUTH "htDYFYduRNen8P9ZfE/s9SuKy0U=",
         "johnsmith"},
        {"GET /?acl\nDate: Tue, 27 Mar 2007 19:44:46 +0000\n" AUTH "c2WLPFtWHVgbEmeEG93a4cG37dM=",
         "johnsmith"},
        {"PUT /db-backup.dat.gz\nUser-Agent: curl/7.15.5\nHost: static.johnsmith.net:8080\n"
         "Date: Tue, 27 Mar 2007 21:06:08 +0000\nx-amz-acl: public-read\n"
         "content-type: application/x-download\nContent-MD5: 4gJE4saaMU4BqNR0kLY+lw==\n"
         "X-Amz-Meta-ReviewedBy: joe@johnsmith.net\nX-Amz-Meta-ReviewedBy: jane@johnsmith.net\n"
         "X-Amz-Meta-FileChecksum: 0x02661779\nX-Amz-Meta-ChecksumAlgorithm: crc32\n"
         "Content-Disposition: attachment; filename=database.dat\nContent-Encoding: gzip\n"
         "Content-Length: 5913339\n" AUTH "ilyl83RwaSoYIEdixDQcA4OnAnc=",
         "static.johnsmith.net"},
        {"GET /\nDate: Wed, 28 Mar 2007 01:29:59 +0000\n" AUTH "qGdzdERIC03wnaRNKh6OqZehG9s=", ""},
        {"GET /dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re\n"
         "Date: Wed, 28 Mar 2007 01:49:49 +0000\n" AUTH "DNEZGsoieTZ92F3bUfSPQcbGmlM=",
         ""},
        {"GET /photos/puppy.jpg?AWSAccessKeyId=" KEY
         "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620\n",
         "johnsmith"},
    };
    struct outcome o;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        /* the examples span seven hours: what matters here is the date it read */
        enum sigv4_verdict verdict = parse_at(&o, cases[i].text, MARCH_27);
        assert_true(verdict == SIGV4_OK || verdict == SIGV4_SKEWED);
        assert_int_equal(check_at(&o, cases[i].text, cases[i].host_bucket, o.s.date_ms), SIGV4_OK);
        assert_true(view_is(o.s.access_key, KEY));
        assert_int_equal(o.s.payload, SIGV4_PAYLOAD_NONE_GIVEN);
        assert_int_equal(check_at(&o, cases[i].text, "other", o.s.date_ms), SIGV4_MISMATCH);
    }
}

static void what_is_signed_is_found_wherever_it_stands(void **state)
{
    static const char *const cases[] = {
        "GET /b/k?versionId=a%20b&acl\n" AMZ_DATE AUTH "n394fZRyBqz/J+QImn0hWyUkw7c=",
        "GET /b/k?versionId=a+b&x-id=1&acl\nDate: never\n" AMZ_DATE AUTH
        "n394fZRyBqz/J+QImn0hWyUkw7c=",
        "GET /b/k?versionId=a%20b&acl=\n" AMZ_DATE AUTH "n394fZRyBqz/J+QImn0hWyUkw7c=",
        "GET /b/k?response-content-type=text%2Fx%20y&" QUERY "tJ5FQkDR3rb%2BdMa5Q/HgYhahpNI%3D\n",
        "GET /b/k?response-content-type=text%2Fx%20y&" QUERY "tJ5FQkDR3rb+dMa5Q/HgYhahpNI=\n",
        "PUT /b/k?x-amz-acl=private&x-amz-meta-a=1%2C2&content-type=text/plain&" QUERY
        "d4Y2U40KgciVb6UchfUdEuEh4ac%3D\n",
        "PUT /b/k?x-amz-acl=private&" QUERY "d4Y2U40KgciVb6UchfUdEuEh4ac%3D\n"
        "X-AMZ-Meta-A: 1\nx-amz-meta-a:2\nContent-Type: text/plain\n",
        "POST /b/k?uploadId=x/y%2Bz%3D%3D&partNumber=1\n" DATE AUTH "KXA18fVbO6W8IA+zFpdrcKzS+1o=",
    };
    struct outcome o;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(check(&o, cases[i]), SIGV4_OK);
}

static void a_bucket_is_signed_with_or_without_its_slash(void **state)
{
    static const char *const cases[] = {
        "GET /b\n" DATE AUTH "AkdkSPypUvhz5SGWuMFlIzKAqA4=",
        "GET /b\n" DATE AUTH "zXSrWjaH+lb3rOnQ5xg7TgCrcYc=",
        "GET /b/\n" DATE AUTH "AkdkSPypUvhz5SGWuMFlIzKAqA4=",
        "GET /b/\n" DATE AUTH "zXSrWjaH+lb3rOnQ5xg7TgCrcYc=",
        "GET /b?acl=\n" DATE AUTH "uxF0XaJYNy27WIx1RWqpvgnesmw=",
    };
    struct outcome o;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(check(&o, cases[i]), SIGV4_OK);
    /* an object's slash is one of its name */
    assert_int_equal(
        check(&o, "GET /b/k/\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng="), SIGV4_MISMATCH);
    assert_int_equal(check(&o, "GET /b/k\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng="), SIGV4_OK);
}

static void any_altered_part_is_a_mismatch(void **state)
{
    static const char *const cases[] = {
        "PUT /b/k\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/K\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/k?acl\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/k?versionId=1\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/k\nx-amz-acl:private\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/k\nContent-Type:a\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/k\nContent-MD5:a\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/k\nDate: Tue, 27 Mar 2007 19:36:43 GMT\n" AUTH "upegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/k\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng",
        "GET /b/k\n" DATE AUTH "VpegBnN3R02CR4MWYNanqYVjmng=",
        "GET /b/k?x-amz-acl=public-read&" QUERY "TkVioMdRSkq68vO/mgqx3ISMerc=\n",
        "GET /b/k?AWSAccessKeyId=" KEY "&Expires=1175139621&Signature=TkVioMdRSkq68vO/mgqx3ISMerc=",
    };
    struct outcome o;

    assert_int_equal(check(&o, "GET /b/k?" QUERY "TkVioMdRSkq68vO/mgqx3ISMerc=\n"), SIGV4_OK);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(check(&o, cases[i]), SIGV4_MISMATCH);
        assert_true(o.to_sign.len > 0);
    }
}

/* botocore does not sign them; but who was given a URL must not make it another operation. */
static void young_subresources_may_be_unsigned_but_not_presigned(void **state)
{
    struct outcome o;

    assert_int_equal(
        check(&o, "GET /b/k?retention\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng="), SIGV4_OK);
    assert_int_equal(check(&o, "PUT /b/k?" QUERY "VnQ5acuQwPehJ4XgGi/zTacbb34=\n"), SIGV4_OK);
    assert_int_equal(
        check(&o, "PUT /b/k?legal-hold&" QUERY "VnQ5acuQwPehJ4XgGi/zTacbb34=\n"), SIGV4_MISMATCH);
}

static void malformed_requests_are_told(void **state)
{
    static const struct {
        const char *text;
        enum sigv4_verdict verdict;
    } cases[] = {
        {"GET /\n" DATE "Authorization: AWS HAHAHA", SIGV4_V2_MALFORMED_HEADER},
        {"GET /\n" DATE "Authorization: AWS :x", SIGV4_V2_MALFORMED_HEADER},
        {"GET /\n" DATE "Authorization: AWS x:", SIGV4_V2_MALFORMED_HEADER},
        {"GET /\n" DATE "Authorization: AWS a:b\nAuthorization: AWS a:b",
         SIGV4_V2_MALFORMED_HEADER},
        {"GET /?AWSAccessKeyId=a&Signature=b\n", SIGV4_V2_MALFORMED_QUERY},
        {"GET /?AWSAccessKeyId=a&Expires=1175139620\n", SIGV4_V2_MALFORMED_QUERY},
        {"GET /?AWSAccessKeyId&Expires=1175139620&Signature=b\n", SIGV4_V2_MALFORMED_QUERY},
        {"GET /?AWSAccessKeyId=a&Signature=b&Expires=soon\n", SIGV4_V2_MALFORMED_QUERY},
        {"GET /?AWSAccessKeyId=a&Signature=b&Expires=-1\n", SIGV4_V2_MALFORMED_QUERY},
        {"GET /?AWSAccessKeyId=a&Signature=b&Expires=18446744073709551615\n",
         SIGV4_V2_MALFORMED_QUERY},
        {"GET /?AWSAccessKeyId=a&AWSAccessKeyId=a&Signature=b&Expires=1175139620\n",
         SIGV4_V2_MALFORMED_QUERY},
        {"GET /?AWSAccessKeyId=%zz&Signature=b&Expires=1175139620\n", SIGV4_V2_MALFORMED_QUERY},
        {"GET /?AWSAccessKeyId=a&Signature=b&Expires=1175139620\n" DATE AUTH "x", SIGV4_BOTH},
        {"GET /?x-amz-acl=private\n" DATE AUTH "x", SIGV4_UNSIGNED_HEADER},
        {"GET /?%78-Amz%2dacl=private\n" DATE AUTH "x", SIGV4_UNSIGNED_HEADER},
        {"GET /\n" AUTH "x", SIGV4_NO_DATE},
        {"GET /\nx-amz-date:\n" DATE AUTH "x", SIGV4_NO_DATE},
        {"GET /\nx-amz-date: Bad Date\n" DATE AUTH "x", SIGV4_NO_DATE},
        {"GET /\nDate: Tue, 07 Jul 1950 21:53:04 GMT\n" AUTH "x", SIGV4_NO_DATE},
        {"GET /\nDate: Tue, 07 Jul 9999 21:53:04 GMT\n" AUTH "x", SIGV4_SKEWED},
        {"PUT /\nx-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\n" DATE AUTH "x",
         SIGV4_BAD_PAYLOAD_HASH},
    };
    struct outcome o;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(check(&o, cases[i].text), cases[i].verdict);
}

static void a_presigned_url_ends_with_its_second(void **state)
{
    static const char url[] = "GET /b/k?" QUERY "TkVioMdRSkq68vO/mgqx3ISMerc=\n";
    struct outcome o;

    assert_int_equal(check_at(&o, url, "", 1175139620000), SIGV4_OK);
    assert_int_equal(check_at(&o, url, "", 1175139620001), SIGV4_EXPIRED);
    assert_int_equal(check_at(&o, url, "", 0), SIGV4_OK);
}

static void clocks_may_differ_by_a_quarter_of_an_hour(void **state)
{
    static const char text[] = "GET /b/k\n" DATE AUTH "upegBnN3R02CR4MWYNanqYVjmng=";
    struct outcome o;

    assert_int_equal(check_at(&o, text, "", MARCH_27 + SIGV4_SKEW_MS), SIGV4_OK);
    assert_int_equal(check_at(&o, text, "", MARCH_27 + SIGV4_SKEW_MS + 1), SIGV4_SKEWED);
    assert_int_equal(check_at(&o, text, "", MARCH_27 - SIGV4_SKEW_MS - 1), SIGV4_SKEWED);
}

static void dates_come_with_a_zone_in_words_or_figures(void **state)
{
    static const char *const zones[] = {"GMT", "UTC", "+0000", "-0000"};
    struct outcome o;
    char text[256];

    for (size_t i = 0; i < ARRAY_COUNT(zones); i++) {
        snprintf(
            text, sizeof text, "GET /\nDate: Tue, 27 Mar 2007 19:36:42 %s\n" AUTH "x", zones[i]);
        assert_int_equal(parse_at(&o, text, MARCH_27), SIGV4_OK);
        assert_int_equal(o.s.date_ms, MARCH_27);
    }
    assert_int_equal(
        parse_at(&o, "GET /\nDate: Tue, 27 Mar 2007 19:36:42 +0100\n" AUTH "x", MARCH_27),
        SIGV4_NO_DATE);
}

static void too_many_parameters_are_refused(void **state)
{
    static char text[8192];
    struct outcome o;

    strcpy(text, "GET /b/k?");
    for (unsigned i = 0; i < 400; i++)
        strcat(text, "acl&");
    strcat(text, QUERY "x\n");
    assert_int_equal(check(&o, text), SIGV4_V2_MALFORMED_QUERY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_requests_verify),
        cmocka_unit_test(what_is_signed_is_found_wherever_it_stands),
        cmocka_unit_test(a_bucket_is_signed_with_or_without_its_slash),
        cmocka_unit_test(any_altered_part_is_a_mismatch),
        cmocka_unit_test(young_subresources_may_be_unsigned_but_not_presigned),
        cmocka_unit_test(malformed_requests_are_told),
        cmocka_unit_test(a_presigned_url_ends_with_its_second),
        cmocka_unit_test(clocks_may_differ_by_a_quarter_of_an_hour),
        cmocka_unit_test(dates_come_with_a_zone_in_words_or_figures),
        cmocka_unit_test(too_many_parameters_are_refused),
    };
    return cmocka_run_group_tests_name("sigv2", tests, NULL, NULL);
}
