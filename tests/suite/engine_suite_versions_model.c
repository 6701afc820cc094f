/*
 * Random operations on versions against a model so simple that it is right by inspection: of each
 * key a row of versions, the newest first, and the rules as engine.h tells them.
 * ENGINE_SUITE_SEED=n runs one seed again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine_suite_cases.h"
#include "engine_suite_story.h"

enum { KEYS = 6, VERSIONS_MAX = 40, STEPS = 600, LINES_MAX = KEYS * VERSIONS_MAX };

/* Sorted; with what a delimiter and the order of names could trip over. */
static const char *const names[KEYS] = {"a", "a/", "a/b", "a/b/c", "ab", "b"};

struct version {
    uint64_t seq, rev;
    unsigned flags;
    unsigned text; /* etag, payload and meta are made of it */
    unsigned meta;
};

struct history {
    struct version at[VERSIONS_MAX]; /* the newest first */
    unsigned count;
};

static struct model {
    struct history keys[KEYS];
    unsigned flags;
    unsigned texts;
    uint64_t random;
} m;

static unsigned below(unsigned n)
{
    return (unsigned)(stand_random(&m.random) % n);
}

static bool is_marker(const struct version *v)
{
    return v->flags & ENGINE_MARKER;
}

static bool is_null(const struct version *v)
{
    return !(v->flags & ENGINE_VERSION_NAMED);
}

static void take_out(struct history *h, unsigned i)
{
    h->count--;
    memmove(&h->at[i], &h->at[i + 1], (h->count - i) * sizeof h->at[0]);
}

static unsigned find_null(const struct history *h)
{
    unsigned i = 0;

    while (i < h->count && !is_null(&h->at[i]))
        i++;
    return i;
}

/* A new latest version, after the rules of the bucket. */
static void model_put(struct history *h, struct version v)
{
    if (m.flags == ENGINE_BUCKET_VERSIONED)
        v.flags |= ENGINE_VERSION_NAMED;
    else if (find_null(h) < h->count)
        take_out(h, find_null(h));
    memmove(&h->at[1], &h->at[0], h->count * sizeof h->at[0]);
    h->at[0] = v;
    h->count++;
}

static const struct version *model_latest(const struct history *h)
{
    return h->count > 0 && !is_marker(&h->at[0]) ? &h->at[0] : NULL;
}

/* ---- steps ------------------------------------------------------------------------------- */

struct pick {
    unsigned key, i; /* i == count: none */
    struct engine_version version;
    const struct version *found; /* NULL: there is none */
};

static struct pick pick_version(void)
{
    struct pick p = {.key = below(KEYS)};
    struct history *h = &m.keys[p.key];

    switch (below(4)) {
    case 0:
        p.i = 0;
        p.found = model_latest(h);
        return p;
    case 1:
        p.version = version_null;
        p.i = find_null(h);
        break;
    case 2:
        p.version = version_of(below(2) ? 1 + below(50) : UINT64_MAX - below(2));
        for (p.i = 0; p.i < h->count && h->at[p.i].seq != p.version.seq; p.i++)
            ;
        break;
    default:
        p.i = h->count ? below(h->count) : 0;
        p.version = version_of(p.i < h->count ? h->at[p.i].seq : 3);
        break;
    }
    p.found = p.i < h->count ? &h->at[p.i] : NULL;
    return p;
}

/* A revision that is wanted; and what that makes of the answer. */
static enum err pick_rev(const struct version *v, struct engine_condition *c)
{
    c->rev = below(3) ? 0 : (v && below(2) ? v->rev : 1);
    if (c->rev == 0)
        return ERR_OK;
    if (!v)
        return ERR_NOT_FOUND;
    return v->rev == c->rev ? ERR_OK : ERR_CHANGED;
}

static void step_put(void)
{
    unsigned key = below(KEYS);
    struct history *h = &m.keys[key];
    const struct version *latest = model_latest(h);
    bool is_if_absent = below(4) == 0;
    struct engine_put p;
    char text[16];
    enum err e, expected;

    if (h->count == VERSIONS_MAX)
        return;
    (void)snprintf(text, sizeof text, "%u", ++m.texts);
    stand_put_init(&p, stand_key(names[key]), text);
    expected = pick_rev(latest, &p.condition);
    if (is_if_absent && p.condition.rev == 0) {
        p.condition.kind = IF_ABSENT;
        expected = latest ? ERR_PRECONDITION : ERR_OK;
    }
    assert_int_equal(stand_write(&p, view_str(text)), ERR_OK);
    e = stand_commit(&p);
    assert_string_equal(err_name(e), err_name(expected));
    if (!e)
        model_put(h, (struct version){.seq = p.info.seq, .rev = p.info.rev, .text = m.texts});
}

static void step_remove(void)
{
    struct pick p = pick_version();
    struct history *h = &m.keys[p.key];
    bool marks = p.version.kind == VERSION_LATEST && m.flags != 0;
    struct engine_remove r = {.key = stand_key(names[p.key]), .version = p.version};
    enum err e, expected = pick_rev(p.found, &r.condition);

    if (marks && h->count == VERSIONS_MAX)
        return;
    if (!expected && !marks && !p.found)
        expected = ERR_NOT_FOUND;
    e = stand_do_remove(&r);
    assert_string_equal(err_name(e), err_name(expected));
    if (e)
        return;
    assert_int_equal(r.made_marker, marks);
    if (marks) {
        model_put(
            h, (struct version){.seq = r.info.seq, .rev = r.info.rev, .flags = ENGINE_MARKER});
        assert_int_equal(r.info.flags, h->at[0].flags);
    } else {
        assert_int_equal(r.info.seq, p.found->seq);
        take_out(h, p.i);
    }
}

static void step_amend(void)
{
    struct pick p = pick_version();
    struct engine_amend a = {.key = stand_key(names[p.key]), .version = p.version};
    enum err e, expected = pick_rev(p.found, &a.condition);
    char meta[16];

    if (!expected && !p.found)
        expected = ERR_NOT_FOUND;
    (void)snprintf(meta, sizeof meta, "%u", ++m.texts);
    a.meta = view_str(meta);
    e = stand_do_amend(&a);
    assert_string_equal(err_name(e), err_name(expected));
    if (e)
        return;
    m.keys[p.key].at[p.i].rev = a.info.rev;
    m.keys[p.key].at[p.i].meta = m.texts;
}

static void step_flags(void)
{
    m.flags = below(2) ? ENGINE_BUCKET_VERSIONED : ENGINE_BUCKET_SUSPENDED;
    stand_set_versions(m.flags);
}

static void check_info(const struct engine_info *info, const struct version *v)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u", v->text);
    assert_int_equal(info->seq, v->seq);
    assert_int_equal(info->rev, v->rev);
    assert_int_equal(info->flags, v->flags);
    assert_true(view_is(info->etag, is_marker(v) ? "" : text));
    (void)snprintf(text, sizeof text, "%u", v->meta);
    assert_true(view_is(info->meta, v->meta ? text : ""));
}

static void step_lookup(void)
{
    struct pick p = pick_version();
    struct engine_lookup l = {.key = stand_key(names[p.key]), .version = p.version};
    const struct history *h = &m.keys[p.key];
    enum err e = stand_do_lookup(&l);
    char text[16];
    uint8_t got[16];

    assert_int_equal(e, p.found ? ERR_OK : ERR_NOT_FOUND);
    assert_int_equal(
        l.marker.is_set,
        !p.found && p.version.kind == VERSION_LATEST && h->count > 0 && is_marker(&h->at[0]));
    if (e)
        return;
    check_info(&l.object->info, p.found);
    assert_int_equal(l.is_latest, p.i == 0);
    if (!is_marker(p.found)) {
        (void)snprintf(text, sizeof text, "%u", p.found->text);
        assert_int_equal(l.object->info.size, strlen(text));
        assert_int_equal(stand_read(l.object, 0, strlen(text), got), ERR_OK);
        assert_memory_equal(got, text, strlen(text));
    }
    engine_release(l.object);
}

/* ---- listing ----------------------------------------------------------------------------- */

struct line {
    struct view name;
    const struct version *version; /* NULL: a group */
    bool is_latest;
};

static bool is_wanted(const struct engine_list *l, const struct line *x)
{
    int order = view_compare(x->name, l->after);

    if (l->after.len == 0 || order > 0)
        return true;
    return order == 0 && (l->is_after_inclusive || (x->version && x->version->seq < l->after_seq));
}

static struct line
line_of(const struct engine_list *l, const char *name, const struct history *h, unsigned i)
{
    struct view rest = view_from(view_str(name), l->prefix.len);
    size_t at = l->delimiter.len ? view_find(rest, l->delimiter) : SIZE_MAX;

    if (at == SIZE_MAX)
        return (struct line){view_str(name), &h->at[i], i == 0};
    return (struct line){
        view_upto(view_str(name), l->prefix.len + at + l->delimiter.len), NULL, false};
}

static unsigned model_list(const struct engine_list *l, struct line *lines)
{
    unsigned count = 0;

    for (unsigned key = 0; key < KEYS; key++) {
        if (!view_starts(view_str(names[key]), l->prefix))
            continue;
        for (unsigned i = 0; i < m.keys[key].count; i++) {
            struct line x = line_of(l, names[key], &m.keys[key], i);
            bool is_again = !x.version && count > 0 && view_eq(lines[count - 1].name, x.name);

            if (!is_again && is_wanted(l, &x))
                lines[count++] = x;
        }
    }
    return count;
}

static void choose_list(struct engine_list *l)
{
    static const char *const prefixes[] = {"", "", "a", "a/", "b"};
    unsigned key = below(KEYS);

    l->prefix = view_str(prefixes[below(ARRAY_COUNT(prefixes))]);
    l->delimiter = below(3) ? VIEW_EMPTY : (below(2) ? VIEW("/") : VIEW("b"));
    l->max_items = 1 + below(below(2) ? 4 : 1001);
    if (below(3) == 0)
        return;
    l->after = view_str(names[key]);
    l->is_after_inclusive = below(3) == 0;
    if (!l->is_after_inclusive && m.keys[key].count > 0)
        l->after_seq = m.keys[key].at[below(m.keys[key].count)].seq;
}

static void step_list(void)
{
    static struct line lines[LINES_MAX];
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT,
        .bucket = stand.bucket,
        .with_versions = true,
        .meta_max = 100,
        .region = &region};
    unsigned all;

    choose_list(&l);
    all = model_list(&l, lines);
    region_init(&region, reactor_regions(reactor_current()));
    assert_int_equal(stand_list(&l), ERR_OK);
    assert_int_equal(l.count, MIN(all, l.max_items));
    assert_int_equal(l.is_truncated, all > l.max_items);
    for (unsigned i = 0; i < l.count; i++) {
        assert_true(view_eq(l.items[i].name, lines[i].name));
        assert_int_equal(l.items[i].is_prefix, !lines[i].version);
        if (!lines[i].version)
            continue;
        check_info(&l.items[i].info, lines[i].version);
        assert_int_equal(l.items[i].is_latest, lines[i].is_latest);
    }
    region_done(&region);
}

static void step(void)
{
    unsigned what = below(40);

    if (what < 12)
        step_put();
    else if (what < 22)
        step_remove();
    else if (what < 25)
        step_amend();
    else if (what < 26)
        step_flags();
    else if (what < 32)
        step_lookup();
    else
        step_list();
}

void random_operations_on_versions_agree_with_a_simple_model(void **state)
{
    const char *given = getenv("ENGINE_SUITE_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : clock_ns();

    (void)state;
    print_message("ENGINE_SUITE_SEED=%llu\n", (unsigned long long)seed);
    memset(&m, 0, sizeof m);
    m.random = seed;
    for (unsigned i = 0; i < STEPS; i++)
        step();
    if (!stand.factory->is_persistent)
        return;
    stand_reopen(stand.owner_count);
    for (unsigned i = 0; i < STEPS; i++)
        step();
}
