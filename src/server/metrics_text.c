#include "server/metrics_text.h"

#include "base/clock.h"
#include "direct/local/local.h"

static uint64_t load(const _Atomic uint64_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void count_wait(const struct http_request *q, void *ctx)
{
    struct metrics_visit *v = ctx;
    const char *name = q->wait && *q->wait ? q->wait : "running";

    for (unsigned i = 0; i < v->wait_count; i++) {
        if (strcmp(v->waits[i].name, name) == 0) {
            v->waits[i].count++;
            return;
        }
    }
    if (v->wait_count < METRICS_WAITS_MAX)
        v->waits[v->wait_count++] = (struct metrics_wait){name, 1};
}

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP penstock_%s %s\n# TYPE penstock_%s %s\n", name, help, name, type);
}

static void gauge(struct buf *b, const char *name, const char *help, uint64_t value)
{
    head(b, name, "gauge", help);
    buf_printf(b, "penstock_%s %llu\n", name, (unsigned long long)value);
}

static const struct metrics *core_metrics(const struct server *s, unsigned i)
{
    return reactor_metrics(s->cores[i].reactor);
}

static void put_counters(struct buf *b, const struct server *s)
{
    static const char *const names[] = {
#define METRIC_NAME(name, text, help) text "_total",
        METRICS_LIST(METRIC_NAME)
#undef METRIC_NAME
    };
    static const char *const helps[] = {
#define METRIC_HELP(name, text, help) help,
        METRICS_LIST(METRIC_HELP)
#undef METRIC_HELP
    };
    for (unsigned k = 0; k < METRIC_COUNT; k++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < s->core_count; i++)
            sum += load(&core_metrics(s, i)->count[k]);
        head(b, names[k], "counter", helps[k]);
        buf_printf(b, "penstock_%s %llu\n", names[k], (unsigned long long)sum);
    }
}

static void put_requests(struct buf *b, const struct server *s)
{
    head(b, "requests_total", "counter", "finished S3 requests by operation and status class");
    for (unsigned op = 0; op < s3_op_count; op++) {
        for (unsigned class = 1; class < METRICS_STATUS_CLASSES; class ++) {
            uint64_t sum = 0;
            for (unsigned i = 0; i < s->core_count; i++)
                sum += load(&core_metrics(s, i)->requests[op][class]);
            if (sum)
                buf_printf(
                    b, "penstock_requests_total{operation=\"%s\",status=\"%uxx\"} %llu\n",
                    s3_ops[op].name, class, (unsigned long long)sum);
        }
    }
}

static uint64_t latency_sum(const struct server *s, unsigned op, unsigned bucket)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < s->core_count; i++)
        sum += load(&core_metrics(s, i)->latency[op][bucket]);
    return sum;
}

static void put_latency_of(struct buf *b, const struct server *s, unsigned op)
{
    uint64_t total = 0, below = 0, us = 0;

    for (unsigned k = 0; k < METRICS_LATENCY_BUCKETS; k++)
        total += latency_sum(s, op, k);
    if (total == 0)
        return;
    for (unsigned k = 0; k + 1 < METRICS_LATENCY_BUCKETS; k++) {
        below += latency_sum(s, op, k);
        buf_printf(
            b, "penstock_request_seconds_bucket{operation=\"%s\",le=\"%g\"} %llu\n",
            s3_ops[op].name, (double)(1u << k) / 1e6, (unsigned long long)below);
    }
    for (unsigned i = 0; i < s->core_count; i++)
        us += load(&core_metrics(s, i)->latency_us_sum[op]);
    buf_printf(
        b,
        "penstock_request_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %llu\n"
        "penstock_request_seconds_sum{operation=\"%s\"} %.6f\n"
        "penstock_request_seconds_count{operation=\"%s\"} %llu\n",
        s3_ops[op].name, (unsigned long long)total, s3_ops[op].name, (double)us / 1e6,
        s3_ops[op].name, (unsigned long long)total);
}

static void put_latency(struct buf *b, const struct server *s)
{
    head(b, "request_seconds", "histogram", "time from the first byte of a request to its end");
    for (unsigned op = 0; op < s3_op_count; op++)
        put_latency_of(b, s, op);
}

static void put_memory(struct buf *b, struct server *s)
{
    struct arena_stats arena;

    arena_stats(s->arena, &arena);
    gauge(b, "arena_bytes", "payload memory, sized at start", arena.bytes_total);
    gauge(b, "arena_used_bytes", "of it in use, the cache included", arena.bytes_used);
    gauge(b, "arena_waiting", "requests that wait for payload memory", arena.waiting);
    if (s->cache) {
        struct cache_stats cache;
        cache_stats(s->cache, &cache);
        gauge(b, "cache_bytes", "payload cached in the arena", cache.bytes);
        gauge(b, "cache_entries", "chunks cached in the arena", cache.entries);
    }
}

static void put_store(struct buf *b, struct server *s)
{
    struct engine_facts facts = {0};

    engine_facts(s->engine, &facts);
    gauge(b, "store_bytes", "size of the store's file system", facts.bytes_total);
    gauge(b, "store_free_bytes", "of it free", facts.bytes_free);
    gauge(b, "store_entries", "entries of all kinds", facts.entries);
    gauge(
        b, "durability_strict", "1: on stable media before an answer of 200",
        strcmp(s->config.durability, "strict") == 0);
    if (s->local) {
        struct local_stats local;
        local_stats(s->local, &local);
        gauge(b, "local_sessions", "clients connected for the local transport", local.sessions);
        gauge(b, "local_regions", "memory regions they handed over", local.regions);
        gauge(b, "local_windows_open", "windows in use", local.windows_open);
        gauge(b, "local_mapped_bytes", "client memory mapped", local.mapped_bytes);
    }
}

static void put_waits(struct buf *b, const struct metrics_text *t)
{
    const struct server *s = t->server;
    unsigned conns = 0;

    head(b, "requests_waiting", "gauge", "live requests by what they wait for");
    for (unsigned i = 0; i < s->core_count; i++) {
        const struct metrics_visit *v = &t->visits[i];
        conns += v->conns;
        for (unsigned k = 0; k < v->wait_count; k++)
            buf_printf(
                b, "penstock_requests_waiting{wait=\"%s\",reactor=\"%u\"} %u\n", v->waits[k].name,
                i, v->waits[k].count);
    }
    gauge(b, "connections", "open TCP connections", conns);
    gauge(b, "reactors", "threads that serve", s->core_count);
    gauge(b, "uptime_seconds", "since start", (clock_ns() - s->start_ns) / 1000000000);
}

static void visited(struct metrics_text *t)
{
    if (atomic_fetch_sub(&t->left, 1) != 1)
        return;
    /* The last reactor writes; the counters are readable from anywhere. */
    put_requests(&t->text, t->server);
    put_latency(&t->text, t->server);
    put_counters(&t->text, t->server);
    put_memory(&t->text, t->server);
    put_store(&t->text, t->server);
    put_waits(&t->text, t);
    op_complete(&t->op, t->text.overflow ? ERR_TOO_LARGE : ERR_OK);
}

static void visit(struct op *op)
{
    struct metrics_visit *v = container_of(op, struct metrics_visit, op);

    http_server_each(v->core->http, count_wait, v);
    v->conns = http_server_conns(v->core->http);
    visited(v->text);
}

void metrics_text_start(struct metrics_text *t)
{
    struct server *s = t->server;

    op_start(&t->op);
    atomic_store(&t->left, s->core_count);
    for (unsigned i = 0; i < s->core_count; i++) {
        struct metrics_visit *v = &t->visits[i];
        memset(v, 0, sizeof *v);
        op_init(&v->op, visit);
        v->text = t;
        v->core = &s->cores[i];
        op_send(&v->op, v->core->reactor);
    }
}
