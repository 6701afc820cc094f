/*
 * A stand for src/s3 without sockets: reactor, arena, memory engine behind the fault engine, fault
 * transport, the HTTP layer faked. Requests are really signed and go through s3_handle.
 *
 *     stand_open();
 *     ask(&(struct ask){.method = "PUT", .target = "/bucket/key", .body = VIEW("abc")});
 *     assert_int_equal(answer.q.status, 200);
 *     stand_close();   // asserts that nothing is leaked
 *
 * One test program includes it once.
 */
#ifndef PENSTOCK_TESTS_S3_STAND_H
#define PENSTOCK_TESTS_S3_STAND_H

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "direct/fault/fault.h"
#include "engine/fault/fault.h"
#include "engine/memory/memory.h"
#include "help/http_fake.h"
#include "s3/bucket.h"
#include "s3/ops.h"
#include "s3/s3.h"

enum { STAND_ARENA_BYTES = 64 << 20, STAND_WINDOW_BYTES = 8 << 20 };

static struct {
    struct reactor *owner;
    struct arena *arena;
    struct engine *engine; /* the fault engine */
    struct transport *transport;
    uint8_t window[STAND_WINDOW_BYTES]; /* the client's memory */
    struct s3_service service;
    struct op op;
} stand;

/* What is asked. Headers: "name:value" strings, NULL-terminated. */
struct ask {
    const char *method, *target;
    const char *headers[12];
    struct view body;    /* as on the wire */
    const char *payload; /* x-amz-content-sha256; NULL: UNSIGNED-PAYLOAD */
    bool is_chunked;     /* Transfer-Encoding */
    bool is_anonymous;
    const char *key, *secret;    /* NULL: the right ones */
    const char *unsigned_header; /* added after signing */
    size_t cut_at;               /* the client leaves; 0: it stays */
    unsigned fail_send_nth;
};
static struct http_fake answer; /* of the last ask */

static const char stand_key[] = "AKIDEXAMPLE", stand_secret[] = "wJalrXUtnFEMI";

static bool find_secret(const struct s3_credentials *C, struct view key, struct view *secret_out)
{
    (void)C;
    *secret_out = view_str(stand_secret);
    return view_is(key, stand_key);
}
static const struct s3_credentials credentials = {.find = find_secret};

static enum http_method method_of(const char *text)
{
    static const char *const names[] = {"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(text, names[i]) == 0)
            return (enum http_method)i;
    return HTTP_METHOD_OTHER;
}

static struct {
    struct sigv4_header list[32];
    unsigned count;
    char date[32], authorization[2048], length[32];
} stand_headers;

static void add_header(const char *name, struct view value)
{
    stand_headers.list[stand_headers.count++] = (struct sigv4_header){view_str(name), value};
}

static void add_line(const char *line)
{
    size_t colon = (size_t)(strchr(line, ':') - line);

    stand_headers.list[stand_headers.count++] =
        (struct sigv4_header){view_of(line, colon), view_trim(view_str(line + colon + 1))};
}

static void sign(const struct ask *a, const struct http_request *q)
{
    static uint8_t scratch_bytes[65536];
    struct sigv4_request request = {
        q->method_text,      q->path,        q->query, stand_headers.list,
        stand_headers.count, clock_wall_ms()};
    struct sigv4_signing with = {
        view_str(a->key ? a->key : stand_key), view_str(a->secret ? a->secret : stand_secret),
        VIEW("us-east-1"), view_str(a->payload ? a->payload : "UNSIGNED-PAYLOAD"), clock_wall_ms()};
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    struct buf out = buf_over(stand_headers.authorization, sizeof stand_headers.authorization);

    assert_int_equal(sigv4_sign(&request, &with, &scratch, &out), ERR_OK);
    add_header("authorization", buf_view(&out));
}

static void fill_headers(const struct ask *a, struct http_request *q)
{
    struct buf date = buf_over(stand_headers.date, sizeof stand_headers.date);

    stand_headers.count = 0;
    text_put_amz_date(&date, clock_wall_ms());
    add_header("host", q->host);
    if (!a->is_anonymous) {
        add_header("x-amz-date", buf_view(&date));
        add_header("x-amz-content-sha256", view_str(a->payload ? a->payload : "UNSIGNED-PAYLOAD"));
    }
    for (size_t i = 0; i < ARRAY_COUNT(a->headers) && a->headers[i]; i++)
        add_line(a->headers[i]);
    if (!a->is_anonymous)
        sign(a, q);
    if (a->unsigned_header)
        add_line(a->unsigned_header);
    q->headers = (const struct http_header *)(const void *)stand_headers.list;
    q->header_count = stand_headers.count;
}

static void stand_forget(void)
{
    free(answer.sent);
    memset(&answer, 0, sizeof answer);
}

static void ask(const struct ask *a)
{
    struct http_request *q = &answer.q;

    stand_forget();
    region_pool_init(&answer.pool, 256);
    region_init(&answer.region, &answer.pool);
    answer.body = a->body;
    answer.body_cut_at = a->cut_at ? a->cut_at : SIZE_MAX;
    answer.fail_send_nth = a->fail_send_nth;
    q->region = &answer.region;
    q->method = method_of(a->method);
    q->method_text = view_str(a->method);
    q->target = view_str(a->target);
    q->path = view_upto(q->target, MIN(view_index(q->target, '?'), q->target.len));
    q->query = view_from(q->target, q->path.len + 1);
    q->host = VIEW("s3.test:9000");
    q->is_chunked = a->is_chunked;
    q->has_content_length = !a->is_chunked && (q->method == HTTP_PUT || q->method == HTTP_POST);
    q->content_length = a->body.len;
    q->start_ns = clock_ns();
    q->wait = "";
    (void)snprintf(q->id, sizeof q->id, "0123456789ABCDEF");
    fill_headers(a, q);
    s3_handle(q, &stand.service);
    loop_until(&answer.is_ended);
}

/* What it is set to; NULL: as made by default. */
static inline void put_bucket_with(const char *name, const struct bucket_meta *meta, unsigned flags)
{
    static const struct bucket_meta nothing;
    static uint8_t blob[1 << 16];
    struct region_pool pool;
    struct region region;
    struct engine_put p;
    struct view v;

    region_pool_init(&pool, 64);
    region_init(&region, &pool);
    assert_int_equal(bucket_meta_encode(meta ? meta : &nothing, &region, &v), ERR_OK);
    assert_true(v.len <= sizeof blob);
    memcpy(blob, v.at, v.len);
    v.at = blob;
    region_done(&region);
    region_pool_done(&pool);

    engine_put_init(
        stand.engine, &p, (struct engine_key){SPACE_BUCKET, view_str(name), VIEW_EMPTY}, 0);
    op_init(&p.op, loop_nothing);
    p.meta = v;
    p.flags = flags;
    engine_commit(&p);
    assert_int_equal(loop_wait(&p.op), ERR_OK);
    bucket_changed(&stand.service, view_str(name));
}

static inline void put_bucket(const char *name)
{
    put_bucket_with(name, NULL, 0);
}

static void stand_open_with(const struct transport_fault_config *faults)
{
    struct transport_fault_config config = faults ? *faults : (struct transport_fault_config){0};
    struct engine *inner;
    const char *note;

    memset(&stand, 0, sizeof stand);
    ops_check();
    assert_int_equal(work_pool_start(1), ERR_OK);
    stand.owner = loop_open(RING_EPOLL);
    config.memory = stand.window;
    config.bytes = sizeof stand.window;
    assert_int_equal(arena_new(STAND_ARENA_BYTES, &stand.arena, &note), ERR_OK);
    assert_int_equal(engine_memory_new(&stand.owner, 1, stand.arena, &inner), ERR_OK);
    assert_int_equal(engine_fault_new(inner, NULL, &stand.engine), ERR_OK);
    assert_int_equal(transport_fault_new(&config, &stand.transport), ERR_OK);
    stand.service = (struct s3_service){
        .engine = stand.engine,
        .arena = stand.arena,
        .transports = {{stand.transport}, 1},
        .direct_is_on = true,
        .credentials = &credentials,
        .region = VIEW("us-east-1"),
        .domains = {VIEW("s3.test")},
        .domain_count = 1,
        .owner_id = VIEW("0000000000000000000000000000000000000000000000000000000000000001"),
    };
    assert_int_equal(bucket_cache_new(1, &stand.service.buckets), ERR_OK);
    put_bucket("bucket");
}

static inline void stand_open(void)
{
    stand_open_with(NULL);
}

static void stand_close(void)
{
    struct arena_stats stats;

    op_init(&stand.op, loop_nothing);
    transport_stop(stand.transport, &stand.op);
    assert_int_equal(loop_wait(&stand.op), ERR_OK);
    engine_close(stand.engine, &stand.op); /* asserts: nothing pinned, nothing staged */
    assert_int_equal(loop_wait(&stand.op), ERR_OK);
    arena_stats(stand.arena, &stats);
    assert_int_equal(stats.bytes_used, 0);
    arena_free(stand.arena);
    bucket_cache_free(stand.service.buckets); /* asserts: nothing held */
    loop_close();
    work_pool_stop();
    stand_forget();
}

/* --- what tests say often ----------------------------------------------------------------- */

static inline void assert_answer(unsigned status, const char *code)
{
    char element[128];

    if (answer.q.status != status)
        print_message("answer: %.*s\n", (int)answer.sent_bytes, (const char *)answer.sent);
    assert_int_equal(answer.q.status, status);
    if (!code)
        return;
    (void)snprintf(element, sizeof element, "<Code>%s</Code>", code);
    assert_non_null(answer.sent);
    if (!strstr((const char *)answer.sent, element))
        print_message("answer: %.*s\n", (int)answer.sent_bytes, (const char *)answer.sent);
    assert_non_null(strstr((const char *)answer.sent, element));
    assert_null(fake_header(&answer, "ETag").at);
}

static inline void assert_header(const char *name, const char *value)
{
    struct view v = fake_header(&answer, name);

    if (v.at && !view_is(v, value))
        print_message("%s: %.*s\n", name, VIEW_FMT(v));
    assert_true(view_is(v, value));
}

static inline void assert_absent(const char *target)
{
    ask(&(struct ask){.method = "HEAD", .target = target});
    assert_int_equal(answer.q.status, 404);
}

/* Bytes that differ everywhere; static, valid until the next call. */
static inline struct view some_bytes(size_t len)
{
    static uint8_t bytes[6 << 20];
    uint64_t x = 88172645463325252u;

    assert_true(len <= sizeof bytes);
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (uint8_t)x;
    }
    return view_of(bytes, len);
}

#endif
