/* What a commit does besides its entry: require, also_remove, purge_parts, compose. */
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "engine_suite_cases.h"
#include "engine_suite_stand.h"

static struct engine_key part_key(const char *name)
{
    return stand_key_in(SPACE_PART, stand.bucket, name);
}

static struct engine_key upload_key(void)
{
    return stand_key_in(SPACE_UPLOAD, stand.bucket, "key-id");
}

void require_wants_its_entry(void **state)
{
    struct engine_put p;

    (void)state;
    for (int is_there = 0; is_there < 2; is_there++) {
        stand_put_init(&p, part_key("id/00001"), "e");
        p.require = upload_key();
        assert_int_equal(stand_write(&p, VIEW("part")), ERR_OK);
        assert_int_equal(stand_commit(&p), is_there ? ERR_OK : ERR_NO_UPLOAD);
        assert_int_equal(stand_has(part_key("id/00001")), is_there);
        if (!is_there)
            assert_int_equal(stand_put(upload_key(), VIEW_EMPTY, ""), ERR_OK);
    }
}

void also_remove_goes_with_the_commit(void **state)
{
    struct engine_put p;

    (void)state;
    for (int is_there = 0; is_there < 2; is_there++) {
        /* Nothing to remove is no error. */
        stand_put_init(&p, stand_key("a"), "e");
        p.also_remove = upload_key();
        assert_int_equal(stand_commit(&p), ERR_OK);
        assert_false(stand_has(upload_key()));
        assert_true(stand_has(stand_key("a")));
        assert_int_equal(stand_put(upload_key(), VIEW_EMPTY, ""), ERR_OK);
    }
}

static const char *const part_names[] = {"ic/00001", "id/00001",  "id/00002",
                                         "id/10000", "id0/00001", "ie/00001"};

static void parts_put(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(part_names); i++)
        assert_int_equal(
            stand_put(part_key(part_names[i]), view_str(part_names[i]), part_names[i]), ERR_OK);
    /* Of another bucket and another space: never touched. */
    assert_int_equal(
        stand_put(stand_key_in(SPACE_PART, stand.bucket2, "id/00001"), VIEW("x"), "x"), ERR_OK);
    assert_int_equal(stand_put(stand_key("id/00001"), VIEW("y"), "y"), ERR_OK);
}

/* All parts are there but those of "id/", and those when is_purged is false. */
static void parts_hold(bool is_purged)
{
    for (size_t i = 0; i < ARRAY_COUNT(part_names); i++) {
        bool is_of_upload = view_starts(view_str(part_names[i]), VIEW("id/"));

        if (is_of_upload && is_purged)
            assert_false(stand_has(part_key(part_names[i])));
        else
            stand_holds(part_key(part_names[i]), view_str(part_names[i]), part_names[i]);
    }
    stand_holds(stand_key_in(SPACE_PART, stand.bucket2, "id/00001"), VIEW("x"), "x");
    stand_holds(stand_key("id/00001"), VIEW("y"), "y");
}

void purge_takes_the_parts_of_the_prefix_only(void **state)
{
    struct engine_put p;

    (void)state;
    parts_put();
    parts_hold(false);
    stand_put_init(&p, stand_key("a"), "e");
    p.purge_parts = VIEW("id/");
    assert_int_equal(stand_commit(&p), ERR_OK);
    parts_hold(true);
}

void a_failed_commit_removes_nothing(void **state)
{
    struct engine_put p;

    (void)state;
    parts_put();
    assert_int_equal(stand_put(upload_key(), VIEW_EMPTY, ""), ERR_OK);
    for (int why = 0; why < 3; why++) {
        stand_put_init(&p, stand_key("a"), "e");
        p.purge_parts = VIEW("id/");
        p.also_remove = upload_key();
        if (why == 0)
            p.condition.kind = IF_EXISTS;
        if (why == 1)
            p.require = stand_key_in(SPACE_UPLOAD, stand.bucket, "other");
        p.has_crc64_expected = why == 2;
        p.crc64_expected = 1;
        assert_int_not_equal(stand_commit(&p), ERR_OK);
        parts_hold(false);
        assert_true(stand_has(upload_key()));
        assert_false(stand_has(stand_key("a")));
    }
}

void removal_purges_parts(void **state)
{
    struct engine_remove r = {.key = upload_key(), .purge_parts = VIEW("id/")};

    (void)state;
    parts_put();
    /* Not there: nothing is purged. */
    stand_arm(&r.op);
    engine_remove(stand.E, &r);
    stand_wait();
    assert_int_equal(r.op.err, ERR_NOT_FOUND);
    parts_hold(false);
    assert_int_equal(stand_put(upload_key(), VIEW_EMPTY, ""), ERR_OK);
    stand_arm(&r.op);
    engine_remove(stand.E, &r);
    stand_wait();
    assert_int_equal(r.op.err, ERR_OK);
    parts_hold(true);
    assert_false(stand_has(upload_key()));
}

enum { PARTS = 5 };

static const size_t part_sizes[PARTS] = {(1 << 20) + 3, 1, 5000, (2 << 20), 33000};

/* One payload, its pieces as parts, and the parts pinned. */
struct compound {
    uint8_t *bytes;
    size_t size;
    struct engine_object *pins[PARTS];
};

static struct engine_key nth_part(size_t i)
{
    static char names[PARTS][16];

    (void)snprintf(names[i], sizeof names[i], "id/%05zu", i + 1);
    return part_key(names[i]);
}

static void compound_put(struct compound *c)
{
    size_t at = 0;

    c->size = 0;
    for (size_t i = 0; i < PARTS; i++)
        c->size += part_sizes[i];
    c->bytes = stand_bytes(c->size, 11);
    for (size_t i = 0; i < PARTS; i++) {
        assert_int_equal(
            stand_put(nth_part(i), view_of(c->bytes + at, part_sizes[i]), "p"), ERR_OK);
        assert_int_equal(stand_lookup(nth_part(i), &c->pins[i]), ERR_OK);
        at += part_sizes[i];
    }
}

static void compound_unpin(struct compound *c)
{
    for (size_t i = 0; i < PARTS; i++)
        engine_release(c->pins[i]);
}

static enum err compound_commit(struct compound *c, const char *name, struct view purge)
{
    struct engine_put p;

    stand_put_init(&p, stand_key(name), "whole");
    p.size_hint = c->size;
    p.parts = c->pins;
    p.part_count = PARTS;
    p.purge_parts = purge;
    p.has_crc64_expected = true;
    p.crc64_expected = crc64_nvme(0, c->bytes, c->size);
    TRY(stand_commit(&p));
    assert_int_equal(p.info.size, c->size);
    return ERR_OK;
}

void compose_joins_parts_in_order(void **state)
{
    struct compound c;
    uint8_t *got;
    size_t at = 0;

    (void)state;
    compound_put(&c);
    assert_int_equal(compound_commit(&c, "a", VIEW("id/")), ERR_OK);
    for (size_t i = 0; i < PARTS; i++)
        assert_false(stand_has(nth_part(i)));
    /* The pins still read, although their bytes have moved. */
    got = malloc(c.size);
    for (size_t i = 0; i < PARTS; i++) {
        assert_int_equal(stand_read(c.pins[i], 0, part_sizes[i], got), ERR_OK);
        assert_memory_equal(got, c.bytes + at, part_sizes[i]);
        at += part_sizes[i];
    }
    compound_unpin(&c);
    stand_holds(stand_key("a"), view_of(c.bytes, c.size), "whole");
    free(got);
    free(c.bytes);
}

void compose_without_purge_keeps_the_parts(void **state)
{
    struct compound c;
    size_t at = 0;

    (void)state;
    compound_put(&c);
    assert_int_equal(compound_commit(&c, "a", VIEW_EMPTY), ERR_OK);
    compound_unpin(&c);
    for (size_t i = 0; i < PARTS; i++) {
        stand_holds(nth_part(i), view_of(c.bytes + at, part_sizes[i]), "p");
        at += part_sizes[i];
        assert_int_equal(stand_remove(nth_part(i)), ERR_OK);
    }
    stand_holds(stand_key("a"), view_of(c.bytes, c.size), "whole");
    /* And the other way round. */
    assert_int_equal(stand_remove(stand_key("a")), ERR_OK);
    assert_false(stand_has(stand_key("a")));
    free(c.bytes);
}

void compose_takes_the_pinned_version(void **state)
{
    struct compound c;

    (void)state;
    compound_put(&c);
    assert_int_equal(stand_put(nth_part(0), VIEW("newer"), "n"), ERR_OK);
    assert_int_equal(stand_remove(nth_part(2)), ERR_OK);
    assert_int_equal(compound_commit(&c, "a", VIEW("id/")), ERR_OK);
    compound_unpin(&c);
    assert_false(stand_has(nth_part(0)));
    stand_holds(stand_key("a"), view_of(c.bytes, c.size), "whole");
    free(c.bytes);
}

void compose_checks_the_crc64(void **state)
{
    struct compound c;

    (void)state;
    compound_put(&c);
    c.bytes[77] ^= 1;
    assert_int_equal(compound_commit(&c, "a", VIEW("id/")), ERR_BAD_DIGEST);
    c.bytes[77] ^= 1;
    assert_false(stand_has(stand_key("a")));
    /* Nothing has moved: it works the second time. */
    assert_int_equal(compound_commit(&c, "a", VIEW("id/")), ERR_OK);
    compound_unpin(&c);
    stand_holds(stand_key("a"), view_of(c.bytes, c.size), "whole");
    free(c.bytes);
}

/* Commits `name` as the payload of `pins` in order. */
static enum err compose(const char *name, struct engine_object *const *pins, size_t count)
{
    struct engine_put p;

    stand_put_init(&p, stand_key(name), "joined");
    p.parts = pins;
    p.part_count = count;
    return stand_commit(&p);
}

void an_entry_may_be_composed_of_itself(void **state)
{
    uint8_t *bytes = stand_bytes(9000, 12);
    struct engine_object *o;

    (void)state;
    memcpy(bytes + 4500, bytes, 4500);
    assert_int_equal(stand_put(stand_key("a"), view_of(bytes, 4500), "e"), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("a"), &o), ERR_OK);
    /* The same pin twice, overwriting the entry it is a pin of. */
    assert_int_equal(compose("a", (struct engine_object *[]){o, o}, 2), ERR_OK);
    engine_release(o);
    stand_holds(stand_key("a"), view_of(bytes, 9000), "joined");
    free(bytes);
}

void composed_entries_can_be_composed(void **state)
{
    size_t half = CHUNK_BYTES_MAX + 100;
    uint8_t *bytes = stand_bytes(2 * half, 13);
    struct engine_object *a, *b;

    (void)state;
    assert_int_equal(stand_put(stand_key("1"), view_of(bytes, 50), "e"), ERR_OK);
    assert_int_equal(stand_put(stand_key("2"), view_of(bytes + 50, half - 50), "e"), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("1"), &a), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("2"), &b), ERR_OK);
    assert_int_equal(compose("12", (struct engine_object *[]){a, b}, 2), ERR_OK);
    engine_release(a);
    engine_release(b);
    assert_int_equal(stand_put(stand_key("3"), view_of(bytes + half, half), "e"), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("12"), &a), ERR_OK);
    assert_int_equal(stand_lookup(stand_key("3"), &b), ERR_OK);
    assert_int_equal(compose("123", (struct engine_object *[]){a, b}, 2), ERR_OK);
    engine_release(a);
    engine_release(b);
    assert_int_equal(stand_remove(stand_key("12")), ERR_OK);
    assert_int_equal(stand_remove(stand_key("1")), ERR_OK);
    stand_holds(stand_key("123"), view_of(bytes, 2 * half), "joined");
    stand_holds(stand_key("3"), view_of(bytes + half, half), "e");
    free(bytes);
}
