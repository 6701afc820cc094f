/*
 * A recording drive: the system calls by which anything writes below a folder, LMDB included, are
 * defined (drives_front.h) in front of libc's, done, and written down. drives_image.h makes the
 * folder that a crash at any of those moments could have left:
 *
 *   - what was flushed (fsync, fdatasync, a write with O_DSYNC or RWF_DSYNC) is there;
 *   - other writes are there whole, not at all, or torn at 512 bytes or 4 KiB, as the seed wants,
 *     and so is the one that was under way;
 *   - new, renamed and removed names hold when their folder was flushed since; else as the seed
 *     wants.
 *
 * Sizes (fallocate, truncate) hold at once: journaled, and never what a commit rests on. Flushes
 * are recorded but not passed on, and O_DIRECT is dropped: the test does not wait for the real
 * drive, and transfers may be short anywhere.
 */
#ifndef PENSTOCK_TESTS_DRIVES_DISK_H
#define PENSTOCK_TESTS_DRIVES_DISK_H

#include "drives_drive.h"

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
    n = -1;
    if (disk_has_room(fd, disk_end(iov, iov_count, offset)))
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
    n = -1;
    if (disk_has_room(fd, disk_end(iov, iov_count, syscall(SYS_lseek, fd, 0L, SEEK_CUR))))
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

    bool has_room;

    (void)pthread_mutex_lock(&disk.lock);
    has_room = disk_has_room(fd, (uint64_t)len);
    if (has_room)
        (void)syscall(SYS_ftruncate, fd, len);
    name = has_room && disk.is_on ? disk_name(fd, path, sizeof path) : NULL;
    if (name && disk_find(name) >= 0)
        disk_add(DISK_SIZE, disk_find(name))->len = (uint64_t)len;
    (void)pthread_mutex_unlock(&disk.lock);
    return has_room ? 0 : ENOSPC;
}

static int disk_statvfs(int fd, struct statvfs *v)
{
    uint64_t used;
    char path[512];

    (void)pthread_mutex_lock(&disk.lock);
    used = disk.capacity && disk_name(fd, path, sizeof path) ? disk_used() : 0;
    *v = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096};
    v->f_blocks = disk.capacity ? disk.capacity / 4096 : 1 << 28;
    v->f_bavail = v->f_blocks - MIN(v->f_blocks, (used + 4095) / 4096);
    (void)pthread_mutex_unlock(&disk.lock);
    return 0;
}

/* ---- life ---------------------------------------------------------------------------------- */

static void disk_start(const char *root)
{
    disk.events = calloc(DISK_EVENTS_MAX, sizeof *disk.events);
    (void)snprintf(disk.root, sizeof disk.root, "%s", root);
    disk.root_len = strlen(disk.root);
    disk.is_on = true;
}

__attribute__((unused)) static void disk_stop(void)
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

__attribute__((unused)) static unsigned disk_now(void)
{
    unsigned count;

    (void)pthread_mutex_lock(&disk.lock);
    count = disk.count;
    (void)pthread_mutex_unlock(&disk.lock);
    return count;
}

#endif
