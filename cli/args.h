/*
 * Options and operands of a command: its own options as a table, and those all clients have.
 * The table makes the parser and the help text, so the two cannot differ.
 */
#ifndef PENSTOCK_CLI_ARGS_H
#define PENSTOCK_CLI_ARGS_H

#include <stdbool.h>

#include "penstock/penstock.h"

enum { ARGS_OPTIONS_MAX = 24, ARGS_GO = -1 };

struct args_option {
    char letter; /* 'r', or 0 */
    const char *name;
    const char *argument; /* "FILE"; NULL: a flag */
    const char *help;
    /* Where it goes: one of the two. */
    bool *flag;
    const char **text;
};

struct args_spec {
    const char *usage; /* "cp [-r] FROM... TO" */
    const char *about; /* a paragraph, lines ended */
    const struct args_option *options;
    unsigned option_count;
    int operands_min, operands_max;
    bool is_offline; /* without the options that concern a server */
};

struct args {
    struct ps_options connect;
    bool json, quiet;
    char **operands;
    int count;
};

/*
 * args_read(a, spec, argc, argv): ARGS_GO, or the exit status to return at once (after --help was
 * printed, or a complaint). argv may be reordered; a keeps pointers into it.
 */
int args_read(struct args *a, const struct args_spec *spec, int argc, char **argv);
/* Prints "penstock COMMAND: ..." and where help is; returns the exit status. */
__attribute__((format(printf, 2, 3))) int
args_complain(const struct args_spec *spec, const char *fmt, ...);

#endif
