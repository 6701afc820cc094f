/*
 * Finding, on the owner. The index is memory and a memory map: nothing waits, but a look that goes
 * over many removed versions (drives_gaps.h) is cut into turns.
 *
 *   start --found, or not--> done
 *      \--steps used up--> looking, turn after turn, woken by itself --> done
 */
#include <stdlib.h>

#include "engine/drives/drives_decide.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"

static bool has_segments(struct drives *D, const struct drives_layout *l)
{
    struct drives_usage u;

    for (uint32_t i = 0; drives_layout_usage(l, i, &u); i++)
        if (!drives_segment_find(D, u.segment))
            return false;
    return true;
}

enum err drives_lookup_pin(struct drives *D, struct view entry, struct engine_object **object_out)
{
    struct drives_object *o = malloc(sizeof *o + entry.len);
    struct drives_entry e;
    enum err err;

    if (!o)
        return ERR_BUSY;
    memcpy(o->bytes, entry.at, entry.len);
    err = drives_format_entry_get(view_of(o->bytes, entry.len), &e);
    if (!err)
        err = drives_layout_get(e.layout, &o->layout);
    if (!err && (drives_layout_end(&o->layout) != e.size || !has_segments(D, &o->layout)))
        err = ERR_CORRUPT;
    if (err) {
        free(o);
        return err;
    }
    o->object = (struct engine_object){.info = drives_object_info(&e), .engine = &D->base};
    drives_segment_pin(D, &o->layout, 1);
    *object_out = &o->object;
    return ERR_OK;
}

struct looking {
    struct op again;
    struct engine_lookup *lookup;
    struct drives_shard *shard;
    unsigned turns;
    bool is_used_up; /* the steps of this turn did not do */
};

static enum err find_among(struct looking *x, unsigned flags, struct engine_found *f_out)
{
    const struct engine_lookup *l = x->lookup;
    struct drives_peek p;
    enum err e;

    drives_decide_peek(&p, x->shard, l->key);
    e = engine_versions_find(&p.peek, flags, l->version, f_out);
    x->is_used_up = p.is_used_up;
    return e;
}

/* Nothing: is that since the latest is a marker? */
static enum err find_marker(struct looking *x, unsigned flags)
{
    struct engine_lookup *l = x->lookup;
    struct engine_found f;

    if (flags == 0)
        return ERR_NOT_FOUND;
    TRY(find_among(x, flags, &f));
    if (f.is_marker) {
        l->marker.is_set = true;
        l->marker.seq = f.info.seq;
        l->marker.flags = f.info.flags;
        l->marker.mtime_ms = f.info.mtime_ms;
    }
    return ERR_NOT_FOUND;
}

static enum err find_latest(struct looking *x, unsigned flags, struct view *entry)
{
    struct engine_lookup *l = x->lookup;
    struct drives_key k;
    struct view key = drives_decide_key(&k, l->key.space, l->key.bucket, l->key.name);
    enum err e = drives_index_get(&x->shard->keys, key, entry);

    l->is_latest = !e;
    return e == ERR_NOT_FOUND ? find_marker(x, flags) : e;
}

static enum err find_version(struct looking *x, unsigned flags, struct view *entry)
{
    struct engine_lookup *l = x->lookup;
    struct engine_found f;

    TRY(find_among(x, flags, &f));
    l->is_latest = f.is_latest;
    return drives_decide_found(&x->shard->keys, &l->key, &f, entry);
}

static enum err find(struct looking *x)
{
    struct engine_lookup *l = x->lookup;
    struct view entry;
    unsigned flags;

    x->shard->look_steps = x->turns > GAPS_TURNS_MAX ? INDEX_STEPS_ALL : GAPS_STEPS;
    TRY(drives_decide_bucket(&x->shard->keys, l->key.space, l->key.bucket, 0, &flags));
    if (l->version.kind == VERSION_LATEST)
        TRY(find_latest(x, flags, &entry));
    else
        TRY(find_version(x, flags, &entry));
    return drives_lookup_pin(x->shard->drives, entry, &l->object);
}

static enum err find_begun(struct looking *x)
{
    enum err e;

    x->is_used_up = false;
    TRY(drives_index_begin(&x->shard->keys));
    e = find(x);
    drives_index_end(&x->shard->keys);
    return e;
}

/* By itself. */
static void look_on(struct op *again)
{
    struct looking *x = container_of(again, struct looking, again);
    struct engine_lookup *l = x->lookup;
    enum err e;

    x->turns++;
    e = find_begun(x);
    if (x->is_used_up) {
        op_send(&x->again, x->shard->home);
        return;
    }
    free(x);
    op_complete(&l->op, e);
}

static void look_later(const struct looking *x)
{
    struct looking *own = malloc(sizeof *own);

    if (!own) {
        op_complete(&x->lookup->op, ERR_BUSY);
        return;
    }
    *own = *x;
    op_init(&own->again, look_on);
    op_send(&own->again, own->shard->home);
}

void drives_lookup_start(struct engine *E, struct engine_lookup *l)
{
    struct looking x = {
        .lookup = l, .shard = &drives_of(E)->shards[engine_owner(E, l->key.bucket)]};
    enum err e = find_begun(&x);

    if (x.is_used_up)
        look_later(&x);
    else
        op_complete(&l->op, e);
}

void drives_lookup_release(struct engine *E, struct engine_object *o)
{
    struct drives_object *own = drives_object_of(o);

    drives_segment_pin(drives_of(E), &own->layout, -1);
    free(own);
}
