#include "bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

static const char usage_text[] =
    "usage: penstock bench [get|put|mixed] [options]\n\n"
    "  --size BYTES         of an object [64MiB]\n"
    "  --objects N          how many different ones [8]\n"
    "  --concurrency N      operations in flight per process [4]\n"
    "  --processes N        client processes [1]\n"
    "  --seconds S          of a round [2]\n"
    "  --rounds N           of each way, alternating [3]\n"
    "  --ways LIST          tcp,direct [both]\n"
    "  --object s3://B/K    read this object, whole, instead of made ones\n"
    "  --bucket NAME        for made objects [penstock-bench]\n"
    "  --part BYTES         split transfers into parts of this size [the library's default]\n"
    "  --server-pid PID     also report the server's CPU\n"
    "  --verify             the client checks CRC-64/NVME of direct transfers\n"
    "  --keep               leave the objects\n"
    "  --json               one line a way\n\n"
    "Endpoint and credentials come from AWS_ENDPOINT_URL and AWS_* or ~/.aws.\n";

enum { OPTION_FIRST = 256 };
enum {
    O_SIZE = OPTION_FIRST,
    O_OBJECTS,
    O_CONCURRENCY,
    O_PROCESSES,
    O_SECONDS,
    O_ROUNDS,
    O_WAYS,
    O_OBJECT,
    O_BUCKET,
    O_PART,
    O_PID,
    O_VERIFY,
    O_KEEP,
    O_JSON,
    O_HELP
};

static const struct option long_options[] = {
    {"size", 1, 0, O_SIZE},
    {"objects", 1, 0, O_OBJECTS},
    {"concurrency", 1, 0, O_CONCURRENCY},
    {"processes", 1, 0, O_PROCESSES},
    {"seconds", 1, 0, O_SECONDS},
    {"rounds", 1, 0, O_ROUNDS},
    {"ways", 1, 0, O_WAYS},
    {"object", 1, 0, O_OBJECT},
    {"bucket", 1, 0, O_BUCKET},
    {"part", 1, 0, O_PART},
    {"server-pid", 1, 0, O_PID},
    {"verify", 0, 0, O_VERIFY},
    {"keep", 0, 0, O_KEEP},
    {"json", 0, 0, O_JSON},
    {"help", 0, 0, O_HELP},
    {0, 0, 0, 0}};

static bool set_count(unsigned *to, const char *value, unsigned max)
{
    uint64_t n;

    if (text_to_u64(view_str(value), &n) || n == 0 || n > max)
        return false;
    *to = (unsigned)n;
    return true;
}

static bool set_object(struct bench_options *o, const char *value)
{
    const char *slash = strncmp(value, "s3://", 5) == 0 ? strchr(value + 5, '/') : NULL;

    if (!slash || slash - (value + 5) > 63 || strlen(slash + 1) > 1024 || !slash[1])
        return false;
    (void)snprintf(
        o->object_bucket, sizeof o->object_bucket, "%.*s", (int)(slash - value - 5), value + 5);
    (void)snprintf(o->object_key, sizeof o->object_key, "%s", slash + 1);
    o->has_object = true;
    return true;
}

static bool set_ways(struct bench_options *o, const char *value)
{
    o->ways[0] = strstr(value, "tcp") != NULL;
    o->ways[1] = strstr(value, "direct") != NULL;
    return o->ways[0] || o->ways[1];
}

static bool set_flag(bool *to)
{
    *to = true;
    return true;
}

static bool set_option(struct bench_options *o, int option, const char *value)
{
    switch (option) {
    case O_SIZE:
        return text_to_bytes(view_str(value), &o->size) == ERR_OK;
    case O_OBJECTS:
        return set_count(&o->objects, value, 1000000);
    case O_CONCURRENCY:
        return set_count(&o->concurrency, value, 256);
    case O_PROCESSES:
        return set_count(&o->processes, value, BENCH_PROCESSES_MAX);
    case O_SECONDS:
        o->seconds = atof(value);
        return o->seconds > 0;
    case O_ROUNDS:
        return set_count(&o->rounds, value, BENCH_ROUNDS_MAX);
    case O_WAYS:
        return set_ways(o, value);
    case O_OBJECT:
        return set_object(o, value);
    case O_BUCKET:
        o->bucket = value;
        return true;
    case O_PART:
        return text_to_bytes(view_str(value), &o->part_bytes) == ERR_OK;
    case O_PID:
        o->server_pid = atoi(value);
        return o->server_pid > 0;
    case O_VERIFY:
        return set_flag(&o->verify);
    case O_KEEP:
        return set_flag(&o->keep);
    case O_JSON:
        return set_flag(&o->json);
    default:
        return false;
    }
}

/* 0: go on; else the exit status + 1. */
static int parse(struct bench_options *o, int argc, char **argv)
{
    int c;

    while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (c == O_HELP || c == 'h') {
            (void)fputs(usage_text, stdout);
            return 1;
        }
        if (!set_option(o, c, optarg)) {
            (void)fprintf(stderr, "penstock bench: bad %s\n", argv[optind - 1]);
            return 3;
        }
    }
    if (optind < argc) {
        const char *work = argv[optind++];
        if (strcmp(work, "put") == 0)
            o->work = BENCH_PUT;
        else if (strcmp(work, "mixed") == 0)
            o->work = BENCH_MIXED;
        else if (strcmp(work, "get") != 0)
            return 3;
    }
    if (o->has_object && o->work != BENCH_GET) {
        (void)fprintf(stderr, "penstock bench: --object goes with get\n");
        return 3;
    }
    return optind == argc ? 0 : 3;
}

/* One round of one way: `processes` children, each writing its own bench_round. */
static void
run_round(const struct bench_options *o, enum ps_direct direct, struct bench_round *rounds)
{
    memset(rounds, 0, sizeof *rounds * o->processes);
    (void)fflush(stdout);
    for (unsigned i = 0; i < o->processes; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            bench_worker_run(o, direct, i, &rounds[i]);
            _exit(0);
        }
        if (pid < 0)
            rounds[i].errors++;
    }
    int status;
    for (pid_t pid = wait(&status); pid > 0 || errno == EINTR; pid = wait(&status))
        if (pid > 0 && status != 0)
            rounds[0].errors++;
}

static void add_round(
    const struct bench_options *o, const struct bench_round *rounds, double server_cpu_s,
    struct bench_result *r)
{
    double wall = 0, cpu = 0;
    uint64_t bytes = 0, operations = 0;

    for (unsigned i = 0; i < o->processes; i++) {
        wall = rounds[i].wall_s > wall ? rounds[i].wall_s : wall;
        cpu += rounds[i].client_cpu_s;
        bytes += rounds[i].bytes;
        operations += rounds[i].operations;
        r->direct_bytes += rounds[i].direct_bytes;
        r->errors += rounds[i].errors;
        histogram_merge(&r->latency, &rounds[i].latency);
        if (rounds[i].error[0] && !r->error[0])
            memcpy(r->error, rounds[i].error, sizeof r->error);
    }
    r->bytes += bytes;
    r->operations += operations;
    if (operations == 0 || wall <= 0)
        return;
    double gb = (double)bytes / 1e9;
    r->mb_s[r->rounds] = (double)bytes / 1e6 / wall;
    r->ops_s[r->rounds] = (double)operations / wall;
    r->client_cpu_per_gb[r->rounds] = gb > 0 ? cpu / gb : 0;
    r->server_cpu_per_gb[r->rounds] = gb > 0 ? server_cpu_s / gb : 0;
    r->client_cpu_per_op[r->rounds] = cpu / (double)operations;
    r->server_cpu_per_op[r->rounds] = server_cpu_s / (double)operations;
    r->rounds++;
}

static void run_all(
    const struct bench_options *o, struct bench_round *shared, struct bench_result *results,
    unsigned *count_out)
{
    static const char *const names[BENCH_WAYS] = {"tcp", "direct"};
    static const enum ps_direct modes[BENCH_WAYS] = {PS_DIRECT_OFF, PS_DIRECT_REQUIRE};

    *count_out = 0;
    for (unsigned way = 0; way < BENCH_WAYS; way++)
        if (o->ways[way])
            results[(*count_out)++].way = names[way];
    for (unsigned round = 0; round < o->rounds; round++) {
        unsigned at = 0;
        for (unsigned way = 0; way < BENCH_WAYS; way++) {
            if (!o->ways[way])
                continue;
            double before = o->server_pid ? bench_cpu_of(o->server_pid) : 0;
            run_round(o, modes[way], shared);
            double after = o->server_pid ? bench_cpu_of(o->server_pid) : 0;
            add_round(o, shared, after - before, &results[at++]);
        }
    }
}

/* The size of --object, asked from the server. */
static bool find_object(struct bench_options *o)
{
    const struct ps_options options = {.direct = PS_DIRECT_OFF};
    struct ps_client *client = NULL;
    struct ps_stat st = {0};

    enum ps_err e = ps_connect(&options, &client);
    if (!e)
        e = ps_head(client, o->object_bucket, o->object_key, &st, NULL);
    if (e)
        (void)fprintf(stderr, "penstock bench: %s\n", ps_client_error());
    ps_disconnect(client);
    o->size = st.bytes;
    return e == PS_OK;
}

static int run(struct bench_options *o)
{
    char error[200] = {0};
    size_t bytes = sizeof(struct bench_round) * o->processes;
    struct bench_result *results = calloc(BENCH_WAYS, sizeof *results);
    struct bench_round *shared =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned count = 0;
    uint64_t errors = 0;

    if (!results || shared == MAP_FAILED)
        return 1;
    if (o->has_object ? !find_object(o) : !bench_worker_prepare(o, error)) {
        if (error[0])
            (void)fprintf(stderr, "penstock bench: %s\n", error);
        return 1;
    }
    run_all(o, shared, results, &count);
    bench_report(o, results, count);
    if (!o->has_object && !o->keep)
        bench_worker_clean(o);
    for (unsigned i = 0; i < count; i++)
        errors += results[i].errors;
    free(results);
    (void)munmap(shared, bytes);
    return errors ? 1 : 0;
}

int bench_main(int argc, char **argv)
{
    struct bench_options o = {
        .size = 64 << 20,
        .objects = 8,
        .concurrency = 4,
        .processes = 1,
        .seconds = 2,
        .rounds = 3,
        .bucket = "penstock-bench",
        .ways = {true, true},
    };
    int stop = parse(&o, argc, argv);

    if (stop > 1)
        (void)fputs(usage_text, stderr);
    return stop ? stop - 1 : run(&o);
}
