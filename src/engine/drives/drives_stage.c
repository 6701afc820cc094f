#include "engine/drives/drives_stage.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/drives/drives_impl.h"

struct drives_stage *drives_stage_new(struct drives *D, struct engine_put *p)
{
    struct drives_stage *st = calloc(1, sizeof *st);

    if (!st)
        return NULL;
    st->drives = D;
    st->put = p;
    p->state = st;
    return st;
}

void drives_stage_free(struct drives_stage *st)
{
    if (!st)
        return;
    for (uint32_t i = 0; i < st->touch_count; i++)
        st->touches[i].segment->staged -= st->touches[i].bytes;
    chunk_unref(st->inline_chunk);
    free(st->mapper.pending);
    free(st->mapper.maps);
    free(st->mapper.usage);
    free(st->layout.at);
    free(st->touches);
    free(st->extents);
    free(st);
}

enum err drives_stage_grow(void **at_io, uint32_t *cap_io, uint32_t count, size_t size)
{
    uint32_t cap = *cap_io ? 2 * *cap_io : 4;
    void *at;

    if (count < *cap_io)
        return ERR_OK;
    at = realloc(*at_io, cap * size);
    if (!at)
        return ERR_BUSY;
    *at_io = at;
    *cap_io = cap;
    return ERR_OK;
}

enum err drives_stage_add(struct drives_stage *st, uint32_t *index_out)
{
    void *at = st->extents;
    enum err e = drives_stage_grow(&at, &st->extent_cap, st->extent_count, sizeof *st->extents);

    st->extents = at;
    if (e)
        return e;
    *index_out = st->extent_count++;
    return ERR_OK;
}

static struct drives_touch *find(struct drives_stage *st, const struct drives_segment *s)
{
    for (uint32_t i = st->touch_count; i-- > 0;)
        if (st->touches[i].segment == s)
            return &st->touches[i];
    return NULL;
}

enum err drives_stage_touch(struct drives_stage *st, const struct drives_alloc *a)
{
    struct drives_touch *t = find(st, a->segment);
    void *at = st->touches;
    enum err e;

    if (t) {
        t->bytes += a->bytes;
        return ERR_OK;
    }
    e = drives_stage_grow(&at, &st->touch_cap, st->touch_count, sizeof *st->touches);
    st->touches = at;
    if (e) {
        a->segment->staged -= a->bytes;
        return e;
    }
    st->touches[st->touch_count++] = (struct drives_touch){a->segment, 0, a->bytes};
    return ERR_OK;
}

void drives_stage_wrote(struct drives_stage *st, struct drives_segment *s)
{
    struct drives_touch *t = find(st, s);

    assert(t);
    t->ticket = drives_extent_wrote(s);
    s->is_dirty = true;
}
