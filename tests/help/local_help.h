/*
 * Transport `local` in a test: a server's half on a socket in a new folder, and a client in a
 * process of its own, which may be killed.
 */
#ifndef PENSTOCK_TESTS_LOCAL_HELP_H
#define PENSTOCK_TESTS_LOCAL_HELP_H

#include <sys/types.h>

#include "direct/local/local.h"

#define LOCAL_HELP_ID "0123456789abcdef0123456789abcdef"

struct local_help {
    struct transport *transport;
    char folder[64];
    char path[96];
};

/* zero fields of limits (may be NULL) mean the defaults. */
void local_help_start(struct local_help *h, const struct local_config *limits);
/* Needs a reactor. */
void local_help_stop(struct local_help *h);
/* Waits (30 s) until the server counts so many sessions. */
void local_help_sessions(struct local_help *h, uint64_t count);

/* A forked client. */
struct local_child {
    pid_t pid;
    int fd;
    uint8_t *memory; /* shared with the child, at the same address there */
    size_t bytes;
};

/* Forks: before any thread is started. */
void local_child_new(struct local_child *c, size_t bytes);
/* The child connects, and hands over its `memory` as a range, or a memfd of that size. */
enum err local_child_connect(struct local_child *c, const char *path, bool is_range);
struct local_child_token {
    uint64_t off, len;
    bool is_write;
};
void local_child_token(struct local_child *c, const struct local_child_token *t, struct buf *to);
/* The child replaces its view of [off, off + len) by nothing, or by memory that it may only read.
 */
void local_child_unmap(struct local_child *c, uint64_t off, uint64_t len);
void local_child_protect(struct local_child *c, uint64_t off, uint64_t len);
/* From now on the first touch of [off, off + len) stalls until the child dies. False: this kernel
 * does not allow it here. */
bool local_child_stall(struct local_child *c, uint64_t off, uint64_t len);
/* The child unregisters its region; how that went. */
enum err local_child_unregister(struct local_child *c);
/* kill -9, and wait. */
void local_child_kill(struct local_child *c);
void local_child_free(struct local_child *c);

/* Open descriptors, mappings and threads of this process. */
unsigned local_help_fds(void);
unsigned local_help_maps(void);

#endif
