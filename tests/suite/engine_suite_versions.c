/* Versions: what puts and removals move. Each state is told as a story. */
#include <stdio.h>
#include <stdlib.h>

#include "engine_suite_cases.h"
#include "engine_suite_story.h"

enum { ON = ENGINE_BUCKET_VERSIONED, PAUSED = ENGINE_BUCKET_SUSPENDED };

void without_flags_a_put_replaces(void **state)
{
    (void)state;
    story_is("a", "");
    story_put("a", "one");
    story_is("a", "one0*");
    story_put("a", "two");
    story_is("a", "two0*");
    assert_int_equal(story_remove_version("a", version_of(7777)), ERR_NOT_FOUND);
    assert_int_equal(story_remove_version("a", version_null), ERR_OK);
    story_is("a", "");
    assert_int_equal(story_remove_version("a", version_null), ERR_NOT_FOUND);
    assert_int_equal(stand_remove(stand_key("a")), ERR_NOT_FOUND);
}

void a_versioned_bucket_keeps_what_was_there(void **state)
{
    (void)state;
    story_put("a", "one");
    stand_set_versions(ON);
    story_is("a", "one0*");
    story_put("a", "two");
    story_is("a", "two* one0");
    story_put("a", "three");
    story_is("a", "three* two one0");
    stand_holds(stand_key("a"), VIEW("three"), "three");
    story_put("b", "other");
    story_is("b", "other*");
    story_is("a", "three* two one0");
}

void a_bucket_may_be_made_versioned(void **state)
{
    struct view made = VIEW("made-versioned"), kept = stand.bucket;
    struct engine_put p;

    (void)state;
    stand_put_init(&p, (struct engine_key){SPACE_BUCKET, made, VIEW_EMPTY}, "");
    p.flags = ON;
    assert_int_equal(stand_commit(&p), ERR_OK);
    assert_int_equal(p.info.flags, ON);
    stand.bucket = made;
    story_put("a", "one");
    story_put("a", "two");
    story_is("a", "two* one");
    stand.bucket = kept;
    story_put("a", "x");
    story_put("a", "y");
    story_is("a", "y0*");
}

void a_suspended_bucket_replaces_the_null_version(void **state)
{
    (void)state;
    stand_set_versions(PAUSED);
    story_put("a", "one");
    story_is("a", "one0*");
    story_put("a", "two"); /* the null version is the latest */
    story_is("a", "two0*");
    stand_set_versions(ON);
    story_put("a", "three");
    story_put("a", "four");
    story_is("a", "four* three two0");
    stand_set_versions(PAUSED);
    story_put("a", "five"); /* the null version is the oldest */
    story_is("a", "five0* four three");
    stand_set_versions(ON);
    story_put("a", "six");
    story_is("a", "six* five0 four three");
    stand_set_versions(PAUSED);
    story_put("a", "seven"); /* in the middle */
    story_is("a", "seven0* six four three");
    stand_set_versions(ON);
    story_put("b", "one");
    stand_set_versions(PAUSED);
    story_put("b", "two"); /* there is none */
    story_is("b", "two0* one");
}

void removing_in_a_versioned_bucket_makes_a_marker(void **state)
{
    struct engine_remove r = {.mtime_ms = 77, .meta = VIEW("who did it")};
    struct engine_lookup l;

    (void)state;
    story_put("a", "one");
    stand_set_versions(ON);
    story_put("a", "two");
    r.key = stand_key("a");
    assert_int_equal(stand_do_remove(&r), ERR_OK);
    assert_true(r.made_marker);
    assert_int_equal(r.info.flags, ENGINE_MARKER | ENGINE_VERSION_NAMED);
    assert_int_equal(r.info.seq, story_seq("a", 0));
    story_is("a", "X* two one0");
    l = (struct engine_lookup){.key = stand_key("a"), .version = version_of(r.info.seq)};
    assert_int_equal(stand_do_lookup(&l), ERR_OK);
    assert_true(view_is(l.object->info.meta, "who did it"));
    assert_int_equal(l.object->info.mtime_ms, 77);
    assert_int_equal(l.object->info.size, 0);
    engine_release(l.object);
    story_remove("a"); /* again: a marker on a marker */
    story_is("a", "X* X two one0");
    story_put("a", "three");
    story_is("a", "three* X X two one0");
}

void a_marker_is_made_of_nothing(void **state)
{
    (void)state;
    stand_set_versions(ON);
    story_remove("a");
    story_is("a", "X*");
    stand_set_versions(PAUSED);
    story_remove("b");
    story_is("b", "X0*");
    story_remove("b"); /* it is the null version, and replaced */
    story_is("b", "X0*");
    story_remove("a");
    story_is("a", "X0* X");
}

void removing_in_a_suspended_bucket_replaces_the_null_version(void **state)
{
    (void)state;
    story_put("a", "one");
    stand_set_versions(PAUSED);
    story_remove("a"); /* the null version was the latest */
    story_is("a", "X0*");
    stand_set_versions(ON);
    story_put("a", "two");
    story_put("a", "three");
    story_is("a", "three* two X0");
    stand_set_versions(PAUSED);
    story_remove("a"); /* it was the oldest, and a marker */
    story_is("a", "X0* three two");
    story_put("a", "four"); /* it was a marker, and the latest */
    story_is("a", "four0* three two");
    stand_set_versions(ON);
    story_put("a", "five");
    stand_set_versions(PAUSED);
    story_remove("a"); /* in the middle, and no marker */
    story_is("a", "X0* five three two");
}

void removing_a_named_version_removes_it_for_good(void **state)
{
    struct engine_remove r;

    (void)state;
    stand_set_versions(ON);
    story_put("a", "one");
    story_put("a", "two");
    story_put("a", "three");
    story_put("a", "four");
    r = (struct engine_remove){.key = stand_key("a"), .version = version_of(story_seq("a", 2))};
    assert_int_equal(stand_do_remove(&r), ERR_OK);
    assert_false(r.made_marker);
    assert_int_equal(r.info.seq, r.version.seq);
    assert_int_equal(r.info.size, 3);
    assert_int_equal(r.info.flags, ENGINE_VERSION_NAMED);
    story_is("a", "four* three one");
    assert_int_equal(stand_do_remove(&r), ERR_NOT_FOUND);
    story_remove_nth("a", 2);
    story_is("a", "four* three");
    story_remove_nth("a", 0); /* the next older one is the latest now */
    story_is("a", "three*");
    stand_holds(stand_key("a"), VIEW("three"), "three");
    story_remove_nth("a", 0);
    story_is("a", "");
    assert_int_equal(story_remove_version("a", version_of(r.version.seq)), ERR_NOT_FOUND);
    assert_int_equal(story_remove_version("a", version_of(UINT64_MAX)), ERR_NOT_FOUND);
    assert_int_equal(story_remove_version("a", version_of(0)), ERR_NOT_FOUND);
}

void removing_a_marker_brings_back_what_was_before(void **state)
{
    (void)state;
    stand_set_versions(ON);
    story_put("a", "one");
    story_put("a", "two");
    story_remove("a");
    story_remove("a");
    story_is("a", "X* X two one");
    story_remove_nth("a", 0); /* behind it is another one */
    story_is("a", "X* two one");
    story_remove_nth("a", 0);
    story_is("a", "two* one");
    stand_holds(stand_key("a"), VIEW("two"), "two");
    story_remove("a");
    story_put("a", "three");
    story_is("a", "three* X two one");
    story_remove_nth("a", 0); /* the latest: it stops at the marker */
    story_is("a", "X* two one");
    story_put("a", "four");
    story_remove_nth("a", 1); /* a marker that is not the latest */
    story_is("a", "four* two one");
}

void the_null_version_is_removed_wherever_it_is(void **state)
{
    (void)state;
    story_put("a", "one");
    stand_set_versions(ON);
    story_put("a", "two");
    assert_int_equal(story_remove_version("a", version_null), ERR_OK);
    story_is("a", "two*");
    assert_int_equal(story_remove_version("a", version_null), ERR_NOT_FOUND);
    stand_set_versions(PAUSED);
    story_put("a", "three");
    assert_int_equal(story_remove_version("a", version_null), ERR_OK);
    story_is("a", "two*"); /* and is the latest again */
    story_remove("a");
    story_is("a", "X0* two");
    assert_int_equal(story_remove_version("a", version_null), ERR_OK);
    story_is("a", "two*");
}

/* What is promoted must be found as the null version where it is then, and replaced there. */
void a_null_version_may_become_the_latest_again(void **state)
{
    (void)state;
    story_put("a", "one");
    stand_set_versions(ON);
    story_put("a", "two");
    story_remove_nth("a", 0);
    story_is("a", "one0*");
    stand_set_versions(PAUSED);
    story_put("a", "three");
    story_is("a", "three0*");
    stand_set_versions(ON);
    story_remove("a");
    story_remove_nth("a", 0);
    story_is("a", "three0*");
    story_put("a", "four");
    stand_set_versions(PAUSED);
    story_put("a", "five");
    story_is("a", "five0* four");
    /* Nothing is left to point at where it was. */
    stand_set_versions(ON);
    story_put("b", "x");
    stand_set_versions(PAUSED);
    story_put("b", "one");
    stand_set_versions(ON);
    story_put("b", "two");
    story_remove_nth("b", 0);
    story_is("b", "one0* x");
    assert_int_equal(story_remove_version("b", version_null), ERR_OK);
    story_is("b", "x*");
}

void a_version_stays_what_it_is_when_it_moves(void **state)
{
    size_t len = 3 * CHUNK_BYTES_MAX / 2;
    uint8_t *bytes = stand_bytes(len, 5), *got = malloc(len);
    struct engine_object *pin, *older;
    struct engine_lookup l = {.key = stand_key("a")};

    (void)state;
    stand_set_versions(ON);
    assert_int_equal(stand_put(stand_key("a"), view_of(bytes, len), "big"), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("a"), &pin), ERR_OK);
    story_put("a", "two");
    l.version = version_of(pin->info.seq);
    assert_int_equal(stand_do_lookup(&l), ERR_OK);
    older = l.object;
    assert_false(l.is_latest);
    assert_int_equal(older->info.rev, pin->info.rev);
    assert_int_equal(older->info.crc64, pin->info.crc64);
    story_remove_nth("a", 0);
    stand_holds(stand_key("a"), view_of(bytes, len), "big");
    story_remove_nth("a", 0);
    story_is("a", "");
    assert_int_equal(stand_read(pin, 0, len, got), ERR_OK);
    assert_memory_equal(got, bytes, len);
    memset(got, 0, len);
    assert_int_equal(stand_read_lent(older, 0, len, got), ERR_OK);
    assert_memory_equal(got, bytes, len);
    engine_release(pin);
    engine_release(older);
    free(bytes);
    free(got);
}

void a_bucket_with_versions_stays(void **state)
{
    struct engine_key bucket = stand_key_in(SPACE_BUCKET, stand.bucket, "");

    (void)state;
    stand_set_versions(ON);
    story_put("a", "one");
    story_remove("a");
    assert_int_equal(stand_remove(bucket), ERR_NOT_EMPTY);
    story_remove_nth("a", 1);
    story_is("a", "X*");
    assert_int_equal(stand_remove(bucket), ERR_NOT_EMPTY);
    story_remove_nth("a", 0);
    assert_int_equal(stand_remove(bucket), ERR_OK);
    assert_int_equal(stand_bucket_new(stand.bucket), ERR_OK);
    story_put("a", "x");
    story_put("a", "y");
    story_is("a", "y0*");
}

void a_bucket_once_versioned_stays_versioned_or_suspended(void **state)
{
    struct engine_key bucket = stand_key_in(SPACE_BUCKET, stand.bucket, "");
    struct engine_amend a = {.key = bucket, .sets_flags = true};

    (void)state;
    assert_int_equal(stand_do_amend(&a), ERR_OK);
    stand_set_versions(ON);
    assert_int_equal(stand_do_amend(&a), ERR_INVALID);
    assert_int_equal(stand_put(bucket, VIEW_EMPTY, "again"), ERR_INVALID);
    stand_set_versions(PAUSED);
    assert_int_equal(stand_do_amend(&a), ERR_INVALID);
    stand_set_versions(ON);
}

void a_versioned_name_holds_no_zero_byte(void **state)
{
    struct engine_key key = {SPACE_OBJECT, stand.bucket, VIEW("a\0b")};

    (void)state;
    assert_int_equal(stand_put(key, VIEW("x"), "e"), ERR_OK);
    stand_set_versions(ON);
    assert_int_equal(stand_put(key, VIEW("x"), "e"), ERR_INVALID);
    assert_int_equal(stand_remove(key), ERR_INVALID);
    stand_holds(key, VIEW("x"), "e");
    story_put("a", "one");
    story_put("a", "two");
    story_is("a", "two* one");
}

/* Keys that begin alike, the longest there is, and the largest byte. */
void versions_of_different_keys_do_not_mix(void **state)
{
    static char longest[ENGINE_NAME_BYTES_MAX + 1];
    const char *names[] = {"a", "ab", "a\x01", "a\xff", "a\xff\xff", "b", longest};

    (void)state;
    memset(longest, 'a', ENGINE_NAME_BYTES_MAX);
    stand_set_versions(ON);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
            char text[16];

            (void)snprintf(text, sizeof text, "%u-%u", i, round);
            story_put(names[i], text);
        }
    }
    for (unsigned i = 0; i < ARRAY_COUNT(names); i++) {
        for (unsigned k = 0; k < 3; k++) {
            struct engine_lookup l = {.key = stand_key(names[i])};
            char text[16];

            (void)snprintf(text, sizeof text, "%u-%u", i, 2 - k);
            assert_int_equal(stand_do_lookup(&l), ERR_OK);
            assert_true(view_is(l.object->info.etag, text));
            l.version = version_of(l.object->info.seq);
            engine_release(l.object);
            assert_int_equal(story_remove_version(names[i], l.version), ERR_OK);
        }
        assert_false(stand_has(stand_key(names[i])));
    }
}

void compose_into_a_versioned_bucket_keeps_what_was_there(void **state)
{
    struct engine_key up = stand_key_in(SPACE_UPLOAD, stand.bucket, "key-id");
    struct engine_key part = stand_key_in(SPACE_PART, stand.bucket, "id/00001");
    struct engine_object *o;
    struct engine_put p;

    (void)state;
    stand_set_versions(ON);
    story_put("a", "one");
    assert_int_equal(stand_put(up, VIEW_EMPTY, "u"), ERR_OK);
    assert_int_equal(stand_put(part, VIEW("the part"), "p"), ERR_OK);
    assert_int_equal(stand_lookup(part, &o), ERR_OK);
    stand_put_init(&p, stand_key("a"), "two");
    p.parts = &o;
    p.part_count = 1;
    p.require = p.also_remove = up;
    p.purge_parts = VIEW("id/");
    assert_int_equal(stand_commit(&p), ERR_OK);
    engine_release(o);
    assert_int_equal(p.info.flags, ENGINE_VERSION_NAMED);
    assert_false(stand_has(up));
    assert_false(stand_has(part));
    story_is("a", "two* one");
    stand_holds(stand_key("a"), VIEW("the part"), "two");
    story_put("a", "three");
    story_remove_nth("a", 0);
    stand_holds(stand_key("a"), VIEW("the part"), "two");
}

enum { RACERS = 9 };

void racing_puts_all_become_versions(void **state)
{
    struct engine_put puts[RACERS];
    uint64_t highest = 0;

    (void)state;
    stand_set_versions(ON);
    for (int i = 0; i < RACERS; i++) {
        stand_put_init(&puts[i], stand_key("a"), "r");
        assert_int_equal(stand_write(&puts[i], VIEW("r")), ERR_OK);
    }
    for (int i = 0; i < RACERS; i++) {
        stand_arm(&puts[i].op);
        engine_commit(&puts[i]);
    }
    stand_wait();
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(puts[i].op.err, ERR_OK);
        highest = MAX(highest, puts[i].info.seq);
    }
    story_is("a", "r* r r r r r r r r");
    assert_int_equal(story_seq("a", 0), highest);
    stand_set_versions(PAUSED);
    for (int i = 0; i < RACERS; i++) {
        stand_put_init(&puts[i], stand_key("a"), "s");
        stand_arm(&puts[i].op);
        engine_commit(&puts[i]);
    }
    stand_wait();
    story_is("a", "s0* r r r r r r r r r");
}

void a_closed_engine_opens_with_its_versions(void **state)
{
    (void)state;
    if (!stand.factory->is_persistent)
        return;
    story_put("a", "one");
    stand_set_versions(ON);
    story_put("a", "two");
    story_put("a", "three");
    story_remove("a");
    story_put("b", "x");
    story_remove_nth("a", 1);
    stand_reopen(stand.owner_count);
    story_is("a", "X* two one0");
    story_remove_nth("a", 0);
    story_is("a", "two* one0");
    stand_set_versions(PAUSED);
    stand_reopen(1);
    story_put("a", "four");
    story_is("a", "four0* two");
    stand_holds(stand_key("a"), VIEW("four"), "four");
}
