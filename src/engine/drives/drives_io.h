/* Files of the store: whole reads and writes, on the ring and blocking. */
#ifndef PENSTOCK_ENGINE_DRIVES_IO_H
#define PENSTOCK_ENGINE_DRIVES_IO_H

#include "loop/ring.h"

/*
 * One read or write that is whole or failed: short ones are continued. A read behind the end of the
 * file is ERR_IO. Counts METRIC_DRIVE_*.
 */
struct drives_io {
    struct op op;
    struct io io;
    bool is_write;
    int fd;
    uint8_t *at;
    size_t len;
    uint64_t offset;
    unsigned flags;
    unsigned idle; /* transfers that got nowhere */
};
void drives_io_read(struct drives_io *x, int fd, void *at, size_t len, uint64_t offset);
void drives_io_write(
    struct drives_io *x, int fd, const void *at, size_t len, uint64_t offset, unsigned flags);

/* Blocking, for start-up and helper threads. Alignment as O_DIRECT wants it is the caller's. */
enum err drives_io_read_now(int fd, void *at, size_t len, uint64_t offset) MUST_CHECK;
enum err drives_io_write_now(int fd, const void *at, size_t len, uint64_t offset) MUST_CHECK;
enum err drives_io_sync_now(int fd) MUST_CHECK;
/* Can files in this folder be opened with O_DIRECT, and read so? */
bool drives_io_can_direct(int dir_fd);
/* Zeroed, aligned for O_DIRECT; free() it. NULL: no memory. */
void *drives_io_memory(size_t bytes) MUST_CHECK;

#endif
