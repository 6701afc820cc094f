#include "engine_suite_story.h"

#include <stdio.h>

enum { STORY_MAX = 64 };

const struct engine_version version_null = {VERSION_NULL, 0};

/* All versions of one key: its name is the prefix, and no other one in these tests. */
static void list_key(struct engine_list *l, struct region *R, const char *name)
{
    region_init(R, reactor_regions(reactor_current()));
    *l = (struct engine_list){
        .space = SPACE_OBJECT,
        .bucket = stand.bucket,
        .prefix = view_str(name),
        .with_versions = true,
        .max_items = STORY_MAX,
        .region = R};
    assert_int_equal(stand_list(l), ERR_OK);
    assert_false(l->is_truncated);
    while (l->count > 0 && !view_is(l->items[l->count - 1].name, name))
        l->count--;
}

static void same_info(const struct engine_info *a, const struct engine_info *b)
{
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->rev, b->rev);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->mtime_ms, b->mtime_ms);
    assert_int_equal(a->crc64, b->crc64);
    assert_true(view_eq(a->etag, b->etag));
}

static void found_as_listed(
    const char *name, struct engine_version version, const struct engine_item *item, bool is_latest)
{
    struct engine_lookup l = {.key = stand_key(name), .version = version};

    assert_string_equal(err_name(stand_do_lookup(&l)), "OK");
    same_info(&l.object->info, &item->info);
    assert_int_equal(l.is_latest, is_latest);
    engine_release(l.object);
}

static void latest_as_listed(const char *name, const struct engine_list *l)
{
    const struct engine_item *first = l->count > 0 ? &l->items[0] : NULL;
    bool is_marker = first && (first->info.flags & ENGINE_MARKER);
    struct engine_lookup look = {.key = stand_key(name)};

    if (first && !is_marker) {
        found_as_listed(name, look.version, first, true);
        return;
    }
    assert_int_equal(stand_do_lookup(&look), ERR_NOT_FOUND);
    assert_null(look.object);
    assert_int_equal(look.marker.is_set, is_marker);
    if (!is_marker)
        return;
    assert_int_equal(look.marker.seq, first->info.seq);
    assert_int_equal(look.marker.flags, first->info.flags);
    assert_int_equal(look.marker.mtime_ms, first->info.mtime_ms);
}

static void null_as_listed(const char *name, const struct engine_list *l)
{
    struct engine_lookup look = {.key = stand_key(name), .version = version_null};
    unsigned nulls = 0;

    for (unsigned i = 0; i < l->count; i++) {
        if (l->items[i].info.flags & ENGINE_VERSION_NAMED)
            continue;
        found_as_listed(name, version_null, &l->items[i], i == 0);
        nulls++;
    }
    assert_true(nulls <= 1);
    if (nulls == 0)
        assert_int_equal(stand_do_lookup(&look), ERR_NOT_FOUND);
}

static void tell(struct buf *b, const struct engine_item *item)
{
    bool is_marker = item->info.flags & ENGINE_MARKER;

    buf_printf(
        b, "%s%.*s%s%s", b->len > 0 ? " " : "", VIEW_FMT(is_marker ? VIEW("X") : item->info.etag),
        item->info.flags & ENGINE_VERSION_NAMED ? "" : "0", item->is_latest ? "*" : "");
    if (is_marker)
        assert_int_equal(item->info.size, 0);
}

void story_is(const char *name, const char *text)
{
    char told[STORY_MAX * 16] = "";
    struct buf b = buf_over(told, sizeof told - 1);
    struct engine_list l;
    struct region region;

    list_key(&l, &region, name);
    for (unsigned i = 0; i < l.count; i++)
        tell(&b, &l.items[i]);
    assert_string_equal(told, text);
    for (unsigned i = 0; i < l.count; i++) {
        found_as_listed(name, version_of(l.items[i].info.seq), &l.items[i], i == 0);
        assert_true(i == 0 || l.items[i].info.seq < l.items[i - 1].info.seq);
    }
    latest_as_listed(name, &l);
    null_as_listed(name, &l);
    region_done(&region);
}

uint64_t story_seq(const char *name, unsigned i)
{
    struct engine_list l;
    struct region region;
    uint64_t seq;

    list_key(&l, &region, name);
    assert_true(i < l.count);
    seq = l.items[i].info.seq;
    region_done(&region);
    return seq;
}

void story_put(const char *name, const char *text)
{
    assert_int_equal(stand_put(stand_key(name), view_str(text), text), ERR_OK);
}

void story_remove(const char *name)
{
    assert_int_equal(stand_remove(stand_key(name)), ERR_OK);
}

enum err story_remove_version(const char *name, struct engine_version version)
{
    return stand_do_remove(&(struct engine_remove){.key = stand_key(name), .version = version});
}

void story_remove_nth(const char *name, unsigned i)
{
    assert_int_equal(story_remove_version(name, version_of(story_seq(name, i))), ERR_OK);
}
