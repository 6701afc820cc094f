/*
 * Listing with versions: a merge of two walks, over SPACE_OBJECT and over SPACE_VERSION, in the
 * order of (key, seq falling).
 *
 * A page is made in as many turns as it takes, woken by itself. Where it goes on is a position in
 * that order and not a place in either space: a version that has moved between turns is met at its
 * new place if it is behind the position, and at neither if it is before.
 *
 * Each walk has its steps for a turn. One that has used them up stands on a key that may be a
 * removed one; the page pauses when that key would be next, and goes on from there with new steps.
 */
#include <assert.h>

#include "engine/drives/drives_decide.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"
#include "engine/engine_page.h"

enum { WALK_STEPS = 2048, NAME_BYTES = ENGINE_NAME_BYTES_MAX + 64 };

/* What comes next is of `key` with a seq < below, or of a further key. */
struct position {
    uint64_t below;
    size_t len;
    uint8_t key[NAME_BYTES];
};

struct walk {
    struct drives_cursor cursor;
    enum engine_space space;
    bool has; /* it is on a key of the bucket: */
    struct view key;
    uint64_t seq; /* SPACE_VERSION */
};

struct versions {
    struct drives_shard *shard;
    struct engine_list *list;
    struct engine_page page;
    struct walk itself, older;
    struct position position;
    struct op again;
    bool is_paused;
};

static void position_set(struct position *p, struct view key, uint64_t below)
{
    p->below = key.len <= sizeof p->key ? below : UINT64_MAX;
    p->len = MIN(key.len, sizeof p->key);
    if (p->len > 0)
        memmove(p->key, key.at, p->len);
}

/* ---- one walk ---------------------------------------------------------------------------- */

/* What the cursor is on. `prefix`: of all keys of the space and bucket. */
static enum err walk_look(struct walk *w, enum err e, struct view prefix)
{
    w->has = !e && view_starts(w->cursor.key, prefix);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (!w->has)
        return ERR_OK;
    w->key = view_from(w->cursor.key, prefix.len);
    if (w->space == SPACE_VERSION)
        return engine_versions_name_get(w->key, &w->key, &w->seq);
    return ERR_OK;
}

static struct view prefix_of(struct buf *b, const struct walk *w, const struct versions *x)
{
    drives_format_key_put(b, w->space, x->list->bucket, VIEW_EMPTY);
    return buf_view(b);
}

static enum err walk_next(struct versions *x, struct walk *w)
{
    uint8_t bytes[1 + ENGINE_BUCKET_BYTES_MAX + 1];
    struct buf b = buf_over(bytes, sizeof bytes);

    return walk_look(w, drives_index_next(&w->cursor), prefix_of(&b, w, x));
}

static enum err walk_seek(struct versions *x, struct walk *w)
{
    const struct position *p = &x->position;
    struct view key = view_of(p->key, p->len);
    uint8_t bytes[1 + ENGINE_BUCKET_BYTES_MAX + 1 + NAME_BYTES + VERSIONS_SUFFIX_BYTES];
    struct buf b = buf_over(bytes, sizeof bytes);
    struct view prefix = prefix_of(&b, w, x);

    if (w->space == SPACE_VERSION)
        engine_versions_name_put(&b, key, p->below - 1);
    else
        buf_put(&b, key);
    assert(!b.overflow);
    return walk_look(w, drives_index_seek(&x->shard->keys, &w->cursor, buf_view(&b)), prefix);
}

static bool is_used_up(const struct walk *w)
{
    return w->has && w->cursor.steps_left == 0;
}

/* ---- both -------------------------------------------------------------------------------- */

static enum err entry_of(const struct walk *w, struct engine_info *info_out)
{
    struct drives_entry e;
    struct view bytes;

    TRY(drives_index_entry(&w->cursor, &bytes));
    TRY(drives_format_entry_get(bytes, &e));
    *info_out = drives_object_info(&e);
    return ERR_OK;
}

/* Itself stands in no order with its key's older ones: it may be before the position. */
static enum err skip_itself(struct versions *x)
{
    const struct position *p = &x->position;
    struct engine_info info;

    if (!x->itself.has || is_used_up(&x->itself) || p->below == UINT64_MAX ||
        !view_eq(x->itself.key, view_of(p->key, p->len)))
        return ERR_OK;
    TRY(entry_of(&x->itself, &info));
    return info.seq >= p->below ? walk_next(x, &x->itself) : ERR_OK;
}

static enum err seek(struct versions *x)
{
    TRY(walk_seek(x, &x->itself));
    TRY(walk_seek(x, &x->older));
    return skip_itself(x);
}

/* Itself is newer than the older ones of its key. NULL: both are at the end. */
static struct walk *next_walk(struct versions *x)
{
    if (!x->itself.has || !x->older.has)
        return x->itself.has ? &x->itself : x->older.has ? &x->older : NULL;
    return view_compare(x->itself.key, x->older.key) <= 0 ? &x->itself : &x->older;
}

/* At what this walk is on, but not before what has been listed. */
static void pause_at(struct versions *x, const struct walk *w)
{
    const struct engine_list *l = x->list;
    const struct engine_item *last = l->count > 0 ? &l->items[l->count - 1] : NULL;
    uint64_t below = w->space == SPACE_VERSION ? w->seq + 1 : UINT64_MAX;

    if (last && !last->is_prefix && view_eq(last->name, w->key))
        below = MIN(below, last->info.seq);
    position_set(&x->position, w->key, below);
    x->is_paused = true;
}

/* Behind all keys that start with this one; false: there are none. */
static bool position_past(struct position *p, struct view group)
{
    position_set(p, group, UINT64_MAX);
    while (p->len > 0 && p->key[p->len - 1] == 0xff)
        p->len--;
    if (p->len == 0)
        return false;
    p->key[p->len - 1]++;
    return true;
}

static enum err step(struct versions *x, struct walk *w, bool *is_end_out)
{
    struct engine_info info;

    TRY(entry_of(w, &info));
    switch (engine_page_offer_version(&x->page, w->key, &info, w == &x->itself)) {
    case PAGE_NEXT:
        return walk_next(x, w);
    case PAGE_PAST:
        *is_end_out = !position_past(&x->position, x->page.past);
        return *is_end_out ? ERR_OK : seek(x);
    case PAGE_END:
        break;
    }
    *is_end_out = true;
    return x->page.err;
}

/* From the position to the end of the page or of the steps. */
static enum err list_some(struct versions *x)
{
    struct walk *w;
    bool is_end = false;

    x->is_paused = false;
    x->itself.cursor.steps_left = x->older.cursor.steps_left = WALK_STEPS;
    TRY(seek(x));
    while (!is_end && (w = next_walk(x))) {
        if (is_used_up(w)) {
            pause_at(x, w);
            return ERR_OK;
        }
        TRY(step(x, w, &is_end));
    }
    return ERR_OK;
}

/* ---- turns ------------------------------------------------------------------------------- */

static void list_end(struct versions *x, enum err e)
{
    if (e)
        x->list->count = 0;
    op_complete(&x->list->op, e);
}

/* By itself. */
static void list_on(struct op *again)
{
    struct versions *x = container_of(again, struct versions, again);
    enum err e = drives_index_begin(&x->shard->keys);

    if (!e) {
        e = list_some(x);
        drives_index_end(&x->shard->keys);
    }
    if (!e && x->is_paused)
        op_send(&x->again, x->shard->home);
    else
        list_end(x, e);
}

/* The listing so far becomes memory of the region. */
static void list_later(struct versions *x)
{
    struct versions *own = region_take(x->list->region, sizeof *own);

    if (!own) {
        list_end(x, ERR_BUSY);
        return;
    }
    *own = *x;
    op_init(&own->again, list_on);
    op_send(&own->again, own->shard->home);
}

/* A seq is never 0: below 1 there is nothing of a key. */
static uint64_t first_below(const struct engine_list *l, struct view first)
{
    if (!view_eq(first, l->after) || l->is_after_inclusive || l->after.len == 0)
        return UINT64_MAX;
    return l->after_seq ? l->after_seq : 1;
}

static enum err start(struct versions *x)
{
    struct engine_list *l = x->list;
    struct view first = engine_page_first(&x->page);
    unsigned flags;

    TRY(drives_decide_bucket(&x->shard->keys, l->space, l->bucket, 0, &flags));
    position_set(&x->position, first, first_below(l, first));
    return list_some(x);
}

void drives_list_versions(struct drives_shard *s, struct engine_list *l)
{
    struct versions x = {
        .shard = s,
        .list = l,
        .itself = {.space = SPACE_OBJECT},
        .older = {.space = SPACE_VERSION, .cursor = {.is_second = true}},
    };
    enum err e = drives_index_begin(&s->keys);

    engine_page_init(&x.page, l);
    if (!e) {
        e = start(&x);
        drives_index_end(&s->keys);
    }
    if (!e && x.is_paused)
        list_later(&x);
    else
        list_end(&x, e);
}
