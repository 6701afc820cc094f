/*
 * Every call of the wrapped engine goes through a struct call: it holds the inner engine's
 * operation, and gives its result to the outer one when it has been late enough.
 *
 *   outer started -> hit? -> (no) inner operation -> its advance copies the result -> call_finish
 *                         -> (yes) ------------------------------------------------> call_finish
 *   call_finish: LATE for some turns (a message to ourselves per turn), then op_complete(outer)
 *
 * An outer pin or put holds an inner one; the inner one is what the inner engine sees.
 */
#include "engine/fault/fault.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "loop/reactor.h"

struct fault {
    struct engine engine;
    struct engine *inner;
    struct op close;
    struct op *close_outer;
    /* any thread, atomic */
    _Atomic uint64_t left; /* calls until one fails; 0: none will */
    _Atomic uint64_t period;
    _Atomic uint64_t failed;
    _Atomic uint64_t random;
    _Atomic unsigned kinds, err, turns_max;
    atomic_bool is_after;
    _Atomic uint64_t calls; /* under way */
};

struct call {
    struct fault *F;
    struct op *outer;
    struct op hop;
    enum err err;
    unsigned turns; /* still to be late */
    union {
        struct engine_lookup lookup;
        struct engine_read read;
        struct engine_write write;
        struct engine_amend amend;
        struct engine_remove remove;
        struct engine_list list;
    };
};

struct pin {
    struct engine_object object; /* what the caller sees */
    struct engine_object *inner;
};

/* The state of an outer put: its staging at the inner engine. */
struct staging {
    struct engine_put put;
    struct engine_put *outer;
    struct engine_object **parts; /* the inner pins */
    enum err err_after;           /* what to say although the commit took place */
    struct call *call;
};

static struct fault *fault_of(struct engine *E)
{
    return container_of(E, struct fault, engine);
}

static struct engine_object *inner_pin(struct engine_object *o)
{
    return container_of(o, struct pin, object)->inner;
}

/* What this call fails with, ERR_OK when it does not. Counts it. */
static enum err hit_err(struct fault *F, enum engine_fault_kind kind)
{
    uint64_t left = atomic_load(&F->left);

    if (!(atomic_load(&F->kinds) & kind))
        return ERR_OK;
    while (left > 0 && !atomic_compare_exchange_weak(
                           &F->left, &left, left > 1 ? left - 1 : atomic_load(&F->period)))
        ;
    if (left != 1)
        return ERR_OK;
    atomic_fetch_add(&F->failed, 1);
    return (enum err)atomic_load(&F->err);
}

static unsigned random_turns(struct fault *F)
{
    unsigned turns_max = atomic_load(&F->turns_max);
    uint64_t z;

    if (turns_max == 0)
        return 0;
    z = atomic_fetch_add(&F->random, 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z >> 33) % (turns_max + 1));
}

/* An engine for tests: without memory there is nothing to test. */
static void *need(size_t bytes)
{
    void *at = calloc(1, bytes);

    if (!at)
        abort();
    return at;
}

static struct call *call_new(struct engine *E, struct op *outer)
{
    struct call *c = need(sizeof *c);

    c->F = fault_of(E);
    c->outer = outer;
    atomic_fetch_add(&c->F->calls, 1);
    return c;
}

/* Once per turn of this reactor until it has been late enough. */
static void call_late(struct op *hop)
{
    struct call *c = container_of(hop, struct call, hop);
    struct op *outer = c->outer;
    enum err err = c->err;

    if (c->turns-- > 0) {
        op_send(&c->hop, reactor_current());
        return;
    }
    atomic_fetch_sub(&c->F->calls, 1);
    free(c);
    op_complete(outer, err);
}

static void call_finish(struct call *c, enum err err)
{
    c->err = err;
    c->turns = random_turns(c->F);
    op_init(&c->hop, call_late);
    call_late(&c->hop);
}

/* The whole call fails here, without effect. */
static bool call_hit(struct call *c, enum engine_fault_kind kind)
{
    enum err err = hit_err(c->F, kind);

    if (err)
        call_finish(c, err);
    return err != ERR_OK;
}

static struct engine_object *pin_new(struct fault *F, struct engine_object *inner)
{
    struct pin *pin = need(sizeof *pin);

    *pin = (struct pin){{inner->info, &F->engine}, inner};
    return &pin->object;
}

static void fault_release(struct engine *E, struct engine_object *o)
{
    struct pin *pin = container_of(o, struct pin, object);

    (void)E;
    engine_release(pin->inner);
    free(pin);
}

static void lookup_advance(struct op *op)
{
    struct call *c = container_of(op, struct call, lookup.op);
    struct engine_lookup *l = container_of(c->outer, struct engine_lookup, op);

    if (!op->err)
        l->object = pin_new(c->F, c->lookup.object);
    l->is_latest = c->lookup.is_latest;
    l->marker.is_set = c->lookup.marker.is_set;
    l->marker.seq = c->lookup.marker.seq;
    l->marker.flags = c->lookup.marker.flags;
    l->marker.mtime_ms = c->lookup.marker.mtime_ms;
    call_finish(c, op->err);
}

static void fault_lookup(struct engine *E, struct engine_lookup *l)
{
    struct call *c = call_new(E, &l->op);

    if (call_hit(c, ENGINE_FAULT_LOOKUP))
        return;
    c->lookup.key = l->key;
    c->lookup.version = l->version;
    op_init(&c->lookup.op, lookup_advance);
    engine_lookup(c->F->inner, &c->lookup);
}

static void read_advance(struct op *op)
{
    struct call *c = container_of(op, struct call, read.op);
    struct engine_read *r = container_of(c->outer, struct engine_read, op);

    r->got = c->read.got;
    r->lent = c->read.lent;
    r->chunk = c->read.chunk;
    r->crc64 = c->read.crc64;
    call_finish(c, op->err);
}

static void fault_read(struct engine *E, struct engine_read *r)
{
    struct call *c = call_new(E, &r->op);

    if (call_hit(c, ENGINE_FAULT_READ)) {
        if (r->dst)
            memset(r->dst, 0xee, r->len);
        return;
    }
    c->read = (struct engine_read){
        .object = inner_pin(r->object),
        .off = r->off,
        .len = r->len,
        .dst = r->dst,
        .wants_crc64 = r->wants_crc64};
    op_init(&c->read.op, read_advance);
    engine_read(&c->read);
}

/* Made at the first call that needs it. */
static struct staging *staging_of(struct engine_put *p)
{
    struct staging *s = p->state;

    if (s)
        return s;
    s = need(sizeof *s);
    s->outer = p;
    engine_put_init(fault_of(p->engine)->inner, &s->put, p->key, p->size_hint);
    p->state = s;
    return s;
}

static void staging_free(struct staging *s)
{
    s->outer->state = NULL;
    free(s->parts);
    free(s);
}

static void write_advance(struct op *op)
{
    call_finish(container_of(op, struct call, write.op), op->err);
}

static void fault_write(struct engine *E, struct engine_write *w)
{
    struct call *c = call_new(E, &w->op);

    if (call_hit(c, ENGINE_FAULT_WRITE))
        return;
    c->write =
        (struct engine_write){.put = &staging_of(w->put)->put, .chunk = w->chunk, .len = w->len};
    op_init(&c->write.op, write_advance);
    engine_write(&c->write);
}

/* Everything read at commit; the pins of compose become the inner ones. */
static void staging_fill(struct staging *s)
{
    const struct engine_put *p = s->outer;

    s->put.mtime_ms = p->mtime_ms;
    s->put.etag = p->etag;
    s->put.meta = p->meta;
    s->put.condition = p->condition;
    s->put.flags = p->flags;
    s->put.require = p->require;
    s->put.also_remove = p->also_remove;
    s->put.purge_parts = p->purge_parts;
    s->put.crc64_expected = p->crc64_expected;
    s->put.has_crc64_expected = p->has_crc64_expected;
    if (p->part_count == 0)
        return;
    s->parts = need(p->part_count * sizeof(struct engine_object *));
    for (size_t i = 0; i < p->part_count; i++)
        s->parts[i] = inner_pin(p->parts[i]);
    s->put.parts = s->parts;
    s->put.part_count = p->part_count;
}

/* Woken by the inner commit, or by the abort that a failed one has become. */
static void put_advance(struct op *op)
{
    struct staging *s = container_of(op, struct staging, put.op);
    struct call *c = s->call;
    enum err e = op->err ? op->err : s->err_after;

    s->outer->info = s->put.info;
    staging_free(s);
    call_finish(c, e);
}

static void put_abort(struct call *c, struct staging *s, enum err err)
{
    s->call = c;
    s->err_after = err;
    op_init(&s->put.op, put_advance);
    engine_abort(&s->put);
}

static void fault_commit(struct engine *E, struct engine_put *p)
{
    struct call *c = call_new(E, &p->op);
    struct staging *s = staging_of(p);
    enum err err = hit_err(c->F, ENGINE_FAULT_COMMIT);

    if (err && !atomic_load(&c->F->is_after)) {
        put_abort(c, s, err);
        return;
    }
    staging_fill(s);
    s->call = c;
    s->err_after = err;
    op_init(&s->put.op, put_advance);
    engine_commit(&s->put);
}

static void fault_abort(struct engine *E, struct engine_put *p)
{
    put_abort(call_new(E, &p->op), staging_of(p), ERR_OK);
}

static void amend_advance(struct op *op)
{
    struct call *c = container_of(op, struct call, amend.op);
    struct engine_amend *a = container_of(c->outer, struct engine_amend, op);

    a->info = c->amend.info;
    call_finish(c, op->err ? op->err : c->err);
}

static void fault_amend(struct engine *E, struct engine_amend *a)
{
    struct call *c = call_new(E, &a->op);

    c->err = hit_err(c->F, ENGINE_FAULT_AMEND);
    if (c->err && !atomic_load(&c->F->is_after)) {
        call_finish(c, c->err);
        return;
    }
    c->amend = (struct engine_amend){
        .key = a->key,
        .version = a->version,
        .condition = a->condition,
        .meta = a->meta,
        .flags = a->flags,
        .sets_flags = a->sets_flags};
    op_init(&c->amend.op, amend_advance);
    engine_amend(c->F->inner, &c->amend);
}

static void remove_advance(struct op *op)
{
    struct call *c = container_of(op, struct call, remove.op);
    struct engine_remove *r = container_of(c->outer, struct engine_remove, op);

    r->made_marker = c->remove.made_marker;
    r->info = c->remove.info;
    call_finish(c, op->err ? op->err : c->err);
}

static void fault_remove(struct engine *E, struct engine_remove *r)
{
    struct call *c = call_new(E, &r->op);

    c->err = hit_err(c->F, ENGINE_FAULT_REMOVE);
    if (c->err && !atomic_load(&c->F->is_after)) {
        call_finish(c, c->err);
        return;
    }
    c->remove = (struct engine_remove){
        .key = r->key,
        .version = r->version,
        .condition = r->condition,
        .purge_parts = r->purge_parts,
        .mtime_ms = r->mtime_ms,
        .meta = r->meta};
    op_init(&c->remove.op, remove_advance);
    engine_remove(c->F->inner, &c->remove);
}

static void list_advance(struct op *op)
{
    struct call *c = container_of(op, struct call, list.op);
    struct engine_list *l = container_of(c->outer, struct engine_list, op);

    l->items = c->list.items;
    l->count = c->list.count;
    l->is_truncated = c->list.is_truncated;
    call_finish(c, op->err);
}

static void fault_list(struct engine *E, struct engine_list *l)
{
    struct call *c = call_new(E, &l->op);

    if (call_hit(c, ENGINE_FAULT_LIST))
        return;
    c->list = *l;
    op_init(&c->list.op, list_advance);
    engine_list_owned(c->F->inner, &c->list);
}

static void close_advance(struct op *op)
{
    struct fault *F = container_of(op, struct fault, close);
    struct op *outer = F->close_outer;
    enum err e = op->err;

    free(F);
    op_complete(outer, e);
}

static void fault_close(struct engine *E, struct op *op)
{
    struct fault *F = fault_of(E);

    assert(F->calls == 0);
    F->close_outer = op;
    op_init(&F->close, close_advance);
    engine_close(F->inner, &F->close);
}

static void fault_facts(struct engine *E, struct engine_facts *out)
{
    struct engine_facts inner;

    engine_facts(fault_of(E)->inner, &inner);
    *out = inner;
    out->name = "fault";
    (void)snprintf(out->detail, sizeof out->detail, "%s: %.150s", inner.name, inner.detail);
}

static const struct engine_ops fault_ops = {
    .lookup = fault_lookup,
    .read = fault_read,
    .release = fault_release,
    .write = fault_write,
    .commit = fault_commit,
    .abort = fault_abort,
    .amend = fault_amend,
    .remove = fault_remove,
    .list = fault_list,
    .close = fault_close,
    .facts = fault_facts,
};

void engine_fault_arm(struct engine *E, const struct engine_fault_config *config)
{
    struct fault *F = fault_of(E);

    assert(E->ops == &fault_ops);
    assert(config->nth == 0 || config->err);
    atomic_store(&F->left, 0);
    atomic_store(&F->kinds, config->kinds);
    atomic_store(&F->err, config->err);
    atomic_store(&F->is_after, config->is_after);
    atomic_store(&F->turns_max, config->turns_max);
    atomic_store(&F->random, config->seed);
    atomic_store(&F->period, config->is_repeating ? config->nth : 0);
    atomic_store(&F->failed, 0);
    atomic_store(&F->left, config->nth);
}

uint64_t engine_fault_count(struct engine *E)
{
    assert(E->ops == &fault_ops);
    return atomic_load(&fault_of(E)->failed);
}

enum err engine_fault_new(
    struct engine *inner, const struct engine_fault_config *config, struct engine **engine_out)
{
    static const struct engine_fault_config nothing;
    struct fault *F = calloc(1, sizeof *F);

    if (!F)
        return ERR_NO_MEMORY;
    F->inner = inner;
    F->engine = (struct engine){&fault_ops, inner->owners, inner->owner_count};
    engine_fault_arm(&F->engine, config ? config : &nothing);
    *engine_out = &F->engine;
    return ERR_OK;
}
