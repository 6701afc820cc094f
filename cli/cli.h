/*
 * The commands of the binary: one file each, registered in main.c. A command gets argv with argv[0]
 * its own name and returns the exit status: 0 done, 1 failed, 2 bad usage.
 */
#ifndef PENSTOCK_CLI_CLI_H
#define PENSTOCK_CLI_CLI_H

struct cli_command {
    const char *name;
    const char *usage; /* "cp [-r] FROM TO" */
    const char *help;  /* one line */
    int (*run)(int argc, char **argv);
};

extern const struct cli_command cli_commands[];
extern const unsigned cli_command_count;

#endif
