/*
 * What a bucket is set to, as requests see it: the cache of a reactor is as fresh as a lookup,
 * keeps within its bounds, and edits are never lost.
 */
#include "help/s3_upload.h"

#include <errno.h>
#include <pthread.h>

static void look(struct bucket_find *f, const char *name)
{
    memset(f, 0, sizeof *f);
    f->service = &stand.service;
    f->name = view_str(name);
}

/* In the cache? Held then. */
static bool is_cached(struct bucket_find *f, const char *name)
{
    look(f, name);
    return bucket_find_now(f);
}

static enum err find(struct bucket_find *f, const char *name)
{
    look(f, name);
    op_init(&f->op, loop_nothing);
    bucket_find(f);
    return loop_wait(&f->op);
}

static void amend(const char *name, const struct bucket_meta *meta, unsigned flags)
{
    uint8_t bytes[8192];
    struct region_pool pool;
    struct region region;
    struct engine_amend a = {
        .key = {.space = SPACE_BUCKET, .bucket = view_str(name)},
        .flags = flags,
        .sets_flags = true};
    struct view blob;

    region_pool_init(&pool, 16);
    region_init(&region, &pool);
    assert_int_equal(bucket_meta_encode(meta, &region, &blob), ERR_OK);
    memcpy(bytes, blob.at, blob.len);
    a.meta = view_of(bytes, blob.len);
    region_done(&region);
    region_pool_done(&pool);
    op_init(&a.op, loop_nothing);
    engine_amend(stand.engine, &a);
    assert_int_equal(loop_wait(&a.op), ERR_OK);
}

static void a_bucket_is_found_once_and_then_remembered(void **state)
{
    struct bucket_find f, g;

    stand_open();
    assert_false(is_cached(&f, "bucket"));
    assert_null(f.bucket);
    assert_int_equal(find(&f, "bucket"), ERR_OK);
    assert_true(view_is(f.bucket->name, "bucket"));
    assert_int_equal(f.bucket->versioning, VERSIONING_NEVER);
    assert_true(is_cached(&g, "bucket"));
    assert_ptr_equal(f.bucket, g.bucket);
    bucket_release(f.bucket);
    bucket_release(g.bucket);
    assert_true(is_cached(&g, "bucket"));
    bucket_release(g.bucket);
    assert_int_equal(find(&f, "nobucket"), ERR_NO_BUCKET);
    assert_null(f.bucket);
    bucket_release(NULL);
    stand_close();
}

static void a_change_is_seen_and_holders_keep_what_they_saw(void **state)
{
    const struct bucket_meta meta = {.location = VIEW("eu-west-7"), .owner_id = VIEW("me")};
    struct bucket_find f, g;

    stand_open();
    assert_int_equal(find(&f, "bucket"), ERR_OK);
    amend("bucket", &meta, ENGINE_BUCKET_VERSIONED);
    bucket_changed(&stand.service, VIEW("bucket"));
    assert_false(is_cached(&g, "bucket"));
    assert_int_equal(find(&g, "bucket"), ERR_OK);
    assert_int_equal(f.bucket->versioning, VERSIONING_NEVER);
    assert_int_equal(f.bucket->meta.location.len, 0);
    assert_int_equal(g.bucket->versioning, VERSIONING_ENABLED);
    assert_true(view_is(g.bucket->meta.location, "eu-west-7"));
    assert_true(view_is(g.bucket->meta.owner_id, "me"));
    bucket_release(g.bucket);
    bucket_release(f.bucket);
    stand_close();
}

/* The lookup is under way, or has just ended, when another reactor commits and says so. */
static void a_change_during_the_lookup_makes_it_stale(void **state)
{
    struct bucket_find f, g;

    stand_open();
    look(&f, "bucket");
    op_init(&f.op, loop_nothing);
    bucket_find(&f);
    bucket_changed(&stand.service, VIEW("bucket"));
    assert_int_equal(loop_wait(&f.op), ERR_OK);
    assert_non_null(f.bucket); /* good for this request, which began before the answer */
    assert_false(is_cached(&g, "bucket"));
    bucket_release(f.bucket);
    stand_close();
}

static void an_entry_that_did_not_change_stays(void **state)
{
    struct bucket_find f, g;

    stand_open();
    assert_int_equal(find(&f, "bucket"), ERR_OK);
    bucket_changed(&stand.service, VIEW("bucket")); /* as of another bucket of that generation */
    assert_int_equal(find(&g, "bucket"), ERR_OK);
    assert_ptr_equal(f.bucket, g.bucket);
    bucket_release(f.bucket);
    bucket_release(g.bucket);
    assert_true(is_cached(&g, "bucket"));
    bucket_release(g.bucket);
    stand_close();
}

static void put_buckets(unsigned count)
{
    char name[32];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "bucket-%u", i);
        put_bucket(name);
    }
}

static void the_cache_is_bounded(void **state)
{
    enum { MORE = BUCKET_ENTRIES_MAX + 40 };
    struct bucket_find f, held;
    unsigned cached = 0;
    char name[32];

    stand_open();
    put_buckets(MORE);
    assert_int_equal(find(&held, "bucket"), ERR_OK);
    for (unsigned i = 0; i < MORE; i++) {
        (void)snprintf(name, sizeof name, "bucket-%u", i);
        assert_int_equal(find(&f, name), ERR_OK);
        bucket_release(f.bucket);
    }
    assert_true(view_is(held.bucket->name, "bucket")); /* forgotten, and still whole */
    assert_false(is_cached(&f, "bucket"));
    for (unsigned i = 0; i < MORE; i++) {
        (void)snprintf(name, sizeof name, "bucket-%u", i);
        if (!is_cached(&f, name))
            continue;
        bucket_release(f.bucket);
        cached++;
    }
    assert_int_equal(cached, BUCKET_ENTRIES_MAX);
    bucket_release(held.bucket);
    stand_close();
}

static void used_entries_outlive_unused_ones(void **state)
{
    struct bucket_find f;
    char name[32];

    stand_open();
    put_buckets(2 * BUCKET_ENTRIES_MAX);
    for (unsigned i = 0; i < 2 * BUCKET_ENTRIES_MAX; i++) {
        (void)snprintf(name, sizeof name, "bucket-%u", i);
        assert_int_equal(find(&f, name), ERR_OK);
        bucket_release(f.bucket);
        if (!is_cached(&f, "bucket-0"))
            fail_msg("forgotten at %u", i);
        bucket_release(f.bucket);
    }
    stand_close();
}

/* A policy for everybody, padded; static. */
static struct view big_policy(const char *name)
{
    static char json[20000];
    struct buf b = buf_over(json, sizeof json);

    buf_printf(
        &b,
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\","
        "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::%s/*\"}]",
        name);
    while (b.len < 19000)
        buf_put_byte(&b, ' ');
    buf_put_str(&b, "}");
    return buf_view(&b);
}

static void big_entries_are_forgotten_by_bytes(void **state)
{
    struct bucket_meta meta = {0};
    struct bucket_find f;
    unsigned cached = 0;
    char name[32];

    stand_open();
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "bucket-%u", i);
        meta.policy = big_policy(name);
        put_bucket_with(name, &meta, 0);
        assert_int_equal(find(&f, name), ERR_OK);
        assert_non_null(f.bucket->policy);
        bucket_release(f.bucket);
    }
    for (unsigned i = 0; i < 200; i++) {
        (void)snprintf(name, sizeof name, "bucket-%u", i);
        if (!is_cached(&f, name))
            continue;
        bucket_release(f.bucket);
        cached++;
    }
    assert_in_range(cached, 50, 150);
    stand_close();
}

/* What was checked when it was set and does not parse now must not be taken for "none". */
static void what_does_not_parse_is_damage(void **state)
{
    static const struct bucket_meta metas[] = {
        {.policy = VIEW("{\"Statement\":")},
        {.policy = VIEW("{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\"}]}")},
        {.cors = VIEW("<CORSConfiguration>")},
    };
    struct bucket_find f;

    stand_open();
    for (size_t i = 0; i < ARRAY_COUNT(metas); i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "bad-%zu", i);
        put_bucket_with(name, &metas[i], 0);
        assert_int_equal(find(&f, name), ERR_CORRUPT);
        assert_null(f.bucket);
        char target[40];
        (void)snprintf(target, sizeof target, "/%s/key", name);
        ask(&(struct ask){.method = "GET", .target = target});
        assert_answer(500, "InternalError");
    }
    stand_close();
}

static void a_bucket_made_again_is_another(void **state)
{
    struct bucket_find f;
    int64_t before_ms;

    stand_open();
    ask(&(struct ask){
        .method = "PUT", .target = "/fresh", .headers = {"x-amz-object-ownership:ObjectWriter"}});
    assert_answer(200, NULL);
    ask(&(struct ask){.method = "HEAD", .target = "/fresh"});
    assert_answer(200, NULL);
    assert_true(is_cached(&f, "fresh"));
    assert_int_equal(f.bucket->meta.ownership, OWNERSHIP_WRITER);
    before_ms = f.bucket->created_ms;
    bucket_release(f.bucket);
    ask(&(struct ask){.method = "DELETE", .target = "/fresh"});
    assert_int_equal(answer.q.status, 204);
    assert_false(is_cached(&f, "fresh"));
    ask(&(struct ask){.method = "HEAD", .target = "/fresh"});
    assert_int_equal(answer.q.status, 404);
    ask(&(struct ask){.method = "PUT", .target = "/fresh"});
    assert_answer(200, NULL);
    assert_int_equal(find(&f, "fresh"), ERR_OK);
    assert_int_equal(f.bucket->meta.ownership, OWNERSHIP_ENFORCED);
    assert_true(f.bucket->created_ms >= before_ms);
    bucket_release(f.bucket);
    stand_close();
}

/* --- two reactors ------------------------------------------------------------------------- */

/* The second reactor is played by the cache of the second index: the generations are shared. */
static struct {
    struct bucket_cache *cache;
    struct s3_service service;
    struct reactor *other;
    _Atomic bool has_started, must_stop;
    unsigned finds;
    bool was_stale;
    _Atomic uint64_t answered; /* the location that a change was answered with */
} race;

static uint64_t location_of(const struct bucket *b)
{
    uint64_t n = 0;

    assert_int_equal(text_to_u64(b->meta.location, &n), ERR_OK);
    return n;
}

static void find_again(void)
{
    struct bucket_find f = {.service = &race.service, .name = VIEW("bucket")};
    uint64_t known = race.answered;

    if (!bucket_find_now(&f)) {
        op_init(&f.op, loop_nothing);
        bucket_find(&f);
        if (loop_wait(&f.op))
            return;
    }
    race.was_stale |= location_of(f.bucket) < known;
    bucket_release(f.bucket);
    race.finds++;
}

static void *read_on(void *arg)
{
    const struct reactor_config config = {.ring = RING_EPOLL, .cpu = -1, .index = 1};
    const char *why;

    (void)arg;
    assert_int_equal(reactor_new(&config, &race.other, &why), ERR_OK);
    race.has_started = true;
    while (!race.must_stop)
        find_again();
    find_again();
    reactor_stop(race.other);
    reactor_run(race.other);
    reactor_free(race.other);
    return NULL;
}

static void what_was_answered_holds_on_every_reactor(void **state)
{
    pthread_t thread;
    char text[24];

    stand_open();
    assert_int_equal(bucket_cache_new(2, &race.cache), ERR_OK);
    race.service = stand.service;
    race.service.buckets = race.cache;
    struct bucket_meta meta = {.location = VIEW("0")};
    amend("bucket", &meta, 0);
    assert_int_equal(pthread_create(&thread, NULL, read_on, NULL), 0);
    while (!race.has_started)
        loop_turns(1);
    for (unsigned i = 1; i <= 300; i++) {
        (void)snprintf(text, sizeof text, "%u", i);
        meta.location = view_str(text);
        amend("bucket", &meta, 0);
        bucket_changed(&race.service, VIEW("bucket"));
        race.answered = i;
        loop_turns(1);
    }
    race.must_stop = true;
    /* It may be in the middle of a lookup that this reactor owns. */
    struct timespec soon;
    int rc;
    do {
        loop_turns(1);
        (void)clock_gettime(CLOCK_REALTIME, &soon);
        rc = pthread_timedjoin_np(thread, NULL, &soon);
    } while (rc == ETIMEDOUT);
    assert_int_equal(rc, 0);
    assert_false(race.was_stale);
    assert_in_range(race.finds, 1, UINT32_MAX);
    bucket_cache_free(race.cache);
    stand_close();
}

/* --- edits -------------------------------------------------------------------------------- */

static struct {
    struct bucket_edit edit;
    struct s3_request request;
    struct http_request http;
    unsigned runs;
} edit;

static enum s3_code add_tag_bytes(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io)
{
    (void)e;
    *flags_io |= ENGINE_BUCKET_VERSIONED;
    m->tags = VIEW("edited");
    edit.runs++;
    return S3_None;
}

static enum s3_code refuse(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io)
{
    (void)m;
    (void)flags_io;
    e->detail = "no";
    return S3_InvalidBucketState;
}

static enum s3_code nothing_to_do(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io)
{
    (void)e;
    (void)m;
    (void)flags_io;
    return S3_NotModified;
}

static unsigned failing_call; /* of the edit, not of finding the bucket; 0: none */

static enum err run_edit(
    const char *name, enum s3_code (*fn)(struct bucket_edit *, struct bucket_meta *, unsigned *))
{
    static struct region_pool pool;
    static struct region region;

    struct bucket_find f;

    memset(&edit, 0, sizeof edit);
    (void)find(&f, name); /* as the door does */
    region_pool_init(&pool, 64);
    region_init(&region, &pool);
    edit.http.wait = "";
    edit.request = (struct s3_request){
        .http = &edit.http,
        .service = &stand.service,
        .region = &region,
        .bucket = view_str(name),
        .conf = f.bucket};
    edit.edit = (struct bucket_edit){.request = &edit.request, .edit = fn};
    op_init(&edit.edit.op, loop_nothing);
    engine_fails(failing_call, failing_call ? ERR_IO : ERR_OK);
    bucket_edit(&edit.edit);
    enum err e = loop_wait(&edit.edit.op);
    bucket_release(f.bucket);
    region_done(&region);
    region_pool_done(&pool);
    return e;
}

static void edits_keep_what_they_do_not_touch(void **state)
{
    const struct bucket_meta meta = {.location = VIEW("eu-west-7"), .owner_id = VIEW("me")};
    struct bucket_find f;

    stand_open();
    put_bucket_with("other", &meta, 0);
    assert_int_equal(find(&f, "other"), ERR_OK);
    bucket_release(f.bucket);
    assert_int_equal(run_edit("other", add_tag_bytes), ERR_OK);
    assert_int_equal(edit.edit.code, S3_None);
    assert_false(is_cached(&f, "other"));
    assert_int_equal(find(&f, "other"), ERR_OK);
    assert_int_equal(f.bucket->versioning, VERSIONING_ENABLED);
    assert_true(view_is(f.bucket->meta.location, "eu-west-7"));
    assert_true(view_is(f.bucket->meta.owner_id, "me"));
    assert_true(view_is(f.bucket->meta.tags, "edited"));
    bucket_release(f.bucket);
    stand_close();
}

static void edits_may_refuse(void **state)
{
    struct bucket_find f;

    stand_open();
    assert_int_equal(find(&f, "bucket"), ERR_OK);
    bucket_release(f.bucket);
    assert_int_equal(run_edit("bucket", refuse), ERR_INVALID);
    assert_int_equal(edit.edit.code, S3_InvalidBucketState);
    assert_string_equal(edit.edit.detail, "no");
    assert_int_equal(run_edit("bucket", nothing_to_do), ERR_OK);
    assert_true(is_cached(&f, "bucket")); /* nothing was changed */
    bucket_release(f.bucket);
    assert_int_equal(run_edit("nobucket", add_tag_bytes), ERR_INVALID);
    assert_int_equal(edit.edit.code, S3_NoSuchBucket);
    stand_close();
}

/* Somebody else amends between lookup and amend. */
static enum s3_code disturbed(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io)
{
    static struct engine_amend others[32];
    static const uint8_t blob[] = {1};
    struct engine_amend *a = &others[edit.runs % 32];

    (void)e;
    (void)flags_io;
    m->tags = VIEW("mine");
    if (edit.runs++ >= 3)
        return S3_None;
    memset(a, 0, sizeof *a);
    a->key = (struct engine_key){.space = SPACE_BUCKET, .bucket = VIEW("bucket")};
    a->meta = view_of(blob, sizeof blob);
    op_init(&a->op, loop_nothing);
    engine_amend(stand.engine, a); /* owned by this reactor: done before ours */
    return S3_None;
}

static void edits_try_again_when_another_came_between(void **state)
{
    struct bucket_find f;

    stand_open();
    assert_int_equal(run_edit("bucket", disturbed), ERR_OK);
    assert_int_equal(edit.runs, 4);
    assert_int_equal(find(&f, "bucket"), ERR_OK);
    assert_true(view_is(f.bucket->meta.tags, "mine"));
    bucket_release(f.bucket);
    stand_close();
}

static void failures_of_the_engine_are_answers(void **state)
{
    stand_open();
    for (failing_call = 1; failing_call <= 2; failing_call++) {
        assert_int_equal(run_edit("bucket", add_tag_bytes), ERR_INVALID);
        engine_fails(0, ERR_OK);
        assert_int_equal(edit.edit.code, S3_InternalError);
    }
    failing_call = 0;
    stand_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_found_once_and_then_remembered),
        cmocka_unit_test(a_change_is_seen_and_holders_keep_what_they_saw),
        cmocka_unit_test(a_change_during_the_lookup_makes_it_stale),
        cmocka_unit_test(an_entry_that_did_not_change_stays),
        cmocka_unit_test(the_cache_is_bounded),
        cmocka_unit_test(used_entries_outlive_unused_ones),
        cmocka_unit_test(big_entries_are_forgotten_by_bytes),
        cmocka_unit_test(what_does_not_parse_is_damage),
        cmocka_unit_test(a_bucket_made_again_is_another),
        cmocka_unit_test(what_was_answered_holds_on_every_reactor),
        cmocka_unit_test(edits_keep_what_they_do_not_touch),
        cmocka_unit_test(edits_may_refuse),
        cmocka_unit_test(edits_try_again_when_another_came_between),
        cmocka_unit_test(failures_of_the_engine_are_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
