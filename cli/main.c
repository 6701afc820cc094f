/* `penstock COMMAND ...`: the server and the tools in one binary. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "bench/bench.h"
#include "cli/cli.h"
#include "server/server.h"

static const struct cli_command commands[] = {
    {"serve", "serve [options] DIR", "run the server", server_main},
    {"ls", "ls [-r] [s3://BUCKET[/PREFIX]]...", "list buckets or objects", ls_main},
    {"mb", "mb s3://BUCKET...", "make buckets", mb_main},
    {"rb", "rb [-f] s3://BUCKET...", "remove buckets", rb_main},
    {"cp", "cp [-r] FROM... TO", "copy between files and objects", cp_main},
    {"get", "get [-r] s3://BUCKET/KEY... [TO]", "read objects into files", get_main},
    {"put", "put [-r] FILE... s3://BUCKET/KEY", "store files as objects", put_main},
    {"rm", "rm [-r] s3://BUCKET/KEY...", "remove objects", rm_main},
    {"stat", "stat s3://BUCKET/KEY...", "show what is known of objects", stat_main},
    {"cat", "cat s3://BUCKET/KEY...", "print objects", cat_main},
    {"admin", "admin user|key|group|policy VERB ...", "who may use a server", admin_main},
    {"bench", "bench [get|put|mixed] [options]", "measure a server, by TCP and directly",
     bench_main},
    {"doctor", "doctor [DIR]...", "what this host can do and what stops it", doctor_main},
    {"version", "version", "print the version", version_main},
};

static const struct cli_command *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static void usage(FILE *to)
{
    (void)fprintf(to, "usage: penstock COMMAND ...\n\n");
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        (void)fprintf(to, "  %-38s %s\n", commands[i].usage, commands[i].help);
    (void)fprintf(
        to, "  %-38s %s\n\npenstock help COMMAND tells more; man penstock tells all.\n",
        "help [COMMAND]", "this text, or that of a command");
}

static int no_command(const char *name)
{
    (void)fprintf(stderr, "penstock: no command '%s'\n", name);
    usage(stderr);
    return CLI_USAGE;
}

static int help(int argc, char **argv)
{
    char option[] = "--help";

    if (argc < 2) {
        usage(stdout);
        return CLI_DONE;
    }
    const struct cli_command *command = find(argv[1]);
    if (!command)
        return no_command(argv[1]);
    char *with_help[] = {argv[1], option, NULL};
    return command->run(2, with_help);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(0, argv);
    if (strcmp(argv[1], "help") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0)
        return version_main(1, argv + 1);
    const struct cli_command *command = find(argv[1]);
    return command ? command->run(argc - 1, argv + 1) : no_command(argv[1]);
}
