/*
 * A scripted HTTP server: the n-th request, whichever connection it comes on, gets the n-th answer.
 * "GET /-/direct" is answered apart. Requests are kept for the test to look at.
 */
#ifndef PENSTOCK_TESTS_SCRIPT_HELP_H
#define PENSTOCK_TESTS_SCRIPT_HELP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { SCRIPT_MAX = 16, SCRIPT_REQUEST_MAX = 8192 };

enum script_act {
    SCRIPT_ANSWER, /* and keep the connection */
    SCRIPT_CLOSE,  /* close after the answer, which may be empty */
    SCRIPT_STALL   /* say what is written, then nothing until the client goes */
};

struct script_step {
    const char *answer; /* "Content-Length: AUTO" is filled in */
    enum script_act act;
};

struct script {
    const struct script_step *steps;
    unsigned count;
    const char *direct_json; /* NULL: 404 */
    char endpoint[64];
    /* private */
    int listen_fd;
    pthread_t thread, conns[64];
    unsigned conn_count;
    pthread_mutex_t lock;
    int fds[64];
    /* what came; read after script_stop, or when a request has been answered */
    unsigned seen;
    char requests[SCRIPT_MAX][SCRIPT_REQUEST_MAX]; /* heads */
    size_t bodies[SCRIPT_MAX];                     /* bytes of each body */
};

void script_start(struct script *s, const struct script_step *steps, unsigned count);
void script_stop(struct script *s);
/* Request n came, and its head contains text. */
bool script_has(struct script *s, unsigned n, const char *text);
/* The value of a header of request n, into to; false when it has none. */
bool script_header(struct script *s, unsigned n, const char *name, char *to, size_t cap);

#endif
