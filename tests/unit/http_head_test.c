/* Request heads: what is understood, and what is refused because a proxy may see it differently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/head.h"

struct parsed {
    struct region_pool pool;
    struct region region;
    struct http_request q;
    struct head_framing framing;
    struct head_refusal refusal;
    size_t len;
};

/* 0: understood; else the status of the refusal; -1: more bytes wanted. */
static int parse(struct parsed *p, const char *text, size_t len)
{
    struct view bytes = view_of(text, len);
    size_t scanned = 0;
    enum err e;

    memset(p, 0, sizeof(*p));
    region_pool_init(&p->pool, 16);
    region_init(&p->region, &p->pool);
    e = head_find(bytes, &scanned, &p->len);
    if (e == ERR_TRUNCATED)
        return -1;
    if (e)
        return 400;
    e = head_parse(view_upto(bytes, p->len), &p->region, &p->q, &p->framing, &p->refusal);
    return e ? (int)p->refusal.status : 0;
}

static void done(struct parsed *p)
{
    region_done(&p->region);
    region_pool_done(&p->pool);
}

static void assert_view(struct view v, const char *text)
{
    assert_int_equal(v.len, strlen(text));
    assert_memory_equal(v.at, text, v.len);
}

static void an_ordinary_head_is_understood(void **state)
{
    static const char text[] = "PUT /b/k%20x?uploads&a=1 HTTP/1.1\r\nHost: s3.local:9000\r\n"
                               "x-amz-meta-a:  some value \t\r\nX-Empty:\r\n"
                               "Content-Length: 42\r\nExpect: 100-Continue\r\n\r\nbody";
    struct parsed p;

    (void)state;
    assert_int_equal(parse(&p, text, sizeof(text) - 1), 0);
    assert_int_equal(p.len, sizeof(text) - 1 - 4);
    assert_int_equal(p.q.method, HTTP_PUT);
    assert_view(p.q.method_text, "PUT");
    assert_view(p.q.target, "/b/k%20x?uploads&a=1");
    assert_view(p.q.path, "/b/k%20x");
    assert_view(p.q.query, "uploads&a=1");
    assert_view(p.q.host, "s3.local:9000");
    assert_int_equal(p.q.header_count, 5);
    assert_view(p.q.headers[1].name, "x-amz-meta-a");
    assert_view(http_header(&p.q, "X-Amz-Meta-A"), "some value");
    assert_view(http_header(&p.q, "x-empty"), "");
    assert_non_null(http_header(&p.q, "x-empty").at);
    assert_null(http_header(&p.q, "x-absent").at);
    assert_true(p.q.has_content_length);
    assert_int_equal(p.q.content_length, 42);
    assert_true(p.q.expects_continue);
    assert_true(p.framing.is_keep_alive);
    done(&p);
}

#define H "Host: h\r\n"

static const struct {
    const char *claim, *text;
    int want;
} table[] = {
    {"GET", "GET / HTTP/1.1\r\n" H "\r\n", 0},
    {"half a head wants more", "GET / HTTP/1.1\r\nHost: h\r\n", -1},
    {"half a line wants more", "GET / HT", -1},
    {"an empty line in front is skipped", "\r\nGET / HTTP/1.1\r\n" H "\r\n", 0},
    {"many empty lines are not", "\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 400},
    {"content-length and chunked",
     "PUT / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"chunked and content-length",
     "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400},
    {"both, with a signed payload",
     "PUT / HTTP/1.1\r\n" H "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"
     "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
     400},
    {"both, with a streaming payload (botocore)",
     "PUT / HTTP/1.1\r\n" H "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"
     "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
     0},
    {"two lengths", "PUT / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", 400},
    {"two equal lengths", "PUT / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\n",
     400},
    {"a list of lengths", "PUT / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\n", 400},
    {"a length with a sign", "PUT / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\n", 400},
    {"a negative length", "PUT / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\n", 400},
    {"a length in hex", "PUT / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\n", 400},
    {"a length with a space", "PUT / HTTP/1.1\r\n" H "Content-Length: 1 0\r\n\r\n", 400},
    {"an empty length", "PUT / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400},
    {"a length over 2^64", "PUT / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n",
     400},
    {"a length over 2^63", "PUT / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n",
     400},
    {"chunked", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n", 0},
    {"xchunked", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", 501},
    {"identity", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", 501},
    {"gzip, chunked", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
    {"chunked, gzip", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
    {"chunked twice", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
    {"chunked in two headers",
     "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400},
    {"chunked with a comma", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked,\r\n\r\n", 400},
    {"an empty coding", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", 400},
    {"chunked after a vertical tab",
     "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     400},
    {"chunked quoted", "PUT / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
    {"chunked with HTTP/1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
    {"bare LF after a header", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
    {"bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
    {"bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: x\ry\r\n\r\n", 400},
    {"CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\nA: x\r\r\n\r\n", 400},
    {"a folded line", "GET / HTTP/1.1\r\nHost: h\r\nA: x\r\n y\r\n\r\n", 400},
    {"a folded line with a tab", "GET / HTTP/1.1\r\nHost: h\r\nA: x\r\n\ty\r\n\r\n", 400},
    {"space before the first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
    {"space before the colon", "PUT / HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\n", 400},
    {"tab before the colon", "PUT / HTTP/1.1\r\n" H "Content-Length\t: 3\r\n\r\n", 400},
    {"space in a name", "GET / HTTP/1.1\r\n" H "A B: 3\r\n\r\n", 400},
    {"no name", "GET / HTTP/1.1\r\n" H ": 3\r\n\r\n", 400},
    {"no colon", "GET / HTTP/1.1\r\n" H "nothing\r\n\r\n", 400},
    {"a control in a value", "GET / HTTP/1.1\r\n" H "A: x\x01y\r\n\r\n", 400},
    {"a byte over 127 in a name", "GET / HTTP/1.1\r\n" H "A\xff: x\r\n\r\n", 400},
    {"UTF-8 in a value", "GET / HTTP/1.1\r\n" H "A: \xc3\xb6\r\n\r\n", 0},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two Hosts", "GET / HTTP/1.1\r\n" H H "\r\n", 400},
    {"a Host with a path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400},
    {"a Host list", "GET / HTTP/1.1\r\nHost: h, g\r\n\r\n", 400},
    {"a Host with user", "GET / HTTP/1.1\r\nHost: a@h\r\n\r\n", 400},
    {"an IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:9000\r\n\r\n", 0},
    {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0},
    {"HTTP/2", "GET / HTTP/2.0\r\n" H "\r\n", 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n", 505},
    {"HTTP/0.9", "GET / HTTP/0.9\r\n" H "\r\n", 505},
    {"HTTP/3.7", "GET / HTTP/3.7\r\n" H "\r\n", 505},
    {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"no version, as in HTTP/0.9", "GET /\r\n" H "\r\n", 505},
    {"a strange version", "GET / HTTP/1.1x\r\n" H "\r\n", 400},
    {"another protocol", "GET / XTTP/1.1\r\n" H "\r\n", 400},
    {"lower-case protocol", "GET / http/1.1\r\n" H "\r\n", 400},
    {"an unknown method", "BREW / HTTP/1.1\r\n" H "\r\n", 501},
    {"a lower-case method", "get / HTTP/1.1\r\n" H "\r\n", 501},
    {"no method", " / HTTP/1.1\r\n" H "\r\n", 400},
    {"two spaces", "GET  / HTTP/1.1\r\n" H "\r\n", 400},
    {"a space in the target", "GET /a b HTTP/1.1\r\n" H "\r\n", 400},
    {"a fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", 400},
    {"a relative target", "GET a/b HTTP/1.1\r\n" H "\r\n", 400},
    {"CONNECT", "CONNECT h:80 HTTP/1.1\r\n" H "\r\n", 400},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 0},
    {"GET *", "GET * HTTP/1.1\r\n" H "\r\n", 400},
    {"an absolute target", "GET http://h/a?b HTTP/1.1\r\n" H "\r\n", 0},
    {"an absolute target of another host", "GET http://g/a?b HTTP/1.1\r\n" H "\r\n", 400},
    {"an absolute target without host", "GET http:///a HTTP/1.1\r\n" H "\r\n", 400},
    {"another scheme", "GET ftp://h/a HTTP/1.1\r\n" H "\r\n", 400},
    {"another expectation", "PUT / HTTP/1.1\r\n" H "Expect: 200-ok\r\n\r\n", 0},
    {"a TLS client", "\x16\x03\x01\x02\x05\x01", 400},
    {"an Upgrade is ignored",
     "GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", 0},
};

static void the_table_of_heads_holds(void **state)
{
    struct parsed p;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        int got = parse(&p, table[i].text, strlen(table[i].text));

        if (got != table[i].want)
            fail_msg("%s: %d, wanted %d", table[i].claim, got, table[i].want);
        done(&p);
    }
}

static void a_nul_is_refused_everywhere(void **state)
{
    static const char text[] = "GET /a HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    char copy[sizeof(text)];
    struct parsed p;

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        int got;

        memcpy(copy, text, sizeof(text));
        copy[i] = 0;
        got = parse(&p, copy, sizeof(text) - 1);
        if (i == sizeof(text) - 2)
            assert_int_equal(got, -1); /* the LF is not there: nothing ends */
        else
            assert_int_equal(got, 400);
        done(&p);
    }
}

static void every_cut_of_a_head_wants_more_and_the_whole_is_found(void **state)
{
    static const char text[] = "\r\nGET /a HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    size_t scanned = 0, len;

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        assert_int_equal(head_find(view_of(text, i), &scanned, &len), ERR_TRUNCATED);
    assert_int_equal(head_find(view_of(text, sizeof(text) - 1), &scanned, &len), ERR_OK);
    assert_int_equal(len, sizeof(text) - 1);
}

static size_t head_with_headers(char *to, unsigned count)
{
    size_t len = (size_t)sprintf(to, "GET / HTTP/1.1\r\nHost: h\r\n");

    for (unsigned i = 1; i < count; i++)
        len += (size_t)sprintf(to + len, "x-%u: %u\r\n", i, i);
    return len + (size_t)sprintf(to + len, "\r\n");
}

static void as_many_headers_as_allowed_and_not_one_more(void **state)
{
    char text[8192];
    struct parsed p;
    size_t len = head_with_headers(text, HTTP_HEADERS_MAX);

    (void)state;
    assert_int_equal(parse(&p, text, len), 0);
    assert_int_equal(p.q.header_count, HTTP_HEADERS_MAX);
    assert_view(http_header(&p.q, "x-127"), "127");
    done(&p);
    len = head_with_headers(text, HTTP_HEADERS_MAX + 1);
    assert_int_equal(parse(&p, text, len), 431);
    done(&p);
}

static void the_largest_head_is_understood(void **state)
{
    char *text = malloc(HTTP_HEAD_BYTES_MAX);
    int len = sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\nA: ");
    struct parsed p;

    (void)state;
    memset(text + len, 'x', HTTP_HEAD_BYTES_MAX - (size_t)len - 4);
    memcpy(text + HTTP_HEAD_BYTES_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(parse(&p, text, HTTP_HEAD_BYTES_MAX), 0);
    assert_int_equal(p.len, HTTP_HEAD_BYTES_MAX);
    done(&p);
    free(text);
}

static void without_memory_the_client_is_told_to_slow_down(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    struct region_pool pool;
    struct region region;
    struct http_request q = {0};
    struct head_framing framing;
    struct head_refusal refusal;

    (void)state;
    region_pool_init(&pool, 0);
    region_init(&region, &pool);
    assert_int_equal(
        head_parse(view_of(text, sizeof(text) - 1), &region, &q, &framing, &refusal), ERR_BUSY);
    assert_int_equal(refusal.status, 503);
    region_done(&region);
    region_pool_done(&pool);
}

static void framing(const char *text, bool is_keep_alive, bool is_close_demanded)
{
    struct parsed p;

    assert_int_equal(parse(&p, text, strlen(text)), 0);
    assert_int_equal(p.framing.is_keep_alive, is_keep_alive);
    assert_int_equal(p.framing.is_close_demanded, is_close_demanded);
    done(&p);
}

static void keep_alive_is_the_default_of_the_version_or_what_was_asked(void **state)
{
    (void)state;
    framing("GET / HTTP/1.1\r\n" H "\r\n", true, false);
    framing("GET / HTTP/1.1\r\n" H "Connection: foo, Close\r\n\r\n", false, false);
    framing("GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n", false, 0);
    framing("GET / HTTP/1.0\r\n\r\n", false, false);
    framing("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, false);
    framing(
        "PUT / HTTP/1.1\r\n" H "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n"
        "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
        true, true);
}

static void an_absolute_target_loses_its_authority(void **state)
{
    static const char text[] = "GET http://H:80/a?b HTTP/1.1\r\nHost: h:80\r\n\r\n";
    static const char bare[] = "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n";
    static const char query[] = "GET http://h?x=1 HTTP/1.1\r\nHost: h\r\n\r\n";
    struct parsed p;

    (void)state;
    assert_int_equal(parse(&p, text, sizeof(text) - 1), 0);
    assert_view(p.q.target, "/a?b");
    assert_view(p.q.path, "/a");
    assert_view(p.q.query, "b");
    assert_view(p.q.host, "H:80");
    done(&p);
    assert_int_equal(parse(&p, bare, sizeof(bare) - 1), 0);
    assert_view(p.q.path, "/");
    assert_view(p.q.target, "/");
    done(&p);
    assert_int_equal(parse(&p, query, sizeof(query) - 1), 0);
    assert_view(p.q.path, "/");
    assert_view(p.q.query, "x=1");
    done(&p);
}

/* Any byte changed to any other: an answer, no crash (sanitizers watch), views inside the region.
 */
static void no_changed_byte_upsets_the_parser(void **state)
{
    static const char text[] = "PUT /b/k?a=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    char copy[sizeof(text)];
    unsigned understood = 0;
    struct parsed p;

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (unsigned c = 0; c < 256; c++) {
            memcpy(copy, text, sizeof(text));
            copy[i] = (char)c;
            if (parse(&p, copy, sizeof(text) - 1) == 0) {
                understood++;
                /* One of the two lengths must have become another header. */
                assert_false(p.q.has_content_length && p.q.is_chunked);
            }
            done(&p);
        }
    }
    assert_true(understood > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_head_is_understood),
        cmocka_unit_test(the_table_of_heads_holds),
        cmocka_unit_test(a_nul_is_refused_everywhere),
        cmocka_unit_test(every_cut_of_a_head_wants_more_and_the_whole_is_found),
        cmocka_unit_test(as_many_headers_as_allowed_and_not_one_more),
        cmocka_unit_test(the_largest_head_is_understood),
        cmocka_unit_test(without_memory_the_client_is_told_to_slow_down),
        cmocka_unit_test(keep_alive_is_the_default_of_the_version_or_what_was_asked),
        cmocka_unit_test(an_absolute_target_loses_its_authority),
        cmocka_unit_test(no_changed_byte_upsets_the_parser),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
