#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"

static void check_version(struct doctor *d)
{
    struct utsname u;
    unsigned major = 0, minor = 0;

    if (uname(&u) != 0)
        return;
    (void)sscanf(u.release, "%u.%u", &major, &minor);
    bool is_new = major > 6 || (major == 6 && minor >= 1);
    doctor_say(
        d, "kernel", is_new ? DOCTOR_OK : DOCTOR_WARN,
        is_new ? NULL : "Penstock is tested on 6.1 and newer", "%s %s on %s", u.sysname, u.release,
        u.machine);
}

static const char *uring_todo(int error)
{
    long long disabled = doctor_read_number("/proc/sys/kernel/io_uring_disabled", 0);

    if (disabled == 2)
        return "sysctl kernel.io_uring_disabled=0 (now 2: for nobody)";
    if (disabled == 1)
        return "sysctl kernel.io_uring_disabled=0, or join kernel.io_uring_group (now 1)";
    if (error == EPERM || error == ENOSYS)
        return "a container's seccomp profile, or the kernel, forbids it: allow io_uring_setup, "
               "io_uring_enter, io_uring_register";
    return error == ENOMEM ? "raise the memlock limit" : NULL;
}

static void check_uring(struct doctor *d)
{
    struct io_uring ring;
    int error = -io_uring_queue_init(64, &ring, 0);

    if (error) {
        doctor_say(
            d, "io_uring", DOCTOR_OFF, uring_todo(error), "%s; the server uses epoll instead",
            strerror(error));
        return;
    }
    /* A no-op all the way: some sandboxes allow the setup and nothing else. */
    struct io_uring_cqe *cqe = NULL;
    io_uring_prep_nop(io_uring_get_sqe(&ring));
    error =
        io_uring_submit_and_wait(&ring, 1) == 1 && io_uring_peek_cqe(&ring, &cqe) == 0 ? 0 : EPERM;
    unsigned features = ring.features;
    io_uring_queue_exit(&ring);
    if (error)
        doctor_say(d, "io_uring", DOCTOR_OFF, uring_todo(error), "a ring does not run");
    else
        doctor_say(d, "io_uring", DOCTOR_OK, NULL, "works (features %#x)", features);
}

static void check_descriptors(struct doctor *d)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    bool is_small = limit.rlim_max < 65536;
    doctor_say(
        d, "descriptors", is_small ? DOCTOR_WARN : DOCTOR_OK,
        is_small ? "LimitNOFILE=1048576 in the unit, or nofile in limits.conf" : NULL,
        "soft limit %llu, hard limit %llu", (unsigned long long)limit.rlim_cur,
        (unsigned long long)limit.rlim_max);
}

/* What a server does to memory that was not made by the library: a process of the same user that
 * is no ancestor reads it. The child plays the server. */
static int read_from_child(int is_invited)
{
    static uint64_t here = 42;
    uint64_t there = 0;
    int invited[2], status = 0;

    if (pipe2(invited, O_CLOEXEC) != 0)
        return errno;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        char byte;
        struct iovec to = {&there, sizeof there}, from = {&here, sizeof here};
        (void)!read(invited[0], &byte, 1);
        errno = 0;
        ssize_t n = process_vm_readv(parent, &to, 1, &from, 1, 0);
        _exit(n == (ssize_t)sizeof there && there == 42 ? 0 : errno ? errno : EIO);
    }
    if (child > 0 && is_invited)
        (void)prctl(PR_SET_PTRACER, (unsigned long)child, 0, 0, 0);
    (void)!write(invited[1], "", 1);
    if (child < 0 || waitpid(child, &status, 0) != child)
        status = -1;
    (void)prctl(PR_SET_PTRACER, 0, 0, 0, 0);
    (void)close(invited[0]);
    (void)close(invited[1]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static void check_process_vm(struct doctor *d)
{
    long long scope = doctor_read_number("/proc/sys/kernel/yama/ptrace_scope", 0);
    int error = read_from_child(0);

    if (error == 0) {
        doctor_say(d, "process_vm", DOCTOR_OK, NULL, "works (ptrace_scope %lld)", scope);
        return;
    }
    error = read_from_child(1);
    if (error == 0)
        doctor_say(
            d, "process_vm", DOCTOR_OK, NULL,
            "works by invitation, which the library gives "
            "(ptrace_scope %lld)",
            scope);
    else
        doctor_say(
            d, "process_vm", DOCTOR_WARN,
            scope > 1 ? "sysctl kernel.yama.ptrace_scope=1"
                      : "allow process_vm_readv and process_vm_writev (seccomp, CAP_SYS_PTRACE)",
            "%s (ptrace_scope %lld): direct transfers only into memory the library made",
            strerror(error), scope);
}

static void check_memfd(struct doctor *d)
{
    int fd = memfd_create("penstock-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool is_fine = fd >= 0 && ftruncate(fd, 4096) == 0 &&
                   fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 &&
                   ftruncate(fd, 0) != 0;
    int error = errno;

    if (fd >= 0)
        (void)close(fd);
    if (is_fine)
        doctor_say(d, "memfd", DOCTOR_OK, NULL, "sealed memory works");
    else
        doctor_say(
            d, "memfd", DOCTOR_OFF, "a kernel with CONFIG_MEMFD_CREATE, and seccomp allowing it",
            "no sealed memory (%s): the transport `local` needs it", strerror(error));
}

static void check_clock(struct doctor *d)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    bool is_synchronised = state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);

    doctor_say(
        d, "clock", is_synchronised ? DOCTOR_OK : DOCTOR_WARN,
        is_synchronised ? NULL
                        : "run chrony or systemd-timesyncd: S3 refuses clocks 15 minutes apart",
        is_synchronised ? "kept by a time service" : "not known to be kept by a time service");
}

void doctor_kernel(struct doctor *d)
{
    check_version(d);
    check_uring(d);
    check_descriptors(d);
    check_process_vm(d);
    check_memfd(d);
    check_clock(d);
}
