/*
 * `penstock bench`: the same work by TCP and by the direct path, alternating, in one run.
 *
 * A run is rounds x ways; in a round one way runs for `seconds` in `processes` processes with
 * `concurrency` operations in flight each. Figures of a way are the median over its rounds;
 * latencies are merged. CPU-seconds are the kernel's run time of the client processes and of the
 * server (by pid).
 */
#ifndef PENSTOCK_BENCH_BENCH_H
#define PENSTOCK_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/histogram.h"
#include "penstock/penstock.h"

enum { BENCH_ROUNDS_MAX = 64, BENCH_PROCESSES_MAX = 64, BENCH_WAYS = 2 };
enum bench_work { BENCH_GET, BENCH_PUT, BENCH_MIXED };

struct bench_options {
    enum bench_work work;
    uint64_t size; /* bytes of an object */
    unsigned objects, concurrency, processes, rounds;
    double seconds; /* of a round */
    const char *bucket;
    char object_bucket[64], object_key[1025]; /* an existing object, whole, instead of made ones */
    bool has_object;
    bool ways[BENCH_WAYS]; /* 0 tcp, 1 direct */
    int server_pid;        /* 0: looked up by nothing, no server figures */
    bool verify, json, keep;
    uint64_t part_bytes;
};

/* What one process did in one round; in memory shared with the parent. */
struct bench_round {
    uint64_t operations, bytes, errors, direct_bytes;
    double wall_s, client_cpu_s;
    char error[320];
    struct histogram latency;
};

/* What came out for one way. */
struct bench_result {
    const char *way;
    unsigned rounds;
    double mb_s[BENCH_ROUNDS_MAX], ops_s[BENCH_ROUNDS_MAX];
    double client_cpu_per_gb[BENCH_ROUNDS_MAX], server_cpu_per_gb[BENCH_ROUNDS_MAX];
    double client_cpu_per_op[BENCH_ROUNDS_MAX], server_cpu_per_op[BENCH_ROUNDS_MAX];
    uint64_t operations, bytes, direct_bytes, errors;
    char error[320];
    struct histogram latency;
};

int bench_main(int argc, char **argv);
/* bench_worker.c: the loop of one process; returns when `seconds` are over. */
void bench_worker_run(
    const struct bench_options *o, enum ps_direct direct, unsigned process,
    struct bench_round *round_out);
/* Makes the objects a GET run reads; true on success, else *error_out. */
bool bench_worker_prepare(const struct bench_options *o, char *error_out);
void bench_worker_clean(const struct bench_options *o);
/* bench_report.c */
void bench_report(const struct bench_options *o, struct bench_result *results, unsigned count);
double bench_median(double *values, unsigned count); /* sorts values */
/* bench_cpu.c: CPU seconds all threads of pid have used so far; negative when it cannot be read. */
double bench_cpu_of(int pid);

#endif
