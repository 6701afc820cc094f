/* Amendments, revisions, and conditions on versions. */
#include <stdio.h>
#include <stdlib.h>

#include "engine_suite_cases.h"
#include "engine_suite_story.h"

static enum err amend(const char *name, struct engine_version version, const char *meta)
{
    struct engine_amend a = {.key = stand_key(name), .version = version, .meta = view_str(meta)};

    return stand_do_amend(&a);
}

static void has_meta(const char *name, struct engine_version version, const char *meta)
{
    struct engine_lookup l = {.key = stand_key(name), .version = version};

    assert_int_equal(stand_do_lookup(&l), ERR_OK);
    assert_true(view_is(l.object->info.meta, meta));
    engine_release(l.object);
}

static const struct engine_version latest = {VERSION_LATEST, 0};

void an_amendment_changes_meta_and_rev_only(void **state)
{
    size_t len = CHUNK_BYTES_MAX + 5;
    uint8_t *bytes = stand_bytes(len, 3);
    struct engine_object *before, *after;
    struct engine_amend a = {.key = stand_key("a"), .meta = VIEW("tags")};

    (void)state;
    assert_int_equal(stand_put(stand_key("a"), view_of(bytes, len), "big"), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("a"), &before), ERR_OK);
    assert_int_equal(before->info.rev, before->info.seq);
    assert_int_equal(stand_do_amend(&a), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("a"), &after), ERR_OK);
    assert_true(view_is(after->info.meta, "tags"));
    assert_int_equal(after->info.seq, before->info.seq);
    assert_int_equal(after->info.mtime_ms, before->info.mtime_ms);
    assert_int_equal(after->info.flags, before->info.flags);
    assert_true(after->info.rev > before->info.rev);
    assert_int_equal(a.info.rev, after->info.rev);
    assert_int_equal(a.info.seq, after->info.seq);
    assert_int_equal(a.info.size, len);
    assert_null(a.info.meta.at);
    assert_int_equal(before->info.meta.len, 0); /* what was pinned keeps what it saw */
    engine_release(before);
    engine_release(after);
    stand_holds(stand_key("a"), view_of(bytes, len), "big");
    for (int i = 0; i < 3; i++)
        assert_int_equal(amend("a", latest, i == 2 ? "" : "more"), ERR_OK);
    has_meta("a", latest, "");
    stand_holds(stand_key("a"), view_of(bytes, len), "big");
    free(bytes);
}

void an_inline_payload_survives_its_amendments(void **state)
{
    (void)state;
    story_put("a", "small");
    for (int i = 0; i < 80; i++) {
        char meta[16];

        (void)snprintf(meta, sizeof meta, "m%d", i);
        assert_int_equal(amend("a", latest, meta), ERR_OK);
        story_put("b", "fills the log");
    }
    has_meta("a", latest, "m79");
    stand_holds(stand_key("a"), VIEW("small"), "small");
}

void what_is_not_there_cannot_be_amended(void **state)
{
    struct engine_amend a = {.key = {SPACE_OBJECT, VIEW("no-such"), VIEW("a")}};

    (void)state;
    assert_int_equal(amend("a", latest, "m"), ERR_NOT_FOUND);
    assert_int_equal(stand_do_amend(&a), ERR_NO_BUCKET);
    assert_false(stand_has(stand_key("a")));
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    story_put("a", "one");
    story_remove("a");
    assert_int_equal(amend("a", latest, "m"), ERR_NOT_FOUND);
    assert_int_equal(amend("a", version_null, "m"), ERR_NOT_FOUND);
    assert_int_equal(amend("a", version_of(99999), "m"), ERR_NOT_FOUND);
    story_is("a", "X* one");
}

void any_version_can_be_amended(void **state)
{
    (void)state;
    story_put("a", "one");
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    story_put("a", "two");
    story_put("a", "three");
    story_remove("a");
    assert_int_equal(amend("a", version_null, "of the null version"), ERR_OK);
    assert_int_equal(amend("a", version_of(story_seq("a", 2)), "of the older one"), ERR_OK);
    assert_int_equal(amend("a", version_of(story_seq("a", 0)), "of the marker"), ERR_OK);
    story_is("a", "X* three two one0");
    has_meta("a", version_null, "of the null version");
    has_meta("a", version_of(story_seq("a", 3)), "of the null version");
    has_meta("a", version_of(story_seq("a", 2)), "of the older one");
    has_meta("a", version_of(story_seq("a", 1)), "");
    has_meta("a", version_of(story_seq("a", 0)), "of the marker");
    /* And takes it along when it moves. */
    story_remove_nth("a", 0);
    assert_int_equal(amend("a", latest, "of the latest"), ERR_OK);
    story_remove_nth("a", 0);
    has_meta("a", latest, "of the older one");
    story_remove_nth("a", 0);
    has_meta("a", latest, "of the null version");
    stand_holds(stand_key("a"), VIEW("one"), "one");
}

void other_spaces_can_be_amended(void **state)
{
    struct engine_key keys[] = {
        stand_key_in(SPACE_UPLOAD, stand.bucket, "u"),
        stand_key_in(SPACE_PART, stand.bucket, "p/00001"),
        stand_key_in(SPACE_CONFIG, stand.bucket, "c"),
        {SPACE_CONFIG, VIEW_EMPTY, VIEW("user")},
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(keys); i++) {
        struct engine_amend a = {.key = keys[i], .meta = VIEW("amended")};
        struct engine_object *o;

        assert_int_equal(stand_put(keys[i], VIEW("payload"), "e"), ERR_OK);
        assert_int_equal(stand_do_amend(&a), ERR_OK);
        assert_int_equal(stand_lookup(keys[i], &o), ERR_OK);
        assert_true(view_is(o->info.meta, "amended"));
        engine_release(o);
        stand_holds(keys[i], VIEW("payload"), "e");
    }
}

void a_bucket_is_amended_with_its_flags_or_without(void **state)
{
    struct engine_key bucket = stand_key_in(SPACE_BUCKET, stand.bucket, "");
    struct engine_amend a = {.key = bucket, .meta = VIEW("owner")};
    struct engine_object *o;

    (void)state;
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    assert_int_equal(stand_do_amend(&a), ERR_OK);
    assert_int_equal(a.info.flags, ENGINE_BUCKET_VERSIONED);
    assert_int_equal(stand_lookup(bucket, &o), ERR_OK);
    assert_true(view_is(o->info.meta, "owner"));
    assert_int_equal(o->info.flags, ENGINE_BUCKET_VERSIONED);
    engine_release(o);
    a.flags = ENGINE_BUCKET_SUSPENDED;
    a.sets_flags = true;
    assert_int_equal(stand_do_amend(&a), ERR_OK);
    assert_int_equal(a.info.flags, ENGINE_BUCKET_SUSPENDED);
}

static uint64_t rev_of(const char *name, struct engine_version version)
{
    struct engine_lookup l = {.key = stand_key(name), .version = version};
    uint64_t rev;

    assert_int_equal(stand_do_lookup(&l), ERR_OK);
    rev = l.object->info.rev;
    engine_release(l.object);
    return rev;
}

void a_revision_holds_until_the_next_change(void **state)
{
    struct engine_amend a = {.key = stand_key("a"), .meta = VIEW("m")};
    struct engine_remove r = {.key = stand_key("a")};
    struct engine_put p;
    uint64_t rev;

    (void)state;
    a.condition.rev = r.condition.rev = 5;
    assert_int_equal(stand_do_amend(&a), ERR_NOT_FOUND);
    assert_int_equal(stand_do_remove(&r), ERR_NOT_FOUND);
    story_put("a", "one");
    rev = rev_of("a", latest);
    a.condition.rev = rev;
    assert_int_equal(stand_do_amend(&a), ERR_OK);
    assert_int_equal(stand_do_amend(&a), ERR_CHANGED);
    r.condition.rev = rev;
    assert_int_equal(stand_do_remove(&r), ERR_CHANGED);
    stand_put_init(&p, stand_key("a"), "two");
    p.condition.rev = rev;
    assert_int_equal(stand_commit(&p), ERR_CHANGED);
    stand_put_init(&p, stand_key("a"), "two");
    p.condition.rev = a.info.rev;
    assert_int_equal(stand_commit(&p), ERR_OK);
    r.condition.rev = p.info.rev;
    r.condition.kind = IF_ETAG;
    r.condition.etag = VIEW("not it");
    assert_int_equal(stand_do_remove(&r), ERR_PRECONDITION);
    r.condition.etag = VIEW("two");
    assert_int_equal(stand_do_remove(&r), ERR_OK);
    assert_false(stand_has(stand_key("a")));
}

void conditions_are_of_the_version_that_is_named(void **state)
{
    struct engine_remove r = {.key = stand_key("a")};
    struct engine_amend a = {.key = stand_key("a")};

    (void)state;
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    story_put("a", "one");
    story_put("a", "two");
    r.version = a.version = version_of(story_seq("a", 1));
    r.condition = a.condition = (struct engine_condition){IF_ETAG, VIEW("two"), 0};
    assert_int_equal(stand_do_remove(&r), ERR_PRECONDITION);
    assert_int_equal(stand_do_amend(&a), ERR_PRECONDITION);
    a.condition.etag = VIEW("one");
    a.condition.rev = rev_of("a", latest);
    assert_int_equal(stand_do_amend(&a), ERR_CHANGED);
    a.condition.rev = rev_of("a", a.version);
    assert_int_equal(stand_do_amend(&a), ERR_OK);
    r.condition = (struct engine_condition){IF_ETAG, VIEW("one"), a.info.rev};
    assert_int_equal(stand_do_remove(&r), ERR_OK);
    story_is("a", "two*");
    /* A marker is what its version names, too. */
    story_remove("a");
    r.version = version_of(story_seq("a", 0));
    r.condition = (struct engine_condition){.kind = IF_EXISTS, .rev = rev_of("a", r.version)};
    assert_int_equal(stand_do_remove(&r), ERR_OK);
    story_is("a", "two*");
}

void behind_a_marker_there_is_no_entry(void **state)
{
    struct engine_remove r = {.key = stand_key("a"), .condition = {.kind = IF_EXISTS}};
    struct engine_put p;

    (void)state;
    stand_set_versions(ENGINE_BUCKET_VERSIONED);
    assert_int_equal(stand_do_remove(&r), ERR_NOT_FOUND);
    story_is("a", "");
    story_put("a", "one");
    assert_int_equal(stand_do_remove(&r), ERR_OK);
    assert_int_equal(stand_do_remove(&r), ERR_NOT_FOUND);
    story_is("a", "X* one");
    stand_put_init(&p, stand_key("a"), "two");
    p.condition.kind = IF_EXISTS;
    assert_int_equal(stand_commit(&p), ERR_NOT_FOUND);
    stand_put_init(&p, stand_key("a"), "two");
    p.condition.kind = IF_ETAG;
    p.condition.etag = VIEW("one");
    assert_int_equal(stand_commit(&p), ERR_NOT_FOUND);
    stand_put_init(&p, stand_key("a"), "two");
    p.condition.kind = IF_ABSENT;
    assert_int_equal(stand_commit(&p), ERR_OK);
    story_is("a", "two* X one");
    stand_put_init(&p, stand_key("a"), "three");
    p.condition.kind = IF_ABSENT;
    assert_int_equal(stand_commit(&p), ERR_PRECONDITION);
    story_is("a", "two* X one");
}

enum { RACERS = 8 };

void of_racing_amendments_of_one_revision_one_wins(void **state)
{
    struct engine_amend amends[RACERS];
    unsigned won = 0;
    uint64_t rev;

    (void)state;
    story_put("a", "one");
    rev = rev_of("a", latest);
    for (int i = 0; i < RACERS; i++) {
        amends[i] = (struct engine_amend){.key = stand_key("a"), .meta = VIEW("m")};
        amends[i].condition.rev = rev;
        stand_arm(&amends[i].op);
        engine_amend(stand.E, &amends[i]);
    }
    stand_wait();
    for (int i = 0; i < RACERS; i++) {
        won += !amends[i].op.err;
        if (amends[i].op.err)
            assert_int_equal(amends[i].op.err, ERR_CHANGED);
    }
    assert_int_equal(won, 1);
    has_meta("a", latest, "m");
}
