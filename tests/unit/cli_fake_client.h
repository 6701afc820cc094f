/*
 * A client library of memory, in place of the real one: one bucket's objects in a table, operations
 * that come back last in, first out, and faults on demand. Included by one test program, which then
 * links nothing of src/client.
 */
#ifndef PENSTOCK_TESTS_UNIT_CLI_FAKE_CLIENT_H
#define PENSTOCK_TESTS_UNIT_CLI_FAKE_CLIENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "penstock/penstock.h"

enum { FAKE_OBJECTS = 1200, FAKE_OPS = 64 };

struct ps_buffer {
    void *at;
    size_t bytes;
    bool is_own;
};

struct fake_object {
    char key[256];
    uint8_t *at;
    size_t bytes;
    unsigned version;
};

static struct {
    struct fake_object objects[FAKE_OBJECTS];
    unsigned count;
    struct ps_op *ops[FAKE_OPS]; /* submitted, not yet back */
    unsigned op_count, op_count_max;
    size_t buffer_bytes, buffer_bytes_max, buffers; /* made by ps_buffer_alloc */
    unsigned gets, puts, requests, parts;
    uint64_t part_bytes[64];
    char part_text[64];
    /* Faults: the Nth of its kind from now, 1 is the next; 0 none. */
    unsigned fail_op, replace_after, short_op, fail_submit, fail_request;
    char last_type[64];
} fake;

static struct fake_object *fake_find(const char *key)
{
    for (unsigned i = 0; i < fake.count; i++)
        if (strcmp(fake.objects[i].key, key) == 0)
            return &fake.objects[i];
    return NULL;
}

/* Takes the bytes over. */
static void fake_store(const char *key, uint8_t *at, size_t bytes)
{
    struct fake_object *o = fake_find(key);

    if (!o) {
        if (fake.count == FAKE_OBJECTS)
            abort();
        o = &fake.objects[fake.count++];
        (void)snprintf(o->key, sizeof o->key, "%s", key);
    }
    free(o->at);
    o->at = at;
    o->bytes = bytes;
    o->version++;
}

static void fake_drop(const char *key)
{
    struct fake_object *o = fake_find(key);

    if (!o)
        return;
    free(o->at);
    *o = fake.objects[--fake.count];
    memset(&fake.objects[fake.count], 0, sizeof *o);
}

static void fake_reset(void)
{
    for (unsigned i = 0; i < fake.count; i++)
        free(fake.objects[i].at);
    memset(&fake, 0, sizeof fake);
}

static bool fake_hits(unsigned *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

static void fake_etag(const struct fake_object *o, char *to, size_t cap)
{
    (void)snprintf(to, cap, "\"%s-%u\"", o->key, o->version);
}

static enum ps_err fake_fail(struct ps_result *r, enum ps_err e, const char *code)
{
    r->err = e;
    r->status = e == PS_ERR_NOT_FOUND ? 404 : 500;
    (void)snprintf(r->code, sizeof r->code, "%s", code);
    (void)snprintf(r->message, sizeof r->message, "the fake says %s", code);
    (void)snprintf(r->request_id, sizeof r->request_id, "REQ1");
    return e;
}

static void fake_get(struct ps_op *op)
{
    struct fake_object *o = fake_find(op->key);
    char etag[300];

    fake.gets++;
    if (fake_hits(&fake.replace_after) && o)
        o->version++;
    if (!o) {
        (void)fake_fail(&op->result, PS_ERR_NOT_FOUND, "NoSuchKey");
        return;
    }
    fake_etag(o, etag, sizeof etag);
    if (op->if_match && strcmp(op->if_match, etag) != 0) {
        (void)fake_fail(&op->result, PS_ERR_PRECONDITION, "PreconditionFailed");
        return;
    }
    uint64_t left = o->bytes - MIN(op->object_off, o->bytes);
    uint64_t bytes = op->bytes ? MIN(op->bytes, left) : left;
    if (bytes > op->buffer->bytes - op->buffer_off) {
        op->result.err = PS_ERR_TOO_SMALL;
        return;
    }
    if (fake_hits(&fake.short_op))
        bytes /= 2;
    if (bytes)
        memcpy((char *)op->buffer->at + op->buffer_off, o->at + op->object_off, bytes);
    op->result.bytes = bytes;
    op->result.way = PS_WAY_LOCAL;
}

static void fake_put(struct ps_op *op)
{
    uint8_t *copy = malloc(op->bytes + 1);

    fake.puts++;
    memcpy(copy, (char *)op->buffer->at + op->buffer_off, op->bytes);
    fake_store(op->key, copy, op->bytes);
    op->result.bytes = op->bytes;
    op->result.way = PS_WAY_TCP;
    (void)snprintf(
        fake.last_type, sizeof fake.last_type, "%s", op->content_type ? op->content_type : "");
}

static void fake_run(struct ps_op *op)
{
    if (fake_hits(&fake.fail_op))
        (void)fake_fail(&op->result, PS_ERR_S3, "InternalError");
    else if (op->kind == PS_GET)
        fake_get(op);
    else
        fake_put(op);
}

enum ps_err ps_connect(const struct ps_options *options, struct ps_client **client_out)
{
    (void)options;
    *client_out = (struct ps_client *)(void *)&fake;
    return PS_OK;
}

void ps_disconnect(struct ps_client *c)
{
    (void)c;
    if (fake.op_count > 0)
        abort();
}

const char *ps_client_error(void)
{
    return "the fake's error";
}

const char *ps_client_direct(struct ps_client *c)
{
    (void)c;
    return "fake";
}

const char *ps_err_text(enum ps_err e)
{
    static char text[40];

    (void)snprintf(text, sizeof text, "error %d", (int)e);
    return text;
}

const char *ps_way_name(enum ps_way w)
{
    return w == PS_WAY_LOCAL ? "local" : w == PS_WAY_TCP ? "tcp" : "none";
}

enum ps_err ps_buffer_alloc(struct ps_client *c, size_t bytes, struct ps_buffer **buffer_out)
{
    struct ps_buffer *b = malloc(sizeof *b);

    (void)c;
    *b = (struct ps_buffer){malloc(bytes), bytes, true};
    fake.buffer_bytes += bytes;
    fake.buffers++;
    fake.buffer_bytes_max = MAX(fake.buffer_bytes_max, fake.buffer_bytes);
    *buffer_out = b;
    return PS_OK;
}

enum ps_err
ps_buffer_register(struct ps_client *c, void *at, size_t bytes, struct ps_buffer **buffer_out)
{
    struct ps_buffer *b = malloc(sizeof *b);

    (void)c;
    *b = (struct ps_buffer){at, bytes, false};
    fake.buffers++;
    *buffer_out = b;
    return PS_OK;
}

void *ps_buffer_at(const struct ps_buffer *b)
{
    return b->at;
}

size_t ps_buffer_bytes(const struct ps_buffer *b)
{
    return b->bytes;
}

void ps_buffer_free(struct ps_buffer *b)
{
    if (!b)
        return;
    fake.buffers--;
    if (b->is_own) {
        fake.buffer_bytes -= b->bytes;
        free(b->at);
    }
    free(b);
}

enum ps_err ps_submit(struct ps_client *c, struct ps_op **ops, unsigned n)
{
    (void)c;
    if (fake_hits(&fake.fail_submit))
        return PS_ERR_CONNECT;
    for (unsigned i = 0; i < n; i++)
        fake.ops[fake.op_count++] = ops[i];
    fake.op_count_max = MAX(fake.op_count_max, fake.op_count);
    return PS_OK;
}

unsigned ps_wait(struct ps_client *c, struct ps_op **done, unsigned n, int timeout_ms)
{
    (void)c;
    (void)timeout_ms;
    if (fake.op_count == 0 || n == 0)
        return 0;
    done[0] = fake.ops[--fake.op_count];
    fake_run(done[0]);
    return 1;
}

enum ps_err ps_do(struct ps_client *c, struct ps_op *op)
{
    (void)c;
    fake_run(op);
    return op->result.err;
}

enum ps_err ps_head(
    struct ps_client *c, const char *bucket, const char *key, struct ps_stat *stat_out,
    struct ps_result *result)
{
    struct fake_object *o = fake_find(key);

    (void)c;
    (void)bucket;
    if (!o)
        return fake_fail(result, PS_ERR_NOT_FOUND, "NoSuchKey");
    *stat_out = (struct ps_stat){.bytes = o->bytes};
    char etag[300];
    fake_etag(o, etag, sizeof etag);
    (void)snprintf(stat_out->etag, sizeof stat_out->etag, "%.70s", etag);
    return PS_OK;
}

enum ps_err ps_bucket_create(struct ps_client *c, const char *bucket, struct ps_result *result)
{
    (void)c;
    (void)bucket;
    (void)result;
    return PS_OK;
}

enum ps_err ps_bucket_remove(struct ps_client *c, const char *bucket, struct ps_result *result)
{
    (void)c;
    (void)bucket;
    if (fake.count > 0)
        return fake_fail(result, PS_ERR_S3, "BucketNotEmpty");
    return PS_OK;
}

enum ps_err
ps_remove(struct ps_client *c, const char *bucket, const char *key, struct ps_result *result)
{
    (void)c;
    (void)bucket;
    (void)result;
    fake_drop(key);
    return PS_OK;
}

enum ps_err ps_copy(
    struct ps_client *c, const char *from_bucket, const char *from_key, const char *bucket,
    const char *key, struct ps_result *result)
{
    struct fake_object *from = fake_find(from_key);

    (void)c;
    (void)from_bucket;
    (void)bucket;
    if (!from)
        return fake_fail(result, PS_ERR_NOT_FOUND, "NoSuchKey");
    uint8_t *copy = malloc(from->bytes + 1);
    memcpy(copy, from->at, from->bytes);
    fake_store(key, copy, from->bytes);
    return PS_OK;
}

static int fake_by_key(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A snapshot of the keys, as the pages of a real listing are. No delimiters. */
enum ps_err ps_list(
    struct ps_client *c, const char *bucket, const char *prefix, const char *delimiter,
    ps_list_fn *fn, void *user, struct ps_result *result)
{
    char **keys = calloc(FAKE_OBJECTS, sizeof *keys);
    unsigned count = fake.count;

    (void)c;
    (void)bucket;
    (void)delimiter;
    (void)result;
    for (unsigned i = 0; i < count; i++)
        keys[i] = strdup(fake.objects[i].key);
    qsort(keys, count, sizeof *keys, fake_by_key);
    for (unsigned i = 0; i < count; i++) {
        const struct fake_object *o = fake_find(keys[i]);
        char etag[300] = "";
        if (o && strncmp(keys[i], prefix ? prefix : "", strlen(prefix ? prefix : "")) == 0) {
            fake_etag(o, etag, sizeof etag);
            const struct ps_entry e = {.name = keys[i], .bytes = o->bytes, .etag = etag};
            (void)fn(&e, user);
        }
        free(keys[i]);
    }
    free(keys);
    return PS_OK;
}

/* Just enough of multipart and DeleteObjects; a part's first byte is kept in part_text. */
enum ps_err ps_request(
    struct ps_client *c, const char *method, const char *bucket, const char *key, const char *query,
    const char *const *headers, const void *body, size_t body_bytes, char **answer_out,
    size_t *answer_bytes_out, struct ps_result *result)
{
    const char *answer = "";

    (void)c;
    (void)bucket;
    (void)headers;
    fake.requests++;
    if (fake_hits(&fake.fail_request))
        return fake_fail(result, PS_ERR_S3, "SlowDown");
    if (strcmp(query, "uploads") == 0) {
        answer = "<R><UploadId>a/b&amp;c</UploadId></R>";
    } else if (strncmp(query, "partNumber=", 11) == 0) {
        if (fake.parts < ARRAY_COUNT(fake.part_bytes)) {
            fake.part_bytes[fake.parts] = body_bytes;
            fake.part_text[fake.parts] = body_bytes ? *(const char *)body : '-';
        }
        fake.parts++;
        (void)snprintf(result->etag, sizeof result->etag, "\"part%u\"", fake.parts);
        answer = body_bytes ? "" : "<R><ETag>&quot;copied&quot;</ETag></R>";
    } else if (strcmp(method, "POST") == 0 && strncmp(query, "uploadId=", 9) == 0) {
        (void)fake_store(key, calloc(1, 1), 0);
        answer = strstr(query, "uploadId=a%2Fb%26c") ? "<R><ETag>\"done\"</ETag></R>" : "";
    } else if (strcmp(query, "delete") == 0) {
        char *text = strndup(body, body_bytes);
        const char *at = text;
        while ((at = strstr(at, "<Key>"))) {
            char name[256];
            at += 5;
            (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "<"), at);
            if (strcmp(name, "locked") == 0)
                answer = "<R><Error><Key>locked</Key><Code>AccessDenied</Code>"
                         "<Message>no</Message></Error></R>";
            else
                fake_drop(name);
        }
        free(text);
    }
    *answer_out = strdup(answer);
    *answer_bytes_out = strlen(answer);
    return PS_OK;
}

#endif
