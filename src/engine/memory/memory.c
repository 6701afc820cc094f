/*
 * The operations of the memory engine.
 *
 * One map per owner, touched by its reactor only. Records are immutable and counted; a pin is a
 * reference, and an overwrite merely takes the map's away.
 */
#include "engine/memory/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "engine/memory/memory_alloc.h"
#include "engine/memory/memory_impl.h"

/* A read that waits for a chunk of the arena. */
struct lend {
    struct arena_take take;
    struct engine_read *read;
};

static void memory_lookup(struct engine *E, struct engine_lookup *l)
{
    struct memory *M = memory_of(E);
    struct memory_map *m = memory_map_of(M, l->key.bucket);
    struct memory_record *r = NULL;
    enum err e = memory_find(m, l, &r);

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
    memory_record_unref(memory_record_of(o));
}

/* Stops at the end of a piece, so that callers meet short reads. */
static void lend_out(struct engine_read *r, struct chunk *chunk)
{
    struct view v =
        view_upto(memory_payload_at(&memory_record_of(r->object)->payload, r->off), r->len);

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
    memory_payload_copy(&memory_record_of(r->object)->payload, r->off, r->dst, r->len);
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

void memory_staging_free(struct memory *M, struct engine_put *p)
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
    memory_staging_free(memory_of(E), p);
    op_complete(&p->op, ERR_OK);
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
    .amend = memory_amend,
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
