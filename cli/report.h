/*
 * What a command tells: a line per object on standard output (or JSON), complaints on standard
 * error with their cause and the server's request id. Counts failures; the exit status follows.
 */
#ifndef PENSTOCK_CLI_REPORT_H
#define PENSTOCK_CLI_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/progress.h"
#include "penstock/penstock.h"

struct report {
    bool json, quiet;
    bool is_terminal; /* of lines: unprintable characters are shown as '?' */
    FILE *lines;      /* stdout; stderr when object data goes to stdout */
    struct progress progress;
    unsigned failures;
};

/* What was done to what. Names are shown as they are; `to` may be NULL. */
struct report_what {
    const char *verb, *from, *to;
};

void report_start(struct report *r, bool json, bool quiet);
void report_end(struct report *r);
/* From now on standard output carries data. */
void report_to_stderr(struct report *r);

/* "get s3://b/k -> k  1048576 bytes  way local  0.012 s" */
void report_transfer(
    struct report *r, const struct report_what *what, const struct ps_result *result,
    double seconds);
/* "rm s3://b/k": something without payload. */
void report_done(struct report *r, const struct report_what *what);
/* "penstock: get s3://b/k: NoSuchKey: ... (HTTP 404, request ...)" */
void report_failure(
    struct report *r, const struct report_what *what, const struct ps_result *result);
/* The same for what did not come from a server. */
void report_problem(struct report *r, const struct report_what *what, const char *cause);

/* The cause of a failed result, as text: code, message, status, request id. */
void report_cause(char *to, size_t cap, const struct ps_result *result);
/* A name on the lines, made harmless for a terminal. */
void report_name(struct report *r, const char *name);

#endif
