/* The server against scripted clients, on both rings: what goes over the wire, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_rig.h"

#define H "Host: h\r\n"

static struct rig rig;
static struct rig_client client;
static enum ring_kind ring;

static void start(const struct http_server_config *config)
{
    if (!rig_start(&rig, ring, config, NULL))
        skip();
    rig_connect(&rig, &client);
}

static void stop(void)
{
    if (client.rig)
        rig_close(&client);
    rig_stop(&rig);
}

static void expect_body(unsigned status, const char *body)
{
    struct view v = rig_answer(&client, status);

    assert_int_equal(v.len, strlen(body));
    assert_memory_equal(v.at, body, v.len);
    rig_forget(&client, (size_t)(v.at + v.len - client.got));
}

static void expect_pattern(size_t len)
{
    struct view v = rig_answer(&client, 200);
    uint8_t *want = malloc(len + 1);

    rig_pattern(want, len, 0);
    assert_int_equal(v.len, len);
    assert_memory_equal(v.at, want, len);
    free(want);
    rig_forget(&client, (size_t)(v.at + v.len - client.got));
}

/* Requests and answers. */

static void an_answer_has_date_server_and_request_id(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /size?n=5 HTTP/1.1\r\n" H "\r\n");
    (void)rig_answer(&client, 200);
    assert_true(rig_has(&client, "HTTP/1.1 200 OK\r\nDate: "));
    assert_true(rig_has(&client, " GMT\r\nServer: Penstock\r\nx-amz-request-id: "));
    assert_true(rig_has(&client, "\r\nContent-Length: 5\r\n\r\n"));
    assert_false(rig_has(&client, "Connection:"));
    assert_true(rig_has(&client, rig.last_id));
    assert_int_equal(rig.last_status, 200);
    rig_wait_ended(&rig, 1);
    assert_int_equal(rig.last_out, 5);
    assert_int_equal(rig_metric(&rig, METRIC_BYTES_OUT_TCP), 5);
    stop();
}

static void a_connection_serves_many_requests(void **state)
{
    char first[sizeof(rig.last_id)];

    (void)state;
    start(NULL);
    for (int i = 0; i < 20; i++) {
        rig_text(&client, "PUT /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc");
        expect_body(200, "abc");
        if (i == 0)
            memcpy(first, rig.last_id, sizeof(first));
    }
    assert_int_equal(rig.handled, 20);
    assert_int_equal(http_server_conns(rig.server), 1);
    assert_string_not_equal(first, rig.last_id);
    assert_int_equal(rig_metric(&rig, METRIC_CONNS_ACCEPTED), 1);
    assert_int_equal(rig_metric(&rig, METRIC_BYTES_IN_TCP), 60);
    stop();
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    start(NULL);
    rig_text(
        &client,
        "PUT /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\none"
        "PUT /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
        "\r\n"
        "PUT /echo?piece=2 HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nthree"
        "GET /size?n=0 HTTP/1.1\r\n" H "\r\n");
    expect_body(200, "one");
    expect_body(200, "two");
    expect_body(200, "three");
    expect_body(200, "");
    stop();
}

static void a_pipelined_bad_request_is_refused_after_the_good_one(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /size?n=2 HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n\r\n");
    expect_pattern(2);
    (void)rig_answer(&client, 400);
    rig_wait_closed(&client);
    assert_int_equal(rig.handled, 1);
    stop();
}

static void a_request_may_come_byte_by_byte(void **state)
{
    static const char text[] = "PUT /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                               "5;x=y\r\nhello\r\n00001\r\n!\r\n0\r\nT: v\r\n\r\n";

    (void)state;
    start(NULL);
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        rig_send(&client, text + i, 1);
    expect_body(200, "hello!");
    rig_text(&client, "GET /size?n=1 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(1);
    stop();
}

static void large_bodies_arrive_whole(void **state)
{
    static const size_t sizes[] = {1, 4095, 32768, 65537, 1000000, 4 << 20};
    static const char *const pieces[] = {"1000", "65536", "8000000"};
    uint8_t *bytes = malloc(4 << 20);
    char head[256];

    (void)state;
    rig_pattern(bytes, 4 << 20, 0);
    start(NULL);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(pieces); j++) {
            snprintf(
                head, sizeof(head),
                "PUT /echo?piece=%s HTTP/1.1\r\n" H "Content-Length: %zu\r\n\r\n", pieces[j],
                sizes[i]);
            rig_text(&client, head);
            rig_send(&client, bytes, sizes[i]);
            expect_pattern(sizes[i]);
            assert_int_equal(rig.last_in, sizes[i]);
        }
    }
    assert_int_equal(http_server_conns(rig.server), 1);
    free(bytes);
    stop();
}

static void large_chunks_arrive_whole(void **state)
{
    static const size_t chunks[] = {70000, 1, 16384, 300000, 32768, 5};
    size_t total = 0;
    uint8_t *bytes = malloc(300000);
    char line[64];

    (void)state;
    start(NULL);
    rig_text(&client, "PUT /echo?piece=50000 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < ARRAY_COUNT(chunks); i++) {
        snprintf(line, sizeof(line), "%zX\r\n", chunks[i]);
        rig_text(&client, line);
        rig_pattern(bytes, chunks[i], total);
        rig_send(&client, bytes, chunks[i]);
        rig_text(&client, "\r\n");
        total += chunks[i];
    }
    rig_text(&client, "0\r\n\r\n");
    expect_pattern(total);
    free(bytes);
    stop();
}

static void a_slow_reader_gets_everything(void **state)
{
    const size_t n = 24 << 20;
    struct view v;
    uint8_t *want = malloc(n);

    (void)state;
    start(NULL);
    rig_text(&client, "GET /size?n=25165824&piece=1048576 HTTP/1.1\r\n" H "\r\n");
    for (int i = 0; i < 200; i++)
        rig_turn(&rig); /* nobody reads: the server must stop, not buffer */
    assert_int_equal(rig.ended, 0);
    v = rig_answer(&client, 200);
    rig_pattern(want, n, 0);
    assert_int_equal(v.len, n);
    assert_memory_equal(v.at, want, n);
    rig_wait_ended(&rig, 1);
    assert_int_equal(rig.last_out, n);
    free(want);
    stop();
}

static void a_chunked_answer_ends_with_the_last_chunk(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /chunked?n=5&piece=3 HTTP/1.1\r\n" H "\r\n");
    rig_wait_text(&client, "\r\n0\r\n\r\n");
    assert_true(rig_has(&client, "Transfer-Encoding: chunked\r\n\r\n3\r\n"));
    assert_false(rig_has(&client, "Content-Length"));
    rig_forget(&client, client.len);
    rig_text(&client, "GET /chunked?n=0 HTTP/1.1\r\n" H "\r\n");
    rig_wait_text(&client, "\r\n\r\n0\r\n\r\n");
    rig_forget(&client, client.len);
    rig_text(&client, "GET /size?n=1 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(1);
    stop();
}

static void head_and_204_and_304_carry_no_body(void **state)
{
    (void)state;
    start(NULL);
    rig_text(
        &client, "HEAD /size?n=100&piece=7 HTTP/1.1\r\n" H "\r\n"
                 "GET /status?code=204 HTTP/1.1\r\n" H "\r\n"
                 "GET /status?code=304&n=77 HTTP/1.1\r\n" H "\r\n"
                 "GET /status?code=304 HTTP/1.1\r\n" H "\r\n"
                 "HEAD /chunked?n=3 HTTP/1.1\r\n" H "\r\n"
                 "GET /size?n=3 HTTP/1.1\r\n" H "\r\n");
    rig_wait_text(&client, "Content-Length: 100\r\n\r\nHTTP/1.1 204 No Content\r\n");
    rig_wait_text(&client, "Content-Length: 77\r\n\r\nHTTP/1.1 304 Not Modified\r\n");
    rig_wait_text(&client, "Content-Length: 3\r\n\r\n");
    assert_true(rig_has(&client, "Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200"));
    assert_false(rig_has(&client, "Content-Length: 0"));
    stop();
}

static void an_answer_may_be_replaced_before_it_leaves(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /again HTTP/1.1\r\n" H "\r\n");
    (void)rig_answer(&client, 500);
    assert_false(rig_has(&client, "x-first"));
    expect_body(500, "oops");
    rig_text(&client, "GET /size?n=3 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(3);
    stop();
}

static void a_header_value_cannot_end_its_line(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /inject HTTP/1.1\r\n" H "\r\n");
    (void)rig_answer(&client, 200);
    assert_true(rig_has(&client, "x-a: 1  x-evil: 1\r\n"));
    assert_true(rig_has(&client, "x-b: 2    body\r\n"));
    expect_body(200, "fine");
    stop();
}

/* Versions and keeping. */

static void http_1_0_is_closed_unless_it_asks_otherwise(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /size?n=3 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    (void)rig_answer(&client, 200);
    assert_true(rig_has(&client, "\r\nConnection: keep-alive\r\n"));
    expect_pattern(3);
    rig_text(&client, "GET /size?n=4 HTTP/1.0\r\n\r\n");
    (void)rig_answer(&client, 200);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    expect_pattern(4);
    rig_wait_closed(&client);
    stop();
}

static void http_1_0_gets_unknown_lengths_until_close(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /chunked?n=5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    rig_wait_closed(&client);
    assert_true(rig_has(&client, "Connection: close\r\n\r\n"));
    assert_false(rig_has(&client, "chunked"));
    assert_memory_equal(client.got + client.len - 9, "\r\n\r\n", 4);
    stop();
}

static void a_client_that_says_close_is_closed(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /size?n=3 HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    (void)rig_answer(&client, 200);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    rig_wait_closed(&client);
    stop();
}

static void a_handler_that_says_close_is_obeyed(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /close HTTP/1.1\r\n" H "\r\n");
    (void)rig_answer(&client, 200);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    rig_wait_closed(&client);
    stop();
}

static void both_lengths_of_a_streaming_upload_close_afterwards(void **state)
{
    (void)state;
    start(NULL);
    rig_text(
        &client,
        "PUT /echo HTTP/1.1\r\n" H "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"
        "Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    (void)rig_answer(&client, 200);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    expect_body(200, "abc");
    rig_wait_closed(&client);
    stop();
}

static void an_unread_small_body_keeps_the_connection(void **state)
{
    uint8_t *bytes = calloc(1, 200000);

    (void)state;
    start(NULL);
    rig_text(&client, "PUT /early HTTP/1.1\r\n" H "Content-Length: 200000\r\n\r\n");
    expect_body(403, "denied");
    rig_send(&client, bytes, 200000);
    rig_text(&client, "PUT /early HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    rig_text(&client, "3\r\nabc\r\n0\r\n\r\nGET /size?n=3 HTTP/1.1\r\n" H "\r\n");
    expect_body(403, "denied");
    expect_pattern(3);
    assert_int_equal(rig_metric(&rig, METRIC_BYTES_IN_TCP), 0);
    free(bytes);
    stop();
}

static void an_unread_large_body_closes_but_the_answer_is_read(void **state)
{
    const size_t n = 8 << 20;
    uint8_t *bytes = calloc(1, n);

    (void)state;
    start(NULL);
    rig_text(&client, "PUT /early HTTP/1.1\r\n" H "Content-Length: 8388608\r\n\r\n");
    rig_send(&client, bytes, n); /* a client that looks at answers only at the end */
    (void)rig_answer(&client, 403);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    rig_wait_closed(&client);
    assert_false(client.is_reset);
    free(bytes);
    stop();
}

static void an_unread_endless_chunked_body_closes(void **state)
{
    char *chunk = malloc(65536 + 16);
    const size_t head = 7;

    (void)state;
    memcpy(chunk, "10000\r\n", head);
    memset(chunk + head, 'x', 65536);
    memcpy(chunk + head + 65536, "\r\n", 2);
    start(NULL);
    rig_text(&client, "PUT /early HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
    expect_body(403, "denied");
    for (int i = 0; i < 6; i++)
        rig_send(&client, chunk, head + 65538);
    rig_wait_closed(&client);
    free(chunk);
    stop();
}

/* Expect. */

static void continue_is_sent_at_the_first_read(void **state)
{
    (void)state;
    start(NULL);
    rig_text(
        &client, "PUT /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    rig_wait_text(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(client.len, 25);
    rig_forget(&client, client.len);
    rig_text(&client, "abc");
    expect_body(200, "abc");
    rig_text(&client, "GET /size?n=3 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(3);
    stop();
}

static void continue_is_not_sent_when_the_body_is_there(void **state)
{
    (void)state;
    start(NULL);
    rig_text(
        &client, "PUT /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
    expect_body(200, "abc");
    stop();
}

static void without_a_read_there_is_no_continue_and_the_connection_closes(void **state)
{
    (void)state;
    start(NULL);
    rig_text(
        &client, "PUT /early HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    (void)rig_answer(&client, 403);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    assert_false(rig_has(&client, "100 Continue"));
    rig_wait_closed(&client);
    stop();
}

static void an_expectation_without_a_body_ends_the_connection(void **state)
{
    (void)state;
    start(NULL);
    rig_text(
        &client, "PUT /early HTTP/1.1\r\n" H "Content-Length: 0\r\nExpect: 100-continue\r\n\r\n");
    rig_wait_text(&client, "\r\nConnection: close\r\n");
    expect_body(403, "denied");
    rig_wait_closed(&client);
    stop();
}

/* What is refused. */

static void refused(const char *text, unsigned status, const char *code)
{
    start(NULL);
    rig_text(&client, text);
    (void)rig_answer(&client, status);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    assert_true(rig_has(&client, "\r\nContent-Type: application/xml\r\n"));
    assert_true(rig_has(&client, "<Error><Code>"));
    assert_true(rig_has(&client, code));
    rig_wait_closed(&client);
    assert_int_equal(rig.handled, 0);
    assert_int_equal(rig_metric(&rig, METRIC_HTTP_MALFORMED), 1);
    stop();
}

static void bad_heads_are_answered_and_counted(void **state)
{
    (void)state;
    refused("GET / HTTP/1.1\r\n\r\n", 400, "BadRequest");
    refused("GET / HTTP/1.1\n", 400, "BadRequest");
    refused("GET / HTTP/2.0\r\n" H "\r\n", 505, "HTTPVersionNotSupported");
    refused("BREW / HTTP/1.1\r\n" H "\r\n", 501, "NotImplemented");
    refused("\x16\x03\x01", 400, "BadRequest");
}

static void a_head_that_is_too_large_is_refused_and_the_answer_read(void **state)
{
    char *text = malloc(100000);
    int len = sprintf(text, "GET / HTTP/1.1\r\n" H "A: ");

    (void)state;
    memset(text + len, 'x', 100000 - (size_t)len);
    text[99999] = 0;
    refused(text, 431, "RequestHeaderSectionTooLarge");
    free(text);
}

static void bad_chunks_reach_the_handler_as_malformed(void **state)
{
    (void)state;
    start(NULL);
    rig_text(
        &client, "PUT /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
    (void)rig_answer(&client, 400);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    expect_body(400, "MALFORMED");
    assert_int_equal(rig.last_body_err, ERR_MALFORMED);
    rig_wait_closed(&client);
    stop();
}

/* Clients that go away. */

static void a_body_cut_short_is_an_error_that_can_be_answered(void **state)
{
    static const char *const texts[] = {
        "PUT /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc",
        "PUT /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "PUT /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        start(NULL);
        rig_text(&client, texts[i]);
        shutdown(client.fd, SHUT_WR);
        (void)rig_answer(&client, 400);
        assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
        expect_body(400, "TRUNCATED");
        rig_wait_closed(&client);
        stop();
    }
}

static void until_gone(unsigned conns)
{
    for (int i = 0; i < 100000 && http_server_conns(rig.server) > conns; i++)
        rig_turn(&rig);
    assert_int_equal(http_server_conns(rig.server), conns);
}

static void a_client_may_leave_in_any_state(void **state)
{
    static const char *const texts[] = {
        "",
        "GET / HT",
        "\r\n",
        "PUT /echo HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\nabc",
        "PUT /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        "PUT /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        "GET /size?n=50000000&piece=1000000 HTTP/1.1\r\n" H "\r\n",
        "GET /chunked?n=50000000&piece=1000000 HTTP/1.1\r\n" H "\r\n",
        "PUT /early HTTP/1.1\r\n" H "Content-Length: 10000000\r\n\r\nabc",
        "PUT /early HTTP/1.1\r\n" H "Content-Length: 10000\r\n\r\nabc",
        "GET / HTTP/1.1\r\n\r\n",
        "GET /nothing HTTP/1.1\r\n" H "\r\n",
    };

    (void)state;
    start(NULL);
    rig_close(&client);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        for (int turns = 0; turns < 12; turns += 3) {
            rig_connect(&rig, &client);
            rig_text(&client, texts[i]);
            for (int t = 0; t < turns; t++)
                rig_turn(&rig);
            if (turns & 1)
                rig_reset(&client);
            else
                rig_close(&client);
        }
    }
    until_gone(0);
    rig_connect(&rig, &client);
    rig_text(&client, "GET /size?n=3 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(3);
    stop();
}

static void the_handler_learns_that_the_client_left(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /size?n=50000000&piece=1000000 HTTP/1.1\r\n" H "\r\n");
    rig_wait_text(&client, "\r\n\r\n");
    rig_reset(&client);
    until_gone(0);
    assert_int_equal(rig.ended, 1);
    assert_int_equal(rig.last_send_err, ERR_CLOSED);
    stop();
}

static void a_short_answer_closes(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /short HTTP/1.1\r\n" H "\r\n");
    rig_wait_closed(&client);
    assert_true(rig_has(&client, "Content-Length: 100\r\n"));
    assert_true(rig_has(&client, "\r\n\r\n0123456789"));
    stop();
}

static void no_answer_closes(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /nothing HTTP/1.1\r\n" H "\r\n");
    rig_wait_closed(&client);
    assert_int_equal(client.len, 0);
    stop();
}

/* Who has no memory left to send anything can still say so. */
static void an_answer_begun_and_not_sent_leaves_as_a_head(void **state)
{
    (void)state;
    start(NULL);
    rig_text(&client, "GET /unsent HTTP/1.1\r\n" H "\r\n");
    rig_wait_closed(&client);
    assert_true(rig_has(&client, "HTTP/1.1 503 "));
    assert_true(rig_has(&client, "Content-Length: 0\r\nConnection: close\r\n\r\n"));
    stop();
}

/* Timeouts. */

static void an_idle_connection_is_closed(void **state)
{
    const struct http_server_config config = {.idle_timeout_ms = 1};

    (void)state;
    start(&config);
    rig_wait_closed(&client);
    assert_int_equal(client.len, 0);
    stop();
}

static void a_slow_head_is_told_so(void **state)
{
    const struct http_server_config config = {.head_timeout_ms = 1};

    (void)state;
    start(&config);
    rig_text(&client, "GET / HTTP/1.1\r\n");
    (void)rig_answer(&client, 408);
    assert_true(rig_has(&client, "RequestTimeout"));
    rig_wait_closed(&client);
    stop();
}

static void a_body_without_progress_times_out(void **state)
{
    const struct http_server_config config = {.body_timeout_ms = 1};

    (void)state;
    start(&config);
    rig_text(&client, "PUT /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nabc");
    (void)rig_answer(&client, 400);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    expect_body(400, "TIMEOUT");
    rig_wait_closed(&client);
    stop();
}

static void a_client_that_reads_nothing_times_out(void **state)
{
    const struct http_server_config config = {.body_timeout_ms = 1};

    (void)state;
    start(&config);
    rig_text(&client, "GET /size?n=80000000&piece=8000000 HTTP/1.1\r\n" H "\r\n");
    for (int i = 0; i < 100000 && !rig.ended; i++)
        rig_turn(&rig);
    assert_int_equal(rig.last_send_err, ERR_TIMEOUT);
    rig_close(&client);
    until_gone(0);
    stop();
}

/* The server. */

static void a_full_table_refuses_and_recovers(void **state)
{
    const struct http_server_config config = {.conns_max = 1};
    struct rig_client second;

    (void)state;
    start(&config);
    rig_text(&client, "GET /size?n=1 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(1);
    rig_connect(&rig, &second);
    rig_wait_closed(&second);
    assert_int_equal(rig_metric(&rig, METRIC_CONNS_REFUSED), 1);
    rig_close(&second);
    rig_close(&client);
    until_gone(0);
    rig_connect(&rig, &client);
    rig_text(&client, "GET /size?n=1 HTTP/1.1\r\n" H "\r\n");
    expect_pattern(1);
    stop();
}

static void count_request(const struct http_request *q, void *ctx)
{
    assert_true(view_is(q->path, "/hold"));
    assert_memory_equal(q->peer, "127.0.0.1:", 10);
    ++*(unsigned *)ctx;
}

static void drained(struct op *op)
{
    container_of(op, struct rig, drain)->is_drained = true;
}

static void draining_closes_the_idle_and_lets_the_busy_finish(void **state)
{
    struct rig_client idle;
    unsigned count = 0;

    (void)state;
    start(NULL);
    rig_connect(&rig, &idle);
    rig_text(&idle, "GET /size?n=1 HTTP/1.1\r\n" H "\r\n");
    rig_wait_text(&idle, "\r\n\r\n");
    rig_text(&client, "GET /hold HTTP/1.1\r\n" H "\r\n");
    for (int i = 0; i < 100000 && !rig.held; i++)
        rig_turn(&rig);
    http_server_each(rig.server, count_request, &count);
    assert_int_equal(count, 1);

    op_init(&rig.drain, drained);
    http_server_drain(rig.server, &rig.drain);
    rig_wait_closed(&idle);
    for (int i = 0; i < 50; i++)
        rig_turn(&rig);
    assert_false(rig.is_drained);
    rig_release(&rig);
    (void)rig_answer(&client, 200);
    assert_true(rig_has(&client, "\r\nConnection: close\r\n"));
    expect_body(200, "held");
    rig_wait_closed(&client);
    rig_close(&idle);
    stop();
}

static int on_uring(void **state)
{
    (void)state;
    ring = RING_URING;
    return 0;
}

static int on_epoll(void **state)
{
    (void)state;
    ring = RING_EPOLL;
    return 0;
}

#define BOTH(f)                                                                                    \
    {#f " (io_uring)", f, on_uring, NULL, NULL},                                                   \
    {                                                                                              \
#f " (epoll)", f, on_epoll, NULL, NULL                                                     \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_answer_has_date_server_and_request_id),
        BOTH(a_connection_serves_many_requests),
        BOTH(pipelined_requests_are_answered_in_order),
        BOTH(a_pipelined_bad_request_is_refused_after_the_good_one),
        BOTH(a_request_may_come_byte_by_byte),
        BOTH(large_bodies_arrive_whole),
        BOTH(large_chunks_arrive_whole),
        BOTH(a_slow_reader_gets_everything),
        BOTH(a_chunked_answer_ends_with_the_last_chunk),
        BOTH(head_and_204_and_304_carry_no_body),
        BOTH(an_answer_may_be_replaced_before_it_leaves),
        BOTH(a_header_value_cannot_end_its_line),
        BOTH(http_1_0_is_closed_unless_it_asks_otherwise),
        BOTH(http_1_0_gets_unknown_lengths_until_close),
        BOTH(a_client_that_says_close_is_closed),
        BOTH(a_handler_that_says_close_is_obeyed),
        BOTH(both_lengths_of_a_streaming_upload_close_afterwards),
        BOTH(an_unread_small_body_keeps_the_connection),
        BOTH(an_unread_large_body_closes_but_the_answer_is_read),
        BOTH(an_unread_endless_chunked_body_closes),
        BOTH(continue_is_sent_at_the_first_read),
        BOTH(continue_is_not_sent_when_the_body_is_there),
        BOTH(without_a_read_there_is_no_continue_and_the_connection_closes),
        BOTH(an_expectation_without_a_body_ends_the_connection),
        BOTH(bad_heads_are_answered_and_counted),
        BOTH(a_head_that_is_too_large_is_refused_and_the_answer_read),
        BOTH(bad_chunks_reach_the_handler_as_malformed),
        BOTH(a_body_cut_short_is_an_error_that_can_be_answered),
        BOTH(a_client_may_leave_in_any_state),
        BOTH(the_handler_learns_that_the_client_left),
        BOTH(a_short_answer_closes),
        BOTH(no_answer_closes),
        BOTH(an_answer_begun_and_not_sent_leaves_as_a_head),
        BOTH(an_idle_connection_is_closed),
        BOTH(a_slow_head_is_told_so),
        BOTH(a_body_without_progress_times_out),
        BOTH(a_client_that_reads_nothing_times_out),
        BOTH(a_full_table_refuses_and_recovers),
        BOTH(draining_closes_the_idle_and_lets_the_busy_finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
