/*
 * The commands of the binary: one file each, listed in main.c. A command gets argv with argv[0]
 * its own name and returns the exit status: 0 done, 1 failed, 2 bad usage. Every one knows --help.
 */
#ifndef PENSTOCK_CLI_CLI_H
#define PENSTOCK_CLI_CLI_H

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli_command {
    const char *name;
    const char *usage; /* "cp [-r] FROM... TO" */
    const char *help;  /* one line */
    int (*run)(int argc, char **argv);
};

int admin_main(int argc, char **argv);
int cat_main(int argc, char **argv);
int cp_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int get_main(int argc, char **argv);
int ls_main(int argc, char **argv);
int mb_main(int argc, char **argv);
int put_main(int argc, char **argv);
int rb_main(int argc, char **argv);
int rm_main(int argc, char **argv);
int stat_main(int argc, char **argv);
int version_main(int argc, char **argv);

#endif
