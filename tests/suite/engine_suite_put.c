/* Put, look up, overwrite, remove: what is visible, when, and what is told of it. */
#include <stdlib.h>

#include "base/crc64.h"
#include "engine_suite_cases.h"
#include "engine_suite_stand.h"

void what_is_not_there_is_not_found(void **state)
{
    struct engine_object *o;

    (void)state;
    assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_NOT_FOUND);
    assert_int_equal(
        stand_lookup(stand_key_in(SPACE_BUCKET, VIEW("no-such-bucket"), ""), &o), ERR_NOT_FOUND);
    assert_int_equal(stand_remove(stand_key("a")), ERR_NOT_FOUND);
    assert_int_equal(
        stand_remove(stand_key_in(SPACE_BUCKET, VIEW("no-such-bucket"), "")), ERR_NOT_FOUND);
    assert_int_equal(stand_put(stand_key("ab"), VIEW("x"), "e"), ERR_OK);
    assert_false(stand_has(stand_key("a")));
    assert_false(stand_has(stand_key("abc")));
}

void a_missing_bucket_is_said(void **state)
{
    static const enum engine_space spaces[] = {
        SPACE_OBJECT, SPACE_UPLOAD, SPACE_PART, SPACE_CONFIG};
    struct engine_object *o;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(spaces); i++) {
        struct engine_key key = stand_key_in(spaces[i], VIEW("no-such-bucket"), "a");

        assert_int_equal(stand_lookup(key, &o), ERR_NO_BUCKET);
        assert_int_equal(stand_put(key, VIEW("x"), "e"), ERR_NO_BUCKET);
        assert_int_equal(stand_remove(key), ERR_NO_BUCKET);
    }
}

void an_entry_is_found_as_committed(void **state)
{
    struct engine_object *o;
    struct engine_put p;

    (void)state;
    stand_put_init(&p, stand_key("key"), "0123abc");
    p.mtime_ms = 42;
    p.meta = VIEW("meta \0 bytes");
    assert_int_equal(stand_write(&p, VIEW("123456789")), ERR_OK);
    assert_int_equal(stand_commit(&p), ERR_OK);
    assert_int_equal(p.info.size, 9);
    assert_true(p.info.crc64 == 0xae8b14860a799888u);
    assert_int_equal(p.info.mtime_ms, 42);

    assert_int_equal(stand_lookup(stand_key("key"), &o), ERR_OK);
    assert_int_equal(o->info.size, 9);
    assert_int_equal(o->info.mtime_ms, 42);
    assert_true(o->info.seq == p.info.seq);
    assert_true(o->info.crc64 == 0xae8b14860a799888u);
    assert_true(view_is(o->info.etag, "0123abc"));
    assert_true(view_eq(o->info.meta, VIEW("meta \0 bytes")));
    engine_release(o);
    stand_holds(stand_key("key"), VIEW("123456789"), "0123abc");
}

void nothing_is_visible_before_commit(void **state)
{
    struct engine_put p;

    (void)state;
    stand_put_init(&p, stand_key("a"), "e");
    assert_int_equal(stand_write(&p, VIEW("hello")), ERR_OK);
    assert_false(stand_has(stand_key("a")));
    assert_int_equal(stand_commit(&p), ERR_OK);
    assert_true(stand_has(stand_key("a")));
}

void abort_leaves_nothing(void **state)
{
    uint8_t *bytes = stand_bytes(3 * CHUNK_BYTES_MAX, 1);
    struct engine_put p;

    (void)state;
    stand_put_init(&p, stand_key("a"), "e");
    stand_abort(&p);
    stand_put_init(&p, stand_key("a"), "e");
    assert_int_equal(stand_write(&p, view_of(bytes, 3 * CHUNK_BYTES_MAX)), ERR_OK);
    stand_abort(&p);
    assert_false(stand_has(stand_key("a")));

    assert_int_equal(stand_put(stand_key("a"), VIEW("old"), "old"), ERR_OK);
    stand_put_init(&p, stand_key("a"), "new");
    assert_int_equal(stand_write(&p, VIEW("new")), ERR_OK);
    stand_abort(&p);
    stand_holds(stand_key("a"), VIEW("old"), "old");
    free(bytes);
}

/* The pinned object o still has these bytes. */
static void pin_holds(struct engine_object *o, struct view bytes, const char *etag)
{
    uint8_t *got = malloc(bytes.len);

    assert_int_equal(o->info.size, bytes.len);
    assert_true(view_is(o->info.etag, etag));
    assert_int_equal(stand_read(o, 0, bytes.len, got), ERR_OK);
    assert_memory_equal(got, bytes.at, bytes.len);
    assert_int_equal(stand_read_lent(o, 0, bytes.len, got), ERR_OK);
    assert_memory_equal(got, bytes.at, bytes.len);
    free(got);
}

static const size_t pinned_sizes[] = {5, 5000, 2 * CHUNK_BYTES_MAX + 7};

void an_overwrite_leaves_pinned_readers_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(pinned_sizes); i++) {
        size_t len = pinned_sizes[i];
        uint8_t *old = stand_bytes(len, 1), *new = stand_bytes(len, 2);
        struct engine_object *o, *o2;

        assert_int_equal(stand_put(stand_key("a"), view_of(old, len), "old"), ERR_OK);
        assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
        assert_int_equal(stand_lookup(stand_key("a"), &o2), ERR_OK);
        assert_int_equal(stand_put(stand_key("a"), view_of(new, len), "new"), ERR_OK);
        pin_holds(o, view_of(old, len), "old");
        engine_release(o);
        pin_holds(o2, view_of(old, len), "old");
        engine_release(o2);
        stand_holds(stand_key("a"), view_of(new, len), "new");
        free(old);
        free(new);
    }
}

void a_removal_leaves_pinned_readers_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(pinned_sizes); i++) {
        size_t len = pinned_sizes[i];
        uint8_t *old = stand_bytes(len, 3), *new = stand_bytes(len, 4);
        struct engine_object *o;

        assert_int_equal(stand_put(stand_key("a"), view_of(old, len), "old"), ERR_OK);
        assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
        assert_int_equal(stand_remove(stand_key("a")), ERR_OK);
        assert_false(stand_has(stand_key("a")));
        /* What takes the room of the removed one must not show through. */
        assert_int_equal(stand_put(stand_key("b"), view_of(new, len), "new"), ERR_OK);
        pin_holds(o, view_of(old, len), "old");
        engine_release(o);
        free(old);
        free(new);
    }
}

void seq_grows_with_every_commit(void **state)
{
    uint64_t last = 0;

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        struct engine_put p;

        stand_put_init(&p, stand_key(i % 2 ? "a" : "b"), "e");
        assert_int_equal(stand_commit(&p), ERR_OK);
        assert_true(p.info.seq > last);
        last = p.info.seq;
    }
}

void spaces_are_apart(void **state)
{
    static const enum engine_space spaces[] = {
        SPACE_OBJECT, SPACE_UPLOAD, SPACE_PART, SPACE_CONFIG};
    static const char *const texts[] = {"object", "upload", "part", "config"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(spaces); i++) {
        struct engine_key key = stand_key_in(spaces[i], stand.bucket, "a");

        assert_false(stand_has(key));
        assert_int_equal(stand_put(key, view_str(texts[i]), texts[i]), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_COUNT(spaces); i++)
        stand_holds(stand_key_in(spaces[i], stand.bucket, "a"), view_str(texts[i]), texts[i]);
    assert_false(stand_has(stand_key_in(SPACE_OBJECT, stand.bucket2, "a")));
    assert_int_equal(stand_remove(stand_key_in(SPACE_PART, stand.bucket, "a")), ERR_OK);
    stand_holds(stand_key("a"), VIEW("object"), "object");
}

void names_may_hold_any_bytes(void **state)
{
    uint8_t longest[ENGINE_NAME_BYTES_MAX];
    struct view names[] = {
        VIEW("\0"),   VIEW("a\0b"), VIEW("a\0"), VIEW("a"),
        VIEW("\xff"), VIEW("/"),    VIEW("."),   view_of(longest, sizeof longest)};

    (void)state;
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = (uint8_t)(255 - i % 256);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct engine_key key = {SPACE_OBJECT, stand.bucket, names[i]};

        assert_false(stand_has(key));
        assert_int_equal(stand_put(key, names[i], "e"), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        stand_holds((struct engine_key){SPACE_OBJECT, stand.bucket, names[i]}, names[i], "e");
}

void etag_and_meta_may_be_empty_or_largest(void **state)
{
    static const size_t meta_sizes[] = {0, 1, 4096, 65536, ENGINE_META_BYTES_MAX};
    uint8_t *meta = stand_bytes(ENGINE_META_BYTES_MAX, 5);
    char etag[ENGINE_ETAG_BYTES_MAX + 1] = "";

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(meta_sizes); i++) {
        struct engine_object *o;
        struct engine_put p;

        stand_put_init(&p, stand_key("a"), etag);
        p.meta = view_of(meta, meta_sizes[i]);
        assert_int_equal(stand_write(&p, VIEW("payload")), ERR_OK);
        assert_int_equal(stand_commit(&p), ERR_OK);
        assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
        assert_true(view_is(o->info.etag, etag));
        assert_true(view_eq(o->info.meta, p.meta));
        engine_release(o);
        stand_holds(stand_key("a"), VIEW("payload"), etag);
        memset(etag, 'e', sizeof etag - 1);
    }
    free(meta);
}

void the_stores_own_config_needs_no_bucket(void **state)
{
    struct engine_key key = stand_key_in(SPACE_CONFIG, VIEW_EMPTY, "root");

    (void)state;
    assert_false(stand_has(key));
    assert_int_equal(stand_put(key, VIEW("secret"), "e"), ERR_OK);
    stand_holds(key, VIEW("secret"), "e");
    assert_false(stand_has(stand_key_in(SPACE_CONFIG, stand.bucket, "root")));
    assert_int_equal(stand_remove(key), ERR_OK);
    assert_false(stand_has(key));
}

void a_wrong_crc64_is_refused(void **state)
{
    struct engine_put p;

    (void)state;
    for (int is_right = 0; is_right < 2; is_right++) {
        stand_put_init(&p, stand_key("a"), "e");
        p.has_crc64_expected = true;
        p.crc64_expected = crc64_nvme(0, "hello", 5) ^ (is_right ? 0 : 1);
        assert_int_equal(stand_write(&p, VIEW("hello")), ERR_OK);
        assert_int_equal(stand_commit(&p), is_right ? ERR_OK : ERR_BAD_DIGEST);
        assert_int_equal(stand_has(stand_key("a")), is_right);
    }
    /* Of nothing, too. */
    stand_put_init(&p, stand_key("b"), "e");
    p.has_crc64_expected = true;
    p.crc64_expected = 1;
    assert_int_equal(stand_commit(&p), ERR_BAD_DIGEST);
    assert_false(stand_has(stand_key("b")));
}

void facts_are_given(void **state)
{
    struct engine_facts facts;

    (void)state;
    engine_facts(stand.E, &facts);
    assert_string_equal(facts.name, stand.factory->name);
    assert_true(facts.detail[0]);
    assert_true(facts.bytes_free <= facts.bytes_total);
}
