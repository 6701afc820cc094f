/*
 * The operations of the memory engine.
 *
 * One map per owner, touched by its reactor only: a commit is check, allocate, apply, and only the
 * middle can fail, so that all of it happens or nothing. Records are immutable and counted; a pin
 * is a reference, and an overwrite merely takes the map's away.
 */
#include "engine/memory/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "engine/engine_page.h"
#include "engine/memory/memory_alloc.h"
#include "engine/memory/memory_map.h"

struct memory {
    struct engine engine;
    struct arena *arena;
    _Atomic uint64_t seq;
    _Atomic uint64_t entries; /* for facts, from any thread */
    _Atomic uint64_t pins, stagings;
    struct memory_map maps[]; /* by owner; that reactor only */
};

/* A read that waits for a chunk of the arena. */
struct lend {
    struct arena_take take;
    struct engine_read *read;
};

static struct memory *memory_of(struct engine *E)
{
    return container_of(E, struct memory, engine);
}

static struct memory_record *record_of(struct engine_object *o)
{
    return container_of(o, struct memory_record, object);
}

static struct memory_map *map_of(struct memory *M, struct view bucket)
{
    return &M->maps[engine_owner(&M->engine, bucket)];
}

static enum err
bucket_check(const struct memory_map *m, enum engine_space space, struct view bucket)
{
    if (space == SPACE_BUCKET || bucket.len == 0)
        return ERR_OK;
    if (!memory_map_find(m, (struct engine_key){SPACE_BUCKET, bucket, VIEW_EMPTY}))
        return ERR_NO_BUCKET;
    return ERR_OK;
}

/* r: the entry there is, or NULL. */
static enum err condition_check(
    const struct engine_condition *c, enum engine_space space, const struct memory_record *r)
{
    switch (c->kind) {
    case IF_ANY:
        return ERR_OK;
    case IF_ABSENT:
        if (!r)
            return ERR_OK;
        return space == SPACE_BUCKET ? ERR_EXISTS : ERR_PRECONDITION;
    case IF_EXISTS:
        return r ? ERR_OK : ERR_NOT_FOUND;
    case IF_ETAG:
        if (!r)
            return ERR_NOT_FOUND;
        return view_eq(r->object.info.etag, c->etag) ? ERR_OK : ERR_PRECONDITION;
    }
    return ERR_INVALID;
}

static void memory_lookup(struct engine *E, struct engine_lookup *l)
{
    struct memory *M = memory_of(E);
    struct memory_map *m = map_of(M, l->key.bucket);
    struct memory_record *r = memory_map_find(m, l->key);
    enum err e = bucket_check(m, l->key.space, l->key.bucket);

    if (!e && !r)
        e = ERR_NOT_FOUND;
    if (!e) {
        memory_record_ref(r);
        atomic_fetch_add(&M->pins, 1);
        l->object = &r->object;
    }
    op_complete(&l->op, e);
}

static void memory_release(struct engine *E, struct engine_object *o)
{
    atomic_fetch_sub(&memory_of(E)->pins, 1);
    memory_record_unref(record_of(o));
}

/* Stops at the end of a piece, so that callers meet short reads. */
static void lend_out(struct engine_read *r, struct chunk *chunk)
{
    struct view v = view_upto(memory_payload_at(&record_of(r->object)->payload, r->off), r->len);

    v = view_upto(v, chunk->bytes);
    memcpy(chunk->at, v.at, v.len);
    chunk->len = (uint32_t)v.len;
    r->chunk = chunk;
    r->lent = view_of(chunk->at, v.len);
    r->got = v.len;
    if (r->wants_crc64)
        r->crc64 = crc64_nvme(0, r->lent.at, r->lent.len);
    op_complete(&r->op, ERR_OK);
}

/* Woken by the arena. */
static void lend_advance(struct op *op)
{
    struct lend *lend = container_of(op, struct lend, take.op);
    struct engine_read *r = lend->read;

    if (op->err)
        op_complete(&r->op, op->err);
    else
        lend_out(r, lend->take.chunk);
    free(lend);
}

static void lend_wait(struct memory *M, struct engine_read *r)
{
    struct lend *lend = memory_alloc(sizeof *lend);

    if (!lend) {
        op_complete(&r->op, ERR_BUSY);
        return;
    }
    lend->read = r;
    lend->take.bytes = r->len;
    op_init(&lend->take.op, lend_advance);
    arena_take(M->arena, &lend->take);
}

static void memory_read(struct engine *E, struct engine_read *r)
{
    struct memory *M = memory_of(E);
    struct chunk *chunk;

    if (!r->dst) {
        chunk = arena_try_take(M->arena, r->len);
        if (chunk)
            lend_out(r, chunk);
        else
            lend_wait(M, r);
        return;
    }
    memory_payload_copy(&record_of(r->object)->payload, r->off, r->dst, r->len);
    r->got = r->len;
    if (r->wants_crc64)
        r->crc64 = crc64_nvme(0, r->dst, r->len);
    op_complete(&r->op, ERR_OK);
}

static struct memory_payload *staging_of(struct memory *M, struct engine_put *p)
{
    if (!p->state) {
        p->state = memory_alloc(sizeof(struct memory_payload));
        if (p->state)
            atomic_fetch_add(&M->stagings, 1);
    }
    return p->state;
}

static void staging_free(struct memory *M, struct engine_put *p)
{
    if (!p->state)
        return;
    memory_payload_done(p->state);
    free(p->state);
    p->state = NULL;
    atomic_fetch_sub(&M->stagings, 1);
}

static void memory_write(struct engine *E, struct engine_write *w)
{
    struct memory_payload *staging = staging_of(memory_of(E), w->put);
    enum err e = ERR_NO_SPACE;

    if (staging)
        e = memory_payload_append(staging, view_of(w->chunk->at, w->len));
    op_complete(&w->op, e);
}

static void memory_abort(struct engine *E, struct engine_put *p)
{
    staging_free(memory_of(E), p);
    op_complete(&p->op, ERR_OK);
}

/* Everything that must hold at the moment of commit. */
static enum err commit_check(const struct memory_map *m, const struct engine_put *p)
{
    TRY(bucket_check(m, p->key.space, p->key.bucket));
    if (p->require.name.at && !memory_map_find(m, p->require))
        return ERR_NO_UPLOAD;
    return condition_check(&p->condition, p->key.space, memory_map_find(m, p->key));
}

/* Moves the staged bytes, or shares those of the parts. */
static enum err payload_fill(struct memory_payload *to, struct engine_put *p)
{
    struct memory_payload *staging = p->state;

    if (staging) {
        *to = *staging;
        *staging = (struct memory_payload){0};
    }
    for (size_t i = 0; i < p->part_count; i++)
        TRY(memory_payload_share(to, &record_of(p->parts[i])->payload));
    if (p->has_crc64_expected && to->crc64 != p->crc64_expected)
        return ERR_BAD_DIGEST;
    return ERR_OK;
}

/* The record that will become visible, whole; nothing is yet. */
static enum err
record_make(struct memory *M, struct engine_put *p, struct memory_record **record_out)
{
    struct engine_info info = {.mtime_ms = p->mtime_ms, .etag = p->etag, .meta = p->meta};
    struct memory_record *r = memory_record_new(p->key, &info);
    enum err e;

    if (!r)
        return ERR_NO_SPACE;
    e = payload_fill(&r->payload, p);
    if (e) {
        memory_record_unref(r);
        return e;
    }
    r->object.engine = &M->engine;
    r->object.info.size = r->payload.size;
    r->object.info.crc64 = r->payload.crc64;
    r->object.info.seq = atomic_fetch_add(&M->seq, 1) + 1;
    *record_out = r;
    return ERR_OK;
}

static void purge(struct memory_map *m, struct view bucket, struct view prefix)
{
    if (prefix.at)
        memory_map_remove_prefix(m, (struct engine_key){SPACE_PART, bucket, prefix});
}

static enum err commit_try(struct memory *M, struct memory_map *m, struct engine_put *p)
{
    struct memory_record *r;

    TRY(commit_check(m, p));
    TRY(memory_map_reserve(m));
    TRY(record_make(M, p, &r));
    /* From here on nothing fails. */
    purge(m, p->key.bucket, p->purge_parts);
    if (p->also_remove.name.at)
        memory_map_remove(m, p->also_remove);
    p->info = r->object.info;
    p->info.etag = p->etag;
    p->info.meta = p->meta;
    memory_map_put(m, r);
    return ERR_OK;
}

static void memory_commit(struct engine *E, struct engine_put *p)
{
    struct memory *M = memory_of(E);
    struct memory_map *m = map_of(M, p->key.bucket);
    size_t before = m->count;
    enum err e = commit_try(M, m, p);

    atomic_fetch_add(&M->entries, m->count - before);
    staging_free(M, p);
    op_complete(&p->op, e);
}

static enum err remove_check(const struct memory_map *m, const struct engine_remove *r)
{
    const struct memory_record *record = memory_map_find(m, r->key);

    TRY(bucket_check(m, r->key.space, r->key.bucket));
    if (!record)
        return ERR_NOT_FOUND;
    TRY(condition_check(&r->condition, r->key.space, record));
    if (r->key.space == SPACE_BUCKET && (memory_map_has_any(m, SPACE_OBJECT, r->key.bucket) ||
                                         memory_map_has_any(m, SPACE_UPLOAD, r->key.bucket)))
        return ERR_NOT_EMPTY;
    return ERR_OK;
}

static void remove_apply(struct memory_map *m, const struct engine_remove *r)
{
    struct view bucket = r->key.bucket;

    purge(m, bucket, r->purge_parts);
    if (r->key.space == SPACE_BUCKET) {
        memory_map_remove_prefix(m, (struct engine_key){SPACE_CONFIG, bucket, VIEW_EMPTY});
        memory_map_remove_prefix(m, (struct engine_key){SPACE_PART, bucket, VIEW_EMPTY});
    }
    memory_map_remove(m, r->key);
}

static void memory_remove(struct engine *E, struct engine_remove *r)
{
    struct memory *M = memory_of(E);
    struct memory_map *m = map_of(M, r->key.bucket);
    size_t before = m->count;
    enum err e = remove_check(m, r);

    if (!e)
        remove_apply(m, r);
    atomic_fetch_sub(&M->entries, before - m->count);
    op_complete(&r->op, e);
}

/* In SPACE_BUCKET what is listed are the buckets themselves. */
static struct view listed_name(const struct memory_record *r)
{
    return r->key.space == SPACE_BUCKET ? r->key.bucket : r->key.name;
}

static bool is_listed(const struct memory_record *r, const struct engine_list *l)
{
    return r->key.space == l->space &&
           (l->space == SPACE_BUCKET || view_eq(r->key.bucket, l->bucket));
}

static enum err list_page(const struct memory_map *m, struct engine_list *l)
{
    struct engine_page page;
    struct engine_key from = {l->space, l->bucket, VIEW_EMPTY};
    enum engine_page_next next = PAGE_NEXT;

    engine_page_init(&page, l);
    if (l->space == SPACE_BUCKET)
        from.bucket = engine_page_first(&page);
    else
        from.name = engine_page_first(&page);
    for (size_t i = memory_map_seek(m, from); next != PAGE_END && i < m->count; i++) {
        const struct memory_record *r = m->at[i];

        if (!is_listed(r, l))
            break;
        if (next == PAGE_PAST && view_starts(listed_name(r), page.past))
            continue;
        next = engine_page_offer(&page, listed_name(r), &r->object.info);
    }
    return page.err;
}

static void memory_list(struct engine *E, struct engine_list *l)
{
    const struct memory_map *m = &memory_of(E)->maps[l->owner];
    enum err e = bucket_check(m, l->space, l->bucket);

    if (!e)
        e = list_page(m, l);
    op_complete(&l->op, e);
}

static void memory_close(struct engine *E, struct op *op)
{
    struct memory *M = memory_of(E);

    assert(M->pins == 0 && M->stagings == 0);
    for (unsigned i = 0; i < E->owner_count; i++)
        memory_map_done(&M->maps[i]);
    free(M);
    op_complete(op, ERR_OK);
}

static void memory_facts(struct engine *E, struct engine_facts *out)
{
    out->name = "memory";
    out->entries = memory_of(E)->entries;
    (void)snprintf(out->detail, sizeof out->detail, "nothing is kept");
}

static const struct engine_ops memory_ops = {
    .lookup = memory_lookup,
    .read = memory_read,
    .release = memory_release,
    .write = memory_write,
    .commit = memory_commit,
    .abort = memory_abort,
    .remove = memory_remove,
    .list = memory_list,
    .close = memory_close,
    .facts = memory_facts,
};

enum err engine_memory_new(
    struct reactor **owners, unsigned owner_count, struct arena *A, struct engine **engine_out)
{
    struct memory *M = memory_alloc(sizeof *M + owner_count * sizeof M->maps[0]);

    assert(owner_count > 0);
    if (!M)
        return ERR_NO_MEMORY;
    M->arena = A;
    M->engine = (struct engine){&memory_ops, owners, owner_count};
    *engine_out = &M->engine;
    return ERR_OK;
}

uint64_t engine_memory_fail_alloc(uint64_t n)
{
    return memory_alloc_fail(n);
}
