#include "s3/bucket.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <xxhash.h>

#include "loop/reactor.h"
#include "s3/cors.h"
#include "s3/s3.h"

/* Powers of two. Two buckets that share a generation only forget each other too often. */
enum { GENERATIONS = 4096, SLOTS = 1024 };

/* What a parsed policy or CORS configuration takes, reckoned from its text. */
enum { PARSED_FACTOR = 12 };

struct entry {
    struct bucket bucket; /* first: what holders see */
    struct cache *cache;
    struct list age;    /* in cache->ages, the most recently used first, while listed */
    struct entry *next; /* of the same slot, while listed */
    uint64_t hash;
    uint32_t generation;
    unsigned refs; /* holders, and one for being listed; this reactor only */
    unsigned flags;
    size_t bytes; /* accounted */
    struct view blob;
    uint8_t text[]; /* name, blob */
};

struct cache { /* one reactor's only */
    struct entry *slots[SLOTS];
    struct list ages;
    unsigned count;
    size_t bytes_listed, bytes_all;
} __attribute__((aligned(64)));

struct bucket_cache {
    _Atomic uint32_t generations[GENERATIONS]; /* any reactor */
    unsigned reactor_count;
    struct cache caches[];
};

/* --- the caches --------------------------------------------------------------------------- */

enum err bucket_cache_new(unsigned reactor_count, struct bucket_cache **cache_out)
{
    size_t bytes = sizeof(struct bucket_cache) + reactor_count * sizeof(struct cache);
    struct bucket_cache *c = aligned_alloc(64, (bytes + 63) / 64 * 64);

    assert(reactor_count > 0);
    if (!c)
        return ERR_NO_MEMORY;
    memset(c, 0, bytes);
    c->reactor_count = reactor_count;
    for (unsigned i = 0; i < reactor_count; i++)
        list_init(&c->caches[i].ages);
    *cache_out = c;
    return ERR_OK;
}

static struct cache *cache_here(const struct s3_service *S)
{
    unsigned i = reactor_index(reactor_current());

    assert(i < S->buckets->reactor_count);
    return &S->buckets->caches[i];
}

static uint64_t hash_of(struct view name)
{
    return XXH3_64bits(name.at, name.len);
}

/* The high bits: the low ones choose the slot. */
static _Atomic uint32_t *generation_of(const struct s3_service *S, uint64_t hash)
{
    return &S->buckets->generations[(hash >> 32) % GENERATIONS];
}

static void entry_free(struct entry *e)
{
    e->cache->bytes_all -= e->bytes;
    policy_free((struct policy *)(uintptr_t)e->bucket.policy);
    cors_free((struct cors *)(uintptr_t)e->bucket.cors);
    free(e);
}

static void entry_unref(struct entry *e)
{
    assert(e->refs > 0);
    if (--e->refs == 0)
        entry_free(e);
}

static void entry_unlist(struct entry *e)
{
    struct cache *c = e->cache;
    struct entry **at = &c->slots[e->hash % SLOTS];

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_remove(&e->age);
    c->count--;
    c->bytes_listed -= e->bytes;
    entry_unref(e);
}

static struct entry *oldest(const struct cache *c)
{
    return container_of(c->ages.prev, struct entry, age);
}

static void entry_list(struct entry *e)
{
    struct cache *c = e->cache;

    while (c->count &&
           (c->count == BUCKET_ENTRIES_MAX || c->bytes_listed + e->bytes > BUCKET_BYTES_MAX))
        entry_unlist(oldest(c));
    e->next = c->slots[e->hash % SLOTS];
    c->slots[e->hash % SLOTS] = e;
    list_push_front(&c->ages, &e->age);
    c->count++;
    c->bytes_listed += e->bytes;
    e->refs++;
}

void bucket_cache_free(struct bucket_cache *B)
{
    for (unsigned i = 0; B && i < B->reactor_count; i++) {
        struct cache *c = &B->caches[i];

        while (!list_is_empty(&c->ages))
            entry_unlist(oldest(c));
        assert(c->bytes_all == 0); /* nothing is held */
    }
    free(B);
}

static struct entry *entry_of_name(const struct cache *c, uint64_t hash, struct view name)
{
    for (struct entry *e = c->slots[hash % SLOTS]; e; e = e->next)
        if (e->hash == hash && view_eq(e->bucket.name, name))
            return e;
    return NULL;
}

/* --- an entry from what the engine found -------------------------------------------------- */

static enum bucket_versioning versioning_of(unsigned flags)
{
    if (flags & ENGINE_BUCKET_VERSIONED)
        return VERSIONING_ENABLED;
    return flags & ENGINE_BUCKET_SUSPENDED ? VERSIONING_SUSPENDED : VERSIONING_NEVER;
}

/* What was checked when it was set parses now, or the entry is damaged: never ignored. */
static enum err parse(struct bucket *b)
{
    struct policy *policy = NULL;
    struct cors *cors = NULL;
    char text[160];
    struct buf why = buf_over(text, sizeof text);

    if (b->meta.policy.len) {
        enum err e = policy_parse(b->meta.policy, POLICY_BUCKET, b->name, &policy, &why);
        if (e)
            return e == ERR_NO_MEMORY ? ERR_BUSY : ERR_CORRUPT;
        b->policy = policy;
    }
    if (b->meta.cors.len) {
        enum s3_code code = cors_parse(b->meta.cors, &cors, NULL);
        if (code)
            return code == S3_SlowDown ? ERR_BUSY : ERR_CORRUPT;
        b->cors = cors;
    }
    return ERR_OK;
}

static enum err fill(struct entry *e, const struct engine_info *info)
{
    struct bucket *b = &e->bucket;

    e->flags = info->flags;
    b->rev = info->rev;
    b->seq = info->seq;
    b->created_ms = info->mtime_ms;
    b->versioning = versioning_of(info->flags);
    if (bucket_meta_decode(e->blob, &b->meta))
        return ERR_CORRUPT;
    e->bytes += PARSED_FACTOR * (b->meta.policy.len + b->meta.cors.len);
    if (e->cache->bytes_all + e->bytes > BUCKET_HELD_BYTES_MAX)
        return ERR_BUSY;
    return parse(b);
}

static enum err
entry_new(struct cache *c, struct view name, const struct engine_info *info, struct entry **e_out)
{
    size_t bytes = sizeof(struct entry) + name.len + info->meta.len;
    struct entry *e = malloc(bytes);

    if (!e)
        return ERR_BUSY;
    *e = (struct entry){.cache = c, .bytes = bytes, .refs = 1};
    memcpy(e->text, name.at, name.len);
    if (info->meta.len)
        memcpy(e->text + name.len, info->meta.at, info->meta.len);
    e->bucket.name = view_of(e->text, name.len);
    e->blob = view_of(e->text + name.len, info->meta.len);
    enum err error = fill(e, info);
    c->bytes_all += e->bytes;
    if (error)
        entry_unref(e);
    else
        *e_out = e;
    return error;
}

static bool is_the_same(const struct entry *e, const struct engine_info *info)
{
    return e->bucket.rev == info->rev && e->bucket.created_ms == info->mtime_ms &&
           e->flags == info->flags && view_eq(e->blob, info->meta);
}

/* Held for the caller, and listed under the generation it was looked up in. */
static enum err take_in(struct bucket_find *f, const struct engine_info *info)
{
    struct cache *c = cache_here(f->service);
    uint64_t hash = hash_of(f->name);
    struct entry *e = entry_of_name(c, hash, f->name);

    if (e && is_the_same(e, info)) { /* a change of another bucket that shares the generation */
        e->refs++;
    } else {
        struct entry *old = e;

        TRY(entry_new(c, f->name, info, &e));
        e->hash = hash;
        if (old)
            entry_unlist(old);
        entry_list(e);
    }
    e->generation = f->generation;
    f->bucket = &e->bucket;
    return ERR_OK;
}

/* --- finding ------------------------------------------------------------------------------ */

bool bucket_find_now(struct bucket_find *f)
{
    struct cache *c = cache_here(f->service);
    uint64_t hash = hash_of(f->name);
    struct entry *e = entry_of_name(c, hash, f->name);

    f->bucket = NULL;
    if (!e || e->generation != atomic_load(generation_of(f->service, hash)))
        return false;
    list_remove(&e->age);
    list_push_front(&c->ages, &e->age);
    e->refs++;
    f->bucket = &e->bucket;
    return true;
}

/* Woken by the engine. */
static void on_looked_up(struct op *op)
{
    struct bucket_find *f = container_of(op, struct bucket_find, lookup.op);
    enum err e = op->err == ERR_NOT_FOUND ? ERR_NO_BUCKET : op->err;

    if (!e)
        e = take_in(f, &f->lookup.object->info);
    engine_release(f->lookup.object);
    op_complete(&f->op, e);
}

void bucket_find(struct bucket_find *f)
{
    op_start(&f->op);
    f->bucket = NULL;
    /* Before the lookup: a change that it does not see yet makes the entry stale at once. */
    f->generation = atomic_load(generation_of(f->service, hash_of(f->name)));
    op_init(&f->lookup.op, on_looked_up);
    f->lookup.key = (struct engine_key){.space = SPACE_BUCKET, .bucket = f->name};
    engine_lookup(f->service->engine, &f->lookup);
}

void bucket_release(const struct bucket *b)
{
    if (b)
        entry_unref(container_of((struct bucket *)(uintptr_t)b, struct entry, bucket));
}

void bucket_changed(const struct s3_service *S, struct view name)
{
    atomic_fetch_add(generation_of(S, hash_of(name)), 1);
}
