/* The client against scripted answers: declines, retries, broken and hostile answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "direct/local/local_token.h"
#include "local_help.h"
#include "loop_help.h"
#include "penstock/penstock.h"
#include "script_help.h"

#define HTTP "HTTP/1.1 "
#define OBJECT "ETag: \"e1\"\r\nx-amz-request-id: RID\r\n"
#define OK5 HTTP "200 OK\r\n" OBJECT "Content-Length: 5\r\n\r\nhello"
#define STORED HTTP "200 OK\r\n" OBJECT "Content-Length: 0\r\n\r\n"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A script, a transport for its direct path, and a client with a buffer. */
struct stand {
    struct script script;
    struct local_help local;
    bool has_direct;
    char json[256];
    struct ps_client *client;
    struct ps_buffer *buffer;
    struct ps_result result;
};

static struct stand *
open_stand(struct ps_options o, bool has_direct, const struct script_step *steps, unsigned count)
{
    struct stand *s = calloc(1, sizeof(*s));

    loop_open(RING_EPOLL);
    s->has_direct = has_direct;
    if (has_direct) {
        local_help_start(&s->local, NULL);
        snprintf(
            s->json, sizeof(s->json),
            "{\"server_id\":\"%s\",\"transports\":[{\"name\":\"local\",\"socket\":\"%s\"}]}",
            LOCAL_HELP_ID, s->local.path);
        s->script.direct_json = s->json;
    }
    script_start(&s->script, steps, count);
    o.endpoint = s->script.endpoint;
    o.access_key = "AKTEST";
    o.secret_key = "secret";
    o.region = "us-east-1";
    assert_int_equal(ps_connect(&o, &s->client), PS_OK);
    assert_int_equal(ps_buffer_alloc(s->client, 8192, &s->buffer), PS_OK);
    return s;
}

#define OPEN(o, direct, steps) open_stand((struct ps_options)o, direct, steps, COUNT(steps))
#define OPTIONS(...)                                                                               \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* As many requests came as the script has answers. */
static void close_stand(struct stand *s)
{
    ps_buffer_free(s->buffer);
    ps_disconnect(s->client);
    script_stop(&s->script);
    assert_int_equal(s->script.seen, s->script.count);
    if (s->has_direct)
        local_help_stop(&s->local);
    loop_close();
    free(s);
}

static enum ps_err get(struct stand *s)
{
    return ps_get(s->client, "b", "k", s->buffer, 0, &s->result);
}

static enum ps_err put(struct stand *s, uint64_t bytes)
{
    return ps_put(s->client, "b", "k", s->buffer, 0, bytes, &s->result);
}

static void token_of(struct stand *s, unsigned n, char token[200])
{
    assert_true(script_header(&s->script, n, "x-amz-rdma-token", token, 200));
    assert_int_equal(strlen(token), LOCAL_TOKEN_BYTES);
}

static bool has_token(struct stand *s, unsigned n)
{
    char token[200];

    return script_header(&s->script, n, "x-amz-rdma-token", token, sizeof(token));
}

/* --- which way --- */

static void a_declined_read_comes_as_a_body(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "200 OK\r\n" OBJECT "x-amz-rdma-reply: 501\r\nContent-Length: 5\r\n\r\nhello"},
        {OK5} /* a server that does not know the header */
    };
    struct stand *s = OPEN(OPTIONS(0), true, steps);

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get(s), PS_OK);
        assert_int_equal(s->result.way, PS_WAY_TCP);
        assert_true(s->result.bytes == 5 && s->result.attempts == 1);
        assert_memory_equal(ps_buffer_at(s->buffer), "hello", 5);
    }
    assert_true(has_token(s, 0) && has_token(s, 1));
    close_stand(s);
}

static void a_read_that_requires_the_direct_path_takes_no_body(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "200 OK\r\n" OBJECT "x-amz-rdma-reply: 501\r\nContent-Length: 5\r\n\r\nhello"},
        {OK5}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_REQUIRE), true, steps);

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(get(s), PS_ERR_NOT_DIRECT);
    assert_memory_equal(ps_buffer_at(s->buffer), "\0\0\0\0\0", 5);
    close_stand(s);
}

static void without_a_direct_path_require_asks_for_nothing(void **state)
{
    static const struct script_step steps[1];
    struct stand *s = open_stand((struct ps_options){.direct = PS_DIRECT_REQUIRE}, false, steps, 0);

    (void)state;
    assert_int_equal(get(s), PS_ERR_NOT_DIRECT);
    assert_int_equal(put(s, 5), PS_ERR_NOT_DIRECT);
    assert_non_null(strstr(ps_client_error(), "no direct path"));
    close_stand(s);
}

static void switched_off_means_no_token(void **state)
{
    static const struct script_step steps[] = {{OK5}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_OFF), true, steps);

    (void)state;
    assert_int_equal(get(s), PS_OK);
    assert_false(has_token(s, 0));
    assert_non_null(strstr(ps_client_direct(s->client), "none"));
    close_stand(s);
}

#define MOVED(n)                                                                                   \
    HTTP "200 OK\r\n" OBJECT "x-amz-rdma-reply: 200\r\nx-amz-rdma-bytes-transferred: " n           \
         "\r\nContent-Length: 0\r\n\r\n"

static void a_moved_read_is_what_its_head_says(void **state)
{
    static const struct script_step steps[] = {
        {MOVED("42")},
        {HTTP "200 OK\r\n" OBJECT "x-amz-rdma-reply: 200\r\nContent-Length: 0\r\n\r\n"},
        {MOVED("8193")}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_REQUIRE, .retries = 1), true, steps);

    (void)state;
    assert_int_equal(get(s), PS_OK);
    assert_true(s->result.way == PS_WAY_LOCAL && s->result.bytes == 42);
    assert_int_equal(get(s), PS_ERR_HTTP); /* no count, then more than there is room for */
    assert_int_equal(s->result.attempts, 2);
    close_stand(s);
}

static void a_direct_path_that_keeps_failing_is_left_at_last(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "200 OK\r\n" OBJECT "x-amz-rdma-reply: 200\r\nx-amz-rdma-bytes-transferred: 5\r\n"
              "Content-Length: 5\r\n\r\nhello"}, /* both ways at once */
        {HTTP "500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
        {OK5}};
    struct stand *s = OPEN(OPTIONS(.retries = 2), true, steps);

    (void)state;
    assert_int_equal(get(s), PS_OK);
    assert_true(s->result.way == PS_WAY_TCP && s->result.attempts == 3);
    assert_true(has_token(s, 0) && has_token(s, 1) && !has_token(s, 2));
    close_stand(s);
}

static void a_declined_write_is_sent_again_with_its_body(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "501 Not Implemented\r\nx-amz-rdma-reply: 501\r\nContent-Length: 0\r\n\r\n"},
        {STORED},
        {HTTP "200 OK\r\nx-amz-rdma-reply: 501\r\nContent-Length: 0\r\n\r\n"},
        {STORED},
        {STORED}, /* ignores the token */
        {STORED}};
    struct stand *s = OPEN(OPTIONS(0), true, steps);
    char crc[2][40];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(put(s, 1000), PS_OK);
        assert_true(s->result.way == PS_WAY_TCP && s->result.bytes == 1000);
        assert_true(has_token(s, 2 * i) && !has_token(s, 2 * i + 1));
        assert_true(s->script.bodies[2 * i] == 0 && s->script.bodies[2 * i + 1] == 1000);
        for (unsigned j = 0; j < 2; j++)
            assert_true(
                script_header(&s->script, 2 * i + j, "x-amz-checksum-crc64nvme", crc[j], 40));
        assert_string_equal(crc[0], crc[1]);
    }
    close_stand(s);
}

static void a_declined_write_that_requires_the_direct_path_is_an_error(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "501 Not Implemented\r\nx-amz-rdma-reply: 501\r\nContent-Length: 0\r\n\r\n"},
        {STORED}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_REQUIRE), true, steps);

    (void)state;
    assert_int_equal(put(s, 10), PS_ERR_NOT_DIRECT);
    assert_int_equal(put(s, 10), PS_ERR_NOT_DIRECT);
    close_stand(s);
}

/* --- tokens after failures --- */

static enum err try_token(struct stand *s, const char *token)
{
    struct window w = {
        .token = view_str(token),
        .user = VIEW("AKTEST"),
        .direction = WINDOW_WRITE,
        .deadline_ns = clock_ns() + UINT64_C(10000000000)};

    op_init(&w.op, loop_nothing);
    transport_open_window(s->local.transport, &w);
    enum err e = loop_wait(&w.op);
    if (!e) {
        transport_close_window(&w);
        assert_int_equal(loop_wait(&w.op), ERR_OK);
    }
    return e;
}

static void an_attempt_without_an_answer_has_its_token_revoked(void **state)
{
    static const struct script_step steps[] = {{"", SCRIPT_CLOSE}, {MOVED("5")}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_REQUIRE), true, steps);
    char first[200], second[200];

    (void)state;
    assert_int_equal(get(s), PS_OK);
    assert_int_equal(s->result.attempts, 2);
    token_of(s, 0, first);
    token_of(s, 1, second);
    assert_string_not_equal(first, second);
    assert_int_equal(try_token(s, first), ERR_DENIED);
    assert_int_equal(try_token(s, second), ERR_OK);
    close_stand(s);
}

/* --- retries --- */

static void what_may_pass_is_tried_again(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
        {HTTP "503 Slow Down\r\nContent-Length: 0\r\n\r\n"},
        {"", SCRIPT_CLOSE},
        {HTTP "200 OK\r\n" OBJECT "Content-Length: 5\r\n\r\nhel", SCRIPT_CLOSE},
        {OK5}};
    struct stand *s = OPEN(OPTIONS(.retries = 4, .direct = PS_DIRECT_OFF), false, steps);

    (void)state;
    assert_int_equal(get(s), PS_OK);
    /* The third, on an idle connection, is repeated without being counted. */
    assert_true(s->result.attempts == 4 && s->result.bytes == 5);
    assert_memory_equal(ps_buffer_at(s->buffer), "hello", 5);
    close_stand(s);
}

static void retries_end(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
        {HTTP "500 Internal Server Error\r\nContent-Length: AUTO\r\n\r\n"
              "<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>a &amp; b"
              "</Message></Error>\n\n"}};
    struct stand *s = OPEN(OPTIONS(.retries = 1, .direct = PS_DIRECT_OFF), false, steps);

    (void)state;
    assert_int_equal(get(s), PS_ERR_S3);
    assert_int_equal(s->result.attempts, 2);
    assert_string_equal(s->result.code, "InternalError");
    assert_string_equal(s->result.message, "a & b");
    close_stand(s);
}

static void what_will_not_pass_is_not_tried_again(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "403 Forbidden\r\nContent-Length: 0\r\n\r\n"},
        {HTTP "404 Not Found\r\nContent-Length: 0\r\n\r\n"},
        {HTTP "412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"},
        {HTTP "501 Not Implemented\r\nContent-Length: 0\r\n\r\n"}};
    static const enum ps_err want[] = {PS_ERR_S3, PS_ERR_NOT_FOUND, PS_ERR_PRECONDITION, PS_ERR_S3};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_OFF), false, steps);

    (void)state;
    for (unsigned i = 0; i < COUNT(want); i++) {
        assert_int_equal(get(s), want[i]);
        assert_int_equal(s->result.attempts, 1);
    }
    close_stand(s);
}

static void an_idle_connection_that_was_closed_is_no_failure(void **state)
{
    static const struct script_step steps[] = {{OK5, SCRIPT_CLOSE}, {OK5}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_OFF), false, steps);

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(get(s), PS_OK);
        assert_int_equal(s->result.attempts, 1);
        usleep(20000);
    }
    close_stand(s);
}

/* --- forms of answers --- */

static void every_framing_is_understood(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "200 OK\r\n" OBJECT "Transfer-Encoding: chunked\r\n\r\n"
              "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"},
        {HTTP "100 Continue\r\n\r\n" HTTP "102 Processing\r\nA: b\r\n\r\n" OK5},
        {HTTP "200 OK\r\n" OBJECT "\r\nhello", SCRIPT_CLOSE}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_OFF), false, steps);

    (void)state;
    for (unsigned i = 0; i < COUNT(steps); i++) {
        memset(ps_buffer_at(s->buffer), 0, 8);
        assert_int_equal(get(s), PS_OK);
        assert_true(s->result.bytes == 5 && s->result.attempts == 1);
        assert_memory_equal(ps_buffer_at(s->buffer), "hello\0\0", 7);
        assert_string_equal(s->result.etag, "\"e1\"");
        assert_string_equal(s->result.request_id, "RID");
    }
    close_stand(s);
}

static void a_body_never_passes_the_end_of_the_buffer(void **state)
{
    static char large[9000];
    struct script_step steps[2] = {
        {HTTP "200 OK\r\n" OBJECT "Content-Length: 9000\r\n\r\n"}, {large, SCRIPT_CLOSE}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_OFF), false, steps);
    uint8_t *at = ps_buffer_at(s->buffer);

    (void)state;
    int n = snprintf(large, sizeof(large), HTTP "200 OK\r\n" OBJECT "\r\n");
    memset(large + n, 'x', sizeof(large) - (size_t)n - 1);
    memset(at, 1, 8192);
    assert_int_equal(
        ps_get_range(s->client, "b", "k", 0, 100, s->buffer, 50, &s->result), PS_ERR_TOO_SMALL);
    assert_int_equal(
        ps_get_range(s->client, "b", "k", 0, 100, s->buffer, 50, &s->result), PS_ERR_TOO_SMALL);
    for (unsigned i = 0; i < 8192; i++)
        assert_true(at[i] == 1 || (i >= 50 && i < 150));
    close_stand(s);
}

static void what_is_not_http_is_an_error(void **state)
{
    static char endless[70000];
    struct script_step steps[] = {
        {"SSH-2.0-OpenSSH\r\n", SCRIPT_CLOSE},
        {HTTP "200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", SCRIPT_CLOSE},
        {HTTP "200 OK\r\n" OBJECT "Transfer-Encoding: chunked\r\n\r\nzz\r\n", SCRIPT_CLOSE},
        {endless, SCRIPT_CLOSE}};

    (void)state;
    memset(endless, 'a', sizeof(endless) - 1);
    memcpy(endless, HTTP "200 OK\r\nX: ", 20);
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_OFF, .retries = 3), false, steps);
    assert_int_equal(get(s), PS_ERR_HTTP);
    assert_int_equal(s->result.attempts, 4);
    close_stand(s);
}

static void ranges_that_do_not_fit_the_question_are_refused(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "206 Partial Content\r\n" OBJECT
              "Content-Range: bytes 1-5/10\r\nContent-Length: 5\r\n\r\nhello"},
        {HTTP "206 Partial Content\r\n" OBJECT
              "Content-Range: bytes 2-7/10\r\nContent-Length: 5\r\n\r\nhello"},
        {HTTP "206 Partial Content\r\n" OBJECT "Content-Length: 5\r\n\r\nhello"},
        {HTTP "206 Partial Content\r\n" OBJECT
              "Content-Range: bytes 2-6/10\r\nContent-Length: 5\r\n\r\nhello"}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_OFF), false, steps);
    char range[40];

    (void)state;
    assert_int_equal(ps_get_range(s->client, "b", "k", 2, 5, s->buffer, 0, &s->result), PS_OK);
    assert_int_equal(s->result.attempts, 4);
    assert_true(s->result.object_bytes == 10);
    assert_true(script_header(&s->script, 0, "Range", range, sizeof(range)));
    assert_string_equal(range, "bytes=2-6");
    close_stand(s);
}

static void a_checksum_that_differs_is_an_error(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "200 OK\r\n" OBJECT "x-amz-checksum-type: FULL_OBJECT\r\n"
              "x-amz-checksum-crc64nvme: AAAAAAAAAAA=\r\nContent-Length: 5\r\n\r\nhello"},
        {HTTP "200 OK\r\n" OBJECT "x-amz-rdma-reply: 200\r\nx-amz-rdma-bytes-transferred: 5\r\n"
              "x-penstock-crc64nvme: AAAAAAAAAAA=\r\nContent-Length: 0\r\n\r\n"}};
    struct stand *s = OPEN(OPTIONS(.verify = 1), true, steps);

    (void)state;
    assert_int_equal(get(s), PS_ERR_CHECKSUM);
    assert_int_equal(get(s), PS_ERR_CHECKSUM);
    close_stand(s);
}

/* --- time --- */

static void silence_is_a_timeout(void **state)
{
    static const struct script_step steps[] = {
        {"", SCRIPT_STALL},
        {HTTP "200 OK\r\n" OBJECT "Content-Length: 5\r\n\r\nhel", SCRIPT_STALL}};
    struct stand *s =
        OPEN(OPTIONS(.timeout_ms = 150, .retries = 1, .direct = PS_DIRECT_OFF), false, steps);
    enum ps_err e = get(s);

    (void)state;
    assert_true(e == PS_ERR_TIMEOUT || e == PS_ERR_SHORT);
    assert_int_equal(s->result.attempts, 2);
    close_stand(s);
}

static void a_cancelled_operation_comes_back(void **state)
{
    static const struct script_step steps[] = {{"", SCRIPT_STALL}};
    struct stand *s = OPEN(OPTIONS(0), true, steps);
    struct ps_op op = {.kind = PS_GET, .bucket = "b", .key = "k", .buffer = s->buffer};
    struct ps_op *list[1] = {&op}, *done[1];
    char token[200];

    (void)state;
    assert_int_equal(ps_submit(s->client, list, 1), PS_OK);
    assert_int_equal(ps_wait(s->client, done, 1, 100), 0);
    ps_cancel(s->client, &op);
    assert_int_equal(ps_wait(s->client, done, 1, 10000), 1);
    assert_ptr_equal(done[0], &op);
    assert_int_equal(op.result.err, PS_ERR_CANCELLED);
    token_of(s, 0, token);
    assert_int_equal(try_token(s, token), ERR_DENIED);
    ps_cancel(s->client, &op); /* too late: harmless */
    close_stand(s);
}

/* --- parts --- */

static void parts_of_two_objects_are_not_mixed(void **state)
{
    static const struct script_step steps[] = {
        {HTTP "206 Partial Content\r\n" OBJECT
              "Content-Range: bytes 0-3/8\r\nContent-Length: 4\r\n\r\nabcd"},
        {HTTP "412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"}};
    struct stand *s = OPEN(OPTIONS(.direct = PS_DIRECT_OFF, .part_bytes = 4), false, steps);
    char match[40];

    (void)state;
    assert_int_equal(get(s), PS_ERR_PRECONDITION);
    assert_true(script_header(&s->script, 1, "If-Match", match, sizeof(match)));
    assert_string_equal(match, "\"e1\"");
    close_stand(s);
}

#define CREATED                                                                                    \
    HTTP "200 OK\r\nContent-Length: AUTO\r\n\r\n<InitiateMultipartUploadResult><UploadId>u+1"      \
         "</UploadId></InitiateMultipartUploadResult>"

static struct stand *open_parts(const struct script_step *steps, unsigned count)
{
    struct stand *s = open_stand(
        (struct ps_options){
            .direct = PS_DIRECT_OFF, .connections = 1, .multipart_from_bytes = 100, .retries = 1},
        false, steps, count);

    ps_buffer_free(s->buffer);
    assert_int_equal(ps_buffer_alloc(s->client, 6 << 20, &s->buffer), PS_OK);
    return s;
}

static void a_failed_upload_is_taken_back(void **state)
{
    static const struct script_step steps[] = {
        {CREATED},
        {HTTP "403 Forbidden\r\nContent-Length: 0\r\n\r\n"},
        {HTTP "204 No Content\r\n\r\n"}};
    struct stand *s = open_parts(steps, COUNT(steps));

    (void)state;
    assert_int_equal(put(s, 5 << 20), PS_ERR_S3);
    assert_int_equal(s->result.status, 403);
    assert_true(script_has(&s->script, 1, "partNumber=1&uploadId=u%2B1 "));
    assert_true(script_has(&s->script, 2, "DELETE /b/k?uploadId=u%2B1 "));
    close_stand(s);
}

static void an_error_in_a_200_is_an_error(void **state)
{
    static const struct script_step steps[] = {
        {CREATED},
        {STORED},
        {HTTP
         "200 OK\r\nContent-Length: AUTO\r\n\r\n <Error><Code>InvalidPart</Code></Error>      "},
        {HTTP "204 No Content\r\n\r\n"}};
    struct stand *s = open_parts(steps, COUNT(steps));

    (void)state;
    assert_int_equal(put(s, 5 << 20), PS_ERR_S3);
    assert_string_equal(s->result.code, "InvalidPart");
    close_stand(s);
}

/* The first complete did it, but its answer was lost. */
static void an_upload_completed_unheard_is_found(void **state)
{
    static char there[300];
    static const char gone[] = HTTP
        "404 Not Found\r\nContent-Length: AUTO\r\n\r\n<Error><Code>NoSuchUpload</Code></Error>";
    struct script_step steps[] = {{CREATED}, {STORED}, {"", SCRIPT_CLOSE}, {gone}, {there}};
    struct stand *s = open_parts(steps, COUNT(steps));
    struct ps_result r;
    char crc[40] = "";

    (void)state;
    /* All zero bytes: their checksum is in the part's request, but the answer is needed before. */
    snprintf(
        there, sizeof(there),
        HTTP "200 OK\r\nETag: \"whole\"\r\nContent-Length: %u\r\n"
             "x-amz-checksum-type: FULL_OBJECT\r\nx-amz-checksum-crc64nvme: %s\r\n\r\n",
        5u << 20, "AAAAAAAAAAA=");
    assert_int_equal(ps_put(s->client, "b", "k", s->buffer, 0, 5 << 20, &r), PS_ERR_NOT_FOUND);
    assert_true(script_header(&s->script, 1, "x-amz-checksum-crc64nvme", crc, sizeof(crc)));
    s->script.seen = 0;
    snprintf(
        there, sizeof(there),
        HTTP "200 OK\r\nETag: \"whole\"\r\nContent-Length: %u\r\n"
             "x-amz-checksum-type: FULL_OBJECT\r\nx-amz-checksum-crc64nvme: %s\r\n\r\n",
        5u << 20, crc);
    assert_int_equal(ps_put(s->client, "b", "k", s->buffer, 0, 5 << 20, &r), PS_OK);
    assert_string_equal(r.etag, "\"whole\"");
    s->script.count = 5;
    close_stand(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_declined_read_comes_as_a_body),
        cmocka_unit_test(a_read_that_requires_the_direct_path_takes_no_body),
        cmocka_unit_test(without_a_direct_path_require_asks_for_nothing),
        cmocka_unit_test(switched_off_means_no_token),
        cmocka_unit_test(a_moved_read_is_what_its_head_says),
        cmocka_unit_test(a_direct_path_that_keeps_failing_is_left_at_last),
        cmocka_unit_test(a_declined_write_is_sent_again_with_its_body),
        cmocka_unit_test(a_declined_write_that_requires_the_direct_path_is_an_error),
        cmocka_unit_test(an_attempt_without_an_answer_has_its_token_revoked),
        cmocka_unit_test(what_may_pass_is_tried_again),
        cmocka_unit_test(retries_end),
        cmocka_unit_test(what_will_not_pass_is_not_tried_again),
        cmocka_unit_test(an_idle_connection_that_was_closed_is_no_failure),
        cmocka_unit_test(every_framing_is_understood),
        cmocka_unit_test(a_body_never_passes_the_end_of_the_buffer),
        cmocka_unit_test(what_is_not_http_is_an_error),
        cmocka_unit_test(ranges_that_do_not_fit_the_question_are_refused),
        cmocka_unit_test(a_checksum_that_differs_is_an_error),
        cmocka_unit_test(silence_is_a_timeout),
        cmocka_unit_test(a_cancelled_operation_comes_back),
        cmocka_unit_test(parts_of_two_objects_are_not_mixed),
        cmocka_unit_test(a_failed_upload_is_taken_back),
        cmocka_unit_test(an_error_in_a_200_is_an_error),
        cmocka_unit_test(an_upload_completed_unheard_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
