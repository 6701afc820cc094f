/* `penstock COMMAND ...`: the server and the tools in one binary. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "penstock/penstock.h"
#include "server/server.h"

static int version_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("penstock %s\n", PS_VERSION);
    return 0;
}

const struct cli_command cli_commands[] = {
    {"serve", "serve [options] DIR", "run the server", server_main},
    {"version", "version", "print the version", version_main},
};
const unsigned cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

static void usage(FILE *to)
{
    (void)fprintf(to, "usage: penstock COMMAND ...\n\n");
    for (unsigned i = 0; i < cli_command_count; i++)
        (void)fprintf(to, "  %-44s %s\n", cli_commands[i].usage, cli_commands[i].help);
    (void)fprintf(to, "\npenstock COMMAND --help tells more; man penstock tells all.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        return version_main(0, argv);
    for (unsigned i = 0; i < cli_command_count; i++)
        if (strcmp(argv[1], cli_commands[i].name) == 0)
            return cli_commands[i].run(argc - 1, argv + 1);
    (void)fprintf(stderr, "penstock: no command '%s'\n", argv[1]);
    usage(stderr);
    return 2;
}
