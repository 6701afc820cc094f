/* The public functions of include/penstock/penstock.h; what they do is in client_*.c. */
#include "penstock/penstock.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "client/client.h"
#include "client/client_command.h"
#include "client/client_why.h"
#include "client/client_xml.h"

enum { REQUEST_HEADERS_MAX = 16 };

/* --- names --- */

const char *ps_err_text(enum ps_err e)
{
    static const char *const texts[] = {
        [PS_OK] = "success",
        [PS_ERR_INVALID] = "invalid argument",
        [PS_ERR_NO_MEMORY] = "out of memory",
        [PS_ERR_CREDENTIALS] = "no credentials found",
        [PS_ERR_CONNECT] = "the endpoint does not answer",
        [PS_ERR_HTTP] = "not a valid HTTP answer",
        [PS_ERR_S3] = "the store answered with an error",
        [PS_ERR_NOT_FOUND] = "no such object or bucket",
        [PS_ERR_PRECONDITION] = "a condition of the request does not hold",
        [PS_ERR_NOT_DIRECT] = "the direct path was not taken",
        [PS_ERR_CHECKSUM] = "the data does not match its checksum",
        [PS_ERR_SHORT] = "fewer bytes than promised",
        [PS_ERR_TOO_SMALL] = "the buffer is too small",
        [PS_ERR_TIMEOUT] = "no progress within the time allowed",
        [PS_ERR_CANCELLED] = "cancelled",
        [PS_ERR_SYSTEM] = "a system call failed"};

    return (unsigned)e < ARRAY_COUNT(texts) ? texts[e] : "unknown error";
}

const char *ps_way_name(enum ps_way w)
{
    static const char *const names[] = {
        [PS_WAY_NONE] = "none", [PS_WAY_TCP] = "tcp", [PS_WAY_LOCAL] = "local",
        [PS_WAY_RC] = "rc",     [PS_WAY_DC] = "dc",   [PS_WAY_MIXED] = "mixed"};

    return (unsigned)w < ARRAY_COUNT(names) ? names[w] : "unknown";
}

const char *ps_client_error(void)
{
    return client_why_text();
}

/* --- clients --- */

enum ps_err ps_connect(const struct ps_options *options, struct ps_client **client_out)
{
    struct ps_client *c = calloc(1, sizeof(*c));
    enum ps_err e;

    if (!c)
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    e = client_settings_resolve(options, &c->settings);
    if (!e)
        e = client_work_init(&c->work, c);
    if (e) {
        explicit_bzero(&c->settings, sizeof(c->settings));
        free(c);
        return e;
    }
    client_conns_init(&c->conns, &c->settings);
    client_direct_init(&c->direct, &c->conns, &c->settings);
    *client_out = c;
    return PS_OK;
}

void ps_disconnect(struct ps_client *c)
{
    if (!c)
        return;
    client_work_done(&c->work);
    client_direct_done(&c->direct);
    client_conns_done(&c->conns);
    explicit_bzero(&c->settings, sizeof(c->settings));
    free(c);
}

const char *ps_client_direct(struct ps_client *c)
{
    return client_direct_text(&c->direct);
}

/* --- buffers --- */

static enum ps_err
buffer_new(struct ps_client *c, const struct local_memory *m, struct ps_buffer **buffer_out)
{
    struct ps_buffer *b = calloc(1, sizeof(*b));

    if (!b)
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    b->client = c;
    b->memory = *m;
    b->is_own = m->fd >= 0;
    pthread_mutex_init(&b->lock, NULL);
    *buffer_out = b;
    return PS_OK;
}

enum ps_err ps_buffer_alloc(struct ps_client *c, size_t bytes, struct ps_buffer **buffer_out)
{
    struct local_memory m;
    enum err bad = local_memory_new(bytes, &m);

    if (bad == ERR_INVALID)
        return client_why(PS_ERR_INVALID, "a buffer has at least one byte");
    if (bad)
        return client_why(PS_ERR_NO_MEMORY, "no memory for a buffer of %zu bytes", bytes);
    enum ps_err e = buffer_new(c, &m, buffer_out);
    if (e)
        local_memory_free(&m);
    return e;
}

enum ps_err
ps_buffer_register(struct ps_client *c, void *at, size_t bytes, struct ps_buffer **buffer_out)
{
    struct local_memory m = {.at = at, .bytes = bytes, .fd = -1};

    if (!at || bytes == 0)
        return client_why(PS_ERR_INVALID, "a buffer has at least one byte");
    return buffer_new(c, &m, buffer_out);
}

void *ps_buffer_at(const struct ps_buffer *b)
{
    return b->memory.at;
}

size_t ps_buffer_bytes(const struct ps_buffer *b)
{
    return b->memory.bytes;
}

void ps_buffer_free(struct ps_buffer *b)
{
    if (!b)
        return;
    client_direct_forget(&b->client->direct, b);
    if (b->is_own)
        local_memory_free(&b->memory);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* --- transfers --- */

enum ps_err ps_submit(struct ps_client *c, struct ps_op **ops, unsigned n)
{
    enum ps_err e = PS_OK;

    for (unsigned i = 0; i < n && !e; i++)
        e = client_work_submit(&c->work, ops[i]);
    return e;
}

unsigned ps_wait(struct ps_client *c, struct ps_op **done, unsigned n, int timeout_ms)
{
    return client_work_collect(&c->work, done, n, timeout_ms);
}

int ps_fd(struct ps_client *c)
{
    return c->work.event_fd;
}

void ps_cancel(struct ps_client *c, struct ps_op *op)
{
    client_work_cancel(&c->work, op);
}

enum ps_err ps_do(struct ps_client *c, struct ps_op *op)
{
    enum ps_err e = client_work_run(&c->work, op);

    op->result.err = e;
    return e;
}

static enum ps_err do_and_tell(struct ps_client *c, struct ps_op *op, struct ps_result *result)
{
    enum ps_err e = ps_do(c, op);

    if (result)
        *result = op->result;
    return e;
}

enum ps_err ps_get(
    struct ps_client *c, const char *bucket, const char *key, struct ps_buffer *buffer,
    size_t buffer_off, struct ps_result *result)
{
    return ps_get_range(c, bucket, key, 0, 0, buffer, buffer_off, result);
}

enum ps_err ps_get_range(
    struct ps_client *c, const char *bucket, const char *key, uint64_t object_off, uint64_t bytes,
    struct ps_buffer *buffer, size_t buffer_off, struct ps_result *result)
{
    struct ps_op op = {
        .kind = PS_GET,
        .bucket = bucket,
        .key = key,
        .buffer = buffer,
        .buffer_off = buffer_off,
        .bytes = bytes,
        .object_off = object_off};

    return do_and_tell(c, &op, result);
}

enum ps_err ps_put(
    struct ps_client *c, const char *bucket, const char *key, struct ps_buffer *buffer,
    size_t buffer_off, uint64_t bytes, struct ps_result *result)
{
    struct ps_op op = {
        .kind = PS_PUT,
        .bucket = bucket,
        .key = key,
        .buffer = buffer,
        .buffer_off = buffer_off,
        .bytes = bytes};

    return do_and_tell(c, &op, result);
}

/* --- commands --- */

/* A request whose answer matters only by its status. */
static enum ps_err plain(struct ps_client *c, const struct client_request *q, struct ps_result *r)
{
    struct ps_result own = {0};
    struct client_reply *reply;

    enum ps_err e = client_command(c, q, &reply, &own);
    client_command_free(reply);
    if (r)
        *r = own;
    return e;
}

static bool is_name(const char *s)
{
    return s && *s;
}

static enum ps_err no_name(void)
{
    return client_why(PS_ERR_INVALID, "a bucket or key is missing");
}

enum ps_err ps_head(
    struct ps_client *c, const char *bucket, const char *key, struct ps_stat *stat_out,
    struct ps_result *result)
{
    struct ps_result own = {0};

    if (!is_name(bucket) || !is_name(key))
        return no_name();
    enum ps_err e = client_command_head(c, bucket, key, stat_out, &own);
    if (result)
        *result = own;
    return e;
}

enum ps_err ps_bucket_create(struct ps_client *c, const char *bucket, struct ps_result *result)
{
    char xml[256] = "";
    struct client_request q = {.method = "PUT", .bucket = view_str(bucket), .signs_body = true};

    if (!is_name(bucket))
        return no_name();
    if (strcmp(c->settings.region, "us-east-1") != 0)
        snprintf(
            xml, sizeof(xml),
            "<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint>"
            "</CreateBucketConfiguration>",
            c->settings.region);
    q.body = view_str(xml);
    return plain(c, &q, result);
}

enum ps_err ps_bucket_remove(struct ps_client *c, const char *bucket, struct ps_result *result)
{
    struct client_request q = {.method = "DELETE", .bucket = view_str(bucket), .signs_body = true};

    return is_name(bucket) ? plain(c, &q, result) : no_name();
}

enum ps_err
ps_remove(struct ps_client *c, const char *bucket, const char *key, struct ps_result *result)
{
    struct client_request q = {
        .method = "DELETE", .bucket = view_str(bucket), .key = view_str(key), .signs_body = true};

    return is_name(bucket) && is_name(key) ? plain(c, &q, result) : no_name();
}

enum ps_err ps_copy(
    struct ps_client *c, const char *from_bucket, const char *from_key, const char *bucket,
    const char *key, struct ps_result *result)
{
    uint8_t bytes[CLIENT_QUERY_MAX];
    struct buf source = buf_over(bytes, sizeof(bytes));
    struct client_request q = {
        .method = "PUT", .bucket = view_str(bucket), .key = view_str(key), .signs_body = true};

    if (!is_name(from_bucket) || !is_name(from_key) || !is_name(bucket) || !is_name(key))
        return no_name();
    buf_put_byte(&source, '/');
    text_put_uri(&source, view_str(from_bucket), false);
    buf_put_byte(&source, '/');
    text_put_uri(&source, view_str(from_key), true);
    if (source.overflow)
        return client_why(PS_ERR_INVALID, "the key is too long");
    client_exchange_header(&q, "x-amz-copy-source", buf_view(&source));
    return plain(c, &q, result);
}

enum ps_err ps_list(
    struct ps_client *c, const char *bucket, const char *prefix, const char *delimiter,
    ps_list_fn *fn, void *user, struct ps_result *result)
{
    struct client_listing listing = {bucket, prefix, delimiter, fn, user};
    struct ps_result own = {0};
    enum ps_err e = client_command_list(c, &listing, &own);

    own.err = e;
    if (result)
        *result = own;
    return e;
}

/* "Name: value" strings; the list ends with NULL. They are cut here: views into them suffice, but
 * for the name, which is a C string in a header list. */
static enum ps_err
take_headers(const char *const *headers, char (*names)[64], struct client_request *q)
{
    for (unsigned i = 0; headers && headers[i]; i++) {
        struct view line = view_str(headers[i]);
        size_t colon = view_index(line, ':');

        if (i == REQUEST_HEADERS_MAX || colon == SIZE_MAX || colon == 0 || colon >= 64)
            return client_why(PS_ERR_INVALID, "a header is 'Name: value'; at most 16 of them");
        snprintf(names[i], 64, "%.*s", (int)colon, headers[i]);
        client_exchange_header(q, names[i], view_trim(view_from(line, colon + 1)));
    }
    return PS_OK;
}

enum ps_err ps_request(
    struct ps_client *c, const char *method, const char *bucket, const char *key, const char *query,
    const char *const *headers, const void *body, size_t body_bytes, char **answer_out,
    size_t *answer_bytes_out, struct ps_result *result)
{
    char names[REQUEST_HEADERS_MAX][64];
    struct client_request q = {
        .method = method,
        .bucket = view_str(bucket),
        .key = view_str(key),
        .query = view_str(query),
        .body = view_of(body, body_bytes),
        .signs_body = true};
    struct ps_result own = {0};
    struct client_reply *reply = NULL;
    enum ps_err e = take_headers(headers, names, &q);

    if (!e)
        e = client_command(c, &q, &reply, &own);
    if (reply && answer_out) {
        *answer_out = reply->text;
        if (answer_bytes_out)
            *answer_bytes_out = reply->text_len;
        reply->text = NULL;
    }
    client_command_free(reply);
    own.err = e;
    if (result)
        *result = own;
    return e;
}
