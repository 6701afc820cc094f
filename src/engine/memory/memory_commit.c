/*
 * Changes of a map. A commit is check, allocate, apply, and only the middle can fail, so that all
 * of it happens or nothing.
 */
#include <assert.h>
#include <stdlib.h>

#include "engine/memory/memory_impl.h"

/* What is allocated before anything changes; each may be NULL. */
struct change {
    struct memory *M;
    struct memory_map *map;
    struct engine_key key;
    struct engine_plan plan;
    uint64_t seq; /* of this commit */
    struct memory_record *fresh, *moved, *pointer;
};

static enum err change_plan(struct change *c, struct engine_ask *ask)
{
    struct memory_peek p;

    TRY(memory_bucket_flags(
        c->map, ask->key.space, ask->key.bucket, ask->condition->bucket_seq, &ask->bucket_flags));
    c->key = ask->key;
    memory_peek_init(&p, c->map, ask->key);
    return engine_versions_plan(ask, &p.peek, &c->plan);
}

static void change_drop(struct change *c)
{
    memory_record_unref(c->fresh);
    memory_record_unref(c->moved);
    memory_record_unref(c->pointer);
}

/* ---- allocate ---------------------------------------------------------------------------- */

static struct memory_record *
record_of(struct change *c, struct engine_key key, const struct engine_info *info)
{
    struct memory_record *r = memory_record_new(key, info);

    if (r)
        r->object.engine = &c->M->engine;
    return r;
}

/* The same entry under another key, or with another info; payload and all. */
static enum err record_again(
    struct change *c, struct engine_key key, const struct engine_info *info,
    const struct memory_record *from, struct memory_record **r_out)
{
    struct memory_record *r = record_of(c, key, info);

    if (!r)
        return ERR_NO_SPACE;
    if (memory_payload_share(&r->payload, &from->payload)) {
        memory_record_unref(r);
        return ERR_NO_SPACE;
    }
    *r_out = r;
    return ERR_OK;
}

static enum err prepare_move(struct change *c)
{
    struct memory_name name;
    struct engine_key older;
    const struct memory_record *from;
    bool is_down = c->plan.move == MOVE_DOWN;

    if (c->plan.move == MOVE_NOTHING)
        return ERR_OK;
    older = memory_version_key(&name, &c->key, c->plan.moved_seq);
    from = memory_map_find(c->map, is_down ? c->key : older);
    assert(from);
    return record_again(c, is_down ? older : c->key, &from->object.info, from, &c->moved);
}

static enum err prepare_pointer(struct change *c)
{
    uint8_t bytes[VERSIONS_POINTER_BYTES];
    struct engine_info info = {.seq = c->seq, .rev = c->seq};

    if (c->plan.pointer != POINTER_TO_MOVED && c->plan.pointer != POINTER_TO_NEW)
        return ERR_OK;
    engine_versions_pointer_put(
        bytes, c->plan.pointer == POINTER_TO_NEW ? c->seq : c->plan.moved_seq);
    info.meta = view_of(bytes, sizeof bytes);
    c->pointer = record_of(c, (struct engine_key){SPACE_NULL, c->key.bucket, c->key.name}, &info);
    return c->pointer ? ERR_OK : ERR_NO_SPACE;
}

/* Room for all that is put. On an error change_drop is still the caller's. */
static enum err prepare(struct change *c)
{
    TRY(memory_map_reserve(c->map, 3));
    TRY(prepare_move(c));
    return prepare_pointer(c);
}

/* ---- apply: nothing fails ---------------------------------------------------------------- */

static void purge(struct memory_map *m, struct view bucket, struct view prefix)
{
    if (prefix.at)
        memory_map_remove_prefix(m, (struct engine_key){SPACE_PART, bucket, prefix});
}

static void apply(struct change *c)
{
    const struct engine_plan *p = &c->plan;
    struct memory_name name;

    if (p->removes_itself || p->move == MOVE_DOWN)
        memory_map_remove(c->map, c->key);
    if (p->move == MOVE_UP)
        memory_map_remove(c->map, memory_version_key(&name, &c->key, p->moved_seq));
    if (p->removes_seq)
        memory_map_remove(c->map, memory_version_key(&name, &c->key, p->removes_seq));
    if (p->pointer == POINTER_GOES)
        memory_map_remove(c->map, (struct engine_key){SPACE_NULL, c->key.bucket, c->key.name});
    if (c->moved)
        memory_map_put(c->map, c->moved);
    if (c->pointer)
        memory_map_put(c->map, c->pointer);
    if (c->fresh)
        memory_map_put(c->map, c->fresh);
    c->fresh = c->moved = c->pointer = NULL;
}

/* ---- put --------------------------------------------------------------------------------- */

/* Moves the staged bytes, or shares those of the parts. */
static enum err payload_fill(struct memory_payload *to, struct engine_put *p)
{
    struct memory_payload *staging = p->state;

    if (staging) {
        *to = *staging;
        *staging = (struct memory_payload){0};
    }
    for (size_t i = 0; i < p->part_count; i++)
        TRY(memory_payload_share(to, &memory_record_of(p->parts[i])->payload));
    if (p->has_crc64_expected && to->crc64 != p->crc64_expected)
        return ERR_BAD_DIGEST;
    return ERR_OK;
}

static uint64_t next_seq(struct memory *M)
{
    return atomic_fetch_add(&M->seq, 1) + 1;
}

/* The record that will become visible, whole; nothing is yet. */
static enum err prepare_put(struct change *c, struct engine_put *p)
{
    struct engine_info info = {.mtime_ms = p->mtime_ms, .etag = p->etag, .meta = p->meta};

    c->fresh = record_of(c, p->key, &info);
    if (!c->fresh)
        return ERR_NO_SPACE;
    TRY(payload_fill(&c->fresh->payload, p));
    c->seq = next_seq(c->M);
    c->fresh->object.info.size = c->fresh->payload.size;
    c->fresh->object.info.crc64 = c->fresh->payload.crc64;
    c->fresh->object.info.seq = c->fresh->object.info.rev = c->seq;
    c->fresh->object.info.flags = c->plan.flags;
    return prepare(c);
}

static enum err commit_try(struct change *c, struct engine_put *p)
{
    struct engine_ask ask = {
        .what = ASK_PUT,
        .key = p->key,
        .condition = &p->condition,
        .flags = p->flags,
        .has_flags = true};
    enum err e;

    TRY(memory_bucket_flags(
        c->map, p->key.space, p->key.bucket, p->condition.bucket_seq, &ask.bucket_flags));
    if (p->require.name.at && !memory_map_find(c->map, p->require))
        return ERR_NO_UPLOAD;
    TRY(change_plan(c, &ask));
    e = prepare_put(c, p);
    if (e) {
        change_drop(c);
        return e;
    }
    purge(c->map, p->key.bucket, p->purge_parts);
    if (p->also_remove.name.at)
        memory_map_remove(c->map, p->also_remove);
    p->info = c->fresh->object.info;
    p->info.etag = p->etag;
    p->info.meta = p->meta;
    apply(c);
    return ERR_OK;
}

void memory_commit(struct engine *E, struct engine_put *p)
{
    struct memory *M = memory_of(E);
    struct change c = {.M = M, .map = memory_map_of(M, p->key.bucket)};
    size_t before = c.map->count;
    enum err e = commit_try(&c, p);

    atomic_fetch_add(&M->entries, c.map->count - before);
    memory_staging_free(M, p);
    op_complete(&p->op, e);
}

/* ---- amend ------------------------------------------------------------------------------- */

static struct engine_info without_views(struct engine_info info)
{
    info.etag = info.meta = VIEW_EMPTY;
    return info;
}

static enum err amend_try(struct change *c, struct engine_amend *a)
{
    struct engine_ask ask = {
        .what = ASK_AMEND,
        .key = a->key,
        .version = a->version,
        .condition = &a->condition,
        .flags = a->flags,
        .has_flags = a->sets_flags};
    const struct memory_record *from;
    struct engine_info info;

    TRY(change_plan(c, &ask));
    from = memory_found_record(c->map, &c->key, &c->plan.found);
    assert(from);
    info = from->object.info;
    info.meta = a->meta;
    info.flags = c->plan.flags;
    info.rev = next_seq(c->M);
    TRY(record_again(c, from->key, &info, from, &c->fresh));
    a->info = without_views(info);
    apply(c);
    return ERR_OK;
}

void memory_amend(struct engine *E, struct engine_amend *a)
{
    struct memory *M = memory_of(E);
    struct change c = {.M = M, .map = memory_map_of(M, a->key.bucket)};

    op_complete(&a->op, amend_try(&c, a));
}

/* ---- remove ------------------------------------------------------------------------------ */

static enum err check_empty(const struct memory_map *m, struct view bucket)
{
    bool has =
        memory_map_has_any(m, SPACE_OBJECT, bucket) || memory_map_has_any(m, SPACE_VERSION, bucket);

    return has ? ERR_NOT_EMPTY : ERR_OK;
}

static enum err prepare_marker(struct change *c, const struct engine_remove *r)
{
    struct engine_info info = {
        .mtime_ms = r->mtime_ms,
        .meta = r->meta,
        .seq = c->seq,
        .rev = c->seq,
        .flags = c->plan.flags};
    struct memory_name name;

    if (!c->plan.makes_marker)
        return ERR_OK;
    c->fresh = record_of(c, memory_version_key(&name, &c->key, c->seq), &info);
    return c->fresh ? ERR_OK : ERR_NO_SPACE;
}

static enum err prepare_removal(struct change *c, const struct engine_remove *r)
{
    c->seq = next_seq(c->M);
    TRY(prepare_marker(c, r));
    return prepare(c);
}

static void apply_removal(struct change *c, const struct engine_remove *r)
{
    struct view bucket = r->key.bucket;

    purge(c->map, bucket, r->purge_parts);
    if (r->key.space == SPACE_BUCKET) {
        memory_map_remove_prefix(c->map, (struct engine_key){SPACE_CONFIG, bucket, VIEW_EMPTY});
        memory_map_remove_prefix(c->map, (struct engine_key){SPACE_UPLOAD, bucket, VIEW_EMPTY});
        memory_map_remove_prefix(c->map, (struct engine_key){SPACE_PART, bucket, VIEW_EMPTY});
    }
    apply(c);
}

static enum err remove_try(struct change *c, struct engine_remove *r)
{
    struct engine_ask ask = {
        .what = ASK_REMOVE, .key = r->key, .version = r->version, .condition = &r->condition};
    enum err e;

    TRY(change_plan(c, &ask));
    if (r->key.space == SPACE_BUCKET)
        TRY(check_empty(c->map, r->key.bucket));
    e = prepare_removal(c, r);
    if (e) {
        change_drop(c);
        return e;
    }
    r->made_marker = c->plan.makes_marker;
    r->info = without_views(c->fresh ? c->fresh->object.info : c->plan.found.info);
    apply_removal(c, r);
    return ERR_OK;
}

void memory_remove(struct engine *E, struct engine_remove *r)
{
    struct memory *M = memory_of(E);
    struct change c = {.M = M, .map = memory_map_of(M, r->key.bucket)};
    size_t before = c.map->count;
    enum err e = remove_try(&c, r);

    atomic_fetch_add(&M->entries, c.map->count - before);
    op_complete(&r->op, e);
}
