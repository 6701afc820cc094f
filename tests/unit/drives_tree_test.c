/* The index below the memtables: the price of a step, doors, and what a bad page may not do. */
#include "drives_rig.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <lmdb.h>

#include "engine/drives/drives_impl.h"

/* How often LMDB's cursor is moved: what a listing costs, whatever the machine. */
static unsigned moves;

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
    int (*real)(MDB_cursor *, MDB_val *, MDB_val *, MDB_cursor_op);

    *(void **)&real = dlsym(RTLD_NEXT, "mdb_cursor_get");
    moves++;
    return real(cursor, key, data, op);
}

/* ---- a tree without an engine ------------------------------------------------------------ */

static struct drives_tree tree;
static char dir[64];

static int tree_start(void **state)
{
    uint8_t bytes[200];
    struct buf why = buf_over(bytes, sizeof bytes);

    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/penstock-tree-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(drives_tree_open(&tree, dir, 64 * MIB, 4, &why), ERR_OK);
    return 0;
}

static int tree_stop(void **state)
{
    (void)state;
    drives_tree_close(&tree);
    rig_remove_tree(dir);
    return 0;
}

/* Name i of a family: `common` equal bytes, then a number, then `tail` equal bytes. */
static struct view name_of(uint8_t *at, size_t common, unsigned i, size_t tail)
{
    memset(at, 'c', common + 6 + tail);
    at[0] = SPACE_OBJECT;
    for (size_t k = 0; k < 6; k++, i /= 10)
        at[common + 5 - k] = (uint8_t)('0' + i % 10);
    return view_of(at, common + 6 + tail);
}

static void put_names(size_t common, unsigned count, size_t tail)
{
    uint8_t at[DRIVES_KEY_BYTES_MAX];
    struct drives_batch b;

    assert_int_equal(drives_batch_begin(&tree, &b), ERR_OK);
    for (unsigned i = 0; i < count; i++) /* in no order */
        assert_int_equal(
            drives_batch_put(&b, name_of(at, common, i * 7919 % count, tail), VIEW("entry")),
            ERR_OK);
    assert_int_equal(drives_batch_commit(&b), ERR_OK);
}

static void check_names(size_t common, unsigned count, size_t tail)
{
    uint8_t at[DRIVES_KEY_BYTES_MAX];
    struct drives_tree_reader reader;
    struct drives_tree_cursor c = {.reader = &reader};
    enum err e;
    unsigned i = 0;

    assert_int_equal(drives_tree_reader_open(&tree, &reader), ERR_OK);
    assert_int_equal(drives_tree_begin(&reader), ERR_OK);
    moves = 0;
    for (e = drives_tree_seek(&c, VIEW("\1")); !e; e = drives_tree_next(&c), i++) {
        assert_true(view_eq(c.key, name_of(at, common, i, tail)));
        assert_true(view_is(c.entry, "entry"));
        assert_int_equal(drives_tree_check(&c), ERR_OK);
    }
    assert_int_equal(e, ERR_NOT_FOUND);
    assert_int_equal(i, count);
    /* In and out again is a seek and a look behind each. */
    assert_in_range(moves, count, 8 * count + 8);
    moves = 0;
    assert_int_equal(drives_tree_seek(&c, name_of(at, common, count / 2, tail)), ERR_OK);
    assert_in_range(moves, 1, 8);
    drives_tree_end(&reader);
    drives_tree_reader_close(&reader);
}

/* All of the key behind one door, or two; or each with a door of its own. */
static void a_step_costs_the_same_however_many_names_share_a_long_prefix(void **state)
{
    static const struct {
        size_t common, tail;
    } shapes[] = {{20, 0}, {500, 0}, {500, 700}, {973, 0}, {1100, 100}, {481, 0}, {481, 486}};

    for (unsigned i = 0; i < ARRAY_COUNT(shapes); i++) {
        put_names(shapes[i].common, 700, shapes[i].tail);
        check_names(shapes[i].common, 700, shapes[i].tail);
        (void)tree_stop(state);
        (void)tree_start(state);
    }
}

static void doors_go_with_the_last_behind_them(void **state)
{
    static const size_t lengths[] = {486, 487, 488, 972, 973, 974, DRIVES_KEY_BYTES_MAX};
    uint8_t at[DRIVES_KEY_BYTES_MAX];
    struct drives_batch b;
    struct view old;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(drives_batch_begin(&tree, &b), ERR_OK);
        for (unsigned i = 0; i < ARRAY_COUNT(lengths); i++) {
            struct view key = name_of(at, lengths[i] - 6, 1, 0);

            if (round == 0) {
                assert_int_equal(drives_batch_put(&b, key, VIEW("entry")), ERR_OK);
            } else {
                assert_int_equal(drives_batch_remove(&b, key), ERR_OK);
                assert_int_equal(drives_batch_get(&b, key, &old), ERR_NOT_FOUND);
            }
            for (unsigned k = i + 1; round == 1 && k < ARRAY_COUNT(lengths); k++)
                assert_int_equal(
                    drives_batch_get(&b, name_of(at, lengths[k] - 6, 1, 0), &old), ERR_OK);
        }
        assert_int_equal(drives_batch_commit(&b), ERR_OK);
        if (round == 0)
            assert_in_range(drives_tree_entries(&tree), ARRAY_COUNT(lengths) + 2, 30);
    }
    assert_int_equal(drives_tree_entries(&tree), 0);
}

/* ---- bytes of the index that changed ------------------------------------------------------ */

/* Every place of `what` in the file of the index becomes `by`, of the same length. */
static void change_bytes(const char *what, const char *by)
{
    char path[128];
    uint8_t *at = malloc(4 * MIB);
    size_t len = strlen(what);
    ssize_t got;
    unsigned count = 0;
    int fd;

    (void)snprintf(path, sizeof path, "%s/index/data.mdb", rig.dir);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    got = pread(fd, at, 4 * MIB, 0);
    for (size_t i = 0; got >= (ssize_t)len && i <= (size_t)got - len; i++) {
        if (memcmp(at + i, what, len) != 0)
            continue;
        assert_int_equal(pwrite(fd, by, len, (off_t)i), len);
        count++;
    }
    assert_true(count > 0);
    (void)close(fd);
    free(at);
}

static enum err list(unsigned *count_out)
{
    struct region region;
    struct engine_list l = {
        .space = SPACE_OBJECT, .bucket = VIEW("bucket"), .max_items = 100, .region = &region};

    region_init(&region, reactor_regions(reactor_current()));
    op_init(&l.op, loop_nothing);
    engine_list(rig.E, &l);
    (void)loop_wait(&l.op);
    *count_out = l.count;
    region_done(&region);
    return l.op.err;
}

static void store_with(const char *etag, const char *what, const char *by)
{
    rig_start(NULL);
    rig_open_ok();
    assert_int_equal(rig_bucket("bucket"), ERR_OK);
    assert_int_equal(rig_put(rig_object("a-good-one"), 1, 100, "ok"), ERR_OK);
    assert_int_equal(rig_put(rig_object("some-name"), 2, 100, etag), ERR_OK);
    rig_close(); /* all is in the index */
    change_bytes(what, by);
    rig_open_ok();
}

static void an_entry_with_a_flipped_bit_is_an_error_and_not_served(void **state)
{
    struct engine_object *o;
    unsigned count;

    (void)state;
    store_with("this-is-an-etag", "this-is-an-etag", "this-is-am-etag");
    assert_int_equal(rig_lookup(rig_object("some-name"), &o), ERR_CORRUPT);
    assert_null(o);
    assert_int_equal(list(&count), ERR_CORRUPT);
    assert_int_equal(count, 0);
    assert_int_equal(rig_check(rig_object("a-good-one"), 1, 100, "ok"), ERR_OK);
    /* Writing it again is the cure. */
    assert_int_equal(rig_put(rig_object("some-name"), 3, 100, "new"), ERR_OK);
    rig_close();
    rig_open_ok();
    assert_int_equal(rig_check(rig_object("some-name"), 3, 100, "new"), ERR_OK);
    assert_int_equal(list(&count), ERR_OK);
    assert_int_equal(count, 2);
    rig_close();
    rig_stop();
}

static void an_entry_under_another_name_is_an_error_and_not_served(void **state)
{
    struct engine_object *o;
    unsigned count;

    (void)state;
    store_with("e", "some-name", "some-nama");
    assert_int_equal(rig_lookup(rig_object("some-nama"), &o), ERR_CORRUPT);
    assert_null(o);
    assert_int_equal(list(&count), ERR_CORRUPT);
    assert_int_equal(count, 0);
    rig_close();
    rig_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_step_costs_the_same_however_many_names_share_a_long_prefix, tree_start, tree_stop),
        cmocka_unit_test_setup_teardown(doors_go_with_the_last_behind_them, tree_start, tree_stop),
        cmocka_unit_test(an_entry_with_a_flipped_bit_is_an_error_and_not_served),
        cmocka_unit_test(an_entry_under_another_name_is_an_error_and_not_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
