/* libpenstock against a real server: both ways, all sizes, many at once, and when things break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc64.h"
#include "penstock/penstock.h"
#include "server_help.h"

enum { MIB_ = 1 << 20 };

static struct server_help server;

static struct ps_client *client_of(struct ps_options o)
{
    struct ps_client *c;

    o.endpoint = server.endpoint;
    o.access_key = SERVER_HELP_KEY;
    o.secret_key = SERVER_HELP_SECRET;
    if (ps_connect(&o, &c))
        fail_msg("%s", ps_client_error());
    return c;
}

static struct ps_client *client_with(enum ps_direct direct)
{
    return client_of((struct ps_options){.direct = direct, .verify = 1});
}

static void ok_at(enum ps_err e, int line)
{
    if (e)
        fail_msg("line %d: %s: %s", line, ps_err_text(e), ps_client_error());
}

#define OK(e) ok_at(e, __LINE__)

static struct ps_buffer *buffer_of(struct ps_client *c, size_t bytes)
{
    struct ps_buffer *b;

    OK(ps_buffer_alloc(c, bytes, &b));
    return b;
}

static uint8_t byte_of(unsigned seed, size_t i)
{
    return (uint8_t)((i * 131 + (i >> 12) * 7 + seed * 29) ^ (i >> 7));
}

static void fill(uint8_t *at, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        at[i] = byte_of(seed, i);
}

static void assert_filled(const uint8_t *at, size_t off, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != byte_of(seed, off + i))
            fail_msg("byte %zu differs", i);
}

static int start(void **state)
{
    struct ps_client *c;

    (void)state;
    server_help_start(&server, "auto");
    c = client_with(PS_DIRECT_OFF);
    OK(ps_bucket_create(c, "bucket", NULL));
    ps_disconnect(c);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    server_help_stop(&server);
    return 0;
}

/* --- both ways, all sizes --- */

static const size_t sizes[] = {0,     1,        4095, 4096,     4097,
                               65536, MIB_ - 1, MIB_, MIB_ + 1, 9 * MIB_ + 3};

/* What was put comes back, the right way, with nothing changed around it. */
static void round_trip(enum ps_direct direct, enum ps_way way)
{
    enum { AROUND = 8192 };
    struct ps_client *c = client_with(direct);
    struct ps_buffer *b = buffer_of(c, sizes[9] + 2 * AROUND);
    uint8_t *at = ps_buffer_at(b);

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ps_result r;
        struct ps_stat stat;
        char key[32];

        snprintf(key, sizeof(key), "size-%zu", sizes[i]);
        fill(at + AROUND, sizes[i], i);
        OK(ps_put(c, "bucket", key, b, AROUND, sizes[i], &r));
        assert_int_equal(r.way, way);
        assert_true(r.bytes == sizes[i] && r.etag[0] && r.request_id[0] && r.attempts == 1);
        assert_true(r.has_crc64 && r.crc64 == crc64_nvme(0, at + AROUND, sizes[i]));
        memset(at, 0xee, ps_buffer_bytes(b));
        OK(ps_get(c, "bucket", key, b, AROUND - 1, &r));
        if (sizes[i] > 0)
            assert_int_equal(r.way, way);
        assert_true(r.bytes == sizes[i] && r.object_bytes == sizes[i] && r.status == 200);
        assert_filled(at + AROUND - 1, 0, sizes[i], i);
        for (size_t j = 0; j < AROUND - 1; j++)
            assert_true(at[j] == 0xee && at[AROUND - 1 + sizes[i] + j] == 0xee);
        OK(ps_head(c, "bucket", key, &stat, NULL));
        assert_true(stat.bytes == sizes[i] && stat.has_crc64 && stat.mtime_ms > 0);
        assert_string_equal(stat.etag, r.etag);
    }
    ps_buffer_free(b);
    ps_disconnect(c);
}

static void what_is_put_comes_back_by_tcp(void **state)
{
    (void)state;
    round_trip(PS_DIRECT_OFF, PS_WAY_TCP);
}

static void what_is_put_comes_back_by_the_direct_path(void **state)
{
    (void)state;
    round_trip(PS_DIRECT_REQUIRE, PS_WAY_LOCAL);
    round_trip(PS_DIRECT_PREFER, PS_WAY_LOCAL);
}

static void memory_of_ones_own_is_reached_too(void **state)
{
    struct ps_client *c = client_with(PS_DIRECT_REQUIRE);
    size_t len = 3 * MIB_ + 17;
    uint8_t *at = malloc(len + 2);
    struct ps_buffer *b;
    struct ps_result r;

    (void)state;
    OK(ps_buffer_register(c, at + 1, len, &b));
    fill(at + 1, len, 5);
    at[0] = at[len + 1] = 0x3c;
    OK(ps_put(c, "bucket", "own", b, 0, len, &r));
    assert_int_equal(r.way, PS_WAY_LOCAL);
    memset(at + 1, 0, len);
    OK(ps_get(c, "bucket", "own", b, 0, &r));
    assert_int_equal(r.way, PS_WAY_LOCAL);
    assert_filled(at + 1, 0, len, 5);
    assert_true(at[0] == 0x3c && at[len + 1] == 0x3c);
    ps_buffer_free(b);
    free(at);
    ps_disconnect(c);
}

static void memory_unmapped_under_a_transfer_is_a_clear_error(void **state)
{
    struct ps_client *c = client_of((struct ps_options){.direct = PS_DIRECT_REQUIRE, .retries = 1});
    size_t len = 2 * MIB_;
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct ps_buffer *b, *good = buffer_of(c, len);
    struct ps_result r;

    (void)state;
    OK(ps_put(c, "bucket", "unmapped", good, 0, len, NULL));
    OK(ps_buffer_register(c, at, len, &b));
    OK(ps_get(c, "bucket", "unmapped", b, 0, &r));
    munmap((uint8_t *)at + MIB_, MIB_);
    assert_int_equal(ps_get(c, "bucket", "unmapped", b, 0, &r), PS_ERR_S3);
    assert_string_equal(r.code, "RDMATransferFailed");
    OK(ps_get(c, "bucket", "unmapped", good, 0, &r));
    ps_buffer_free(b);
    munmap(at, MIB_);
    ps_buffer_free(good);
    ps_disconnect(c);
}

/* --- ranges --- */

static void ranges_come_from_where_they_are(enum ps_direct direct)
{
    struct ps_client *c = client_with(direct);
    size_t len = 5 * MIB_ + 11;
    struct ps_buffer *b = buffer_of(c, len);
    uint8_t *at = ps_buffer_at(b);
    struct ps_result r;

    fill(at, len, 7);
    OK(ps_put(c, "bucket", "ranges", b, 0, len, NULL));
    srand(11);
    for (int i = 0; i < 40; i++) {
        uint64_t off = (uint64_t)rand() % len, want = 1 + (uint64_t)rand() % (2 * MIB_);
        uint64_t have = want < len - off ? want : len - off;
        size_t to = (size_t)rand() % (len - have + 1);

        if (to + want > len)
            want = have;
        memset(at, 0, len);
        OK(ps_get_range(c, "bucket", "ranges", off, want, b, to, &r));
        assert_true(r.bytes == have && r.object_bytes == len && r.status == 206);
        assert_filled(at + to, off, have, 7);
    }
    OK(ps_get_range(c, "bucket", "ranges", len - 5, 100, b, 0, &r));
    assert_true(r.bytes == 5);
    OK(ps_get_range(c, "bucket", "ranges", len, 100, b, 0, &r));
    assert_true(r.bytes == 0 && r.object_bytes == len);
    assert_int_equal(ps_get_range(c, "bucket", "ranges", len + 1, 1, b, 0, &r), PS_ERR_S3);
    assert_int_equal(r.status, 416);
    assert_int_equal(ps_get_range(c, "bucket", "ranges", 0, len + 1, b, 0, &r), PS_ERR_INVALID);
    ps_buffer_free(b);
    ps_disconnect(c);
}

static void ranges(void **state)
{
    (void)state;
    ranges_come_from_where_they_are(PS_DIRECT_OFF);
    ranges_come_from_where_they_are(PS_DIRECT_REQUIRE);
}

/* --- parts --- */

static void large_ones_go_in_parts(enum ps_direct direct, enum ps_way way)
{
    struct ps_client *c = client_of((struct ps_options){
        .direct = direct,
        .verify = 1,
        .connections = 4,
        .part_bytes = 5 * MIB_,
        .multipart_from_bytes = 12 * MIB_});
    size_t len = 23 * MIB_ + 77;
    struct ps_buffer *b = buffer_of(c, len);
    uint8_t *at = ps_buffer_at(b);
    struct ps_result r;
    struct ps_stat stat;

    fill(at, len, 9);
    OK(ps_put(c, "bucket", "parts", b, 0, len, &r));
    assert_int_equal(r.way, way);
    assert_true(r.bytes == len && r.has_crc64 && r.crc64 == crc64_nvme(0, at, len));
    assert_int_equal(r.attempts, 1 + 5 + 1);
    OK(ps_head(c, "bucket", "parts", &stat, NULL));
    assert_true(stat.bytes == len && stat.has_crc64 && stat.crc64 == r.crc64);
    memset(at, 0, len);
    OK(ps_get(c, "bucket", "parts", b, 0, &r));
    assert_int_equal(r.way, way);
    assert_true(r.bytes == len && r.object_bytes == len && r.attempts == 5);
    assert_true(r.has_crc64 && r.crc64 == stat.crc64);
    assert_filled(at, 0, len, 9);
    memset(at, 0, len);
    OK(ps_get_range(c, "bucket", "parts", 12345, 11 * MIB_, b, 99, &r));
    assert_true(r.bytes == 11 * MIB_ && r.attempts == 3);
    assert_filled(at + 99, 12345, 11 * MIB_, 9);
    assert_true(at[98] == 0 && at[99 + 11 * MIB_] == 0);
    ps_buffer_free(b);
    ps_disconnect(c);
}

static void parts(void **state)
{
    (void)state;
    large_ones_go_in_parts(PS_DIRECT_OFF, PS_WAY_TCP);
    large_ones_go_in_parts(PS_DIRECT_REQUIRE, PS_WAY_LOCAL);
}

static void a_buffer_that_is_too_small_says_so(void **state)
{
    static const enum ps_direct modes[] = {PS_DIRECT_OFF, PS_DIRECT_PREFER, PS_DIRECT_REQUIRE};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct ps_client *c = client_of((struct ps_options){
            .direct = modes[i], .part_bytes = 5 * MIB_, .multipart_from_bytes = 64 * MIB_});
        struct ps_buffer *b = buffer_of(c, 8 * MIB_);
        struct ps_result r;

        OK(ps_put(c, "bucket", "large", b, 0, 8 * MIB_, NULL));
        assert_int_equal(ps_get(c, "bucket", "large", b, 1, &r), PS_ERR_TOO_SMALL);
        assert_int_equal(ps_get(c, "bucket", "large", b, 7 * MIB_, &r), PS_ERR_TOO_SMALL);
        assert_true(strlen(r.message) > 0 && strlen(ps_client_error()) > 0);
        OK(ps_get(c, "bucket", "large", b, 0, &r));
        ps_buffer_free(b);
        ps_disconnect(c);
    }
}

/* --- conditions and errors --- */

static void errors_say_what_they_are(void **state)
{
    struct ps_client *c = client_with(PS_DIRECT_PREFER);
    struct ps_buffer *b = buffer_of(c, 4096);
    struct ps_result r;
    struct ps_op op = {
        .kind = PS_PUT,
        .bucket = "bucket",
        .key = "once",
        .buffer = b,
        .bytes = 100,
        .if_none_match = "*",
        .content_type = "text/x-test"};
    struct ps_stat stat;

    (void)state;
    assert_int_equal(ps_get(c, "bucket", "absent", b, 0, &r), PS_ERR_NOT_FOUND);
    assert_int_equal(r.status, 404);
    assert_string_equal(r.code, "NoSuchKey");
    assert_true(r.message[0] && r.request_id[0] && r.attempts == 1);
    assert_int_equal(ps_get(c, "nobucket", "absent", b, 0, &r), PS_ERR_NOT_FOUND);
    assert_string_equal(r.code, "NoSuchBucket");
    assert_int_equal(ps_put(c, "nobucket", "absent", b, 0, 1, &r), PS_ERR_NOT_FOUND);
    OK(ps_do(c, &op));
    assert_int_equal(ps_do(c, &op), PS_ERR_PRECONDITION);
    assert_int_equal(op.result.status, 412);
    OK(ps_head(c, "bucket", "once", &stat, NULL));
    assert_string_equal(stat.content_type, "text/x-test");
    op = (struct ps_op){
        .kind = PS_GET, .bucket = "bucket", .key = "once", .buffer = b, .if_match = "\"no\""};
    assert_int_equal(ps_do(c, &op), PS_ERR_PRECONDITION);
    op.if_match = NULL;
    op.if_none_match = stat.etag;
    assert_int_equal(ps_do(c, &op), PS_ERR_PRECONDITION);
    assert_int_equal(op.result.status, 304);
    op.key = "";
    assert_int_equal(ps_do(c, &op), PS_ERR_INVALID);
    ps_buffer_free(b);
    ps_disconnect(c);
}

static void wrong_keys_are_refused(void **state)
{
    struct ps_options o = {
        .endpoint = server.endpoint, .access_key = SERVER_HELP_KEY, .secret_key = "not that one"};
    struct ps_client *c;
    struct ps_buffer *b;
    struct ps_result r;

    (void)state;
    OK(ps_connect(&o, &c));
    OK(ps_buffer_alloc(c, 10, &b));
    assert_int_equal(ps_get(c, "bucket", "x", b, 0, &r), PS_ERR_S3);
    assert_string_equal(r.code, "SignatureDoesNotMatch");
    assert_non_null(strstr(ps_client_direct(c), "none"));
    ps_buffer_free(b);
    ps_disconnect(c);
}

/* --- many at once --- */

static void batches_come_back_each_once(void **state)
{
    enum { COUNT = 200, EACH = 20000 };
    struct ps_client *c = client_of((struct ps_options){.verify = 1, .connections = 8});
    struct ps_buffer *b = buffer_of(c, COUNT * EACH);
    uint8_t *at = ps_buffer_at(b);
    struct ps_op *ops = calloc(COUNT, sizeof(*ops)), *list[COUNT], *done[COUNT];
    char keys[COUNT][16];

    (void)state;
    for (int phase = 0; phase < 2; phase++) {
        for (unsigned i = 0; i < COUNT; i++) {
            snprintf(keys[i], sizeof(keys[i]), "batch-%u", i);
            ops[i] = (struct ps_op){
                .kind = phase ? PS_GET : PS_PUT,
                .bucket = "bucket",
                .key = keys[i],
                .buffer = b,
                .buffer_off = (size_t)i * EACH,
                .bytes = EACH,
                .user = &ops[i]};
            list[i] = &ops[i];
            if (!phase)
                fill(at + (size_t)i * EACH, EACH, i);
        }
        if (phase)
            memset(at, 0, COUNT * EACH);
        OK(ps_submit(c, list, COUNT));
        for (unsigned n = 0, got; n < COUNT; n += got) {
            struct pollfd p = {.fd = ps_fd(c), .events = POLLIN};

            assert_int_equal(poll(&p, 1, 30000), 1);
            got = ps_wait(c, done, 7, 0);
            assert_true(got > 0);
            for (unsigned i = 0; i < got; i++) {
                struct ps_op *op = done[i]->user;

                assert_ptr_equal(op, done[i]);
                assert_int_equal(op->result.err, PS_OK);
                assert_int_equal(op->result.way, PS_WAY_LOCAL);
                assert_non_null(op->user);
                op->user = NULL; /* not twice */
            }
        }
        assert_int_equal(ps_wait(c, done, COUNT, 0), 0);
    }
    for (unsigned i = 0; i < COUNT; i++)
        assert_filled(at + (size_t)i * EACH, 0, EACH, i);
    ps_buffer_free(b);
    free(ops);
    ps_disconnect(c);
}

struct worker {
    struct ps_client *client;
    struct ps_buffer *buffer;
    unsigned number;
    enum ps_err err;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    size_t each = 300000, off = w->number * each;
    uint8_t *at = (uint8_t *)ps_buffer_at(w->buffer) + off;
    char key[32];

    snprintf(key, sizeof(key), "thread-%u", w->number);
    for (unsigned i = 0; i < 10 && !w->err; i++) {
        fill(at, each, w->number + i);
        w->err = ps_put(w->client, "bucket", key, w->buffer, off, each, NULL);
        memset(at, 0, each);
        if (!w->err)
            w->err = ps_get_range(w->client, "bucket", key, 0, each, w->buffer, off, NULL);
        for (size_t j = 0; j < each && !w->err; j++)
            if (at[j] != byte_of(w->number + i, j))
                w->err = PS_ERR_CHECKSUM;
    }
    return NULL;
}

static void threads_share_a_client_and_a_buffer(void **state)
{
    enum { COUNT = 8 };
    struct ps_client *c = client_of((struct ps_options){.connections = 5});
    struct ps_buffer *b = buffer_of(c, COUNT * 300000);
    struct worker workers[COUNT];
    pthread_t threads[COUNT];

    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        workers[i] = (struct worker){c, b, i, PS_OK};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].err, PS_OK);
    }
    ps_buffer_free(b);
    ps_disconnect(c);
}

/* --- when things break --- */

static void a_server_that_comes_back_is_found_again(void **state)
{
    struct ps_client *c = client_of((struct ps_options){.direct = PS_DIRECT_PREFER});
    struct ps_buffer *b = buffer_of(c, MIB_);
    struct ps_result r;

    (void)state;
    fill(ps_buffer_at(b), MIB_, 3);
    OK(ps_put(c, "bucket", "comes-back", b, 0, MIB_, &r));
    assert_int_equal(r.way, PS_WAY_LOCAL);
    server_help_restart(&server);
    memset(ps_buffer_at(b), 0, MIB_);
    OK(ps_get(c, "bucket", "comes-back", b, 0, &r));
    assert_filled(ps_buffer_at(b), 0, MIB_, 3);
    usleep(1100 * 1000); /* a session is tried for once a second */
    OK(ps_get(c, "bucket", "comes-back", b, 0, &r));
    assert_int_equal(r.way, PS_WAY_LOCAL);
    ps_buffer_free(b);
    ps_disconnect(c);
}

static void nobody_at_the_endpoint_is_an_error(void **state)
{
    struct ps_options o = {
        .endpoint = "http://127.0.0.1:1", .access_key = "AKX", .secret_key = "x", .retries = 1};
    struct ps_client *c;
    struct ps_buffer *b;
    struct ps_result r;

    (void)state;
    OK(ps_connect(&o, &c));
    OK(ps_buffer_alloc(c, 10, &b));
    assert_int_equal(ps_get(c, "bucket", "x", b, 0, &r), PS_ERR_CONNECT);
    assert_int_equal(r.attempts, 2);
    assert_true(r.message[0]);
    ps_buffer_free(b);
    ps_disconnect(c);
}

/* --- commands --- */

struct seen {
    char names[16][64];
    int is_prefix[16];
    unsigned count, stop_at;
};

static int see(const struct ps_entry *e, void *user)
{
    struct seen *s = user;

    assert_true(s->count < 16);
    snprintf(s->names[s->count], 64, "%s", e->name);
    s->is_prefix[s->count++] = e->is_prefix;
    return s->count == s->stop_at;
}

static void listings_are_in_order_and_names_whole(void **state)
{
    static const char *const keys[] = {"a&b<c>", "dir/one", "dir/two", "e f+g%h", "z\xc3\xbc"};
    static const char *const want[] = {"a&b<c>", "dir/", "e f+g%h", "z\xc3\xbc"};
    struct ps_client *c = client_with(PS_DIRECT_OFF);
    struct ps_buffer *b = buffer_of(c, 16);
    struct seen s = {0};

    (void)state;
    OK(ps_bucket_create(c, "listing", NULL));
    for (unsigned i = 0; i < 5; i++)
        OK(ps_put(c, "listing", keys[i], b, 0, i, NULL));
    OK(ps_list(c, "listing", NULL, "/", see, &s, NULL));
    assert_int_equal(s.count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(s.names[i], want[i]);
    assert_true(s.is_prefix[1] && !s.is_prefix[0]);
    s = (struct seen){.stop_at = 1};
    OK(ps_list(c, "listing", "dir/", NULL, see, &s, NULL));
    assert_int_equal(s.count, 1);
    assert_string_equal(s.names[0], "dir/one");
    s = (struct seen){0};
    OK(ps_list(c, NULL, NULL, NULL, see, &s, NULL));
    assert_int_equal(s.count, 2);
    assert_string_equal(s.names[1], "listing");
    OK(ps_copy(c, "listing", "a&b<c>", "listing", "copy of", NULL));
    OK(ps_head(c, "listing", "copy of", NULL, NULL));
    OK(ps_remove(c, "listing", "copy of", NULL));
    assert_int_equal(ps_head(c, "listing", "copy of", NULL, NULL), PS_ERR_NOT_FOUND);
    assert_int_equal(ps_bucket_remove(c, "listing", NULL), PS_ERR_S3);
    for (unsigned i = 0; i < 5; i++)
        OK(ps_remove(c, "listing", keys[i], NULL));
    OK(ps_bucket_remove(c, "listing", NULL));
    ps_buffer_free(b);
    ps_disconnect(c);
}

static void any_request_can_be_made(void **state)
{
    static const char *const headers[] = {"x-amz-meta-colour: blue", "Content-Type: a/b", NULL};
    struct ps_client *c = client_with(PS_DIRECT_OFF);
    char *text = NULL;
    size_t len = 0;
    struct ps_result r;

    (void)state;
    OK(ps_request(c, "PUT", "bucket", "made", NULL, headers, "hello", 5, &text, &len, &r));
    free(text);
    OK(ps_request(c, "GET", "bucket", "made", NULL, NULL, NULL, 0, &text, &len, &r));
    assert_int_equal(len, 5);
    assert_string_equal(text, "hello");
    free(text);
    OK(ps_request(c, "GET", "bucket", NULL, "location=", NULL, NULL, 0, &text, &len, &r));
    assert_non_null(strstr(text, "LocationConstraint"));
    free(text);
    ps_disconnect(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_comes_back_by_tcp),
        cmocka_unit_test(what_is_put_comes_back_by_the_direct_path),
        cmocka_unit_test(memory_of_ones_own_is_reached_too),
        cmocka_unit_test(memory_unmapped_under_a_transfer_is_a_clear_error),
        cmocka_unit_test(ranges),
        cmocka_unit_test(parts),
        cmocka_unit_test(a_buffer_that_is_too_small_says_so),
        cmocka_unit_test(errors_say_what_they_are),
        cmocka_unit_test(wrong_keys_are_refused),
        cmocka_unit_test(batches_come_back_each_once),
        cmocka_unit_test(threads_share_a_client_and_a_buffer),
        cmocka_unit_test(a_server_that_comes_back_is_found_again),
        cmocka_unit_test(nobody_at_the_endpoint_is_an_error),
        cmocka_unit_test(listings_are_in_order_and_names_whole),
        cmocka_unit_test(any_request_can_be_made),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
