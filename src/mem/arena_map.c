/*
 * First reserved huge pages (MAP_HUGETLB), then ordinary memory on a 2 MiB boundary with the
 * request for transparent huge pages. The pages are made present by MADV_POPULATE_WRITE, which
 * reports a shortage as an error where touching them would be a SIGBUS (reserved huge pages in a
 * container) or the end of the process.
 */
#include "mem/arena_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096 };
static const size_t HUGE_BYTES = 2 * MIB;

enum huge { HUGE_RESERVED, HUGE_TRANSPARENT, HUGE_NONE };

static const char *const notes[][2] = {
    [HUGE_RESERVED] = {"not locked in memory (RLIMIT_MEMLOCK)", NULL},
    [HUGE_TRANSPARENT] =
        {"no reserved huge pages (vm.nr_hugepages), transparent ones asked for; not locked in "
         "memory (RLIMIT_MEMLOCK)",
         "no reserved huge pages (vm.nr_hugepages), transparent ones asked for"},
    [HUGE_NONE] = {"no huge pages; not locked in memory (RLIMIT_MEMLOCK)", "no huge pages"},
};

/* Linux before 5.14 does not know MADV_POPULATE_WRITE (EINVAL): there we touch. */
static enum err populate(uint8_t *at, size_t bytes)
{
    if (madvise(at, bytes, MADV_POPULATE_WRITE) == 0)
        return ERR_OK;
    if (errno != EINVAL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < bytes; i += PAGE_BYTES)
        ((volatile uint8_t *)at)[i] = 0;
    return ERR_OK;
}

static bool map_reserved(struct arena_map *map)
{
    void *at = mmap(
        NULL, map->bytes, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT), -1, 0);

    if (at == MAP_FAILED)
        return false;
    if (populate(at, map->bytes)) {
        (void)munmap(at, map->bytes);
        return false;
    }
    map->at = at;
    return true;
}

/* A mapping on a 2 MiB boundary: one huge page too long, cut at both ends. */
static enum err map_ordinary(struct arena_map *map)
{
    size_t all = map->bytes + HUGE_BYTES;
    uint8_t *at = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return ERR_NO_MEMORY;
    size_t before = (HUGE_BYTES - (uintptr_t)at % HUGE_BYTES) % HUGE_BYTES;
    size_t behind = HUGE_BYTES - before;
    if (before)
        (void)munmap(at, before);
    if (behind)
        (void)munmap(at + before + map->bytes, behind);
    map->at = at + before;
    return ERR_OK;
}

/* madvise succeeds where the administrator has switched them off, too: ask sysfs. */
static bool has_transparent(void)
{
    char text[128] = "";
    int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    return n > 0 && view_find(view_of(text, (size_t)n), VIEW("[never]")) == SIZE_MAX;
}

enum err arena_map_open(size_t bytes, struct arena_map *map_out, const char **note_out)
{
    struct arena_map map = {.bytes = (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1)};
    enum huge huge = HUGE_RESERVED;

    if (!map_reserved(&map)) {
        TRY(map_ordinary(&map));
        bool is_advised = madvise(map.at, map.bytes, MADV_HUGEPAGE) == 0 && has_transparent();
        huge = is_advised ? HUGE_TRANSPARENT : HUGE_NONE;
        enum err e = populate(map.at, map.bytes);
        if (e) {
            arena_map_close(&map);
            return e;
        }
    }
    /* Payload has no place in a core file, and gigabytes of it least of all. */
    (void)madvise(map.at, map.bytes, MADV_DONTDUMP);
    bool is_locked = mlock(map.at, map.bytes) == 0;
    *note_out = notes[huge][is_locked];
    *map_out = map;
    return ERR_OK;
}

void arena_map_close(struct arena_map *map)
{
    if (map->at)
        (void)munmap(map->at, map->bytes);
    *map = (struct arena_map){0};
}
