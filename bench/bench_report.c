#include <stdio.h>
#include <stdlib.h>

#include "bench/bench.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(double *values, unsigned count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

struct medians {
    double mb_s, ops_s, client_gb, server_gb, client_op, server_op;
};

static struct medians medians_of(struct bench_result *r)
{
    return (struct medians){
        .mb_s = bench_median(r->mb_s, r->rounds),
        .ops_s = bench_median(r->ops_s, r->rounds),
        .client_gb = bench_median(r->client_cpu_per_gb, r->rounds),
        .server_gb = bench_median(r->server_cpu_per_gb, r->rounds),
        .client_op = bench_median(r->client_cpu_per_op, r->rounds),
        .server_op = bench_median(r->server_cpu_per_op, r->rounds),
    };
}

static double ms(const struct bench_result *r, double q)
{
    return (double)histogram_quantile(&r->latency, q) / 1e6;
}

static double share(const struct bench_result *r)
{
    return r->bytes ? 100.0 * (double)r->direct_bytes / (double)r->bytes : 0;
}

static void text_row(const struct bench_result *r, const struct medians *m, bool has_server)
{
    char server[64] = "-", server_op[64] = "-";

    if (has_server) {
        (void)snprintf(server, sizeof server, "%.4f", m->server_gb);
        (void)snprintf(
            server_op, sizeof server_op, "%.0f", m->server_op > 0 ? 1 / m->server_op : 0);
    }
    printf(
        "%-7s %9.0f %9.0f %11.4f %11s %11s %8.2f %8.2f %8.2f %6.0f%% %7llu\n", r->way, m->mb_s,
        m->ops_s, m->client_gb, server, server_op, ms(r, 0.5), ms(r, 0.99), ms(r, 0.999), share(r),
        (unsigned long long)r->errors);
}

static void text(const struct bench_options *o, struct bench_result *results, unsigned count)
{
    static const char *const works[] = {"get", "put", "mixed"};
    struct medians m[BENCH_WAYS] = {0};

    printf(
        "%s, %llu bytes, %u processes x %u in flight, %u rounds of %.1f s, medians; ms latencies\n",
        works[o->work], (unsigned long long)o->size, o->processes, o->concurrency, o->rounds,
        o->seconds);
    printf(
        "%-7s %9s %9s %11s %11s %11s %8s %8s %8s %7s %7s\n", "way", "MB/s", "ops/s", "client s/GB",
        "server s/GB", "ops/srv-s", "p50", "p99", "p99.9", "direct", "errors");
    for (unsigned i = 0; i < count; i++) {
        m[i] = medians_of(&results[i]);
        text_row(&results[i], &m[i], o->server_pid > 0);
        if (results[i].errors)
            printf("        first error: %s\n", results[i].error);
    }
    if (count == 2 && m[0].mb_s > 0 && m[1].mb_s > 0)
        printf(
            "direct / tcp: %.2fx throughput, %.1f %% of the client's CPU per GB, %.1f %% of the "
            "server's\n",
            m[1].mb_s / m[0].mb_s, m[0].client_gb > 0 ? 100 * m[1].client_gb / m[0].client_gb : 0,
            m[0].server_gb > 0 ? 100 * m[1].server_gb / m[0].server_gb : 0);
}

static void json_row(const struct bench_options *o, struct bench_result *r)
{
    static const char *const works[] = {"get", "put", "mixed"};
    struct medians m = medians_of(r);

    printf(
        "{\"work\":\"%s\",\"size\":%llu,\"processes\":%u,\"concurrency\":%u,\"rounds\":%u,"
        "\"way\":\"%s\",\"mb_s\":%.1f,\"ops_s\":%.1f,\"client_cpu_s_per_gb\":%.5f,"
        "\"server_cpu_s_per_gb\":%.5f,\"client_cpu_s_per_op\":%.9f,\"server_cpu_s_per_op\":%.9f,"
        "\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"operations\":%llu,"
        "\"bytes\":%llu,\"direct_bytes\":%llu,\"errors\":%llu}\n",
        works[o->work], (unsigned long long)o->size, o->processes, o->concurrency, o->rounds,
        r->way, m.mb_s, m.ops_s, m.client_gb, m.server_gb, m.client_op, m.server_op, ms(r, 0.5),
        ms(r, 0.9), ms(r, 0.99), ms(r, 0.999), (unsigned long long)r->operations,
        (unsigned long long)r->bytes, (unsigned long long)r->direct_bytes,
        (unsigned long long)r->errors);
}

void bench_report(const struct bench_options *o, struct bench_result *results, unsigned count)
{
    if (!o->json) {
        text(o, results, count);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        json_row(o, &results[i]);
}
