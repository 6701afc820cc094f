/* Listing: order, groups, pages. What random operations cannot say by name. */
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "engine_suite_cases.h"
#include "engine_suite_stand.h"

/* A listing with a region of its own. */
struct listing {
    struct engine_list list;
    struct region region;
};

static struct engine_list *list_init_one(struct listing *L, unsigned max_items)
{
    region_init(&L->region, reactor_regions(reactor_current()));
    L->list = (struct engine_list){
        .space = SPACE_OBJECT,
        .bucket = stand.bucket,
        .max_items = max_items,
        .region = &L->region};
    return &L->list;
}

static void put_names(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(stand_put(stand_key(names[i]), view_str(names[i]), names[i]), ERR_OK);
}

/* The items are exactly these; a name that ends with '*' stands for a group. */
static void
list_gives(struct engine_list *l, const char *const *names, size_t count, bool is_truncated)
{
    assert_int_equal(stand_list(l), ERR_OK);
    assert_int_equal(l->count, count);
    assert_int_equal(l->is_truncated, is_truncated);
    for (size_t i = 0; i < count; i++) {
        struct view name = view_str(names[i]);
        bool is_group = view_ends(name, VIEW("*"));

        assert_int_equal(l->items[i].is_prefix, is_group);
        assert_true(view_eq(l->items[i].name, view_upto(name, name.len - is_group)));
    }
}

#define GIVES(l, is_truncated, ...)                                                                \
    list_gives(                                                                                    \
        l, (const char *const[]){__VA_ARGS__},                                                     \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), is_truncated)

void a_listing_of_a_missing_bucket_says_so(void **state)
{
    struct listing L;
    struct engine_list *l = list_init_one(&L, 10);

    (void)state;
    l->bucket = VIEW("no-such-bucket");
    assert_int_equal(stand_list(l), ERR_NO_BUCKET);
    assert_int_equal(l->count, 0);
    l->space = SPACE_CONFIG;
    assert_int_equal(stand_list(l), ERR_NO_BUCKET);
    l->bucket = VIEW_EMPTY; /* the store's own */
    list_gives(l, NULL, 0, false);
    region_done(&L.region);
}

void an_empty_bucket_lists_nothing(void **state)
{
    struct listing L;
    struct engine_list *l = list_init_one(&L, 1);

    (void)state;
    list_gives(l, NULL, 0, false);
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "e"), ERR_OK);
    GIVES(l, false, "a");
    assert_int_equal(stand_remove(stand_key("a")), ERR_OK);
    list_gives(l, NULL, 0, false);
    region_done(&L.region);
}

void listing_is_in_byte_order(void **state)
{
    static char long_a[1025], long_b[1025];
    const char *sorted[] = {" ",  ".",    "..",       "/",    "//",   "0",     "A",       "a",
                            "a ", "a/",   "a//",      "a//b", "a/b",  "a0",    long_a,    long_b,
                            "b",  "\x7f", "\xc3\xa9", "\xfe", "\xff", "\xff/", "\xff\xff"};
    size_t count = ARRAY_COUNT(sorted);
    struct listing L;

    (void)state;
    memset(long_a, 'a', 1024);
    memset(long_b, 'a', 1024);
    long_b[1023] = 'b';
    /* Put in an order that is neither way. */
    for (size_t i = 0; i < count; i++) {
        const char *name = sorted[i * 7 % count];

        assert_int_equal(stand_put(stand_key(name), view_str(name), "e"), ERR_OK);
    }
    list_gives(list_init_one(&L, 1001), sorted, count, false);
    region_done(&L.region);
}

void listing_tells_what_lookup_tells(void **state)
{
    struct listing L;
    struct engine_list *l = list_init_one(&L, 10);
    struct engine_put p;

    (void)state;
    stand_put_init(&p, stand_key("a"), "0123");
    p.meta = VIEW("some meta");
    assert_int_equal(stand_write(&p, VIEW("hello")), ERR_OK);
    assert_int_equal(stand_commit(&p), ERR_OK);
    for (size_t meta_max = 0; meta_max < 12; meta_max++) {
        struct engine_info *info;

        l->meta_max = meta_max;
        GIVES(l, false, "a");
        info = &l->items[0].info;
        assert_int_equal(info->size, 5);
        assert_int_equal(info->mtime_ms, p.mtime_ms);
        assert_true(info->seq == p.info.seq);
        assert_true(info->crc64 == crc64_nvme(0, "hello", 5));
        assert_true(view_is(info->etag, "0123"));
        assert_true(view_eq(info->meta, view_upto(p.meta, meta_max)));
    }
    region_done(&L.region);
}

void listing_stays_in_its_space_and_bucket(void **state)
{
    struct listing L;
    struct engine_list *l = list_init_one(&L, 10);
    char longer[ENGINE_BUCKET_BYTES_MAX + 1];

    (void)state;
    /* A bucket whose name starts with this one's. */
    (void)snprintf(longer, sizeof longer, "%.*sx", VIEW_FMT(stand.bucket));
    assert_int_equal(stand_bucket_new(view_str(longer)), ERR_OK);
    assert_int_equal(
        stand_put(stand_key_in(SPACE_OBJECT, view_str(longer), "b"), VIEW("x"), "e"), ERR_OK);
    assert_int_equal(
        stand_put(stand_key_in(SPACE_OBJECT, stand.bucket2, "c"), VIEW("x"), "e"), ERR_OK);
    assert_int_equal(
        stand_put(stand_key_in(SPACE_UPLOAD, stand.bucket, "d"), VIEW("x"), "e"), ERR_OK);
    assert_int_equal(
        stand_put(stand_key_in(SPACE_PART, stand.bucket, "e/1"), VIEW("x"), "e"), ERR_OK);
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "e"), ERR_OK);
    GIVES(l, false, "a");
    l->space = SPACE_UPLOAD;
    GIVES(l, false, "d");
    l->space = SPACE_PART;
    GIVES(l, false, "e/1");
    l->space = SPACE_CONFIG;
    list_gives(l, NULL, 0, false);
    l->space = SPACE_OBJECT;
    l->bucket = view_str(longer);
    GIVES(l, false, "b");
    region_done(&L.region);
}

enum { MANY = 23, GROUP = 10 };

static void put_many(void)
{
    char name[16];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "n%02d", i);
        assert_int_equal(stand_put(stand_key(name), VIEW("x"), "e"), ERR_OK);
    }
}

void pages_visit_everything_once(void **state)
{
    (void)state;
    put_many();
    for (unsigned max_items = 1; max_items <= MANY + 1; max_items++) {
        struct listing L;
        struct engine_list *l = list_init_one(&L, max_items);
        int seen = 0;

        do {
            assert_int_equal(stand_list(l), ERR_OK);
            assert_true(l->count > 0 && l->count <= max_items);
            for (unsigned i = 0; i < l->count; i++, seen++) {
                char name[16];

                (void)snprintf(name, sizeof name, "n%02d", seen);
                assert_true(view_is(l->items[i].name, name));
            }
            l->after = l->items[l->count - 1].name;
        } while (l->is_truncated);
        assert_int_equal(seen, MANY);
        region_done(&L.region);
    }
}

void a_full_page_that_is_the_last_is_not_truncated(void **state)
{
    static const char *const names[] = {"a", "g/1", "g/2", "z"};
    struct listing L;
    struct engine_list *l = list_init_one(&L, 4);

    (void)state;
    put_names(names, ARRAY_COUNT(names));
    list_gives(l, names, 4, false);
    l->max_items = 3;
    list_gives(l, names, 3, true);
    /* What remains of a group already given is not more. */
    l->delimiter = VIEW("/");
    GIVES(l, false, "a", "g/*", "z");
    l->max_items = 2;
    GIVES(l, true, "a", "g/*");
    assert_int_equal(stand_remove(stand_key("z")), ERR_OK);
    GIVES(l, false, "a", "g/*");
    /* Nor is what another prefix has. */
    l->prefix = VIEW("g/");
    l->max_items = 2;
    GIVES(l, false, "g/1", "g/2");
    region_done(&L.region);
}

void a_group_is_one_item(void **state)
{
    static const char *const names[] = {"/", "a", "a-", "a/", "a//b", "a/b", "a/c/d", "a0", "b/c"};
    struct listing L;
    struct engine_list *l = list_init_one(&L, 100);

    (void)state;
    put_names(names, ARRAY_COUNT(names));
    l->delimiter = VIEW("/");
    GIVES(l, false, "/*", "a", "a-", "a/*", "a0", "b/*");
    l->prefix = VIEW("a");
    GIVES(l, false, "a", "a-", "a/*", "a0");
    l->prefix = VIEW("a/");
    GIVES(l, false, "a/", "a//*", "a/b", "a/c/*");
    l->prefix = VIEW("a/c");
    GIVES(l, false, "a/c/*");
    l->prefix = VIEW("a/c/d");
    GIVES(l, false, "a/c/d");
    l->prefix = VIEW("a/c/d/");
    list_gives(l, NULL, 0, false);
    region_done(&L.region);
}

void after_leaves_out_groups_as_entries(void **state)
{
    static const char *const names[] = {"a", "g/1", "g/2", "z"};
    struct listing L;
    struct engine_list *l = list_init_one(&L, 100);

    (void)state;
    put_names(names, ARRAY_COUNT(names));
    l->after = VIEW("a");
    GIVES(l, false, "g/1", "g/2", "z");
    l->is_after_inclusive = true;
    GIVES(l, false, "a", "g/1", "g/2", "z");
    l->delimiter = VIEW("/");
    GIVES(l, false, "a", "g/*", "z");
    l->after = VIEW("g/");
    GIVES(l, false, "g/*", "z");
    l->is_after_inclusive = false;
    GIVES(l, false, "z");
    l->after = VIEW("g/1");
    GIVES(l, false, "z");
    l->after = VIEW("g");
    GIVES(l, false, "g/*", "z");
    l->after = VIEW("z");
    list_gives(l, NULL, 0, false);
    l->after = VIEW("zz");
    l->is_after_inclusive = true;
    list_gives(l, NULL, 0, false);
    /* after in front of and behind the prefix */
    l->prefix = VIEW("g/");
    l->delimiter = VIEW_EMPTY;
    list_gives(l, NULL, 0, false);
    l->after = VIEW("b");
    GIVES(l, false, "g/1", "g/2");
    region_done(&L.region);
}

void a_delimiter_may_have_several_bytes(void **state)
{
    static const char two[] = "x\xff\xff", three[] = "x\xff\xff\x31";
    static const char *const names[] = {"a-", "a--b", "a---", "a-b--c", two, three};
    struct listing L;
    struct engine_list *l = list_init_one(&L, 100);

    (void)state;
    put_names(names, ARRAY_COUNT(names));
    l->delimiter = VIEW("--");
    GIVES(l, false, "a-", "a--*", "a-b--*", two, three);
    l->prefix = VIEW("a-");
    GIVES(l, false, "a-", "a---*", "a--b", "a-b--*");
    /* A group that ends with the highest byte has names behind it all the same. */
    l->prefix = VIEW_EMPTY;
    l->delimiter = VIEW("\xff\xff");
    assert_int_equal(stand_put(stand_key("\xff\xff"), VIEW("x"), "e"), ERR_OK);
    assert_int_equal(stand_put(stand_key("\xff\xff\xff"), VIEW("x"), "e"), ERR_OK);
    GIVES(l, false, "a-", "a---", "a--b", "a-b--c", "x\xff\xff*", "\xff\xff*");
    region_done(&L.region);
}

void a_listing_without_memory_is_busy(void **state)
{
    struct region_pool pool;
    struct listing L;
    struct engine_list *l = list_init_one(&L, 100);
    char name[1025];

    (void)state;
    memset(name, 'k', sizeof name - 1);
    name[1024] = 0;
    for (int i = 0; i < 40; i++) {
        name[1023] = (char)('A' + i);
        assert_int_equal(stand_put(stand_key(name), VIEW("x"), "e"), ERR_OK);
    }
    region_done(&L.region);
    for (size_t blocks = 0; blocks < 3; blocks++) {
        region_pool_init(&pool, blocks);
        region_init(&L.region, &pool);
        assert_int_equal(stand_list(l), ERR_BUSY);
        assert_int_equal(l->count, 0);
        region_done(&L.region);
        region_pool_done(&pool);
    }
    l = list_init_one(&L, 100);
    assert_int_equal(stand_list(l), ERR_OK);
    assert_int_equal(l->count, 40);
    region_done(&L.region);
}

static void make_bucket(const char *name)
{
    assert_int_equal(stand_bucket_new(view_str(name)), ERR_OK);
}

void buckets_are_listed_over_all_owners(void **state)
{
    struct listing L;
    struct engine_list *l = list_init_one(&L, 1001);
    char name[16];

    (void)state;
    assert_int_equal(stand_remove(stand_key_in(SPACE_BUCKET, stand.bucket, "")), ERR_OK);
    assert_int_equal(stand_remove(stand_key_in(SPACE_BUCKET, stand.bucket2, "")), ERR_OK);
    l->space = SPACE_BUCKET;
    l->bucket = VIEW_EMPTY;
    list_gives(l, NULL, 0, false);
    for (int i = MANY - 1; i >= 0; i--) {
        (void)snprintf(name, sizeof name, "n%02d", i);
        make_bucket(name);
    }
    for (int i = 0; i < GROUP; i++) {
        (void)snprintf(name, sizeof name, "x-%d", i);
        make_bucket(name);
    }
    assert_int_equal(stand_list(l), ERR_OK);
    assert_int_equal(l->count, MANY + GROUP);
    for (unsigned i = 1; i < l->count; i++)
        assert_true(view_compare(l->items[i - 1].name, l->items[i].name) < 0);
    l->prefix = VIEW("n");
    l->max_items = 10;
    l->after = VIEW("n05");
    GIVES(l, true, "n06", "n07", "n08", "n09", "n10", "n11", "n12", "n13", "n14", "n15");
    l->max_items = 7;
    l->after = VIEW("n15");
    GIVES(l, false, "n16", "n17", "n18", "n19", "n20", "n21", "n22");
    /* A group with members at several owners. */
    l->after = VIEW("n22");
    l->prefix = VIEW_EMPTY;
    l->delimiter = VIEW("-");
    GIVES(l, false, "x-*");
    l->max_items = 1;
    GIVES(l, false, "x-*");
    region_done(&L.region);
}
