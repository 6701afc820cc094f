#include "pair.h"

#include <err.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_MS = 20000, ROLE_ARGC = 5 };
static const char role_option[] = "--role";

bool pair_is_role(int argc, char **argv, const struct pair_role *roles)
{
    if (argc != ROLE_ARGC || strcmp(argv[1], role_option) != 0)
        return false;
    struct pair p = {.fd = atoi(argv[4]), .subject = argv[3]};
    for (; roles->name; roles++) {
        if (strcmp(roles->name, argv[2]) != 0)
            continue;
        roles->run(&p);
        return true;
    }
    errx(1, "no role %s", argv[2]);
}

static _Noreturn void become(const char *role, const char *subject, int fd)
{
    char number[16];

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashed leaves nothing behind */
    snprintf(number, sizeof number, "%d", fd);
    execl("/proc/self/exe", "role", role_option, role, subject, number, (char *)NULL);
    _exit(127);
}

void pair_start(struct pair *p, const char *role, const char *subject)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        close(fds[0]);
        become(role, subject, fds[1]);
    }
    close(fds[1]);
    *p = (struct pair){.fd = fds[0], .pid = pid, .subject = subject};
}

/* Its status. A process that hangs in the kernel cannot be killed either: then the test ends. */
static int end_of(struct pair *p)
{
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, p->pid, 0), .events = POLLIN};
    int status;

    if (poll(&ended, 1, WAIT_MS) != 1)
        errx(1, "the other process did not end in %d s", WAIT_MS / 1000);
    close(ended.fd);
    waitpid(p->pid, &status, 0);
    p->pid = 0;
    return status;
}

void pair_kill(struct pair *p)
{
    kill(p->pid, SIGKILL);
    end_of(p);
}

void pair_stop(struct pair *p)
{
    close(p->fd);
    if (p->pid)
        assert_int_equal(end_of(p), 0);
}

static void wait_for(const struct pair *p, short events)
{
    struct pollfd poll_fd = {.fd = p->fd, .events = events};

    if (poll(&poll_fd, 1, WAIT_MS) != 1)
        errx(1, "no word from the %s process in %d s", p->pid ? "other" : "first", WAIT_MS / 1000);
}

void pair_send(const struct pair *p, const void *message, size_t bytes)
{
    wait_for(p, POLLOUT);
    if (send(p->fd, message, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
        err(1, "send to the %s process", p->pid ? "other" : "first");
}

bool pair_receive(const struct pair *p, void *message_out, size_t bytes)
{
    wait_for(p, POLLIN);
    return pair_receive_late(p, message_out, bytes);
}

bool pair_receive_late(const struct pair *p, void *message_out, size_t bytes)
{
    ssize_t n = recv(p->fd, message_out, bytes, 0);
    if (n > 0 && n != (ssize_t)bytes)
        errx(1, "a message of %zd bytes, not %zu", n, bytes);
    return n > 0;
}
