/* What is there of a key, itself and older ones, for the rules in engine_versions.h. */
#include "engine/memory/memory_impl.h"

struct engine_key
memory_version_key(struct memory_name *name, const struct engine_key *key, uint64_t seq)
{
    struct buf b = buf_over(name->at, sizeof name->at);

    engine_versions_name_put(&b, key->name, seq);
    return (struct engine_key){SPACE_VERSION, key->bucket, buf_view(&b)};
}

static enum err info_of(const struct memory_record *r, struct engine_info *info_out)
{
    if (!r)
        return ERR_NOT_FOUND;
    *info_out = r->object.info;
    return ERR_OK;
}

static enum err peek_itself(void *ctx, struct engine_info *info_out)
{
    struct memory_peek *p = ctx;

    return info_of(memory_map_find(p->map, p->key), info_out);
}

static enum err peek_older(void *ctx, uint64_t below, struct engine_info *info_out)
{
    struct memory_peek *p = ctx;
    struct memory_name name;
    struct engine_key key = memory_version_key(&name, &p->key, below - 1);
    size_t i = memory_map_seek(p->map, key);
    const struct memory_record *r = i < p->map->count ? p->map->at[i] : NULL;
    struct view own;
    uint64_t seq;

    if (!r || r->key.space != SPACE_VERSION || !view_eq(r->key.bucket, p->key.bucket) ||
        engine_versions_name_get(r->key.name, &own, &seq) || !view_eq(own, p->key.name))
        return ERR_NOT_FOUND;
    return info_of(r, info_out);
}

static enum err peek_pointer(void *ctx, uint64_t *seq_out)
{
    struct memory_peek *p = ctx;
    const struct memory_record *r =
        memory_map_find(p->map, (struct engine_key){SPACE_NULL, p->key.bucket, p->key.name});

    if (!r)
        return ERR_NOT_FOUND;
    return engine_versions_pointer_get(r->object.info.meta, seq_out);
}

void memory_peek_init(struct memory_peek *p, const struct memory_map *m, struct engine_key key)
{
    *p = (struct memory_peek){
        .map = m,
        .key = key,
        .peek = {.ctx = p, .itself = peek_itself, .older = peek_older, .pointer = peek_pointer}};
}

enum err memory_bucket_flags(
    const struct memory_map *m, enum engine_space space, struct view bucket, uint64_t seq,
    unsigned *flags_out)
{
    const struct memory_record *r;

    *flags_out = 0;
    if (space == SPACE_BUCKET || bucket.len == 0)
        return ERR_OK;
    r = memory_map_find(m, (struct engine_key){SPACE_BUCKET, bucket, VIEW_EMPTY});
    if (!r || (seq && r->object.info.seq != seq))
        return ERR_NO_BUCKET;
    if (space == SPACE_OBJECT)
        *flags_out = r->object.info.flags;
    return ERR_OK;
}

struct memory_record *memory_found_record(
    const struct memory_map *m, const struct engine_key *key, const struct engine_found *f)
{
    struct memory_name name;

    switch (f->at) {
    case FOUND_NOTHING:
        return NULL;
    case FOUND_ITSELF:
        return memory_map_find(m, *key);
    case FOUND_OLDER:
        return memory_map_find(m, memory_version_key(&name, key, f->info.seq));
    }
    return NULL;
}

enum err
memory_find(const struct memory_map *m, struct engine_lookup *l, struct memory_record **r_out)
{
    struct memory_peek p;
    struct engine_found f;
    unsigned flags;

    TRY(memory_bucket_flags(m, l->key.space, l->key.bucket, 0, &flags));
    memory_peek_init(&p, m, l->key);
    TRY(engine_versions_find(&p.peek, flags, l->version, &f));
    l->is_latest = f.is_latest;
    if (f.is_marker) {
        l->marker.is_set = true;
        l->marker.seq = f.info.seq;
        l->marker.flags = f.info.flags;
        l->marker.mtime_ms = f.info.mtime_ms;
    }
    *r_out = memory_found_record(m, &l->key, &f);
    return *r_out ? ERR_OK : ERR_NOT_FOUND;
}
