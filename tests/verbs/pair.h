/*
 * Two processes in a test. The test's own is one; the other is the same program again, started with
 * the name of a role. They talk in messages over a socket, and the other ends when this one does.
 *
 *     static void holder(struct pair *p) { ... pair_receive(p, &m, sizeof m) ... }
 *     static const struct pair_role roles[] = {{"holder", holder}, {0}};
 *
 *     int main(int argc, char **argv)
 *     {
 *         if (pair_is_role(argc, argv, roles))
 *             return 0;
 *         ... cmocka ... pair_start(&p, "holder", "rxe1") ... pair_stop(&p)
 *
 * No verbs object crosses a fork: the other process is a new program.
 */
#ifndef PENSTOCK_TESTS_VERBS_PAIR_H
#define PENSTOCK_TESTS_VERBS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pair {
    int fd;              /* a SOCK_SEQPACKET socket to the other */
    pid_t pid;           /* of the other; 0 in the other itself */
    const char *subject; /* what pair_start was given */
};

struct pair_role {
    const char *name;
    void (*run)(struct pair *p); /* returns when pair_receive says so */
};

/* In main: true when this process was started as a role, which has then been played to its end. */
bool pair_is_role(int argc, char **argv, const struct pair_role *roles);

/* pair_start(p, "holder", "rxe0"): starts the role. Fails the test if that cannot be. */
void pair_start(struct pair *p, const char *role, const char *subject);
/* Closes the socket and waits until the other has ended; the test fails if it did not end well. */
void pair_stop(struct pair *p);
/* Kills the other, without a word to it. pair_stop is still to be called. */
void pair_kill(struct pair *p);

/* One message, whole. Ends the process when that takes more than 20 s. */
void pair_send(const struct pair *p, const void *message, size_t bytes);
/* False when the other is gone. */
bool pair_receive(const struct pair *p, void *message_out, size_t bytes);
/* Waits for as long as it takes. */
bool pair_receive_late(const struct pair *p, void *message_out, size_t bytes);

#endif
