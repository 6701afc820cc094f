/*
 * The system calls of drives_disk.h, in front of libc's, each under both its symbols: off_t has 64
 * bits here, and LMDB was built otherwise. In the test program itself, so that LMDB's calls come
 * here, too.
 */
#ifndef PENSTOCK_TESTS_DRIVES_FRONT_H
#define PENSTOCK_TESTS_DRIVES_FRONT_H

#include "drives_disk.h"

/* clang-format off */
#define FRONT(type, name, symbol, args)                                                            \
    type name args __asm__(symbol) __attribute__((visibility("default")));                         \
    type name args
#define FRONT_PWRITEV2(name, symbol)                                                               \
    FRONT(ssize_t, name, symbol, (int fd, const struct iovec *iov, int n, off_t at, int flags))    \
    {                                                                                              \
        return disk_pwritev2(fd, iov, n, at, flags);                                               \
    }
#define FRONT_PWRITEV(name, symbol)                                                                \
    FRONT(ssize_t, name, symbol, (int fd, const struct iovec *iov, int n, off_t offset))           \
    {                                                                                              \
        return disk_pwritev2(fd, iov, n, offset, 0);                                               \
    }
#define FRONT_PWRITE(name, symbol)                                                                 \
    FRONT(ssize_t, name, symbol, (int fd, const void *at, size_t len, off_t offset))               \
    {                                                                                              \
        struct iovec iov = {(void *)(uintptr_t)at, len};                                           \
        return disk_pwritev2(fd, &iov, 1, offset, 0);                                              \
    }
#define FRONT_SYNC(name, symbol)                                                                   \
    FRONT(int, name, symbol, (int fd))                                                             \
    {                                                                                              \
        return disk_sync(fd);                                                                      \
    }
#define FRONT_OPEN(name, symbol)                                                                   \
    FRONT(int, name, symbol, (const char *path, int flags, mode_t mode))                           \
    {                                                                                              \
        return disk_open(AT_FDCWD, path, flags, mode);                                             \
    }
#define FRONT_OPENAT(name, symbol)                                                                 \
    FRONT(int, name, symbol, (int at, const char *path, int flags, mode_t mode))                   \
    {                                                                                              \
        return disk_open(at, path, flags, mode);                                                   \
    }
#define FRONT_FALLOCATE(name, symbol)                                                              \
    FRONT(int, name, symbol, (int fd, off_t offset, off_t len))                                    \
    {                                                                                              \
        return disk_fallocate(fd, offset + len);                                                   \
    }
#define FRONT_STATVFS(name, symbol)                                                                \
    FRONT(int, name, symbol, (int fd, struct statvfs *v))                                          \
    {                                                                                              \
        return disk_statvfs(fd, v);                                                                \
    }
/* clang-format on */

FRONT_PWRITEV2(front_pwritev2, "pwritev2")
FRONT_PWRITEV2(front_pwritev64v2, "pwritev64v2")
FRONT_PWRITEV(front_pwritev, "pwritev")
FRONT_PWRITEV(front_pwritev64, "pwritev64")
FRONT_PWRITE(front_pwrite, "pwrite")
FRONT_PWRITE(front_pwrite64, "pwrite64")
FRONT_SYNC(front_fsync, "fsync")
FRONT_SYNC(front_fdatasync, "fdatasync")
FRONT_OPEN(front_open, "open")
FRONT_OPEN(front_open64, "open64")
FRONT_OPENAT(front_openat, "openat")
FRONT_OPENAT(front_openat64, "openat64")
FRONT_STATVFS(front_statvfs, "fstatvfs")
FRONT_STATVFS(front_statvfs64, "fstatvfs64")
FRONT_FALLOCATE(front_fallocate, "posix_fallocate")
FRONT_FALLOCATE(front_fallocate64, "posix_fallocate64")

FRONT(ssize_t, front_writev, "writev", (int fd, const struct iovec *iov, int n))
{
    return disk_writev(fd, iov, n);
}

FRONT(int, front_unlinkat, "unlinkat", (int at, const char *name, int flags))
{
    int file, n;

    (void)pthread_mutex_lock(&disk.lock);
    file = disk.is_on ? disk_file_at(at, name) : -1;
    n = (int)syscall(SYS_unlinkat, at, name, flags);
    if (file >= 0 && n == 0) {
        (void)disk_add(DISK_UNLINK, file);
        disk_gone(file);
    }
    (void)pthread_mutex_unlock(&disk.lock);
    return n;
}

FRONT(int, front_renameat, "renameat", (int from_at, const char *from, int to_at, const char *to))
{
    int file, other, n;

    (void)pthread_mutex_lock(&disk.lock);
    file = disk.is_on ? disk_file_at(from_at, from) : -1;
    other = disk.is_on ? disk_file_at(to_at, to) : -1;
    n = (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
    if (file < 0 && disk.is_on && n == 0)
        disk_renamed_folder(from, to);
    if (file >= 0 && n == 0) {
        struct disk_event *e = disk_add(DISK_RENAME, file);

        e->other = other;
        e->bytes = (uint8_t *)strdup(to);
    }
    (void)pthread_mutex_unlock(&disk.lock);
    return n;
}

#endif
