/*
 * What drives_disk.h knows of the drive: the events it has seen, and the drive's capacity, if the
 * test gives it one.
 */
#ifndef PENSTOCK_TESTS_DRIVES_DRIVE_H
#define PENSTOCK_TESTS_DRIVES_DRIVE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

static struct {
    pthread_mutex_t lock;
    bool is_on;
    uint64_t capacity; /* of the drive, below root; 0: no limit */
    char root[128];
    size_t root_len;
    struct disk_event *events;
    unsigned count;
    char *files[DISK_FILES_MAX]; /* path below root; the same path made again is a new file */
    int file_count;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- room ------------------------------------------------------------------------------------ */

/* Bytes of all files, holes and all. */
static uint64_t disk_used(void)
{
    static const char *const folders[] = {"", "log", "data", "index"};
    char path[512];
    struct stat stat;
    struct dirent *entry;
    uint64_t used = 0;

    for (unsigned i = 0; i < ARRAY_COUNT(folders); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", disk.root, folders[i]);
        DIR *d = opendir(path);
        while (d && (entry = readdir(d)))
            if (fstatat(dirfd(d), entry->d_name, &stat, 0) == 0 && S_ISREG(stat.st_mode))
                used += (uint64_t)stat.st_size;
        if (d)
            (void)closedir(d);
    }
    return used;
}

/* May the file grow so that it ends at `end`? */
static bool disk_has_room(int fd, uint64_t end)
{
    struct stat stat;

    if (!disk.capacity || fstat(fd, &stat) || end <= (uint64_t)stat.st_size)
        return true;
    errno = ENOSPC;
    return disk_used() + end - (uint64_t)stat.st_size <= disk.capacity;
}

static uint64_t disk_end(const struct iovec *iov, int iov_count, off_t offset)
{
    for (int i = 0; i < iov_count; i++)
        offset += (off_t)iov[i].iov_len;
    return (uint64_t)offset;
}

#endif
