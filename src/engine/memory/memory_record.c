#include "engine/memory/memory_record.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "engine/memory/memory_alloc.h"

static struct view keep(struct buf *b, struct view v)
{
    struct view copy = view_of(b->at + b->len, v.len);

    buf_put(b, v);
    return copy;
}

struct memory_record *memory_record_new(struct engine_key key, const struct engine_info *info)
{
    size_t bytes = key.bucket.len + key.name.len + info->etag.len + info->meta.len;
    struct memory_record *r = memory_alloc(sizeof *r + bytes);
    struct buf b;

    if (!r)
        return NULL;
    b = buf_over(r->bytes, bytes);
    r->refs = 1;
    r->key.space = key.space;
    r->key.bucket = keep(&b, key.bucket);
    r->key.name = keep(&b, key.name);
    r->object.info = *info;
    r->object.info.etag = keep(&b, info->etag);
    r->object.info.meta = keep(&b, info->meta);
    assert(!b.overflow);
    return r;
}

void memory_record_ref(struct memory_record *r)
{
    atomic_fetch_add(&r->refs, 1);
}

void memory_record_unref(struct memory_record *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) > 1)
        return;
    memory_payload_done(&r->payload);
    free(r);
}
