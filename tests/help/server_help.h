/* A real `penstock serve` in a process of its own, for tests of the client. */
#ifndef PENSTOCK_TESTS_SERVER_HELP_H
#define PENSTOCK_TESTS_SERVER_HELP_H

#include <sys/types.h>

struct server_help {
    pid_t pid;
    int output;      /* what it prints; the listening line has been read */
    char folder[64]; /* holds everything; removed at the end */
    char endpoint[96];
    char host[64]; /* "127.0.0.1:4711" */
};

#define SERVER_HELP_KEY "AKTESTCLIENT"
#define SERVER_HELP_SECRET "a secret of some length"

/* direct: "auto" or "off". Skips the test when the binary is not built. */
void server_help_start(struct server_help *h, const char *direct);
/* Stops it (SIGKILL) and starts it again on the same folder and port. */
void server_help_restart(struct server_help *h);
void server_help_stop(struct server_help *h);

#endif
