/*
 * Listing, on the owner.
 *
 * A page is made in as many turns as it takes: after LIST_STEPS it goes on from the key where it
 * stopped, woken by itself. What is committed in between may be in it or not.
 */
#include <assert.h>

#include "engine/drives/drives_decide.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"
#include "engine/engine_page.h"

enum { LIST_STEPS = 4096 };

struct listing {
    struct drives_shard *shard;
    struct engine_list *list;
    struct engine_page page;
    struct drives_cursor cursor;
    struct op again;
    bool is_paused;
    size_t stop_len;                          /* paused: bytes of the key in `bytes` */
    size_t prefix_len;                        /* of the key: space, bucket, 0x00 */
    uint8_t bytes[DRIVES_KEY_BYTES_MAX + 64]; /* where to seek to */
};

/* A key of this listing that begins with `name`. A bucket's key has the name before the 0x00. */
static struct view seek_key(struct listing *x, struct view name)
{
    struct buf b = buf_over(x->bytes, sizeof x->bytes);

    buf_put_byte(&b, (uint8_t)x->list->space);
    if (x->list->space != SPACE_BUCKET) {
        buf_put(&b, x->list->bucket);
        buf_put_byte(&b, 0);
    }
    x->prefix_len = b.len;
    buf_put(&b, view_upto(name, sizeof x->bytes - b.len));
    return buf_view(&b);
}

/* The first key behind all that start with this one. Len 0: there is none. */
static struct view behind(struct view key, uint8_t *bytes)
{
    size_t len = key.len;

    while (len > 0 && bytes[len - 1] == 0xff)
        len--;
    if (len > 0)
        bytes[len - 1]++;
    return view_of(bytes, len);
}

static enum err seek(struct listing *x, struct view key)
{
    if (key.len == 0)
        return ERR_NOT_FOUND;
    return drives_index_seek(&x->shard->keys, &x->cursor, key);
}

static bool is_mine(const struct listing *x, struct view key, struct view prefix)
{
    const struct engine *E = &x->shard->drives->base;

    if (!view_starts(key, prefix))
        return false;
    return x->list->space != SPACE_BUCKET ||
           engine_owner(E, drives_format_key_name(key)) == x->shard->index;
}

static enum err offer(struct listing *x, enum engine_page_next *next_out)
{
    struct drives_entry e;
    struct engine_info info;
    struct view entry;

    TRY(drives_index_entry(&x->cursor, &entry));
    TRY(drives_format_entry_get(entry, &e));
    info = drives_object_info(&e);
    *next_out = engine_page_offer(&x->page, drives_format_key_name(x->cursor.key), &info);
    return ERR_OK;
}

/* Where to go on. */
static void pause_at(struct listing *x, struct view key)
{
    assert(key.len <= sizeof x->bytes);
    memmove(x->bytes, key.at, key.len);
    x->stop_len = key.len;
    x->is_paused = true;
}

/* ERR_NOT_FOUND: there are no more. */
static enum err step(struct listing *x, struct view prefix, bool *is_end_out)
{
    enum engine_page_next next = PAGE_NEXT;

    if (is_mine(x, x->cursor.key, prefix))
        TRY(offer(x, &next));
    *is_end_out = next == PAGE_END;
    if (next == PAGE_END)
        return x->page.err;
    if (next == PAGE_PAST)
        return seek(x, behind(seek_key(x, x->page.past), x->bytes));
    return drives_index_next(&x->cursor);
}

/* From `key` to the end of the page or of the steps. */
static enum err list_some(struct listing *x, struct view key)
{
    uint8_t bytes[1 + ENGINE_BUCKET_BYTES_MAX + 1];
    struct view prefix = {bytes, x->prefix_len};
    bool is_end = false;
    enum err e;

    memcpy(bytes, x->bytes, x->prefix_len);
    x->cursor.steps_left = LIST_STEPS;
    e = seek(x, key);
    while (!e && !is_end && view_starts(x->cursor.key, prefix)) {
        if (x->cursor.steps_left == 0) {
            pause_at(x, x->cursor.key);
            return ERR_OK;
        }
        e = step(x, prefix, &is_end);
    }
    return e == ERR_NOT_FOUND ? x->page.err : e;
}

static void list_end(struct listing *x, enum err e)
{
    struct engine_list *l = x->list;

    if (e)
        l->count = 0;
    op_complete(&l->op, e);
}

static void list_on(struct op *again)
{
    struct listing *x = container_of(again, struct listing, again);
    enum err e = drives_index_begin(&x->shard->keys);

    x->is_paused = false;
    if (!e) {
        e = list_some(x, view_of(x->bytes, x->stop_len));
        drives_index_end(&x->shard->keys);
    }
    if (!e && x->is_paused)
        op_send(&x->again, x->shard->home);
    else
        list_end(x, e);
}

/* The listing so far becomes memory of the region. */
static void list_later(struct listing *x)
{
    struct listing *own = region_take(x->list->region, sizeof *own);

    if (!own) {
        list_end(x, ERR_BUSY);
        return;
    }
    *own = *x;
    op_init(&own->again, list_on);
    op_send(&own->again, own->shard->home);
}

void drives_list_start(struct engine *E, struct engine_list *l)
{
    struct listing x = {.shard = &drives_of(E)->shards[l->owner], .list = l};
    unsigned flags;
    enum err e;

    if (l->with_versions) {
        drives_list_versions(x.shard, l);
        return;
    }
    e = drives_index_begin(&x.shard->keys);
    engine_page_init(&x.page, l);
    if (!e) {
        e = drives_decide_bucket(&x.shard->keys, l->space, l->bucket, 0, &flags);
        if (!e)
            e = list_some(&x, seek_key(&x, engine_page_first(&x.page)));
        drives_index_end(&x.shard->keys);
    }
    if (!e && x.is_paused)
        list_later(&x);
    else
        list_end(&x, e);
}
