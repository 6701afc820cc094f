/*
 * Temporary names are kept in a table that the handler of SIGINT, SIGTERM and SIGHUP can read: it
 * removes them and lets the signal end the process.
 */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/digest.h"

enum { PENDING_MAX = 64 };
static const char *volatile pending[PENDING_MAX];
static bool is_nameless_forbidden;

void file_forbid_nameless(bool is_forbidden)
{
    is_nameless_forbidden = is_forbidden;
}

static void on_signal(int number)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (pending[i])
            (void)unlink(pending[i]);
    (void)raise(number); /* the handler was for once: now it ends us */
}

static void pending_add(const char *temp)
{
    static bool is_handling;
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

    for (size_t i = 0; i < 3 && !is_handling; i++)
        (void)sigaction((const int[]){SIGINT, SIGTERM, SIGHUP}[i], &action, NULL);
    is_handling = true;
    for (unsigned i = 0; i < PENDING_MAX; i++) {
        if (!pending[i]) {
            pending[i] = temp;
            return;
        }
    }
}

static void pending_remove(const char *temp)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (pending[i] == temp)
            pending[i] = NULL;
}

/* A name beside path that nobody has: "FOLDER/.penstock-RANDOM". */
static bool temporary_name(const char *path, char to[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    uint64_t random;

    digest_random(&random, sizeof random);
    int len = snprintf(
        to, PATH_MAX, "%.*s.penstock-%016llx", slash ? (int)(slash - path + 1) : 0, path,
        (unsigned long long)random);
    errno = ENAMETOOLONG;
    return len > 0 && len < PATH_MAX;
}

static bool folder_of(const char *path, char to[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    int len = slash ? snprintf(to, PATH_MAX, "%.*s", (int)MAX(slash - path, 1), path)
                    : snprintf(to, PATH_MAX, ".");

    errno = ENAMETOOLONG;
    return len > 0 && len < PATH_MAX;
}

static bool open_nameless(struct file *f)
{
    char folder[PATH_MAX];

    if (!folder_of(f->path, folder))
        return false;
    errno = EOPNOTSUPP;
    if (!is_nameless_forbidden)
        f->fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    return f->fd >= 0;
}

static bool open_named(struct file *f)
{
    if (!temporary_name(f->path, f->temp))
        return false;
    pending_add(f->temp);
    f->fd = open(f->temp, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (f->fd >= 0)
        return true;
    pending_remove(f->temp);
    f->temp[0] = '\0';
    return false;
}

static bool open_stream(struct file *f, const struct stat *there)
{
    if (S_ISDIR(there->st_mode)) {
        errno = EISDIR;
        return false;
    }
    f->is_stream = true;
    f->fd = open(f->path, O_WRONLY | O_CLOEXEC);
    return f->fd >= 0;
}

/* Space for all of it now; a file system that cannot promise tells later. */
static bool reserve(struct file *f, uint64_t bytes)
{
    if (bytes == 0 || fallocate(f->fd, 0, 0, (off_t)bytes) == 0)
        return true;
    if (errno != ENOSPC && errno != EFBIG && errno != EDQUOT)
        return true;
    int sys = errno;
    file_abandon(f);
    errno = sys;
    return false;
}

bool file_create(struct file *f, const char *path, uint64_t bytes)
{
    struct stat there;

    *f = (struct file){.fd = -1};
    if (!realpath(path, f->path)) {
        if (errno != ENOENT)
            return false;
        errno = ENAMETOOLONG;
        if (strlen(path) >= sizeof f->path)
            return false;
        memcpy(f->path, path, strlen(path) + 1);
    }
    bool is_there = stat(f->path, &there) == 0;
    if (is_there && !S_ISREG(there.st_mode))
        return open_stream(f, &there);
    if (!open_nameless(f) && (errno == ENOENT || errno == EACCES || !open_named(f)))
        return false;
    if (is_there) /* what it replaces keeps its permissions */
        (void)fchmod(f->fd, there.st_mode & 07777);
    return reserve(f, bytes);
}

void file_stdout(struct file *f)
{
    *f = (struct file){.fd = STDOUT_FILENO, .is_stream = true, .is_borrowed = true};
}

bool file_write(struct file *f, const void *at, size_t bytes, uint64_t offset)
{
    const char *from = at;

    while (bytes > 0) {
        ssize_t n =
            f->is_stream ? write(f->fd, from, bytes) : pwrite(f->fd, from, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        from += n;
        bytes -= (size_t)n;
        offset += (size_t)n;
    }
    return true;
}

/* A nameless file gets the name itself when it is free, else a temporary one that is moved. */
static bool link_nameless(struct file *f)
{
    char from[40];

    (void)snprintf(from, sizeof from, "/proc/self/fd/%d", f->fd);
    if (linkat(AT_FDCWD, from, AT_FDCWD, f->path, AT_SYMLINK_FOLLOW) == 0)
        return true;
    if (errno != EEXIST || !temporary_name(f->path, f->temp))
        return false;
    pending_add(f->temp);
    return linkat(AT_FDCWD, from, AT_FDCWD, f->temp, AT_SYMLINK_FOLLOW) == 0;
}

static bool give_name(struct file *f)
{
    if (f->is_stream)
        return true;
    if (!f->temp[0] && !link_nameless(f))
        return false;
    if (f->temp[0] && rename(f->temp, f->path) != 0)
        return false;
    pending_remove(f->temp);
    f->temp[0] = '\0';
    return true;
}

static bool close_it(struct file *f)
{
    int fd = f->fd;

    f->fd = -1;
    return fd < 0 || f->is_borrowed || close(fd) == 0;
}

bool file_commit(struct file *f, bool sync)
{
    bool is_fine = (!sync || f->is_stream || fsync(f->fd) == 0) && give_name(f);
    int sys = errno;

    if (!is_fine) {
        file_abandon(f);
        errno = sys;
        return false;
    }
    return close_it(f);
}

void file_abandon(struct file *f)
{
    if (f->temp[0]) {
        (void)unlink(f->temp);
        pending_remove(f->temp);
        f->temp[0] = '\0';
    }
    (void)close_it(f);
}

ssize_t file_read(int fd, void *to, size_t bytes)
{
    size_t got = 0;

    while (got < bytes) {
        ssize_t n = read(fd, (char *)to + got, bytes - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

bool file_make_folders(const char *path)
{
    char folder[PATH_MAX];
    size_t len = strlen(path);

    if (len >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/')
            continue;
        memcpy(folder, path, i);
        folder[i] = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}
