#include "server/admin_owned.h"

#include "loop/reactor.h"
#include "s3/bucket_meta.h"

/* A bucket's meta may be large (policy, CORS): few to a page. */
enum { PAGE_ITEMS = 16 };

static void list_next(struct admin_owned *o);

static void keep(struct admin_owned *o, struct view name)
{
    memcpy(o->bucket, name.at, name.len);
    o->bucket[name.len] = 0;
}

static enum err search(struct admin_owned *o)
{
    for (unsigned i = 0; i < o->list.count; i++) {
        const struct engine_item *item = &o->list.items[i];
        struct bucket_meta meta;
        keep(o, item->name);
        TRY(bucket_meta_decode(item->info.meta, &meta));
        if (view_eq(meta.owner_id, o->id))
            return ERR_CONFLICT;
    }
    return ERR_OK;
}

/* Woken by the engine. o->bucket is the last one seen: where the next page begins. */
static void on_page(struct op *op)
{
    struct admin_owned *o = container_of(op, struct admin_owned, list.op);
    enum err e = op->err ? op->err : search(o);
    bool has_more = o->list.is_truncated;

    region_done(&o->region);
    if (e || !has_more)
        op_complete(&o->op, e);
    else
        list_next(o);
}

static void list_next(struct admin_owned *o)
{
    region_init(&o->region, reactor_regions(reactor_current()));
    o->list = (struct engine_list){
        .space = SPACE_BUCKET,
        .after = view_str(o->bucket),
        .max_items = PAGE_ITEMS,
        .meta_max = ENGINE_META_BYTES_MAX,
        .region = &o->region,
    };
    op_init(&o->list.op, on_page);
    engine_list(o->engine, &o->list);
}

void admin_owned(struct admin_owned *o)
{
    op_start(&o->op);
    o->bucket[0] = 0;
    list_next(o);
}
