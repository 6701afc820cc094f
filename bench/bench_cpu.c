#include <dirent.h>
#include <stdio.h>

#include "bench/bench.h"

/* /proc/PID/task/TID/schedstat: nanoseconds on a CPU, first field; finer than the ticks of stat. */
static double task_seconds(int pid, const char *tid)
{
    char path[300];
    unsigned long long ns = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, tid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    int n = fscanf(f, "%llu", &ns);
    (void)fclose(f);
    return n == 1 ? (double)ns / 1e9 : 0;
}

double bench_cpu_of(int pid)
{
    char path[64];
    double sum = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    if (!d)
        return -1;
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        if (e->d_name[0] != '.')
            sum += task_seconds(pid, e->d_name);
    (void)closedir(d);
    return sum;
}
