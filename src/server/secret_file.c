#include "server/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4200 };

/* The new name is on the disk only when its folder is. */
static bool sync_folder(const char *path)
{
    char copy[PATH_BYTES_MAX];

    (void)snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return ok;
}

enum err secret_file_write(const char *path, struct view text, struct buf *why)
{
    char temporary[PATH_BYTES_MAX];

    (void)snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (!ok || rename(temporary, path) != 0 || !sync_folder(path)) {
        buf_printf(why, "%s cannot be written: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

enum err secret_file_read(const char *path, struct buf *text_out, struct buf *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    ssize_t n = fd < 0 ? -1 : read(fd, text_out->at, text_out->cap);
    bool ok = n >= 0 && fstat(fd, &st) == 0;
    if (fd >= 0)
        (void)close(fd);
    if (!ok) {
        buf_printf(why, "%s cannot be read: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    if (st.st_mode & 077) {
        buf_printf(why, "%s may be read by others: chmod 600 it, after changing the keys", path);
        return ERR_DENIED;
    }
    text_out->len = (size_t)n;
    return ERR_OK;
}
