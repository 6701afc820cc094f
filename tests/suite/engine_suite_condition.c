/* Conditions, races, and the life of buckets. */
#include <stdio.h>

#include "engine_suite_cases.h"
#include "engine_suite_stand.h"

static enum err put_if(const char *name, struct engine_condition condition, const char *text)
{
    struct engine_put p;
    enum err e;

    stand_put_init(&p, stand_key(name), text);
    p.condition = condition;
    e = stand_write(&p, view_str(text));
    return e ? e : stand_commit(&p);
}

static struct engine_condition if_etag(const char *etag)
{
    return (struct engine_condition){IF_ETAG, view_str(etag)};
}

static const struct engine_condition if_absent = {IF_ABSENT, {NULL, 0}};
static const struct engine_condition if_exists = {IF_EXISTS, {NULL, 0}};

void if_absent_holds_only_without_an_entry(void **state)
{
    (void)state;
    assert_int_equal(put_if("a", if_absent, "one"), ERR_OK);
    assert_int_equal(put_if("a", if_absent, "two"), ERR_PRECONDITION);
    stand_holds(stand_key("a"), VIEW("one"), "one");
    assert_int_equal(stand_remove(stand_key("a")), ERR_OK);
    assert_int_equal(put_if("a", if_absent, "three"), ERR_OK);
    stand_holds(stand_key("a"), VIEW("three"), "three");
}

void if_exists_holds_only_with_an_entry(void **state)
{
    (void)state;
    assert_int_equal(put_if("a", if_exists, "one"), ERR_NOT_FOUND);
    assert_false(stand_has(stand_key("a")));
    assert_int_equal(stand_put(stand_key("a"), VIEW("zero"), "zero"), ERR_OK);
    assert_int_equal(put_if("a", if_exists, "one"), ERR_OK);
    stand_holds(stand_key("a"), VIEW("one"), "one");
}

void if_etag_holds_only_with_that_etag(void **state)
{
    (void)state;
    assert_int_equal(put_if("a", if_etag("one"), "two"), ERR_NOT_FOUND);
    assert_int_equal(stand_put(stand_key("a"), VIEW("one"), "one"), ERR_OK);
    assert_int_equal(put_if("a", if_etag("on"), "two"), ERR_PRECONDITION);
    assert_int_equal(put_if("a", if_etag("onee"), "two"), ERR_PRECONDITION);
    stand_holds(stand_key("a"), VIEW("one"), "one");
    assert_int_equal(put_if("a", if_etag("one"), "two"), ERR_OK);
    assert_int_equal(put_if("a", if_etag("one"), "three"), ERR_PRECONDITION);
    stand_holds(stand_key("a"), VIEW("two"), "two");
}

void if_not_etag_holds_for_any_other(void **state)
{
    const struct engine_condition not_one = {IF_NOT_ETAG, VIEW("one")};

    (void)state;
    assert_int_equal(put_if("a", not_one, "one"), ERR_OK); /* there is nothing */
    assert_int_equal(put_if("a", not_one, "two"), ERR_PRECONDITION);
    stand_holds(stand_key("a"), VIEW("one"), "one");
    assert_int_equal(
        put_if("a", (struct engine_condition){IF_NOT_ETAG, VIEW("on")}, "two"), ERR_OK);
    assert_int_equal(put_if("a", not_one, "three"), ERR_OK);
    stand_holds(stand_key("a"), VIEW("three"), "three");
}

enum { RACERS = 8 };

/* All commits in flight at once; returns how many won, and the last winner's etag. */
static unsigned race(struct engine_condition condition, char etags[RACERS][8], int *winner)
{
    struct engine_put puts[RACERS];
    unsigned won = 0;

    for (int i = 0; i < RACERS; i++) {
        (void)snprintf(etags[i], sizeof etags[i], "r%d", i);
        stand_put_init(&puts[i], stand_key("a"), etags[i]);
        puts[i].condition = condition;
        assert_int_equal(stand_write(&puts[i], view_str(etags[i])), ERR_OK);
    }
    for (int i = 0; i < RACERS; i++) {
        stand_arm(&puts[i].op);
        engine_commit(&puts[i]);
    }
    stand_wait();
    for (int i = 0; i < RACERS; i++) {
        if (!puts[i].op.err) {
            won++;
            *winner = i;
        } else {
            assert_int_equal(puts[i].op.err, ERR_PRECONDITION);
        }
    }
    return won;
}

void of_racing_if_absent_commits_one_wins(void **state)
{
    char etags[RACERS][8];
    int winner = 0;

    (void)state;
    assert_int_equal(race(if_absent, etags, &winner), 1);
    stand_holds(stand_key("a"), view_str(etags[winner]), etags[winner]);
}

void of_racing_if_etag_commits_one_wins(void **state)
{
    char etags[RACERS][8];
    int winner = 0;

    (void)state;
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "x"), ERR_OK);
    assert_int_equal(race(if_etag("x"), etags, &winner), 1);
    stand_holds(stand_key("a"), view_str(etags[winner]), etags[winner]);
}

enum { ROUNDS = 20 };

struct contender {
    const char *text;
    enum err err[ROUNDS];
};

static void contend(void *arg)
{
    struct contender *c = arg;
    char name[16];

    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(name, sizeof name, "race-%d", i);
        c->err[i] = put_if(name, if_absent, c->text);
    }
}

void of_racing_if_absent_commits_of_two_threads_one_wins(void **state)
{
    struct contender mine = {.text = "mine"}, theirs = {.text = "theirs"};
    char name[16];

    (void)state;
    stand_fork(contend, &theirs);
    contend(&mine);
    stand_join();
    for (int i = 0; i < ROUNDS; i++) {
        const char *text = mine.err[i] ? "theirs" : "mine";

        assert_true((mine.err[i] == ERR_OK) != (theirs.err[i] == ERR_OK));
        assert_int_equal(mine.err[i] ? mine.err[i] : theirs.err[i], ERR_PRECONDITION);
        (void)snprintf(name, sizeof name, "race-%d", i);
        stand_holds(stand_key(name), view_str(text), text);
    }
}

static enum err remove_if(const char *name, struct engine_condition condition)
{
    struct engine_remove r = {.key = stand_key(name), .condition = condition};

    stand_arm(&r.op);
    engine_remove(stand.E, &r);
    stand_wait();
    return r.op.err;
}

void removal_obeys_conditions(void **state)
{
    (void)state;
    assert_int_equal(remove_if("a", if_etag("one")), ERR_NOT_FOUND);
    assert_int_equal(stand_put(stand_key("a"), VIEW("one"), "one"), ERR_OK);
    assert_int_equal(remove_if("a", if_etag("two")), ERR_PRECONDITION);
    stand_holds(stand_key("a"), VIEW("one"), "one");
    assert_int_equal(remove_if("a", if_etag("one")), ERR_OK);
    assert_false(stand_has(stand_key("a")));
    assert_int_equal(stand_put(stand_key("a"), VIEW("one"), "one"), ERR_OK);
    assert_int_equal(remove_if("a", if_exists), ERR_OK);
    assert_int_equal(remove_if("a", if_exists), ERR_NOT_FOUND);
}

static uint64_t seq_of_the_bucket(void)
{
    struct engine_object *o;
    uint64_t seq;

    assert_int_equal(stand_lookup(stand_key_in(SPACE_BUCKET, stand.bucket, ""), &o), ERR_OK);
    seq = o->info.seq;
    engine_release(o);
    return seq;
}

static enum err amend_if(const char *name, struct engine_condition condition)
{
    struct engine_amend a = {
        .key = stand_key(name), .condition = condition, .meta = VIEW("amended")};

    return stand_do_amend(&a);
}

void what_is_meant_for_a_bucket_is_not_done_to_the_next_of_its_name(void **state)
{
    struct engine_condition old = {.kind = IF_ANY}, new = {.kind = IF_ANY};

    (void)state;
    old.bucket_seq = seq_of_the_bucket();
    assert_int_equal(put_if("a", old, "one"), ERR_OK);
    assert_int_equal(amend_if("a", old), ERR_OK);
    assert_int_equal(remove_if("a", old), ERR_OK);

    assert_int_equal(stand_remove(stand_key_in(SPACE_BUCKET, stand.bucket, "")), ERR_OK);
    assert_int_equal(put_if("a", old, "one"), ERR_NO_BUCKET);
    assert_int_equal(stand_bucket_new(stand.bucket), ERR_OK);
    new.bucket_seq = seq_of_the_bucket();
    assert_int_not_equal(new.bucket_seq, old.bucket_seq);
    assert_int_equal(put_if("a", old, "one"), ERR_NO_BUCKET);
    assert_false(stand_has(stand_key("a")));
    assert_int_equal(put_if("a", new, "two"), ERR_OK);
    assert_int_equal(amend_if("a", old), ERR_NO_BUCKET);
    assert_int_equal(remove_if("a", old), ERR_NO_BUCKET);
    stand_holds(stand_key("a"), VIEW("two"), "two");
    assert_int_equal(remove_if("a", new), ERR_OK);
}

void a_bucket_is_made_once(void **state)
{
    (void)state;
    assert_int_equal(stand_bucket_new(stand.bucket), ERR_EXISTS);
    assert_int_equal(stand_bucket_new(VIEW("another")), ERR_OK);
    assert_int_equal(stand_bucket_new(VIEW("another")), ERR_EXISTS);
    assert_true(stand_has(stand_key_in(SPACE_BUCKET, VIEW("another"), "")));
}

static struct engine_key the_bucket(void)
{
    return stand_key_in(SPACE_BUCKET, stand.bucket, "");
}

void a_bucket_with_objects_stays(void **state)
{
    (void)state;
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "e"), ERR_OK);
    assert_int_equal(stand_remove(the_bucket()), ERR_NOT_EMPTY);
    stand_holds(stand_key("a"), VIEW("x"), "e");
    /* Writing the bucket's entry again is no removal. */
    assert_int_equal(stand_put(the_bucket(), VIEW_EMPTY, "again"), ERR_OK);
    stand_holds(stand_key("a"), VIEW("x"), "e");
    assert_int_equal(stand_remove(stand_key("a")), ERR_OK);
    assert_int_equal(stand_remove(the_bucket()), ERR_OK);
    assert_false(stand_has(the_bucket()));
}

void a_bucket_takes_its_uploads_along(void **state)
{
    struct engine_key upload = stand_key_in(SPACE_UPLOAD, stand.bucket, "key-id");
    struct engine_key part = stand_key_in(SPACE_PART, stand.bucket, "id/00001");
    struct engine_key other = stand_key_in(SPACE_UPLOAD, stand.bucket2, "key-id");
    struct engine_object *o;

    (void)state;
    assert_int_equal(stand_put(upload, VIEW_EMPTY, ""), ERR_OK);
    assert_int_equal(stand_put(part, VIEW("x"), "e"), ERR_OK);
    assert_int_equal(stand_put(other, VIEW_EMPTY, ""), ERR_OK);
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "e"), ERR_OK);
    assert_int_equal(stand_remove(the_bucket()), ERR_NOT_EMPTY);
    assert_true(stand_has(upload)); /* what stays stays whole */
    assert_int_equal(stand_remove(stand_key("a")), ERR_OK);
    assert_int_equal(stand_remove(the_bucket()), ERR_OK);
    assert_int_equal(stand_lookup(upload, &o), ERR_NO_BUCKET);
    assert_int_equal(stand_bucket_new(stand.bucket), ERR_OK);
    assert_false(stand_has(upload));
    assert_false(stand_has(part));
    assert_true(stand_has(other));
}

void a_bucket_takes_its_config_along(void **state)
{
    struct engine_key config = stand_key_in(SPACE_CONFIG, stand.bucket, "policy");
    struct engine_key config2 = stand_key_in(SPACE_CONFIG, stand.bucket2, "policy");
    struct engine_object *o;

    (void)state;
    assert_int_equal(stand_put(config, VIEW("{}"), ""), ERR_OK);
    assert_int_equal(stand_put(config2, VIEW("{}"), ""), ERR_OK);
    assert_int_equal(stand_remove(the_bucket()), ERR_OK);
    assert_int_equal(stand_lookup(config, &o), ERR_NO_BUCKET);
    assert_int_equal(stand_bucket_new(stand.bucket), ERR_OK);
    assert_false(stand_has(config));
    assert_true(stand_has(config2));
}

void a_bucket_made_again_is_empty(void **state)
{
    struct engine_key part = stand_key_in(SPACE_PART, stand.bucket, "id/00001");

    (void)state;
    /* A part whose upload is gone does not keep the bucket, nor does it survive it. */
    assert_int_equal(stand_put(part, VIEW("x"), "e"), ERR_OK);
    assert_int_equal(stand_remove(the_bucket()), ERR_OK);
    assert_int_equal(stand_put(stand_key("a"), VIEW("x"), "e"), ERR_NO_BUCKET);
    assert_int_equal(stand_bucket_new(stand.bucket), ERR_OK);
    assert_false(stand_has(part));
    assert_false(stand_has(stand_key("a")));
}
