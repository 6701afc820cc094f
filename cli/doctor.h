/*
 * `penstock doctor`: what this host can do for Penstock and what stops it. Each doctor_*.c looks at
 * one area and says what it found, check by check.
 */
#ifndef PENSTOCK_CLI_DOCTOR_H
#define PENSTOCK_CLI_DOCTOR_H

#include <stdbool.h>

#include "penstock/penstock.h"

/* ok: works. warn: works, but slower or narrower than it could. off: does not work here. */
enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_OFF };

struct doctor {
    bool json;
    unsigned failures; /* of what the user asked about: DIR, the endpoint */
};

/* One line: what was found; todo: what would change it, or NULL. */
void doctor_say(
    struct doctor *d, const char *check, enum doctor_state state, const char *todo, const char *fmt,
    ...) __attribute__((format(printf, 5, 6)));

void doctor_kernel(struct doctor *d);  /* kernel, io_uring, descriptors, process_vm, memfd, clock */
void doctor_memory(struct doctor *d);  /* memory, memlock, huge pages */
void doctor_cpu(struct doctor *d);     /* instructions the kernels of checksums use */
void doctor_devices(struct doctor *d); /* RDMA, GPU */
void doctor_drive(struct doctor *d, const char *dir);
void doctor_endpoint(struct doctor *d, const struct ps_options *options);

/* doctor_read.c: small files of /proc and /sys. */
/* The first line of the file, without its end; false when it cannot be read. */
bool doctor_read_line(const char *path, char *to, unsigned cap);
/* The number in the file, or `fallback`. */
long long doctor_read_number(const char *path, long long fallback);

#endif
