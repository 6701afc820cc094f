/*
 * Listing: every owner lists its own, the caller's reactor merges.
 *
 * A region belongs to one thread, so an owner lists into a scratch region of its own reactor, the
 * result comes home, is copied into the caller's region, and the scratch region is given back where
 * it came from. One leg per owner asked: all of them for SPACE_BUCKET, else one. When the only
 * owner is the current reactor there are no legs at all.
 *
 *   leg:  home --hop--> LEG_LISTING (owner) --hop--> home: last one back merges
 *         home --hop--> LEG_CLEANING (owner) --hop--> home: last one back completes l->op
 *
 * Counters of the gathering are touched at home only. A page of the merge is right because a name
 * among the first max_items of all owners is among the first max_items of its own.
 */
#include <assert.h>

#include "engine/engine.h"
#include "loop/reactor.h"

struct gather;

struct leg {
    struct engine_list list; /* on the owner, until it is back home */
    struct region scratch;   /* the owner's */
    struct op hop;
    struct gather *gather;
    unsigned next; /* merge: the first item not taken */
};

struct gather {
    struct engine_list *l;
    struct reactor *home;
    enum err err; /* the first */
    unsigned leg_count, legs_out;
    struct leg legs[];
};

void engine_list_owned(struct engine *E, struct engine_list *l)
{
    assert(E->owners[l->owner] == reactor_current());
    op_start(&l->op);
    l->engine = E;
    l->items = NULL;
    l->count = 0;
    l->is_truncated = false;
    E->ops->list(E, l);
}

/* The leg whose next item comes first; NULL when all are used up. */
static struct leg *merge_least(struct gather *g)
{
    struct leg *least = NULL;

    for (unsigned i = 0; i < g->leg_count; i++) {
        struct leg *leg = &g->legs[i];

        if (leg->next == leg->list.count)
            continue;
        if (!least ||
            view_compare(leg->list.items[leg->next].name, least->list.items[least->next].name) < 0)
            least = leg;
    }
    return least;
}

static enum err copy_view(struct region *R, struct view from, struct view *to)
{
    *to = VIEW_EMPTY;
    if (from.len == 0)
        return ERR_OK;
    *to = region_copy(R, from);
    return to->at ? ERR_OK : ERR_BUSY;
}

static enum err copy_item(struct region *R, const struct engine_item *from, struct engine_item *to)
{
    *to = *from;
    TRY(copy_view(R, from->name, &to->name));
    TRY(copy_view(R, from->info.etag, &to->info.etag));
    return copy_view(R, from->info.meta, &to->info.meta);
}

/* A group of names may have members at several owners: it is one item all the same. Versions of a
 * name are not. */
static bool is_same_as_last(const struct engine_list *l, const struct engine_item *item)
{
    return l->count > 0 && item->is_prefix && l->items[l->count - 1].is_prefix &&
           view_eq(l->items[l->count - 1].name, item->name);
}

static enum err merge(struct gather *g)
{
    struct engine_list *l = g->l;
    size_t total = 0;
    struct leg *leg;

    for (unsigned i = 0; i < g->leg_count; i++) {
        total += g->legs[i].list.count;
        l->is_truncated |= g->legs[i].list.is_truncated;
    }
    if (total == 0)
        return ERR_OK;
    l->items = region_take(l->region, MIN(total, l->max_items) * sizeof *l->items);
    if (!l->items)
        return ERR_BUSY;
    while ((leg = merge_least(g))) {
        const struct engine_item *item = &leg->list.items[leg->next++];

        if (is_same_as_last(l, item))
            continue;
        if (l->count == l->max_items) {
            l->is_truncated = true;
            return ERR_OK;
        }
        TRY(copy_item(l->region, item, &l->items[l->count]));
        l->count++;
    }
    return ERR_OK;
}

static void leg_send(struct leg *leg, op_advance_fn *arrive, struct reactor *to)
{
    op_init(&leg->hop, arrive);
    op_send(&leg->hop, to);
}

/* At home; the gathering itself is memory of l->region and goes with it. */
static void leg_cleaned(struct op *hop)
{
    struct gather *g = container_of(hop, struct leg, hop)->gather;

    if (--g->legs_out == 0)
        op_complete(&g->l->op, g->err);
}

/* On the owner. */
static void leg_clean(struct op *hop)
{
    struct leg *leg = container_of(hop, struct leg, hop);

    region_done(&leg->scratch);
    leg_send(leg, leg_cleaned, leg->gather->home);
}

/* At home. */
static void leg_returned(struct op *hop)
{
    struct leg *back = container_of(hop, struct leg, hop);
    struct gather *g = back->gather;

    if (!g->err)
        g->err = back->list.op.err;
    if (--g->legs_out > 0)
        return;
    if (!g->err)
        g->err = merge(g);
    if (g->err)
        g->l->count = 0;
    g->legs_out = g->leg_count;
    for (unsigned i = 0; i < g->leg_count; i++)
        leg_send(&g->legs[i], leg_clean, g->l->engine->owners[g->legs[i].list.owner]);
}

/* On the owner. */
static void leg_listed(struct op *op)
{
    struct leg *leg = container_of(op, struct leg, list.op);

    leg_send(leg, leg_returned, leg->gather->home);
}

/* On the owner. */
static void leg_list(struct op *hop)
{
    struct leg *leg = container_of(hop, struct leg, hop);

    region_init(&leg->scratch, reactor_regions(reactor_current()));
    leg->list.region = &leg->scratch;
    engine_list_owned(leg->list.engine, &leg->list);
}

/* Ask owners [first, first + count). */
static void gather_start(struct engine_list *l, unsigned first, unsigned count)
{
    struct gather *g = region_take_zero(l->region, sizeof *g + count * sizeof g->legs[0]);

    if (!g) {
        op_complete(&l->op, ERR_BUSY);
        return;
    }
    g->l = l;
    g->home = reactor_current();
    g->leg_count = g->legs_out = count;
    for (unsigned i = 0; i < count; i++) {
        struct leg *leg = &g->legs[i];

        leg->gather = g;
        leg->list = *l;
        leg->list.owner = first + i;
        op_init(&leg->list.op, leg_listed);
        leg_send(leg, leg_list, l->engine->owners[leg->list.owner]);
    }
}

void engine_list(struct engine *E, struct engine_list *l)
{
    bool is_all = l->space == SPACE_BUCKET;

    assert(l->max_items >= 1 && l->max_items <= 1001 && l->region);
    assert(is_all || l->bucket.len > 0 || l->space == SPACE_CONFIG);
    assert(l->bucket.len <= ENGINE_BUCKET_BYTES_MAX);
    assert(!l->with_versions || l->space == SPACE_OBJECT);
    assert(l->after_seq == 0 || (l->with_versions && !l->is_after_inclusive));
    l->engine = E;
    l->owner = is_all ? 0 : engine_owner(E, l->bucket);
    if (E->owners[l->owner] == reactor_current() && (!is_all || E->owner_count == 1)) {
        engine_list_owned(E, l);
        return;
    }
    op_start(&l->op);
    l->items = NULL;
    l->count = 0;
    l->is_truncated = false;
    gather_start(l, l->owner, is_all ? E->owner_count : 1);
}
