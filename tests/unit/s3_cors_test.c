/* CORS configurations: what is taken, what is refused and how, which rule fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "s3/cors.h"

#define ROOT(text) "<CORSConfiguration>" text "</CORSConfiguration>"
#define RULE(text) ROOT("<CORSRule>" text "</CORSRule>")
#define METHOD(m) "<AllowedMethod>" m "</AllowedMethod>"
#define ORIGIN(o) "<AllowedOrigin>" o "</AllowedOrigin>"
#define HEADER(h) "<AllowedHeader>" h "</AllowedHeader>"
#define BASE METHOD("GET") ORIGIN("*")

static struct cors *parsed(const char *xml)
{
    struct cors *c = NULL;

    assert_int_equal(cors_parse(view_str(xml), &c, NULL), S3_None);
    assert_non_null(c);
    return c;
}

static void a_rule_is_read_whole(void **state)
{
    struct cors *c = parsed(
        "<?xml version=\"1.0\"?><CORSConfiguration "
        "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<CORSRule><ID>one &amp; two</ID>" METHOD("PUT") METHOD(" GET ") ORIGIN("http://*.a.b")
            ORIGIN("https://c") HEADER("*") "<ExposeHeader>ETag</ExposeHeader>"
                                            "<MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>"
                                            "<CORSRule>" BASE "</CORSRule></CORSConfiguration>");
    const struct cors_rule *rule = &c->rules[0];

    assert_int_equal(c->rule_count, 2);
    assert_true(view_is(rule->id, "one & two"));
    assert_int_equal(rule->methods.count, 2);
    assert_true(view_is(rule->methods.at[0], "PUT") && view_is(rule->methods.at[1], "GET"));
    assert_int_equal(rule->origins.count, 2);
    assert_true(view_is(rule->origins.at[1], "https://c"));
    assert_true(view_is(rule->headers.at[0], "*") && view_is(rule->exposes.at[0], "ETag"));
    assert_true(rule->has_max_age);
    assert_int_equal(rule->max_age_s, 3000);
    assert_false(c->rules[1].has_max_age);
    assert_null(c->rules[1].id.at);
    assert_int_equal(c->rules[1].headers.count, 0);
    cors_free(c);
}

static void what_is_not_in_the_schema_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "<CORSConfiguration",
        ROOT(""),
        "<Cors><CORSRule>" BASE "</CORSRule></Cors>",
        ROOT("<Rule>" BASE "</Rule>"),
        RULE(METHOD("GET")),
        RULE(ORIGIN("*")),
        RULE(""),
        RULE(BASE "<AllowCredentials>true</AllowCredentials>"),
        RULE(BASE "<MaxAgeSeconds>1</MaxAgeSeconds><MaxAgeSeconds>2</MaxAgeSeconds>"),
        RULE(BASE "<ID>a</ID><ID>b</ID>"),
        RULE(BASE "<MaxAgeSeconds>-1</MaxAgeSeconds>"),
        RULE(BASE "<MaxAgeSeconds>1h</MaxAgeSeconds>"),
        RULE(BASE "<MaxAgeSeconds>2147483648</MaxAgeSeconds>"),
        RULE(METHOD("GET") ORIGIN("")),
        RULE(METHOD("GET") ORIGIN("a&#10;b")),
        RULE(METHOD("GET") ORIGIN("<a/>")),
        "<!DOCTYPE a><CORSConfiguration><CORSRule>" BASE "</CORSRule></CORSConfiguration>"};
    struct cors *c = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (cors_parse(view_str(texts[i]), &c, NULL) != S3_MalformedXML)
            fail_msg("%s", texts[i]);
    assert_null(c);
}

static void what_cannot_be_done_is_explained(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {RULE(METHOD("PATCH") ORIGIN("*")), "Unsupported method is PATCH"},
        {RULE(METHOD("get") ORIGIN("*")), "Unsupported method is get"},
        {RULE(METHOD("*") ORIGIN("*")), "Unsupported method is *"},
        {RULE(METHOD("GET") ORIGIN("http://*.*")),
         "AllowedOrigin \"http://*.*\" can not have more than one wildcard."},
        {RULE(BASE HEADER("x-*-*")), "AllowedHeader \"x-*-*\" can not have more"},
        {RULE(BASE "<ExposeHeader>x-*</ExposeHeader>"), "ExposeHeader \"x-*\" contains wildcard."},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char text[256] = "";
        struct buf why = buf_over(text, sizeof text - 1);
        struct cors *c = NULL;

        assert_int_equal(cors_parse(view_str(cases[i].text), &c, &why), S3_InvalidRequest);
        assert_non_null(strstr(text, cases[i].why));
    }
}

static struct view many_rules(char *text, size_t cap, unsigned count)
{
    struct buf b = buf_over(text, cap);

    buf_put_str(&b, "<CORSConfiguration>");
    for (unsigned i = 0; i < count; i++)
        buf_put_str(&b, "<CORSRule>" BASE "</CORSRule>");
    buf_put_str(&b, "</CORSConfiguration>");
    assert_false(b.overflow);
    return buf_view(&b);
}

static void a_hundred_rules_and_64_kib_are_the_limit(void **state)
{
    static char text[2 * CORS_BYTES_MAX];
    char sentence[256] = "";
    struct buf why = buf_over(sentence, sizeof sentence - 1);
    struct cors *c = NULL;

    assert_int_equal(cors_parse(many_rules(text, sizeof text, 100), &c, NULL), S3_None);
    assert_int_equal(c->rule_count, 100);
    cors_free(c);
    assert_int_equal(cors_parse(many_rules(text, sizeof text, 101), &c, &why), S3_InvalidRequest);
    assert_non_null(strstr(sentence, "100 rules"));

    struct buf b = buf_over(text, sizeof text);
    buf_put_str(&b, "<CORSConfiguration><CORSRule>" BASE);
    while (b.len < CORS_BYTES_MAX - 200)
        buf_put_str(&b, HEADER("x-amz-meta-a"));
    buf_put_str(&b, "</CORSRule></CORSConfiguration>");
    assert_int_equal(cors_parse(buf_view(&b), &c, NULL), S3_None);
    cors_free(c);
    while (b.len <= CORS_BYTES_MAX)
        buf_put_byte(&b, ' ');
    assert_int_equal(cors_parse(buf_view(&b), &c, NULL), S3_MalformedXML);
}

static bool matches(const struct cors *c, const char *origin, const char *method, const char *names)
{
    const struct cors_ask ask = {view_str(origin), view_str(method), view_str(names)};

    return cors_match(c, &ask) != NULL;
}

static void origins_match_with_one_wildcard_and_their_case(void **state)
{
    static const struct {
        const char *pattern, *origin;
        bool fits;
    } cases[] = {
        {"*", "http://a", true},           {"*", "null", true},
        {"http://a", "http://a", true},    {"http://a", "http://A", false},
        {"http://a", "http://ab", false},  {"http://*.a", "http://x.a", true},
        {"http://*.a", "http://.a", true}, {"http://*.a", "http://a", false},
        {"start*end", "startend", true},   {"start*end", "start12end", true},
        {"start*end", "0startend", false}, {"aba*aba", "ababa", false},
        {"*suffix", "suffix", true},       {"*suffix", "suffix.get", false},
        {"prefix*", "prefix", true},       {"prefix*", "prefi", false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char text[512];
        snprintf(
            text, sizeof text,
            "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>%s"
            "</AllowedOrigin></CORSRule></CORSConfiguration>",
            cases[i].pattern);
        struct cors *c = parsed(text);
        if (matches(c, cases[i].origin, "GET", NULL) != cases[i].fits)
            fail_msg("%s, %s", cases[i].pattern, cases[i].origin);
        cors_free(c);
    }
}

static void every_header_asked_for_must_be_allowed(void **state)
{
    struct cors *c = parsed(RULE(BASE HEADER("Content-*") HEADER("x-amz-date") HEADER("*-token")));

    assert_true(matches(c, "o", "GET", NULL));
    assert_true(matches(c, "o", "GET", ""));
    assert_true(matches(c, "o", "GET", "content-type"));
    assert_true(matches(c, "o", "GET", "content-type, X-AMZ-Date,,Content-MD5 , my-Token"));
    assert_false(matches(c, "o", "GET", "content-type, x-amz-dates"));
    assert_false(matches(c, "o", "GET", "authorization"));
    assert_false(matches(c, "o", "PUT", NULL));
    assert_false(matches(c, "o", "get", NULL));
    cors_free(c);
    c = parsed(RULE(BASE));
    assert_false(matches(c, "o", "GET", "x"));
    cors_free(c);
}

static void a_preflight_names_a_hundred_headers_at_most(void **state)
{
    struct cors *c = parsed(RULE(BASE HEADER("*")));
    char names[2 * CORS_ASKED_MAX + 3] = "";

    for (unsigned i = 0; i < CORS_ASKED_MAX; i++)
        strcat(names, "a,");
    assert_true(matches(c, "o", "GET", names));
    strcat(names, ",b");
    assert_false(matches(c, "o", "GET", names));
    cors_free(c);
}

static void the_first_rule_that_fits_counts(void **state)
{
    struct cors *c = parsed(ROOT("<CORSRule>" METHOD("GET") ORIGIN(
        "a") "<ID>1</ID></CORSRule>"
             "<CORSRule>" METHOD("PUT") ORIGIN("a") "<ID>2</ID></CORSRule>"
                                                    "<CORSRule>" METHOD("PUT") ORIGIN("x")
                                                        ORIGIN("*") "<ID>3</ID></CORSRule>"));
    const struct cors_ask put = {VIEW("a"), VIEW("PUT"), VIEW_EMPTY};
    const struct cors_ask other = {VIEW("b"), VIEW("PUT"), VIEW_EMPTY};
    const struct cors_ask named = {VIEW("x"), VIEW("PUT"), VIEW_EMPTY};

    assert_true(view_is(cors_match(c, &put)->id, "2"));
    assert_true(view_is(cors_match(c, &other)->id, "3"));
    assert_false(cors_is_open(cors_match(c, &put), put.origin));
    assert_true(cors_is_open(cors_match(c, &other), other.origin));
    assert_false(cors_is_open(cors_match(c, &named), named.origin));
    cors_free(c);
}

static void what_is_written_is_read_the_same(void **state)
{
    static const char text[] =
        RULE("<ID>&lt;&amp;</ID>" METHOD("GET") METHOD("HEAD") ORIGIN("http://a?b=&quot;&amp;c")
                 HEADER("*") "<ExposeHeader>E</ExposeHeader><MaxAgeSeconds>0"
                             "</MaxAgeSeconds>");
    struct cors *c = parsed(text), *again = NULL;
    size_t cap = cors_xml_bytes(c);
    struct buf x = buf_over(malloc(cap), cap);

    cors_put_xml(&x, c);
    assert_false(x.overflow);
    assert_int_equal(cors_parse(buf_view(&x), &again, NULL), S3_None);
    assert_true(view_is(again->rules[0].id, "<&"));
    assert_true(view_is(again->rules[0].origins.at[0], "http://a?b=\"&c"));
    assert_int_equal(again->rules[0].methods.count, 2);
    assert_true(again->rules[0].has_max_age && again->rules[0].max_age_s == 0);
    cors_free(c);
    cors_free(again);
    free(x.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_read_whole),
        cmocka_unit_test(what_is_not_in_the_schema_is_refused),
        cmocka_unit_test(what_cannot_be_done_is_explained),
        cmocka_unit_test(a_hundred_rules_and_64_kib_are_the_limit),
        cmocka_unit_test(origins_match_with_one_wildcard_and_their_case),
        cmocka_unit_test(every_header_asked_for_must_be_allowed),
        cmocka_unit_test(a_preflight_names_a_hundred_headers_at_most),
        cmocka_unit_test(the_first_rule_that_fits_counts),
        cmocka_unit_test(what_is_written_is_read_the_same),
    };
    return cmocka_run_group_tests_name("s3_cors", tests, NULL, NULL);
}
