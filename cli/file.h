/*
 * A file being written: whole or not there. Bytes go to a nameless file of the same folder (or,
 * where the file system has none, to one with a temporary name); committing gives it its name,
 * replacing what had it. A run that is killed leaves nothing, or what was there before.
 *
 * A name that stands for something else than a regular file (a pipe, /dev/null) is written as it
 * is, from front to back.
 */
#ifndef PENSTOCK_CLI_FILE_H
#define PENSTOCK_CLI_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file {
    int fd;
    bool is_stream;      /* not a regular file: write in order */
    bool is_borrowed;    /* somebody else closes fd */
    char path[PATH_MAX]; /* links resolved */
    char temp[PATH_MAX]; /* its name until then; "": none */
};

/* `bytes`: how long it will be, to learn at once that the drive is too small; 0: not known.
 * On failure false and errno. */
bool file_create(struct file *f, const char *path, uint64_t bytes);
/* Standard output. */
void file_stdout(struct file *f);
/* All of it, at the offset; for streams where they are. False and errno on failure. */
bool file_write(struct file *f, const void *at, size_t bytes, uint64_t offset);
/* Gives it its name, first bringing it to stable storage if `sync`. Closes, whatever comes out. */
bool file_commit(struct file *f, bool sync);
/* Closes and forgets what was written. */
void file_abandon(struct file *f);
/* How many bytes fd gave before its end, at most `bytes`; -1 and errno on failure. */
ssize_t file_read(int fd, void *to, size_t bytes);
/* Tests: from now on as on a file system without nameless files. */
void file_forbid_nameless(bool is_forbidden);
/* Makes the folders above path. False and errno on failure. */
bool file_make_folders(const char *path);

#endif
