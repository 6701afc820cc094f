/*
 * The drives engine against the engine suite, in small segments and with small memtables, so that
 * rotation, checkpoints and reclaiming happen all the time; with a cache and without.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/drives/drives.h"
#include "engine_suite.h"
#include "mem/cache.h"

static char dir[] = "/tmp/penstock-drives-XXXXXX";
static struct cache *cache;
static bool has_cache;

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    char name[4096];

    while (d && (entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (unlink(name) && (errno == EISDIR || errno == EPERM))
            remove_tree(name);
    }
    if (d)
        (void)closedir(d);
    (void)rmdir(path);
}

static void wipe(void)
{
    cache_free(cache);
    cache = NULL;
    remove_tree(dir);
}

static enum err open_drives(
    struct reactor **owners, unsigned owner_count, struct arena *A, bool is_reopen,
    struct engine **engine_out)
{
    struct drives_config config = {
        .dir = dir,
        .owners = owners,
        .owner_count = owner_count,
        .arena = A,
        .log_segment_bytes = 8 * MIB,
        .data_segment_bytes = 8 * MIB,
        .memtable_entries_max = 50,
    };
    char text[300];
    struct buf why = buf_over(text, sizeof text);
    enum err e;

    if (!is_reopen && has_cache && cache_new(A, 0, &cache))
        return ERR_NO_MEMORY;
    config.cache = cache;
    e = engine_drives_open(&config, engine_out, &why);
    if (e)
        fprintf(stderr, "%.*s\n", VIEW_FMT(buf_view(&why)));
    return e;
}

int main(void)
{
    static const struct engine_factory factory = {
        .name = "drives", .open = open_drives, .wipe = wipe, .is_persistent = true};
    int failed;

    if (!mkdtemp(dir))
        return 1;
    failed = engine_suite_run(&factory);
    has_cache = true;
    return failed ? failed : engine_suite_run(&factory);
}
