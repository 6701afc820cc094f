/*
 * A recording drive: the system calls by which anything writes below a folder, LMDB included, are
 * defined here in front of libc's, done, and written down. disk_image then makes the folder that a
 * crash at any of those moments could have left:
 *
 *   - what was flushed (fsync, fdatasync, a write with O_DSYNC or RWF_DSYNC) is there;
 *   - other writes are there whole, not at all, or torn at 512 bytes or 4 KiB, as the seed wants,
 *     and so is the one that was under way;
 *   - new, renamed and removed names hold when their folder was flushed since; else as the seed
 *     wants.
 *
 * Sizes (fallocate, truncate) hold at once: journaled, and never what a commit rests on. Flushes
 * are recorded but not passed on: the test does not wait for the real drive.
 */
#ifndef PENSTOCK_TESTS_DRIVES_DISK_H
#define PENSTOCK_TESTS_DRIVES_DISK_H

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"

enum disk_kind { DISK_CREATE, DISK_WRITE, DISK_SYNC, DISK_SIZE, DISK_UNLINK, DISK_RENAME };

struct disk_event {
    enum disk_kind kind;
    int file;  /* index into disk.files; DISK_SYNC of a folder: -1 */
    int other; /* DISK_RENAME: the file that goes */
    bool is_durable;
    uint64_t offset, len;
    uint8_t *bytes;
};

enum { DISK_EVENTS_MAX = 200000, DISK_FILES_MAX = 2000 };
enum disk_mode { DISK_ALL, DISK_NONE, DISK_SOME, DISK_MODES };

static struct {
    pthread_mutex_t lock;
    bool is_on;
    char root[128];
    size_t root_len;
    struct disk_event *events;
    unsigned count;
    char *files[DISK_FILES_MAX]; /* path below root; the same path made again is a new file */
    int file_count;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- recording --------------------------------------------------------------------------- */

/* The newest file of that name, or -1. */
static int disk_find(const char *name)
{
    for (int i = disk.file_count; i-- > 0;)
        if (strcmp(disk.files[i], name) == 0)
            return i;
    return -1;
}

/* The path below root of an open file or folder; NULL: elsewhere. */
static const char *disk_name(int fd, char *path, size_t cap)
{
    char link[64];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, cap - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    if (strncmp(path, disk.root, disk.root_len) != 0 || path[disk.root_len] != '/')
        return strcmp(path, disk.root) == 0 ? "" : NULL;
    return path + disk.root_len + 1;
}

static struct disk_event *disk_add(enum disk_kind kind, int file)
{
    struct disk_event *e = &disk.events[disk.count];

    if (disk.count + 1 >= DISK_EVENTS_MAX)
        abort();
    disk.count++;
    *e = (struct disk_event){.kind = kind, .file = file, .other = -1};
    return e;
}

static void disk_wrote(int fd, const struct iovec *iov, int iov_count, off_t offset, bool is_dsync)
{
    char path[512];
    const char *name = disk_name(fd, path, sizeof path);
    int file = name ? disk_find(name) : -1;

    if (file < 0)
        return;
    for (int i = 0; i < iov_count; i++) {
        struct disk_event *e = disk_add(DISK_WRITE, file);

        e->offset = (uint64_t)offset;
        e->len = iov[i].iov_len;
        e->bytes = malloc(e->len + 1);
        memcpy(e->bytes, iov[i].iov_base, e->len);
        e->is_durable = is_dsync || (fcntl(fd, F_GETFL) & O_DSYNC);
        offset += (off_t)e->len;
    }
}

static ssize_t
disk_pwritev2(int fd, const struct iovec *iov, int iov_count, off_t offset, int flags)
{
    ssize_t n;

    (void)pthread_mutex_lock(&disk.lock);
    n = syscall(
        SYS_pwritev2, fd, iov, (long)iov_count, (long)offset, 0L, (long)(flags & ~RWF_DSYNC));
    if (disk.is_on && n > 0)
        disk_wrote(fd, iov, iov_count, offset, flags & RWF_DSYNC);
    (void)pthread_mutex_unlock(&disk.lock);
    return n;
}

/* LMDB: lseek, then this. */
static ssize_t disk_writev(int fd, const struct iovec *iov, int iov_count)
{
    ssize_t n;

    (void)pthread_mutex_lock(&disk.lock);
    n = syscall(SYS_writev, fd, iov, (long)iov_count);
    if (disk.is_on && n > 0)
        disk_wrote(fd, iov, iov_count, syscall(SYS_lseek, fd, 0L, SEEK_CUR) - n, false);
    (void)pthread_mutex_unlock(&disk.lock);
    return n;
}

static int disk_sync(int fd)
{
    char path[512];
    const char *name;

    (void)pthread_mutex_lock(&disk.lock);
    name = disk.is_on ? disk_name(fd, path, sizeof path) : NULL;
    if (name) {
        int file = disk_find(name);

        /* A folder: everything made, renamed or removed so far holds. Which folder is not looked
         * at: the engine has three, all flat. */
        (void)disk_add(DISK_SYNC, file);
    }
    (void)pthread_mutex_unlock(&disk.lock);
    return 0;
}

/* A name of the store that is made new. */
static void disk_opened(int fd)
{
    char path[512];
    const char *name = disk_name(fd, path, sizeof path);

    if (!name || strstr(name, "lock") || disk_find(name) >= 0)
        return;
    if (disk.file_count == DISK_FILES_MAX)
        abort();
    disk.files[disk.file_count] = strdup(name);
    disk_add(DISK_CREATE, disk.file_count++)->bytes = (uint8_t *)strdup(name);
}

static int disk_open(int at, const char *path, int flags, mode_t mode)
{
    int fd;

    (void)pthread_mutex_lock(&disk.lock);
    fd = (int)syscall(SYS_openat, at, path, flags & ~O_DIRECT, mode);
    if (disk.is_on && fd >= 0 && (flags & O_CREAT))
        disk_opened(fd);
    (void)pthread_mutex_unlock(&disk.lock);
    return fd;
}

/* The index of the newest file of that name in the folder `at`. */
static int disk_file_at(int at, const char *name)
{
    char path[512], full[600];
    const char *folder = disk_name(at, path, sizeof path);

    if (!folder)
        return -1;
    (void)snprintf(full, sizeof full, "%s%s%s", folder, *folder ? "/" : "", name);
    return disk_find(full);
}

/* A folder gets another name, and so does what is in it. */
static void disk_renamed_folder(const char *from, const char *to)
{
    size_t len = strlen(from);
    char path[512];

    for (int i = 0; i < disk.file_count; i++) {
        if (strncmp(disk.files[i], from, len) != 0 || disk.files[i][len] != '/')
            continue;
        (void)snprintf(path, sizeof path, "%s%s", to, disk.files[i] + len);
        free(disk.files[i]);
        disk.files[i] = strdup(path);
        disk_add(DISK_RENAME, i)->bytes = (uint8_t *)strdup(path);
    }
}

static void disk_gone(int file)
{
    disk.files[file][0] ^= (char)0x80; /* not found by name any more */
}

/* Sparse: nothing is to be waited for. */
static int disk_fallocate(int fd, off_t len)
{
    char path[512];
    const char *name;

    (void)pthread_mutex_lock(&disk.lock);
    (void)syscall(SYS_ftruncate, fd, len);
    name = disk.is_on ? disk_name(fd, path, sizeof path) : NULL;
    if (name && disk_find(name) >= 0)
        disk_add(DISK_SIZE, disk_find(name))->len = (uint64_t)len;
    (void)pthread_mutex_unlock(&disk.lock);
    return 0;
}

/* ---- in front of libc --------------------------------------------------------------------
 *
 * Each under both its symbols: off_t has 64 bits here, and LMDB was built otherwise.
 */

/* clang-format off */
#define FRONT(type, name, symbol, args)                                                            \
    type name args __asm__(symbol) __attribute__((visibility("default")));                         \
    type name args
#define FRONT_PWRITEV2(name, symbol)                                                               \
    FRONT(ssize_t, name, symbol, (int fd, const struct iovec *iov, int n, off_t offset, int flags)) \
    {                                                                                              \
        return disk_pwritev2(fd, iov, n, offset, flags);                                           \
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

/* ---- images ------------------------------------------------------------------------------ */

static uint64_t disk_draw(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void disk_start(const char *root)
{
    disk.events = calloc(DISK_EVENTS_MAX, sizeof *disk.events);
    (void)snprintf(disk.root, sizeof disk.root, "%s", root);
    disk.root_len = strlen(disk.root);
    disk.is_on = true;
}

static void disk_stop(void)
{
    disk.is_on = false;
}

static void disk_done(void)
{
    for (unsigned i = 0; i < disk.count; i++)
        free(disk.events[i].bytes);
    for (int i = 0; i < disk.file_count; i++)
        free(disk.files[i]);
    free(disk.events);
    disk.events = NULL;
    disk.count = 0;
    disk.file_count = 0;
}

static unsigned disk_now(void)
{
    unsigned count;

    (void)pthread_mutex_lock(&disk.lock);
    count = disk.count;
    (void)pthread_mutex_unlock(&disk.lock);
    return count;
}

static void disk_put_torn(int fd, const struct disk_event *e, enum disk_mode mode, uint64_t *seed)
{
    uint64_t grain = disk_draw(seed) % 2 ? 512 : 4096;
    uint64_t fate = disk_draw(seed) % 3;

    if (mode == DISK_NONE || (mode == DISK_SOME && fate == 0))
        return;
    for (uint64_t at = 0; at < e->len; at += grain) {
        if (mode == DISK_SOME && fate == 1 && disk_draw(seed) % 2)
            continue;
        if (syscall(SYS_pwrite64, fd, e->bytes + at, MIN(e->len - at, grain), e->offset + at) < 0)
            abort();
    }
}

struct disk_state {
    unsigned *synced; /* by file: what came before this event is durable */
    unsigned folders; /* the same of names */
    bool *is_there;
    char (*names)[64];
};

/* What the flushes before `at` have made durable. */
static void disk_find_syncs(struct disk_state *s, unsigned at)
{
    for (unsigned i = 0; i < at; i++) {
        if (disk.events[i].kind != DISK_SYNC)
            continue;
        if (disk.events[i].file >= 0)
            s->synced[disk.events[i].file] = i;
        else
            s->folders = i;
    }
}

static void disk_find_names(struct disk_state *s, unsigned at, enum disk_mode mode, uint64_t *seed)
{
    for (unsigned i = 0; i <= at && i < disk.count; i++) {
        const struct disk_event *e = &disk.events[i];
        bool holds =
            i < s->folders || mode == DISK_ALL || (mode == DISK_SOME && disk_draw(seed) % 2);

        if (e->kind == DISK_CREATE) {
            s->is_there[e->file] = holds;
            (void)snprintf(s->names[e->file], 64, "%s", (const char *)e->bytes);
        } else if (e->kind == DISK_UNLINK && holds) {
            s->is_there[e->file] = false;
        } else if (e->kind == DISK_RENAME && holds) {
            (void)snprintf(s->names[e->file], 64, "%s", (const char *)e->bytes);
            if (e->other >= 0)
                s->is_there[e->other] = false;
        }
    }
}

static void disk_put_file(
    const struct disk_state *s, int file, unsigned at, const char *to, enum disk_mode mode,
    uint64_t *seed)
{
    char path[256];
    int fd;

    (void)snprintf(path, sizeof path, "%s/%s", to, s->names[file]);
    *strrchr(path, '/') = '\0';
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/%s", to, s->names[file]);
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        abort();
    for (unsigned i = 0; i <= at && i < disk.count; i++) {
        const struct disk_event *e = &disk.events[i];

        if (e->file != file)
            continue;
        if (e->kind == DISK_SIZE && i < at && syscall(SYS_ftruncate, fd, e->len))
            abort();
        if (e->kind != DISK_WRITE)
            continue;
        if (i < at && (e->is_durable || i < s->synced[file]))
            (void)syscall(SYS_pwrite64, fd, e->bytes, e->len, e->offset);
        else
            disk_put_torn(fd, e, mode, seed);
    }
    (void)close(fd);
}

/* The folder `to`, which is made here, as a crash while event `at` was under way may leave it. */
static void disk_image(unsigned at, const char *to, enum disk_mode mode, uint64_t seed)
{
    struct disk_state s = {
        .synced = calloc((size_t)disk.file_count + 1, sizeof *s.synced),
        .is_there = calloc((size_t)disk.file_count + 1, sizeof *s.is_there),
        .names = calloc((size_t)disk.file_count + 1, sizeof *s.names),
    };

    (void)mkdir(to, 0700);
    disk_find_syncs(&s, at);
    disk_find_names(&s, at, mode, &seed);
    for (int file = 0; file < disk.file_count; file++)
        if (s.is_there[file])
            disk_put_file(&s, file, at, to, mode, &seed);
    free(s.synced);
    free(s.is_there);
    free(s.names);
}

#endif
