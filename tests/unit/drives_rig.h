/*
 * A drives engine in a folder, on the current reactor, and blocking forms of its calls. Header
 * only: each test program includes it once.
 *
 *     rig_init(); rig_start(LOOP ring) -> rig_open -> ... -> rig_close -> rig_stop
 */
#ifndef PENSTOCK_TESTS_DRIVES_RIG_H
#define PENSTOCK_TESTS_DRIVES_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/drives/drives.h"
#include "loop_help.h"
#include "mem/cache.h"

#define RIG __attribute__((unused)) static

enum { RIG_OWNERS = 2 };

static struct {
    char dir[64];
    struct drives_config config;
    struct reactor *owners[RIG_OWNERS]; /* the same one */
    struct engine *E;
    struct arena *A;
    struct cache *C;
    char why[300];
} rig;

RIG void rig_remove_tree(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    char name[512];

    while (d && (entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (unlink(name) && (errno == EISDIR || errno == EPERM))
            rig_remove_tree(name);
    }
    if (d)
        (void)closedir(d);
    (void)rmdir(path);
}

/* A new empty folder, a reactor over `ring` (NULL: the default one), small segments. */
RIG void rig_start(struct ring *ring)
{
    const char *note;

    (void)snprintf(rig.dir, sizeof rig.dir, "/tmp/penstock-rig-XXXXXX");
    assert_non_null(mkdtemp(rig.dir));
    assert_int_equal(work_pool_start(2), ERR_OK);
    assert_int_equal(arena_new(24 * MIB, &rig.A, &note), ERR_OK);
    assert_int_equal(cache_new(rig.A, 0, &rig.C), ERR_OK);
    rig.owners[0] = ring ? loop_open_over(ring) : loop_open(RING_AUTO);
    rig.owners[1] = rig.owners[0];
    rig.config = (struct drives_config){
        .dir = rig.dir,
        .owners = rig.owners,
        .owner_count = 1,
        .arena = rig.A,
        .cache = rig.C,
        .log_segment_bytes = 256 * KIB,
        .data_segment_bytes = 2 * MIB,
        .reserve_bytes = 1 * MIB,
        .memtable_entries_max = 40,
    };
}

RIG enum err rig_open(void)
{
    struct buf why = buf_over(rig.why, sizeof rig.why - 1);
    enum err e;

    memset(rig.why, 0, sizeof rig.why);
    e = engine_drives_open(&rig.config, &rig.E, &why);
    return e;
}

RIG void rig_open_ok(void)
{
    enum err e = rig_open();

    if (e)
        print_error("cannot open: %s\n", rig.why);
    assert_int_equal(e, ERR_OK);
}

RIG void rig_close(void)
{
    struct op op;

    op_init(&op, loop_nothing);
    engine_close(rig.E, &op);
    assert_int_equal(loop_wait(&op), ERR_OK);
    rig.E = NULL;
}

RIG void rig_stop(void)
{
    loop_close();
    cache_free(rig.C);
    arena_free(rig.A);
    work_pool_stop();
    rig_remove_tree(rig.dir);
}

RIG struct engine_key rig_key(enum engine_space space, const char *bucket, const char *name)
{
    return (struct engine_key){space, view_str(bucket), view_str(name)};
}

RIG struct engine_key rig_object(const char *name)
{
    return rig_key(SPACE_OBJECT, "bucket", name);
}

/* Byte i of the payload with this seed. */
RIG uint8_t rig_byte(uint64_t seed, uint64_t i)
{
    uint64_t z = (seed << 32 ^ i >> 3) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint8_t)((z ^ (z >> 32)) >> (i % 8 * 8));
}

RIG struct chunk *rig_chunk(uint64_t seed, uint64_t from, size_t len)
{
    struct arena_take take = {.bytes = len};

    op_init(&take.op, loop_nothing);
    arena_take(rig.A, &take);
    assert_int_equal(loop_wait(&take.op), ERR_OK);
    for (size_t i = 0; i < len; i++)
        take.chunk->at[i] = rig_byte(seed, from + i);
    return take.chunk;
}

RIG enum err rig_write_all(struct engine_put *p, uint64_t seed, uint64_t size)
{
    enum err e = ERR_OK;

    for (uint64_t at = 0; !e && at < size; at += CHUNK_BYTES_MAX) {
        struct engine_write w = {.put = p, .len = (size_t)MIN(size - at, CHUNK_BYTES_MAX)};

        w.chunk = rig_chunk(seed, at, w.len);
        op_init(&w.op, loop_nothing);
        engine_write(&w);
        e = loop_wait(&w.op);
        chunk_unref(w.chunk);
    }
    return e;
}

RIG enum err rig_commit(struct engine_put *p)
{
    op_init(&p->op, loop_nothing);
    engine_commit(p);
    return loop_wait(&p->op);
}

RIG enum err rig_put(struct engine_key key, uint64_t seed, uint64_t size, const char *etag)
{
    struct engine_put p;
    enum err e;

    engine_put_init(rig.E, &p, key, size);
    p.etag = view_str(etag);
    p.meta = VIEW("some meta");
    p.mtime_ms = 1700000000000;
    e = rig_write_all(&p, seed, size);
    if (!e)
        return rig_commit(&p);
    op_init(&p.op, loop_nothing);
    engine_abort(&p);
    (void)loop_wait(&p.op);
    return e;
}

RIG enum err rig_bucket(const char *name)
{
    return rig_put(rig_key(SPACE_BUCKET, name, ""), 0, 0, "");
}

RIG enum err rig_remove(struct engine_key key)
{
    struct engine_remove r = {.key = key};

    op_init(&r.op, loop_nothing);
    engine_remove(rig.E, &r);
    return loop_wait(&r.op);
}

RIG enum err rig_lookup(struct engine_key key, struct engine_object **object_out)
{
    struct engine_lookup l = {.key = key};

    op_init(&l.op, loop_nothing);
    engine_lookup(rig.E, &l);
    *object_out = NULL;
    if (loop_wait(&l.op))
        return l.op.err;
    *object_out = l.object;
    return ERR_OK;
}

RIG enum err rig_read(struct engine_object *o, uint64_t off, size_t len, uint8_t *dst)
{
    struct engine_read r = {.object = o, .off = off, .len = len, .dst = dst};

    op_init(&r.op, loop_nothing);
    engine_read(&r);
    return loop_wait(&r.op);
}

/* ERR_OK: all of it is as written. ERR_CORRUPT: it is not, and no error said so. */
RIG enum err rig_check_payload(struct engine_object *o, uint64_t seed)
{
    uint8_t *dst = malloc(CHUNK_BYTES_MAX);
    enum err e = ERR_OK;

    for (uint64_t at = 0; !e && at < o->info.size; at += CHUNK_BYTES_MAX) {
        size_t len = (size_t)MIN(o->info.size - at, CHUNK_BYTES_MAX);

        e = rig_read(o, at, len, dst);
        for (size_t i = 0; !e && i < len; i++)
            if (dst[i] != rig_byte(seed, at + i))
                e = ERR_CORRUPT;
    }
    free(dst);
    return e;
}

RIG enum err rig_check(struct engine_key key, uint64_t seed, uint64_t size, const char *etag)
{
    struct engine_object *o;
    enum err e = rig_lookup(key, &o);

    if (e)
        return e;
    assert_int_equal(o->info.size, size);
    assert_true(view_is(o->info.etag, etag));
    e = rig_check_payload(o, seed);
    engine_release(o);
    return e;
}

/* All names of a listing, page by page of 7, through fn. */
typedef void rig_name_fn(void *ctx, struct view name);
RIG enum err rig_list(enum engine_space space, const char *bucket, rig_name_fn *fn, void *ctx)
{
    uint8_t after[ENGINE_NAME_BYTES_MAX];
    size_t after_len = 0;
    bool is_more = true;

    while (is_more) {
        struct region region;
        struct engine_list l = {
            .space = space,
            .bucket = view_str(bucket),
            .after = view_of(after, after_len),
            .max_items = 7,
            .region = &region,
        };

        region_init(&region, reactor_regions(reactor_current()));
        op_init(&l.op, loop_nothing);
        engine_list(rig.E, &l);
        if (loop_wait(&l.op)) {
            region_done(&region);
            return l.op.err;
        }
        for (unsigned i = 0; i < l.count; i++)
            fn(ctx, l.items[i].name);
        is_more = l.is_truncated;
        if (is_more) {
            after_len = l.items[l.count - 1].name.len;
            memcpy(after, l.items[l.count - 1].name.at, after_len);
        }
        region_done(&region);
    }
    return ERR_OK;
}

#endif
