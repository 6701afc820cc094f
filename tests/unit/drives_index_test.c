/* Order: memtables against a sorted model, and names of any length in listings. */
#include "drives_rig.h"

#include "engine/drives/drives_memtable.h"

enum { KEYS = 400 };

static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ (z >> 27);
}

static void a_memtable_is_an_ordered_map(void **state)
{
    struct drives_memtable *m;
    struct drives_node *node;
    uint64_t random = 7;
    int model[KEYS] = {0}; /* 0: never put; else 1 + value; value 0 is a tombstone */
    char key[16], value[16];
    unsigned count = 0, next = 0;

    (void)state;
    assert_int_equal(drives_memtable_new(&m), ERR_OK);
    for (int i = 0; i < 3000; i++) {
        unsigned k = (unsigned)(draw(&random) % KEYS);
        int v = (int)(draw(&random) % 5);

        (void)snprintf(key, sizeof key, "%05u", k);
        (void)snprintf(value, sizeof value, "%d", v);
        assert_int_equal(
            drives_memtable_put(m, view_str(key), v ? view_str(value) : VIEW_EMPTY), ERR_OK);
        count += model[k] == 0;
        model[k] = 1 + v;
    }
    assert_int_equal(drives_memtable_entries(m), count);
    for (node = drives_memtable_seek(m, VIEW_EMPTY); node; node = node->next[0]) {
        while (next < KEYS && model[next] == 0)
            next++;
        (void)snprintf(key, sizeof key, "%05u", next);
        (void)snprintf(value, sizeof value, "%d", model[next] - 1);
        assert_true(view_is(node->key, key));
        assert_true(view_is(node->entry, model[next] == 1 ? "" : value));
        assert_ptr_equal(drives_memtable_find(m, view_str(key)), node);
        assert_ptr_equal(drives_memtable_seek(m, view_str(key)), node);
        next++;
    }
    assert_null(drives_memtable_seek(m, VIEW("zzz")));
    assert_null(drives_memtable_find(m, VIEW("00")));
    drives_memtable_free(m);
}

/* ---- long names -------------------------------------------------------------------------- */

enum { NAMES = 60 };
static char *names[NAMES];
static bool is_there[NAMES];

/* Lengths around where keys stop fitting, families with one prefix, names that are prefixes of
 * others. */
static void make_names(void)
{
    static const size_t lengths[] = {1,   470, 477, 478, 479, 480,  481, 500,
                                     600, 964, 965, 966, 967, 1024, 1152};

    for (unsigned i = 0; i < NAMES; i++) {
        size_t len = lengths[i % ARRAY_COUNT(lengths)];

        names[i] = malloc(len + 1);
        memset(names[i], i % 4 == 3 ? 'p' : 'q', len);
        names[i][len] = '\0';
        /* The last bytes tell the members of a family apart; some differ early. */
        names[i][len - 1] = (char)('A' + i);
        if (i % 5 == 0)
            names[i][len / 2] = (char)('a' + i % 26);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct expected {
    unsigned next;
};

static void on_name(void *ctx, struct view name)
{
    struct expected *x = ctx;

    while (x->next < NAMES && !is_there[x->next])
        x->next++;
    assert_true(x->next < NAMES);
    assert_true(view_is(name, names[x->next]));
    x->next++;
}

static void check_names(void)
{
    struct expected x = {0};

    assert_int_equal(rig_list(SPACE_OBJECT, "bucket", on_name, &x), ERR_OK);
    while (x.next < NAMES && !is_there[x.next])
        x.next++;
    assert_int_equal(x.next, NAMES);
    for (unsigned i = 0; i < NAMES; i++) {
        struct engine_object *o;

        assert_int_equal(
            rig_lookup(rig_object(names[i]), &o), is_there[i] ? ERR_OK : ERR_NOT_FOUND);
        if (is_there[i])
            assert_int_equal(o->info.size, i);
        engine_release(o);
    }
}

static void names_of_any_length_are_listed_in_order(void **state)
{
    uint64_t random = 3;

    (void)state;
    make_names();
    qsort(names, NAMES, sizeof names[0], by_name);
    rig_start(NULL);
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = 0; i < NAMES; i++) {
            if (draw(&random) % 2) {
                assert_int_equal(rig_put(rig_object(names[i]), i, i, "e"), ERR_OK);
                is_there[i] = true;
            } else if (is_there[i]) {
                assert_int_equal(rig_remove(rig_object(names[i])), ERR_OK);
                is_there[i] = false;
            }
        }
        check_names();
        if (round % 2) { /* everything in the tree */
            rig_close();
            rig_open_ok();
            check_names();
        }
    }
    rig_close();
    rig_stop();
    for (unsigned i = 0; i < NAMES; i++)
        free(names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memtable_is_an_ordered_map),
        cmocka_unit_test(names_of_any_length_are_listed_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
