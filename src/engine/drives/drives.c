#include "engine/drives/drives.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "engine/drives/drives_ballast.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_recover.h"

static const char super_name[] = "penstock.store", super_new_name[] = "penstock.store.new",
                  lock_name[] = "penstock.lock", index_name[] = "index",
                  index_new_name[] = "penstock.index.new";
enum { PATH_BYTES = 4096 };
static const char *const kind_names[SEGMENT_KINDS] = {
    [SEGMENT_LOG] = "log", [SEGMENT_DATA] = "data"};

void drives_fail(struct drives *D)
{
    if (!atomic_exchange(&D->is_failed, true))
        metrics_add(METRIC_DRIVE_ERRORS, 1);
}

/* ---- facts ------------------------------------------------------------------------------- */

static void drives_facts(struct engine *E, struct engine_facts *out)
{
    struct drives *D = drives_of(E);
    struct statvfs v;

    out->name = "drives";
    out->entries = drives_tree_entries(&D->tree);
    /* Between checkpoints an overwrite counts as an entry more. */
    out->entries += (uint64_t)MAX(D->unapplied, -(int64_t)out->entries);
    if (fstatvfs(D->dir_fd, &v) == 0) {
        out->bytes_total = (uint64_t)v.f_blocks * v.f_frsize;
        out->bytes_free = (uint64_t)v.f_bavail * v.f_frsize;
    }
    (void)snprintf(
        out->detail, sizeof out->detail, "1 drive, %.120s, %s%s%s", D->config.dir,
        D->config.is_relaxed ? "relaxed" : "strict", D->is_direct ? "" : ", buffered",
        D->is_failed ? ", FAILED: no writes" : "");
}

static const struct engine_ops drives_ops = {
    .lookup = drives_lookup_start,
    .read = drives_read_start,
    .release = drives_lookup_release,
    .write = drives_put_write,
    .commit = drives_put_commit,
    .abort = drives_put_abort,
    .amend = drives_amend_start,
    .remove = drives_remove_start,
    .list = drives_list_start,
    .close = drives_close_start,
    .facts = drives_facts,
};

/* ---- the folder -------------------------------------------------------------------------- */

static enum err fail_sys(struct buf *why, const char *what, const char *name)
{
    int sys = errno;

    buf_printf(why, "cannot %s %s: %s", what, name, strerror(sys));
    return err_from_errno(sys);
}

static enum err open_subfolder(struct drives *D, const char *name, int *fd_out, struct buf *why)
{
    if (mkdirat(D->dir_fd, name, 0700) && errno != EEXIST)
        return fail_sys(why, "make", name);
    *fd_out = openat(D->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd_out < 0 ? fail_sys(why, "open", name) : ERR_OK;
}

static enum err path_of(const struct drives *D, const char *name, char path[PATH_BYTES])
{
    int n = snprintf(path, PATH_BYTES, "%s/%s", D->config.dir, name);

    return n < PATH_BYTES ? ERR_OK : ERR_TOO_LARGE;
}

static bool is_ours_to_ignore(const char *name)
{
    return name[0] == '.' || strcmp(name, "lost+found") == 0 || strncmp(name, "penstock.", 9) == 0;
}

static enum err check_empty(struct drives *D, struct buf *why)
{
    int fd = openat(D->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    enum err e = ERR_OK;

    if (!dir)
        return fail_sys(why, "read", D->config.dir);
    while (!e && (entry = readdir(dir))) {
        if (is_ours_to_ignore(entry->d_name))
            continue;
        buf_printf(
            why, "%s is neither empty nor a store: it holds %s", D->config.dir, entry->d_name);
        e = ERR_EXISTS;
    }
    (void)closedir(dir);
    return e;
}

static enum err write_super(struct drives *D, uint8_t *block)
{
    int fd = openat(D->dir_fd, super_new_name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    enum err e;

    if (fd < 0)
        return err_from_errno(errno);
    e = drives_io_write_now(fd, block, DRIVES_HEAD_BYTES, 0);
    if (!e)
        e = drives_io_sync_now(fd);
    (void)close(fd);
    if (!e && renameat(D->dir_fd, super_new_name, D->dir_fd, super_name))
        e = err_from_errno(errno);
    return e ? e : drives_io_sync_now(D->dir_fd);
}

static enum err read_super(struct drives *D, int fd, struct buf *why)
{
    struct drives_super s;
    uint8_t block[DRIVES_HEAD_BYTES];
    enum err e = drives_io_read_now(fd, block, sizeof block, 0);

    if (!e)
        e = drives_format_super_get(block, &s);
    if (e == ERR_UNSUPPORTED)
        buf_printf(why, "%s was written by another version", D->config.dir);
    else if (e)
        buf_printf(why, "%s/%s is damaged", D->config.dir, super_name);
    else if (s.drive_count != 1) {
        buf_printf(why, "%s is one of %u drives", D->config.dir, s.drive_count);
        e = ERR_UNSUPPORTED;
    } else {
        memcpy(D->store_id, s.store_id, sizeof D->store_id);
    }
    return e;
}

/*
 * LMDB does not make its file atomically. So it is made under another name; the superblock, which
 * makes the folder a store, comes when that is durable, and the name last. A crash in between is
 * seen by finish_index.
 */
static enum err create_index(struct drives *D, struct buf *why)
{
    struct drives_tree tree = {0};
    char path[PATH_BYTES];
    int fd = -1;
    enum err e;

    drives_tree_remove(D->dir_fd, index_new_name);
    TRY(open_subfolder(D, index_new_name, &fd, why));
    e = path_of(D, index_new_name, path);
    if (!e)
        e = drives_tree_open(&tree, path, D->config.index_bytes_max, 1, why);
    drives_tree_close(&tree);
    if (!e)
        e = drives_io_sync_now(fd);
    (void)close(fd);
    return e;
}

static enum err finish_index(struct drives *D, struct buf *why)
{
    if (faccessat(D->dir_fd, index_name, F_OK, 0) == 0)
        return ERR_OK;
    if (renameat(D->dir_fd, index_new_name, D->dir_fd, index_name)) {
        buf_printf(why, "the index of the store in %s is gone", D->config.dir);
        return ERR_CORRUPT;
    }
    return drives_io_sync_now(D->dir_fd);
}

static enum err create_super(struct drives *D, struct buf *why)
{
    struct drives_super s = {.created_ms = clock_wall_ms(), .drive_count = 1};
    uint8_t block[DRIVES_HEAD_BYTES];
    enum err e;

    TRY(check_empty(D, why));
    TRY(create_index(D, why));
    digest_random(s.store_id, sizeof s.store_id);
    memcpy(D->store_id, s.store_id, sizeof D->store_id);
    drives_format_super_put(&s, block);
    e = write_super(D, block);
    if (e)
        buf_printf(why, "cannot create a store in %s: %s", D->config.dir, err_text(e));
    return e;
}

static enum err open_super(struct drives *D, struct buf *why)
{
    int fd = openat(D->dir_fd, super_name, O_RDONLY | O_CLOEXEC);
    enum err e;

    if (fd < 0)
        return errno == ENOENT ? create_super(D, why) : fail_sys(why, "open", super_name);
    e = read_super(D, fd, why);
    (void)close(fd);
    return e;
}

static enum err lock_folder(struct drives *D, struct buf *why)
{
    D->lock_fd = openat(D->dir_fd, lock_name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (D->lock_fd < 0)
        return fail_sys(why, "open", lock_name);
    if (flock(D->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    buf_printf(why, "%s is in use by another process", D->config.dir);
    return ERR_BUSY;
}

static enum err open_index(struct drives *D, struct buf *why)
{
    char path[PATH_BYTES];

    TRY(finish_index(D, why));
    TRY(path_of(D, index_name, path));
    return drives_tree_open(
        &D->tree, path, D->config.index_bytes_max, D->base.owner_count + 16, why);
}

/* The folder that a new one is in must know it for good. */
static enum err make_folder(struct drives *D, struct buf *why)
{
    char path[PATH_BYTES];
    int fd;
    enum err e;

    if (mkdir(D->config.dir, 0700))
        return errno == EEXIST ? ERR_OK : fail_sys(why, "make", D->config.dir);
    TRY(path_of(D, "..", path));
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_sys(why, "open", path);
    e = drives_io_sync_now(fd);
    (void)close(fd);
    return e;
}

static enum err open_folder(struct drives *D, struct buf *why)
{
    TRY(make_folder(D, why));
    D->dir_fd = open(D->config.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (D->dir_fd < 0)
        return fail_sys(why, "open", D->config.dir);
    TRY(lock_folder(D, why));
    TRY(open_super(D, why));
    for (int kind = SEGMENT_LOG; kind < SEGMENT_KINDS; kind++)
        TRY(open_subfolder(D, kind_names[kind], &D->kind_fd[kind], why));
    TRY(drives_io_sync_now(D->dir_fd));
    D->is_direct = drives_io_can_direct(D->kind_fd[SEGMENT_DATA]);
    return open_index(D, why);
}

/* ---- constructor ------------------------------------------------------------------------- */

static void set_defaults(struct drives_config *c)
{
    c->log_segment_bytes = c->log_segment_bytes ? c->log_segment_bytes : 64 * MIB;
    c->data_segment_bytes = c->data_segment_bytes ? c->data_segment_bytes : 256 * MIB;
    c->reserve_bytes = c->reserve_bytes ? c->reserve_bytes : 2 * c->log_segment_bytes;
    c->index_bytes_max = c->index_bytes_max ? c->index_bytes_max : 64 * GIB;
    c->inline_bytes_max = c->inline_bytes_max ? c->inline_bytes_max : 32 * KIB;
    c->memtable_entries_max = c->memtable_entries_max ? c->memtable_entries_max : 65536;
    c->memtable_bytes_max = c->memtable_bytes_max ? c->memtable_bytes_max : 32 * MIB;
    c->clean_share = c->clean_share ? c->clean_share : 25;
    c->clean_bytes_max = c->clean_bytes_max ? c->clean_bytes_max : 4 * MIB;
    c->log_segment_bytes = drives_align(c->log_segment_bytes);
    c->data_segment_bytes = drives_align(c->data_segment_bytes);
}

static enum err check_config(const struct drives_config *c, struct buf *why)
{
    if (c->dir && c->owners && c->owner_count > 0 && c->arena && c->log_segment_bytes >= 64 * KIB &&
        c->data_segment_bytes >= 2 * MIB && c->inline_bytes_max <= 128 * KIB &&
        c->inline_bytes_max <= c->log_segment_bytes / 4)
        return ERR_OK;
    buf_put_str(why, "the drives engine is configured with sizes it cannot work with");
    return ERR_INVALID;
}

static enum err open_shard(struct drives *D, unsigned index)
{
    struct drives_shard *s = &D->shards[index];

    s->drives = D;
    s->index = index;
    s->home = D->base.owners[index];
    list_init(&s->waiting);
    list_init(&s->purging);
    drives_checkpoint_init(s);
    TRY(drives_index_open(D, &s->keys));
    return drives_log_open(s);
}

static enum err open_shards(struct drives *D)
{
    D->shards = calloc(D->base.owner_count, sizeof *D->shards);
    D->applied = calloc(D->base.owner_count, sizeof *D->applied);
    if (!D->shards || !D->applied)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < D->base.owner_count; i++)
        TRY(open_shard(D, i));
    return ERR_OK;
}

/* Every segment has a descriptor of its own. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum err open_all(struct drives *D, struct buf *why)
{
    TRY(open_folder(D, why));
    TRY(drives_segment_table_open(D));
    TRY(drives_extent_heads_open(D));
    TRY(open_shards(D));
    TRY(drives_recover(D, why));
    drives_ballast_make(D);
    return drives_clean_open(D);
}

static struct drives *drives_new(const struct drives_config *config)
{
    static _Atomic uint32_t opened;
    struct drives *D = calloc(1, sizeof *D);
    char *dir = D ? strdup(config->dir) : NULL;

    if (!dir) {
        free(D);
        return NULL;
    }
    D->config = *config;
    D->config.dir = dir;
    D->base = (struct engine){&drives_ops, config->owners, config->owner_count};
    D->opened = atomic_fetch_add(&opened, 1) + 1;
    D->dir_fd = D->lock_fd = D->kind_fd[SEGMENT_LOG] = D->kind_fd[SEGMENT_DATA] = -1;
    list_init(&D->checkpoint_queue);
    (void)pthread_mutex_init(&D->checkpoint_lock, NULL);
    return D;
}

enum err
engine_drives_open(const struct drives_config *config, struct engine **engine_out, struct buf *why)
{
    struct drives_config c = *config;
    struct drives *D;
    enum err e;

    set_defaults(&c);
    TRY(check_config(&c, why));
    raise_file_limit();
    D = drives_new(&c);
    if (!D)
        return ERR_NO_MEMORY;
    e = open_all(D, why);
    if (e) {
        if (why->len == 0)
            buf_printf(why, "cannot open the store in %s: %s", c.dir, err_text(e));
        drives_close_free(D);
        return e;
    }
    *engine_out = &D->base;
    return ERR_OK;
}
