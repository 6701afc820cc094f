/*
 * A file that shrinks while it is mapped raises SIGBUS where it is read: that ends the program
 * with a sentence. One that changes without shrinking is noticed afterwards, by its times.
 */
#include "cli/upload.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/file.h"

struct upload {
    struct session *S;
    char *bucket, *key, *path;
    char name[SESSION_NAME_MAX];
    int fd;
    struct stat stat;
    void *map; /* large ones */
    struct ps_buffer *map_buffer;
    uint64_t start_ns;
};

static void on_sigbus(int number)
{
    static const char text[] = "penstock: a file became shorter while it was read, or its drive "
                               "has failed; what was being stored is not there\n";

    (void)number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(CLI_FAILED);
    _exit(CLI_FAILED);
}

static void free_it(struct upload *u)
{
    ps_buffer_free(u->map_buffer);
    if (u->map)
        (void)munmap(u->map, (size_t)u->stat.st_size);
    if (u->fd >= 0)
        (void)close(u->fd);
    free(u->bucket);
    free(u->key);
    free(u->path);
    free(u);
}

static void fail(struct upload *u, const char *cause)
{
    const struct report_what what = {"put", u->path, u->name};

    report_problem(&u->S->report, &what, cause);
}

static bool has_changed(const struct upload *u)
{
    struct stat now;

    return fstat(u->fd, &now) != 0 || now.st_size != u->stat.st_size ||
           now.st_mtim.tv_sec != u->stat.st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != u->stat.st_mtim.tv_nsec;
}

static void on_stored(struct queue_slot *slot)
{
    struct upload *u = slot->job;
    const struct ps_result *result = &slot->op.result;
    const struct report_what what = {"put", u->path, u->name};

    if (result->err)
        report_failure(&u->S->report, &what, result);
    else if (has_changed(u))
        fail(u, "the file changed while it was read: what is stored may be neither version");
    else
        report_transfer(&u->S->report, &what, result, (double)(clock_ns() - u->start_ns) / 1e9);
    queue_give(slot);
    free_it(u);
}

static bool fill_small(struct upload *u, struct queue_slot *slot)
{
    size_t bytes = (size_t)u->stat.st_size;
    ssize_t got = file_read(u->fd, ps_buffer_at(slot->buffer), bytes);

    if (got >= 0 && (size_t)got == bytes)
        return true;
    fail(u, got < 0 ? strerror(errno) : "the file became shorter while it was read");
    return false;
}

static bool map_large(struct upload *u, struct queue_slot *slot)
{
    const struct sigaction action = {.sa_handler = on_sigbus};
    size_t bytes = (size_t)u->stat.st_size;

    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, u->fd, 0);
    if (map == MAP_FAILED) {
        fail(u, strerror(errno));
        return false;
    }
    u->map = map;
    (void)madvise(map, bytes, MADV_SEQUENTIAL);
    (void)sigaction(SIGBUS, &action, NULL);
    if (ps_buffer_register(u->S->client, map, bytes, &u->map_buffer) != PS_OK) {
        u->map_buffer = NULL;
        fail(u, ps_client_error());
        return false;
    }
    slot->op.buffer = u->map_buffer;
    return true;
}

static void submit(struct upload *u)
{
    uint64_t bytes = (uint64_t)u->stat.st_size;
    bool is_small = bytes <= QUEUE_SLOT_BYTES;
    struct queue_slot *slot;

    if (queue_take(&u->S->queue, is_small ? MAX(bytes, 1) : 0, &slot) != PS_OK) {
        fail(u, ps_client_error());
        free_it(u);
        return;
    }
    if (!(is_small ? fill_small(u, slot) : map_large(u, slot))) {
        queue_give(slot);
        free_it(u);
        return;
    }
    slot->job = u;
    slot->op.kind = PS_PUT;
    slot->op.bucket = u->bucket;
    slot->op.key = u->key;
    slot->op.bytes = bytes;
    slot->op.content_type = u->S->content_type;
    progress_expect(&u->S->report.progress, bytes);
    queue_submit(slot, on_stored);
}

void upload_file(struct session *S, const char *path, const char *bucket, const char *key)
{
    struct upload *u = calloc(1, sizeof *u);

    if (!u)
        abort(); /* a few hundred bytes: nothing sensible is left to do */
    u->S = S;
    u->bucket = strdup(bucket);
    u->key = strdup(key);
    u->path = strdup(path);
    u->start_ns = clock_ns();
    session_name(u->name, bucket, key);
    u->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!u->bucket || !u->key || !u->path)
        abort();
    if (u->fd < 0 || fstat(u->fd, &u->stat) != 0 || S_ISDIR(u->stat.st_mode)) {
        fail(
            u, u->fd >= 0 && S_ISDIR(u->stat.st_mode) ? "is a folder (-r stores what is in it)"
                                                      : strerror(errno));
        free_it(u);
        return;
    }
    if (S_ISREG(u->stat.st_mode)) {
        submit(u);
        return;
    }
    upload_stream(S, u->fd, path, bucket, key);
    free_it(u);
}
