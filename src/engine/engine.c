/*
 * What every engine shares: the contract asserts, op_start, and the way to the owner.
 *
 * Entries of a bucket are touched by one reactor, so engines need no locks and a commit is a
 * sequence of plain steps. A call from elsewhere travels as a message: `hop` is sent to the owner,
 * runs the implementation there, and op_complete brings x->op home through the home mailbox. At
 * home already, the implementation is called directly; its completion is never inline either way.
 */
#include "engine/engine.h"

#include <assert.h>

#include <xxhash.h>

#include "loop/reactor.h"

unsigned engine_owner(const struct engine *E, struct view bucket)
{
    assert(E->owner_count > 0);
    if (bucket.len == 0 || E->owner_count == 1)
        return 0;
    return (unsigned)(XXH3_64bits(bucket.at, bucket.len) % E->owner_count);
}

static void key_check(const struct engine_key *key)
{
    assert(key->space >= SPACE_BUCKET && key->space <= SPACE_CONFIG);
    assert(key->bucket.len <= ENGINE_BUCKET_BYTES_MAX);
    assert(key->name.len <= ENGINE_NAME_BYTES_MAX);
    assert(key->bucket.len > 0 || key->space == SPACE_CONFIG);
    assert(key->name.len == 0 || key->space != SPACE_BUCKET);
}

static void version_check(const struct engine_key *key, const struct engine_version *version)
{
    assert(version->kind == VERSION_LATEST || key->space == SPACE_OBJECT);
}

static void bucket_flags_check(unsigned flags)
{
    assert(flags == 0 || flags == ENGINE_BUCKET_VERSIONED || flags == ENGINE_BUCKET_SUSPENDED);
}

/* To the owner of `bucket`, where `arrive` finds the call by container_of. */
static void carry(struct engine *E, struct view bucket, struct op *hop, op_advance_fn *arrive)
{
    struct reactor *owner = E->owners[engine_owner(E, bucket)];

    op_init(hop, arrive);
    if (owner == reactor_current())
        arrive(hop);
    else
        op_send(hop, owner);
}

static void lookup_arrived(struct op *hop)
{
    struct engine_lookup *l = container_of(hop, struct engine_lookup, hop);

    l->engine->ops->lookup(l->engine, l);
}

void engine_lookup(struct engine *E, struct engine_lookup *l)
{
    key_check(&l->key);
    version_check(&l->key, &l->version);
    op_start(&l->op);
    l->engine = E;
    l->object = NULL;
    l->is_latest = false;
    l->marker.is_set = false;
    carry(E, l->key.bucket, &l->hop, lookup_arrived);
}

void engine_read(struct engine_read *r)
{
    const struct engine_object *o = r->object;

    assert(o && r->len >= 1 && r->len <= CHUNK_BYTES_MAX);
    assert(r->off <= o->info.size && r->len <= o->info.size - r->off);
    op_start(&r->op);
    r->got = 0;
    r->lent = VIEW_EMPTY;
    r->chunk = NULL;
    r->crc64 = 0;
    o->engine->ops->read(o->engine, r);
}

void engine_release(struct engine_object *o)
{
    if (o)
        o->engine->ops->release(o->engine, o);
}

void engine_put_init(
    struct engine *E, struct engine_put *p, struct engine_key key, uint64_t size_hint)
{
    key_check(&key);
    *p = (struct engine_put){.engine = E, .key = key, .size_hint = size_hint};
    op_init(&p->op, NULL);
}

void engine_write(struct engine_write *w)
{
    struct engine_put *p = w->put;

    assert(w->len >= 1 && w->len <= CHUNK_BYTES_MAX && w->len <= w->chunk->bytes);
    assert(op_is_idle(&p->op) && p->part_count == 0);
    op_start(&w->op);
    p->engine->ops->write(p->engine, w);
}

static void commit_check(const struct engine_put *p)
{
    assert(p->etag.len <= ENGINE_ETAG_BYTES_MAX && p->meta.len <= ENGINE_META_BYTES_MAX);
    if (p->require.name.at)
        assert(view_eq(p->require.bucket, p->key.bucket));
    if (p->also_remove.name.at) {
        assert(view_eq(p->also_remove.bucket, p->key.bucket));
        assert(p->also_remove.space != SPACE_OBJECT && "it would need to move its versions");
    }
    bucket_flags_check(p->flags);
    assert(p->flags == 0 || p->key.space == SPACE_BUCKET);
    for (size_t i = 0; i < p->part_count; i++)
        assert(p->parts[i]->engine == p->engine);
}

static void commit_arrived(struct op *hop)
{
    struct engine_put *p = container_of(hop, struct engine_put, hop);

    p->engine->ops->commit(p->engine, p);
}

void engine_commit(struct engine_put *p)
{
    commit_check(p);
    op_start(&p->op);
    carry(p->engine, p->key.bucket, &p->hop, commit_arrived);
}

void engine_abort(struct engine_put *p)
{
    op_start(&p->op);
    p->engine->ops->abort(p->engine, p);
}

static void amend_arrived(struct op *hop)
{
    struct engine_amend *a = container_of(hop, struct engine_amend, hop);

    a->engine->ops->amend(a->engine, a);
}

void engine_amend(struct engine *E, struct engine_amend *a)
{
    key_check(&a->key);
    version_check(&a->key, &a->version);
    assert(a->meta.len <= ENGINE_META_BYTES_MAX && a->condition.kind != IF_ABSENT);
    assert(!a->sets_flags || a->key.space == SPACE_BUCKET);
    bucket_flags_check(a->sets_flags ? a->flags : 0);
    op_start(&a->op);
    a->engine = E;
    carry(E, a->key.bucket, &a->hop, amend_arrived);
}

static void remove_arrived(struct op *hop)
{
    struct engine_remove *r = container_of(hop, struct engine_remove, hop);

    r->engine->ops->remove(r->engine, r);
}

void engine_remove(struct engine *E, struct engine_remove *r)
{
    key_check(&r->key);
    version_check(&r->key, &r->version);
    assert(r->meta.len <= ENGINE_META_BYTES_MAX);
    op_start(&r->op);
    r->engine = E;
    r->made_marker = false;
    carry(E, r->key.bucket, &r->hop, remove_arrived);
}

void engine_close(struct engine *E, struct op *op)
{
    op_start(op);
    E->ops->close(E, op);
}

void engine_facts(struct engine *E, struct engine_facts *out)
{
    *out = (struct engine_facts){0};
    E->ops->facts(E, out);
}
