/* A folder as a home for the store. Everything is tried on nameless files, which leave nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/progress.h"

enum { BLOCK = 4096, PROBES = 16 };

static const struct {
    long type;
    const char *name;
    const char *concern; /* or NULL */
} systems[] = {
    {0x58465342, "xfs", NULL},
    {EXT4_SUPER_MAGIC, "ext4", NULL},
    {BTRFS_SUPER_MAGIC, "btrfs", "copy on write costs speed here: xfs or ext4 suit better"},
    {0x2fc12fc1, "zfs", "O_DIRECT and CRC are done twice: xfs or ext4 suit better"},
    {F2FS_SUPER_MAGIC, "f2fs", NULL},
    {TMPFS_MAGIC, "tmpfs", "in memory: everything is gone when the machine stops"},
    {OVERLAYFS_SUPER_MAGIC, "overlayfs",
     "mount a volume: a container's own folders are slow and "
     "go with it"},
    {NFS_SUPER_MAGIC, "nfs", "locks and durability depend on another machine: use a local drive"},
    {FUSE_SUPER_MAGIC, "fuse", "durability depends on a program: use a local drive"},
};

static void check_system(struct doctor *d, const char *dir)
{
    struct statfs s;

    if (statfs(dir, &s) != 0)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(systems); i++) {
        if (systems[i].type != (long)s.f_type)
            continue;
        doctor_say(
            d, "file_system", systems[i].concern ? DOCTOR_WARN : DOCTOR_OK, systems[i].concern,
            "%s", systems[i].name);
        return;
    }
    doctor_say(
        d, "file_system", DOCTOR_WARN, "xfs and ext4 are tested", "type %#lx", (long)s.f_type);
}

static void check_space(struct doctor *d, const char *dir)
{
    struct statvfs s;
    char unused[24], all[24];

    if (statvfs(dir, &s) != 0)
        return;
    uint64_t unused_bytes = (uint64_t)s.f_bavail * s.f_frsize;
    progress_size(unused, sizeof unused, unused_bytes);
    progress_size(all, sizeof all, (uint64_t)s.f_blocks * s.f_frsize);
    bool is_low = unused_bytes < 10 * GIB;
    doctor_say(
        d, "space", is_low ? DOCTOR_WARN : DOCTOR_OK, is_low ? "make room" : NULL, "%s free of %s",
        unused, all);
}

static void queue_line(dev_t device, const char *name, char *to, unsigned cap)
{
    static const char *const places[] = {"queue", "../queue"}; /* of a disk, of a partition */
    char path[160];

    to[0] = '\0';
    for (size_t i = 0; i < ARRAY_COUNT(places) && !to[0]; i++) {
        (void)snprintf(
            path, sizeof path, "/sys/dev/block/%u:%u/%s/%s", major(device), minor(device),
            places[i], name);
        (void)doctor_read_line(path, to, cap);
    }
}

static void check_device(struct doctor *d, const char *dir)
{
    char rotational[16], cache[40], fua[16];
    struct stat s;

    if (stat(dir, &s) != 0)
        return;
    queue_line(s.st_dev, "rotational", rotational, sizeof rotational);
    queue_line(s.st_dev, "write_cache", cache, sizeof cache);
    queue_line(s.st_dev, "fua", fua, sizeof fua);
    if (!rotational[0]) {
        doctor_say(
            d, "device", DOCTOR_OK, NULL, "%u:%u, no single block device", major(s.st_dev),
            minor(s.st_dev));
        return;
    }
    doctor_say(
        d, "device", DOCTOR_OK, NULL, "%u:%u, %s, cache %s, FUA %s", major(s.st_dev),
        minor(s.st_dev), rotational[0] == '1' ? "rotating" : "solid state", cache,
        fua[0] == '1' ? "yes" : "no (a flush instead)");
}

/* A file without a name, or one that loses it at once. */
static int open_probe(const char *dir, int flags)
{
    char path[PATH_MAX];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0600);

    if (fd >= 0 || errno == EACCES || errno == EROFS || errno == EINVAL)
        return fd;
    (void)snprintf(path, sizeof path, "%s/.penstock-doctor-%d", dir, (int)getpid());
    fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | flags, 0600);
    int error = errno;
    (void)unlink(path);
    errno = error;
    return fd;
}

static void check_fallocate(struct doctor *d, int fd)
{
    if (fallocate(fd, 0, 0, (off_t)MIB) == 0)
        doctor_say(d, "fallocate", DOCTOR_OK, NULL, "works");
    else
        doctor_say(
            d, "fallocate", DOCTOR_WARN, "xfs and ext4 have it",
            "%s: space cannot be set aside ahead", strerror(errno));
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* The price of one small durable write: what a lone PUT of a small object waits for at least. */
static void check_flush(struct doctor *d, int fd, bool is_direct)
{
    uint64_t times[PROBES];
    void *block = NULL;

    if (posix_memalign(&block, BLOCK, BLOCK) != 0)
        return;
    memset(block, 0x5a, BLOCK);
    for (unsigned i = 0; i < PROBES; i++) {
        uint64_t start = clock_ns();
        if (pwrite(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK) {
            doctor_say(d, "flush", DOCTOR_OFF, NULL, "O_DSYNC write: %s", strerror(errno));
            free(block);
            return;
        }
        times[i] = clock_ns() - start;
    }
    free(block);
    qsort(times, PROBES, sizeof times[0], by_value);
    double us = (double)times[PROBES / 2] / 1e3;
    bool is_slow = us > 2000;
    doctor_say(
        d, "flush", is_slow ? DOCTOR_WARN : DOCTOR_OK,
        is_slow ? "a drive with power-loss protection answers in tens of microseconds" : NULL,
        "a durable 4 KiB write%s takes %.0f us (median of %d)", is_direct ? " (O_DIRECT)" : "", us,
        PROBES);
}

static void check_files(struct doctor *d, const char *dir)
{
    int fd = open_probe(dir, O_DIRECT | O_DSYNC);
    bool is_direct = fd >= 0;

    if (is_direct)
        doctor_say(d, "o_direct", DOCTOR_OK, NULL, "works");
    else
        doctor_say(
            d, "o_direct", DOCTOR_WARN, "xfs and ext4 have it",
            "%s: bytes go through the page cache", strerror(errno));
    if (!is_direct)
        fd = open_probe(dir, O_DSYNC);
    if (fd < 0) {
        d->failures++;
        doctor_say(
            d, "write", DOCTOR_OFF, "give the server's user the folder", "%s: %s", dir,
            strerror(errno));
        return;
    }
    check_fallocate(d, fd);
    check_flush(d, fd, is_direct);
    (void)close(fd);
}

void doctor_drive(struct doctor *d, const char *dir)
{
    struct stat s;

    if (stat(dir, &s) != 0 || !S_ISDIR(s.st_mode)) {
        d->failures++;
        doctor_say(
            d, "folder", DOCTOR_OFF, "make it", "%s: %s", dir,
            errno && access(dir, F_OK) != 0 ? strerror(errno) : "not a folder");
        return;
    }
    doctor_say(d, "folder", DOCTOR_OK, NULL, "%s", dir);
    check_system(d, dir);
    check_space(d, dir);
    check_device(d, dir);
    check_files(d, dir);
}
