/* Listing with versions: order, pages that end inside a key, groups, and what moves meanwhile. */
#include <stdio.h>
#include <stdlib.h>

#include "engine_suite_cases.h"
#include "engine_suite_story.h"

enum { LINES_MAX = 200, NAME_MAX_LEN = 16 };

/* A whole listing, out of its pages. */
struct line {
    char name[NAME_MAX_LEN];
    uint64_t seq; /* 0: a group */
    bool is_latest;
};
struct lines {
    struct line at[LINES_MAX];
    unsigned count;
};

struct query {
    const char *prefix, *delimiter;
    unsigned max_items;
    void (*between)(unsigned page); /* NULL: nothing */
};

static void add_page(struct lines *x, const struct engine_list *l)
{
    for (unsigned i = 0; i < l->count; i++) {
        const struct engine_item *item = &l->items[i];
        struct line *line = &x->at[x->count++];

        assert_true(x->count <= LINES_MAX && item->name.len < NAME_MAX_LEN);
        *line = (struct line){.seq = item->is_prefix ? 0 : item->info.seq};
        memcpy(line->name, item->name.at, item->name.len);
        line->is_latest = !item->is_prefix && item->is_latest;
    }
}

static void list_all(const struct query *q, struct lines *x)
{
    char after[NAME_MAX_LEN] = "";
    uint64_t after_seq = 0;
    bool is_more = true;

    x->count = 0;
    for (unsigned page = 0; is_more; page++) {
        struct region region;
        struct engine_list l = {
            .space = SPACE_OBJECT,
            .bucket = stand.bucket,
            .prefix = view_str(q->prefix),
            .delimiter = view_str(q->delimiter),
            .after = view_str(after),
            .after_seq = after_seq,
            .with_versions = true,
            .max_items = q->max_items,
            .region = &region};

        region_init(&region, reactor_regions(reactor_current()));
        assert_int_equal(stand_list(&l), ERR_OK);
        assert_true(l.count <= q->max_items);
        add_page(x, &l);
        is_more = l.is_truncated;
        if (is_more) {
            assert_int_equal(l.count, q->max_items);
            (void)snprintf(after, sizeof after, "%s", x->at[x->count - 1].name);
            after_seq = x->at[x->count - 1].seq;
        }
        region_done(&region);
        if (q->between)
            q->between(page);
    }
}

/* As "name:n name:n group/"; n counts the versions of the name. */
static void lines_are(const struct lines *x, const char *text)
{
    char told[LINES_MAX * 8] = "";
    struct buf b = buf_over(told, sizeof told - 1);
    unsigned n = 0;

    for (unsigned i = 0; i < x->count; i++) {
        bool is_first = i == 0 || strcmp(x->at[i].name, x->at[i - 1].name) != 0;

        n = is_first ? 1 : n + 1;
        buf_printf(&b, "%s%s", i ? " " : "", x->at[i].name);
        if (x->at[i].seq == 0)
            continue;
        buf_printf(&b, ":%u", n);
        assert_int_equal(x->at[i].is_latest, is_first);
        assert_true(is_first || x->at[i].seq < x->at[i - 1].seq);
    }
    assert_string_equal(told, text);
}

/* a: 3 versions; a-: 1; a/x: 2 and a marker; a/y: 1; b: a marker only; c: the null version, 2. */
static void fill(void)
{
    story_put("c", "null");
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    for (int i = 0; i < 3; i++)
        story_put("a", "a");
    story_put("a/x", "x");
    story_put("a/y", "y");
    story_put("a/x", "x");
    story_put("a-", "x");
    story_remove("a/x");
    story_remove("b");
    story_put("c", "c");
    story_put("c", "c");
}

void with_versions_all_are_listed_whatever_the_page(void **state)
{
    struct lines x;

    (void)state;
    fill();
    for (unsigned size = 1; size <= 14; size++) {
        list_all(&(struct query){"", "", size, NULL}, &x);
        lines_are(&x, "a:1 a:2 a:3 a-:1 a/x:1 a/x:2 a/x:3 a/y:1 b:1 c:1 c:2 c:3");
    }
}

void with_versions_delimiter_and_prefix_are_of_the_key(void **state)
{
    struct lines x;

    (void)state;
    fill();
    for (unsigned size = 1; size <= 9; size++) {
        list_all(&(struct query){"", "/", size, NULL}, &x);
        lines_are(&x, "a:1 a:2 a:3 a-:1 a/ b:1 c:1 c:2 c:3");
        list_all(&(struct query){"a/", "/", size, NULL}, &x);
        lines_are(&x, "a/x:1 a/x:2 a/x:3 a/y:1");
        list_all(&(struct query){"a/x", "", size, NULL}, &x);
        lines_are(&x, "a/x:1 a/x:2 a/x:3");
        list_all(&(struct query){"a", "a", size, NULL}, &x);
        lines_are(&x, "a:1 a:2 a:3 a-:1 a/x:1 a/x:2 a/x:3 a/y:1");
        list_all(&(struct query){"", "a", size, NULL}, &x);
        lines_are(&x, "a b:1 c:1 c:2 c:3");
        list_all(&(struct query){"x", "", size, NULL}, &x);
        lines_are(&x, "");
    }
}

void without_versions_the_latest_are_listed(void **state)
{
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT, .bucket = stand.bucket, .max_items = 10, .region = &region};
    static const char *const names[] = {"a", "a-", "a/y", "c"};

    (void)state;
    fill();
    region_init(&region, reactor_regions(reactor_current()));
    assert_int_equal(stand_list(&l), ERR_OK);
    assert_int_equal(l.count, ARRAY_COUNT(names));
    for (unsigned i = 0; i < l.count; i++) {
        assert_true(view_is(l.items[i].name, names[i]));
        assert_int_equal(l.items[i].info.seq, story_seq(names[i], 0));
    }
    region_done(&region);
}

void after_a_seq_the_older_ones_come_first(void **state)
{
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT,
        .bucket = stand.bucket,
        .with_versions = true,
        .after = VIEW("a"),
        .max_items = 2,
        .region = &region};

    (void)state;
    fill();
    region_init(&region, reactor_regions(reactor_current()));
    assert_int_equal(stand_list(&l), ERR_OK); /* after_seq 0: none of them */
    assert_true(view_is(l.items[0].name, "a-"));
    l.after_seq = story_seq("a", 0);
    assert_int_equal(stand_list(&l), ERR_OK);
    assert_int_equal(l.items[0].info.seq, story_seq("a", 1));
    assert_int_equal(l.items[1].info.seq, story_seq("a", 2));
    assert_false(l.items[0].is_latest);
    assert_true(l.is_truncated);
    l.after_seq = UINT64_MAX; /* newer than all */
    assert_int_equal(stand_list(&l), ERR_OK);
    assert_int_equal(l.items[0].info.seq, story_seq("a", 0));
    assert_true(l.items[0].is_latest);
    l.after_seq = 0;
    l.is_after_inclusive = true;
    assert_int_equal(stand_list(&l), ERR_OK);
    assert_int_equal(l.items[0].info.seq, story_seq("a", 0));
    assert_true(l.items[0].is_latest);
    region_done(&region);
}

static unsigned cut;

/* The latest becomes an older one. */
static void put_between(unsigned page)
{
    if (page == cut) {
        story_put("b", "new");
        story_put("a", "new");
    }
}

/* An older one becomes the latest: all of b is one place up. */
static void remove_between(unsigned page)
{
    if (page == cut)
        story_remove_nth("b", 0);
}

static void fill_ab(void)
{
    story_put("a", "0");
    story_put("b", "0");
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    for (int i = 0; i < 3; i++) {
        story_put("a", "1");
        story_put("b", "1");
    }
}

/* Every version of `before` but the `gone` newest of b is there once. */
static void nothing_is_lost(const struct lines *before, const struct lines *x, uint64_t gone)
{
    for (unsigned i = 0; i < before->count; i++) {
        unsigned times = 0;

        for (unsigned k = 0; k < x->count; k++)
            times += x->at[k].seq == before->at[i].seq;
        assert_true(times == 1 || (times == 0 && before->at[i].seq == gone));
    }
}

void a_version_that_moves_between_pages_is_listed_once(void **state)
{
    struct lines before, x;

    (void)state;
    fill_ab();
    for (cut = 0; cut < 8; cut++) {
        list_all(&(struct query){"", "", 1001, NULL}, &before);
        list_all(&(struct query){"", "", 1, put_between}, &x);
        nothing_is_lost(&before, &x, 0);
        story_remove_nth("a", 0);
        list_all(&(struct query){"", "", 1001, NULL}, &before);
        list_all(&(struct query){"", "", 1, remove_between}, &x);
        nothing_is_lost(&before, &x, before.at[4].seq);
    }
}

/* So many in one key, and removed ones in between, that a page takes several turns. */
void long_histories_are_listed_whole(void **state)
{
    enum { VERSIONS = 300 };
    struct lines x;
    unsigned left = VERSIONS;

    (void)state;
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    for (unsigned i = 0; i < VERSIONS; i++)
        story_put("a", "x");
    for (; left > 100; left -= 2) {
        uint64_t newest, seq;
        struct region region;
        struct engine_list l = {
            .space = SPACE_OBJECT,
            .bucket = stand.bucket,
            .with_versions = true,
            .max_items = 101,
            .region = &region};

        region_init(&region, reactor_regions(reactor_current()));
        assert_int_equal(stand_list(&l), ERR_OK);
        newest = l.items[0].info.seq;
        seq = l.items[100].info.seq;
        region_done(&region);
        assert_int_equal(story_remove_version("a", version_of(seq)), ERR_OK);
        assert_int_equal(story_remove_version("a", version_of(newest)), ERR_OK);
    }
    for (unsigned size = 7; size <= 77; size += 35) {
        list_all(&(struct query){"", "", size, NULL}, &x);
        assert_int_equal(x.count, left);
        for (unsigned i = 0; i < x.count; i++)
            assert_int_equal(x.at[i].is_latest, i == 0);
    }
}
