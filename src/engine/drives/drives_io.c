#include "engine/drives/drives_io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/metrics.h"
#include "engine/drives/drives_format.h"

enum { IDLE_MAX = 16 }; /* transfers of less than a block before it is an error */

static void step(struct drives_io *x)
{
    if (x->is_write)
        io_write(&x->io, x->fd, x->at, x->len, x->offset, x->flags);
    else
        io_read(&x->io, x->fd, x->at, x->len, x->offset);
}

static void finish(struct drives_io *x, enum err e)
{
    if (e)
        metrics_add(METRIC_DRIVE_ERRORS, 1);
    op_complete(&x->op, e);
}

static void stepped(struct op *op)
{
    struct drives_io *x = container_of(op, struct drives_io, io.op);
    size_t done = x->io.result > 0 ? (size_t)x->io.result : 0;

    if (op->err || done == 0) {
        finish(x, op->err == ERR_NO_SPACE ? ERR_NO_SPACE : ERR_IO);
        return;
    }
    metrics_add(x->is_write ? METRIC_DRIVE_WRITTEN_BYTES : METRIC_DRIVE_READ_BYTES, done);
    assert(done <= x->len);
    /* O_DIRECT goes on at whole blocks. */
    if (done < x->len)
        done -= done % DRIVES_BLOCK_BYTES;
    if (done == 0 && ++x->idle > IDLE_MAX) {
        finish(x, ERR_IO);
        return;
    }
    x->at += done;
    x->len -= done;
    x->offset += done;
    if (x->len == 0)
        finish(x, ERR_OK);
    else
        step(x);
}

static void start(struct drives_io *x, int fd, void *at, size_t len, uint64_t offset)
{
    assert(len > 0);
    op_start(&x->op);
    op_init(&x->io.op, stepped);
    x->fd = fd;
    x->at = at;
    x->len = len;
    x->offset = offset;
    x->idle = 0;
    step(x);
}

void drives_io_read(struct drives_io *x, int fd, void *at, size_t len, uint64_t offset)
{
    x->is_write = false;
    x->flags = 0;
    start(x, fd, at, len, offset);
}

void drives_io_write(
    struct drives_io *x, int fd, const void *at, size_t len, uint64_t offset, unsigned flags)
{
    x->is_write = true;
    x->flags = flags;
    if (flags & IO_DSYNC)
        metrics_add(METRIC_DRIVE_FLUSHES, 1);
    start(x, fd, (void *)(uintptr_t)at, len, offset);
}

enum err drives_io_read_now(int fd, void *at, size_t len, uint64_t offset)
{
    uint8_t *to = at;

    while (len > 0) {
        ssize_t n = pread(fd, to, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        to += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return ERR_OK;
}

enum err drives_io_write_now(int fd, const void *at, size_t len, uint64_t offset)
{
    const uint8_t *from = at;

    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && (errno == ENOSPC || errno == EDQUOT) ? ERR_NO_SPACE : ERR_IO;
        from += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return ERR_OK;
}

enum err drives_io_sync_now(int fd)
{
    return fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

void *drives_io_memory(size_t bytes)
{
    void *at = NULL;

    if (posix_memalign(&at, DRIVES_BLOCK_BYTES, bytes))
        return NULL;
    memset(at, 0, bytes);
    return at;
}

bool drives_io_can_direct(int dir_fd)
{
    static const char name[] = "penstock.probe";
    int fd = openat(dir_fd, name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC | O_DIRECT, 0600);
    void *at = drives_io_memory(DRIVES_BLOCK_BYTES);
    bool can = fd >= 0 && at && !drives_io_write_now(fd, at, DRIVES_BLOCK_BYTES, 0) &&
               !drives_io_read_now(fd, at, DRIVES_BLOCK_BYTES, 0);

    free(at);
    if (fd >= 0)
        (void)close(fd);
    (void)unlinkat(dir_fd, name, 0);
    return can;
}
