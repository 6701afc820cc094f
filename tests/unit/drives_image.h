/*
 * What a crash leaves: the folder as drives_disk.h saw it up to some moment, without what was not
 * flushed by then, or with some of it.
 */
#ifndef PENSTOCK_TESTS_DRIVES_IMAGE_H
#define PENSTOCK_TESTS_DRIVES_IMAGE_H

#include "drives_disk.h"

/* Of what was not flushed: all is there, nothing, or some, torn. */
enum disk_mode { DISK_ALL, DISK_NONE, DISK_SOME, DISK_MODES };

static uint64_t disk_draw(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
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
