/* Finding, on the owner. The index is memory and a memory map: nothing waits. */
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

/* A copy, pinned. */
static enum err object_new(struct drives *D, struct view entry, struct engine_object **object_out)
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

/* Nothing: is that since the latest is a marker? */
static enum err find_marker(struct drives_index *ix, unsigned flags, struct engine_lookup *l)
{
    struct engine_found f;
    struct drives_peek p;

    if (flags == 0)
        return ERR_NOT_FOUND;
    drives_decide_peek(&p, ix, l->key);
    TRY(engine_versions_find(&p.peek, flags, l->version, &f));
    if (f.is_marker) {
        l->marker.is_set = true;
        l->marker.seq = f.info.seq;
        l->marker.flags = f.info.flags;
        l->marker.mtime_ms = f.info.mtime_ms;
    }
    return ERR_NOT_FOUND;
}

static enum err
find_latest(struct drives_index *ix, unsigned flags, struct engine_lookup *l, struct view *entry)
{
    struct drives_key k;
    struct view key = drives_decide_key(&k, l->key.space, l->key.bucket, l->key.name);
    enum err e = drives_index_get(ix, key, entry);

    l->is_latest = !e;
    return e == ERR_NOT_FOUND ? find_marker(ix, flags, l) : e;
}

static enum err
find_version(struct drives_index *ix, unsigned flags, struct engine_lookup *l, struct view *entry)
{
    struct engine_found f;
    struct drives_peek p;

    drives_decide_peek(&p, ix, l->key);
    TRY(engine_versions_find(&p.peek, flags, l->version, &f));
    l->is_latest = f.is_latest;
    return drives_decide_found(ix, &l->key, &f, entry);
}

static enum err find(struct drives_shard *s, struct engine_lookup *l)
{
    struct drives_index *ix = &s->keys;
    struct view entry;
    unsigned flags;

    TRY(drives_decide_bucket(ix, l->key.space, l->key.bucket, 0, &flags));
    if (l->version.kind == VERSION_LATEST)
        TRY(find_latest(ix, flags, l, &entry));
    else
        TRY(find_version(ix, flags, l, &entry));
    return object_new(s->drives, entry, &l->object);
}

void drives_lookup_start(struct engine *E, struct engine_lookup *l)
{
    struct drives_shard *s = &drives_of(E)->shards[engine_owner(E, l->key.bucket)];
    enum err e = drives_index_begin(&s->keys);

    if (!e) {
        e = find(s, l);
        drives_index_end(&s->keys);
    }
    op_complete(&l->op, e);
}

void drives_lookup_release(struct engine *E, struct engine_object *o)
{
    struct drives_object *own = drives_object_of(o);

    drives_segment_pin(drives_of(E), &own->layout, -1);
    free(own);
}
