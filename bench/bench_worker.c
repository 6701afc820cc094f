#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"

/* One operation in flight: its own range of the buffer, its own key. */
struct slot {
    struct ps_op op;
    char key[64];
    uint64_t start_ns;
};

struct worker {
    const struct bench_options *o;
    struct ps_client *client;
    struct ps_buffer *buffer;
    struct slot *slots;
    unsigned process, next, in_flight;
    uint64_t random;
    struct bench_round *round;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_s(void)
{
    struct rusage r;

    (void)getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* xorshift64: which object next. */
static uint64_t next_random(struct worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static void fail(struct bench_round *r, const char *what, enum ps_err e)
{
    r->errors++;
    if (!r->error[0])
        (void)snprintf(
            r->error, sizeof r->error, "%s: %s (%s)", what, ps_err_text(e), ps_client_error());
}

static void fill_op(struct worker *w, struct slot *s, unsigned index)
{
    const struct bench_options *o = w->o;
    bool is_put = o->work == BENCH_PUT || (o->work == BENCH_MIXED && next_random(w) % 4 == 0);

    memset(&s->op, 0, sizeof s->op);
    s->op.kind = is_put ? PS_PUT : PS_GET;
    s->op.bucket = o->has_object ? o->object_bucket : o->bucket;
    s->op.buffer = w->buffer;
    s->op.buffer_off = (size_t)(index * o->size);
    s->op.bytes = o->size;
    s->op.user = s;
    if (is_put)
        (void)snprintf(s->key, sizeof s->key, "put/%u/%u", w->process, w->next++ % o->objects);
    else
        (void)snprintf(s->key, sizeof s->key, "get/%u", (unsigned)(next_random(w) % o->objects));
    s->op.key = o->has_object ? o->object_key : s->key;
}

static void submit(struct worker *w, struct slot *s)
{
    struct ps_op *op = &s->op;

    fill_op(w, s, (unsigned)(s - w->slots));
    s->start_ns = now_ns();
    enum ps_err e = ps_submit(w->client, &op, 1);
    if (e)
        fail(w->round, "submit", e);
    else
        w->in_flight++;
}

static void account(struct worker *w, const struct ps_op *op)
{
    const struct slot *s = op->user;
    struct bench_round *r = w->round;
    const struct ps_result *result = &op->result;

    w->in_flight--;
    if (result->err) {
        r->errors++;
        if (!r->error[0])
            (void)snprintf(
                r->error, sizeof r->error, "%s: %s %u %s %s", op->key, ps_err_text(result->err),
                result->status, result->code, result->message);
        return;
    }
    r->operations++;
    r->bytes += result->bytes;
    if (result->way != PS_WAY_TCP)
        r->direct_bytes += result->bytes;
    histogram_add(&r->latency, now_ns() - s->start_ns);
}

static void loop(struct worker *w, uint64_t end_ns)
{
    struct ps_op *done[64];

    for (unsigned i = 0; i < w->o->concurrency; i++)
        submit(w, &w->slots[i]);
    while (w->in_flight > 0) {
        unsigned n = ps_wait(w->client, done, 64, -1);
        bool goes_on = now_ns() < end_ns && w->round->errors < 100;
        for (unsigned i = 0; i < n; i++) {
            account(w, done[i]);
            if (goes_on)
                submit(w, done[i]->user);
        }
    }
}

static enum ps_err open_worker(struct worker *w, enum ps_direct direct)
{
    const struct bench_options *o = w->o;
    const struct ps_options options = {
        .direct = direct,
        .connections = o->concurrency,
        .part_bytes = o->part_bytes,
        .verify = o->verify,
    };
    enum ps_err e = ps_connect(&options, &w->client);
    if (e)
        return e;
    w->slots = calloc(o->concurrency, sizeof *w->slots);
    if (!w->slots)
        return PS_ERR_NO_MEMORY;
    size_t bytes = (size_t)(o->size * o->concurrency);
    e = ps_buffer_alloc(w->client, bytes ? bytes : 1, &w->buffer);
    if (!e)
        memset(ps_buffer_at(w->buffer), (int)(0x5a + w->process), bytes);
    return e;
}

static void close_worker(struct worker *w)
{
    if (w->buffer)
        ps_buffer_free(w->buffer);
    ps_disconnect(w->client);
    free(w->slots);
}

void bench_worker_run(
    const struct bench_options *o, enum ps_direct direct, unsigned process,
    struct bench_round *round_out)
{
    struct worker w = {
        .o = o,
        .process = process,
        .random = 0x9e3779b97f4a7c15u ^ (process + 1),
        .round = round_out,
    };
    enum ps_err e = open_worker(&w, direct);

    if (e) {
        fail(round_out, "connect", e);
    } else {
        double cpu = cpu_s();
        uint64_t start = now_ns();
        loop(&w, start + (uint64_t)(o->seconds * 1e9));
        round_out->wall_s = (double)(now_ns() - start) / 1e9;
        round_out->client_cpu_s = cpu_s() - cpu;
    }
    close_worker(&w);
}

static enum ps_err put_objects(struct worker *w)
{
    uint8_t *at = ps_buffer_at(w->buffer);
    struct ps_result result = {0};
    char key[64];

    for (uint64_t i = 0; i < w->o->size; i++)
        at[i] = (uint8_t)next_random(w);
    for (unsigned i = 0; i < w->o->objects; i++) {
        (void)snprintf(key, sizeof key, "get/%u", i);
        enum ps_err e = ps_put(w->client, w->o->bucket, key, w->buffer, 0, w->o->size, &result);
        if (e)
            return e;
    }
    return PS_OK;
}

bool bench_worker_prepare(const struct bench_options *o, char *error_out)
{
    struct bench_options one = *o;
    struct worker w = {.o = &one, .random = 0x9e3779b97f4a7c15u};

    one.concurrency = 1;
    enum ps_err e = open_worker(&w, PS_DIRECT_PREFER);
    if (!e) {
        struct ps_result ignored = {0};
        e = ps_bucket_create(w.client, o->bucket, &ignored);
        if (e == PS_ERR_S3 && strcmp(ignored.code, "BucketAlreadyOwnedByYou") == 0)
            e = PS_OK;
    }
    if (!e && o->work != BENCH_PUT)
        e = put_objects(&w);
    if (e)
        (void)snprintf(error_out, 200, "%s (%s)", ps_err_text(e), ps_client_error());
    close_worker(&w);
    return e == PS_OK;
}

/* Keys are collected first: removing while listing would move the page borders. */
struct keys {
    char (*names)[64];
    unsigned count, cap;
};

static int collect(const struct ps_entry *entry, void *user)
{
    struct keys *k = user;

    if (k->count == k->cap) {
        unsigned cap = k->cap ? 2 * k->cap : 1024;
        void *grown = realloc(k->names, cap * sizeof *k->names);
        if (!grown)
            return 1;
        k->names = grown;
        k->cap = cap;
    }
    (void)snprintf(k->names[k->count++], sizeof k->names[0], "%s", entry->name);
    return 0;
}

void bench_worker_clean(const struct bench_options *o)
{
    const struct ps_options options = {.direct = PS_DIRECT_OFF};
    struct ps_client *client = NULL;
    struct keys keys = {0};

    if (ps_connect(&options, &client))
        return;
    enum ps_err e = ps_list(client, o->bucket, NULL, NULL, collect, &keys, NULL);
    for (unsigned i = 0; !e && i < keys.count; i++)
        e = ps_remove(client, o->bucket, keys.names[i], NULL);
    if (!e)
        e = ps_bucket_remove(client, o->bucket, NULL);
    if (e)
        (void)fprintf(stderr, "bench: bucket %s stays: %s\n", o->bucket, ps_client_error());
    free(keys.names);
    ps_disconnect(client);
}
