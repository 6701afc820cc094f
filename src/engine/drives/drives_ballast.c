#include "engine/drives/drives_ballast.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/drives/drives_impl.h"

static const char name[] = "penstock.ballast";
enum { BYTES_PER_ENTRY = 2 * DRIVES_BLOCK_BYTES, SHARE = 100 };

/* What a checkpoint of random keys copies, at most a hundredth of the drive. */
static uint64_t wanted(const struct drives *D, const struct statvfs *v)
{
    uint64_t bytes = (uint64_t)D->config.memtable_entries_max * BYTES_PER_ENTRY;
    uint64_t share = (uint64_t)v->f_blocks * v->f_frsize / SHARE;

    return drives_align(MAX(MIN(bytes, share), MIB));
}

void drives_ballast_make(struct drives *D)
{
    struct statvfs v;
    uint64_t bytes;
    int fd;

    if (faccessat(D->dir_fd, name, F_OK, 0) == 0 || fstatvfs(D->dir_fd, &v))
        return;
    bytes = wanted(D, &v);
    if ((uint64_t)v.f_bavail * v.f_frsize < 2 * bytes)
        return;
    fd = openat(D->dir_fd, name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    /* Half of one would not do; the next checkpoint tries again. */
    if (posix_fallocate(fd, 0, (off_t)bytes) || drives_io_sync_now(fd))
        (void)unlinkat(D->dir_fd, name, 0);
    (void)close(fd);
}

bool drives_ballast_drop(struct drives *D)
{
    bool is_given = drives_segment_shed(D);

    is_given |= unlinkat(D->dir_fd, name, 0) == 0;
    /* The room is there when the file system has committed that. */
    return is_given && !drives_io_sync_now(D->dir_fd);
}
