/*
 * Random puts, removals and listings against a model so simple that it is right by inspection: an
 * unsorted table, sorted anew for every listing. ENGINE_SUITE_SEED=n runs one seed again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine_suite_cases.h"
#include "engine_suite_stand.h"

enum { NAME_MAX_LEN = 6, NAMES_MAX = 200, STEPS = 1500 };

struct word {
    uint8_t at[NAME_MAX_LEN];
    size_t len;
};

struct model {
    struct word names[NAMES_MAX];
    size_t count;
    uint64_t random;
};

static struct view word_view(const struct word *w)
{
    return view_of(w->at, w->len);
}

static uint64_t below(struct model *m, uint64_t n)
{
    return stand_random(&m->random) % n;
}

/* Few letters, so that words share prefixes and hold delimiters. */
static struct word random_word(struct model *m, size_t len_min, size_t len_max)
{
    static const uint8_t letters[] = {'a', 'b', '/', '/', '-', 0, 0xff, 0xfe};
    struct word w = {.len = len_min + below(m, len_max - len_min + 1)};

    for (size_t i = 0; i < w.len; i++)
        w.at[i] = letters[below(m, sizeof letters)];
    return w;
}

static size_t model_find(const struct model *m, struct view name)
{
    size_t i = 0;

    while (i < m->count && !view_eq(word_view(&m->names[i]), name))
        i++;
    return i;
}

static void step_put(struct model *m)
{
    struct word w = random_word(m, 1, NAME_MAX_LEN);
    size_t i = model_find(m, word_view(&w));

    if (i == NAMES_MAX)
        return;
    assert_int_equal(
        stand_put(
            (struct engine_key){SPACE_OBJECT, stand.bucket, word_view(&w)}, word_view(&w), "e"),
        ERR_OK);
    if (i == m->count)
        m->names[m->count++] = w;
}

static void step_remove(struct model *m)
{
    struct word w = random_word(m, 1, NAME_MAX_LEN);
    size_t i;
    enum err e;

    if (m->count > 0 && below(m, 2))
        w = m->names[below(m, m->count)];
    i = model_find(m, word_view(&w));
    e = stand_remove((struct engine_key){SPACE_OBJECT, stand.bucket, word_view(&w)});
    assert_int_equal(e, i < m->count ? ERR_OK : ERR_NOT_FOUND);
    if (i < m->count)
        m->names[i] = m->names[--m->count];
}

static int word_order(const void *a, const void *b)
{
    return view_compare(word_view(a), word_view(b));
}

struct expected {
    struct view name;
    bool is_prefix;
};

/* What `name` shows as: itself, or its group. */
static struct expected shown(const struct engine_list *l, struct view name)
{
    struct view rest = view_from(name, l->prefix.len);
    size_t at = l->delimiter.len ? view_find(rest, l->delimiter) : SIZE_MAX;

    if (at == SIZE_MAX)
        return (struct expected){name, false};
    return (struct expected){view_upto(name, l->prefix.len + at + l->delimiter.len), true};
}

/* Sorts the model. Returns how many items there are in all; the caller cuts the page. */
static size_t
model_list(struct model *m, const struct engine_list *l, struct expected items[NAMES_MAX])
{
    size_t count = 0;

    qsort(m->names, m->count, sizeof m->names[0], word_order);
    for (size_t i = 0; i < m->count; i++) {
        struct expected x = shown(l, word_view(&m->names[i]));
        int order = view_compare(x.name, l->after);

        if (!view_starts(word_view(&m->names[i]), l->prefix))
            continue;
        if (l->after.len > 0 && (order < 0 || (order == 0 && !l->is_after_inclusive)))
            continue;
        if (count > 0 && view_eq(items[count - 1].name, x.name))
            continue;
        items[count++] = x;
    }
    return count;
}

static void step_list(struct model *m)
{
    struct word prefix = random_word(m, 0, 2), after = random_word(m, 0, 4);
    struct word delimiter = random_word(m, 0, 2);
    struct expected items[NAMES_MAX];
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT,
        .bucket = stand.bucket,
        .prefix = word_view(&prefix),
        .after = word_view(&after),
        .delimiter = below(m, 2) ? VIEW("/") : word_view(&delimiter),
        .is_after_inclusive = below(m, 2),
        .max_items = (unsigned)(1 + below(m, below(m, 2) ? 4 : 1001)),
        .region = &region};
    size_t all = model_list(m, &l, items);

    region_init(&region, reactor_regions(reactor_current()));
    assert_int_equal(stand_list(&l), ERR_OK);
    assert_int_equal(l.count, MIN(all, l.max_items));
    assert_int_equal(l.is_truncated, all > l.max_items);
    for (size_t i = 0; i < l.count; i++) {
        assert_int_equal(l.items[i].is_prefix, items[i].is_prefix);
        assert_true(view_eq(l.items[i].name, items[i].name));
        if (!l.items[i].is_prefix)
            assert_int_equal(l.items[i].info.size, items[i].name.len);
    }
    region_done(&region);
}

void random_operations_agree_with_a_simple_model(void **state)
{
    static struct model m;
    const char *given = getenv("ENGINE_SUITE_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : clock_ns();

    (void)state;
    print_message("ENGINE_SUITE_SEED=%llu\n", (unsigned long long)seed);
    m = (struct model){.random = seed};
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t what = below(&m, 10);

        if (what < 2)
            step_put(&m);
        else if (what < 3)
            step_remove(&m);
        else
            step_list(&m);
    }
}
