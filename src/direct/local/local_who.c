/*
 * Who is at the other end of a unix socket, by the kernel's word only (invariant 5).
 *
 * The pid of SO_PEERCRED is the process that called connect. A pid can be reused once its process
 * has been reaped, so ranges are reached through a pidfd: SO_PEERPIDFD where the kernel has it
 * (6.5); else pidfd_open, after which the socket must still be open at the far end: the process
 * that connected holds it, so that process was alive when the pidfd was made. (A process that
 * passes its end to another one and dies in between deceives only itself: it needs the right to
 * reach the memory of its successor's pid, which process_vm_* checks.)
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "direct/local/local_impl.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

enum { WHO_GROUPS_MAX = 65536 }; /* the kernel's NGROUPS_MAX */

static bool who_is_in_group(int fd, gid_t gid)
{
    bool is_in = false;
    socklen_t len = WHO_GROUPS_MAX * sizeof(gid_t);
    gid_t *groups = malloc(len);

    if (groups && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
        for (size_t i = 0; i < len / sizeof(gid_t); i++)
            is_in = is_in || groups[i] == gid;
    }
    free(groups);
    return is_in;
}

enum err local_who_check(int fd, gid_t allowed_gid, pid_t *pid_out)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred))
        return ERR_SYSTEM;
    bool is_allowed = cred.uid == geteuid() || cred.uid == 0;
    if (!is_allowed && allowed_gid != (gid_t)-1)
        is_allowed = cred.gid == allowed_gid || who_is_in_group(fd, allowed_gid);
    if (!is_allowed)
        return ERR_DENIED;
    *pid_out = cred.pid;
    return ERR_OK;
}

int local_who_pidfd(int fd, pid_t pid)
{
    int pidfd;
    socklen_t len = sizeof(pidfd);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
        return pidfd;
    if (pid <= 0) /* of a pid namespace that is not visible here */
        return -1;
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    if (pidfd >= 0 && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLRDHUP | POLLERR)))
        return pidfd;
    if (pidfd >= 0)
        close(pidfd);
    return -1;
}

bool local_who_is_alive(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    return pidfd >= 0 && poll(&p, 1, 0) == 0;
}

/*
 * process_vm_* with nothing to move checks no rights, and moving something could be made to block.
 * Opening the memory file asks the kernel for the same right (ptrace attach) and touches nothing.
 */
bool local_who_is_reachable(pid_t pid, int pidfd)
{
    char path[40];

    if (pid <= 0 || !local_who_is_alive(pidfd))
        return false;
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    close(fd);
    return local_who_is_alive(pidfd);
}
