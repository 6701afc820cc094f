/*
 * The crash oracle for versions: puts, removals, amendments and changes of the bucket's flags on
 * few keys of two buckets, on a recording drive (drives_disk.h); then, for many moments and fates
 * of what was not flushed, the folder a crash would have left is made and opened:
 *
 *   - of each key there are exactly the versions that its last answered operation left, with the
 *     right flags, revisions, meta and bytes, or those of the one that was under way;
 *   - listing, lookups by seq, of the null version and of the latest agree;
 *   - the store goes on working, and what was removed does not come back later either.
 *
 * At most one operation at a time is under way on a key, so these are all the states there may be.
 * PENSTOCK_CRASH_POINTS (default 150) and PENSTOCK_CRASH_SEED widen it, as in drives_crash_test.c.
 */
#include "drives_front.h"
#include "drives_image.h"

#include "drives_rig.h"
#include "loop_sim.h"

enum { BUCKETS = 2, KEYS = 8, OPS = 500, RUNS_MAX = 5, VERSIONS_MAX = 12, STATES_MAX = OPS + 8 };

struct version {
    uint64_t seq, rev, size;
    unsigned flags, id, meta; /* id: of the payload; meta: the number in it, 0: none */
};

/* What there is of a key from one answered operation on. */
struct state {
    unsigned started, acked; /* events recorded by then */
    unsigned count, flags;   /* flags: of a bucket's state */
    struct version at[VERSIONS_MAX];
};

/* Keys, and the flags of the buckets behind them; states[0] is nothing. */
struct history {
    struct state states[STATES_MAX];
    unsigned count;
    bool is_busy;
};
static struct history histories[KEYS + BUCKETS];

struct run {
    bool is_busy;
    unsigned key;
    unsigned id;
    struct state next; /* all but what the answer tells */
    unsigned found;    /* amend, remove: which version */
    struct engine_put put;
    struct engine_write write;
    struct engine_remove remove;
    struct engine_amend amend;
    char text[16];
};

static struct run runs[RUNS_MAX];
static unsigned ids;
static uint64_t seed, draws;
static const char *const buckets[BUCKETS] = {"bucket", "second"};
static char long_name[900];

static uint64_t draw(void)
{
    return disk_draw(&draws);
}

static unsigned bucket_of(unsigned key)
{
    return key < KEYS ? key % BUCKETS : key - KEYS;
}

static struct engine_key key_of(unsigned key)
{
    static char names[KEYS][4];

    if (key >= KEYS)
        return rig_key(SPACE_BUCKET, buckets[bucket_of(key)], "");
    if (key < 2) /* one of each bucket */
        return rig_key(SPACE_OBJECT, buckets[bucket_of(key)], long_name + key);
    (void)snprintf(names[key], sizeof names[key], "k%u", key);
    return rig_key(SPACE_OBJECT, buckets[bucket_of(key)], names[key]);
}

static struct state *last_of(unsigned key)
{
    return &histories[key].states[histories[key].count];
}

static unsigned flags_of(unsigned key)
{
    return last_of(KEYS + bucket_of(key))->flags;
}

/* ---- the rules, as engine.h tells them ----------------------------------------------------- */

static void take_out(struct state *s, unsigned i)
{
    s->count--;
    memmove(&s->at[i], &s->at[i + 1], (s->count - i) * sizeof s->at[0]);
}

static unsigned find_null(const struct state *s)
{
    unsigned i = 0;

    while (i < s->count && (s->at[i].flags & ENGINE_VERSION_NAMED))
        i++;
    return i;
}

/* Room for a new latest one, after the rules of the bucket. */
static void make_room(struct state *s, unsigned bucket_flags)
{
    if (bucket_flags != ENGINE_BUCKET_VERSIONED && find_null(s) < s->count)
        take_out(s, find_null(s));
    memmove(&s->at[1], &s->at[0], s->count * sizeof s->at[0]);
    s->count++;
}

/* ---- the workload ------------------------------------------------------------------------ */

static void begin(struct run *r, unsigned key)
{
    r->is_busy = true;
    r->key = key;
    r->id = ++ids;
    histories[key].is_busy = true;
    r->next = *last_of(key);
    r->next.started = disk_now();
    (void)snprintf(r->text, sizeof r->text, "%u", r->id);
}

static void end(struct run *r, enum err err)
{
    struct history *h = &histories[r->key];

    assert_int_equal(err, ERR_OK);
    r->next.acked = disk_now();
    h->states[++h->count] = r->next;
    h->is_busy = false;
    r->is_busy = false;
}

static void put_ended(struct op *op)
{
    struct run *r = container_of(op, struct run, put.op);
    const struct engine_info *info = &r->put.info;

    chunk_unref(r->write.chunk);
    r->write.chunk = NULL;
    if (r->key >= KEYS)
        r->next.flags = info->flags;
    else
        r->next.at[0] = (struct version){info->seq, info->rev, info->size, info->flags, r->id, 0};
    end(r, op->err);
}

static void write_ended(struct op *op)
{
    struct run *r = container_of(op, struct run, write.op);

    assert_int_equal(op->err, ERR_OK);
    engine_commit(&r->put);
}

static void start_put(struct run *r, unsigned key, uint64_t size)
{
    begin(r, key);
    if (key < KEYS)
        make_room(&r->next, flags_of(key));
    engine_put_init(rig.E, &r->put, key_of(key), 0);
    op_init(&r->put.op, put_ended);
    r->put.mtime_ms = 1;
    if (size == 0) {
        engine_commit(&r->put);
        return;
    }
    r->write = (struct engine_write){.put = &r->put, .len = size};
    r->write.chunk = rig_chunk(r->id, 0, size);
    op_init(&r->write.op, write_ended);
    engine_write(&r->write);
}

static void remove_ended(struct op *op)
{
    struct run *r = container_of(op, struct run, remove.op);
    const struct engine_info *info = &r->remove.info;

    if (r->remove.made_marker)
        r->next.at[0] = (struct version){info->seq, info->rev, 0, info->flags, 0, r->id};
    end(r, op->err);
}

/* The latest when i is the count, else version i for good. */
static void start_remove(struct run *r, unsigned key, unsigned i)
{
    struct state *s = &r->next;

    begin(r, key);
    r->remove = (struct engine_remove){.key = key_of(key), .meta = view_str(r->text)};
    op_init(&r->remove.op, remove_ended);
    if (i < s->count) {
        r->remove.version = (struct engine_version){VERSION_SEQ, s->at[i].seq};
        if (find_null(s) == i && draw() % 2)
            r->remove.version = (struct engine_version){VERSION_NULL, 0};
        take_out(s, i);
    } else if (flags_of(key)) {
        make_room(s, flags_of(key));
    } else {
        take_out(s, 0);
    }
    engine_remove(rig.E, &r->remove);
}

static void amend_ended(struct op *op)
{
    struct run *r = container_of(op, struct run, amend.op);

    if (r->key >= KEYS) {
        r->next.flags = r->amend.info.flags;
    } else {
        r->next.at[r->found].rev = r->amend.info.rev;
        r->next.at[r->found].meta = r->id;
    }
    end(r, op->err);
}

static void start_amend(struct run *r, unsigned key, unsigned i)
{
    begin(r, key);
    r->found = i;
    r->amend = (struct engine_amend){.key = key_of(key), .meta = view_str(r->text)};
    op_init(&r->amend.op, amend_ended);
    if (key >= KEYS) {
        r->amend.sets_flags = true;
        r->amend.flags = draw() % 2 ? ENGINE_BUCKET_VERSIONED : ENGINE_BUCKET_SUSPENDED;
    } else {
        r->amend.version = (struct engine_version){VERSION_SEQ, r->next.at[i].seq};
    }
    engine_amend(rig.E, &r->amend);
}

/* Nothing may be under way on its keys, whose outcome the flags decide. */
static bool start_flags(struct run *r, unsigned bucket)
{
    for (unsigned key = bucket; key < KEYS; key += BUCKETS)
        if (histories[key].is_busy)
            return false;
    if (histories[KEYS + bucket].is_busy)
        return false;
    start_amend(r, KEYS + bucket, 0);
    return true;
}

static void start_some(struct run *r)
{
    unsigned key = (unsigned)(draw() % KEYS), count = last_of(key)->count;
    uint64_t what = draw() % 20;

    if (histories[key].is_busy || histories[KEYS + bucket_of(key)].is_busy)
        return;
    if (what == 0 && ids > 60)
        (void)start_flags(r, bucket_of(key));
    else if (count == VERSIONS_MAX || (what < 7 && count > 0))
        start_remove(r, key, (unsigned)(draw() % 3 ? draw() % count : 0));
    else if (
        what < 10 && (count > 0 || flags_of(key)) &&
        (flags_of(key) || !(last_of(key)->at[0].flags & ENGINE_MARKER)))
        start_remove(r, key, count);
    else if (what < 13 && count > 0)
        start_amend(r, key, (unsigned)(draw() % count));
    else if (what < 17)
        start_put(r, key, draw() % 6000);
    else
        start_put(r, key, 33000 + draw() % 120000);
}

static unsigned busy_runs(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < RUNS_MAX; i++)
        count += runs[i].is_busy;
    return count;
}

static void settle(void)
{
    while (busy_runs() > 0)
        reactor_turn(reactor_current(), 1000000);
}

static void work(void)
{
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        start_put(&runs[0], KEYS + bucket, 0);
        settle();
    }
    while (ids < OPS) {
        for (unsigned i = 0; i < RUNS_MAX; i++)
            if (!runs[i].is_busy && draw() % 3 && ids < OPS)
                start_some(&runs[i]);
        reactor_turn(reactor_current(), 100000);
    }
    settle();
}

/* ---- the oracle -------------------------------------------------------------------------- */

/* The last state that is answered by then; whether the next one was under way. */
static unsigned held_state(const struct history *h, unsigned at, bool *has_pending_out)
{
    unsigned i = 0;

    while (i < h->count && h->states[i + 1].acked <= at)
        i++;
    *has_pending_out = i < h->count && h->states[i + 1].started <= at;
    return i;
}

static bool is_meta(struct view meta, unsigned number)
{
    char text[16] = "";

    if (number)
        (void)snprintf(text, sizeof text, "%u", number);
    return view_is(meta, text);
}

static bool is_version(const struct engine_info *info, const struct version *v)
{
    return info->seq == v->seq && info->rev == v->rev && info->flags == v->flags &&
           info->size == v->size && is_meta(info->meta, v->meta);
}

static bool
check_lookup(unsigned key, struct engine_version version, const struct state *s, unsigned i)
{
    struct engine_lookup l = {.key = key_of(key), .version = version};
    bool is_marker = i < s->count && (s->at[i].flags & ENGINE_MARKER);
    bool is_there = i < s->count && !(version.kind == VERSION_LATEST && is_marker);
    bool is_right;

    op_init(&l.op, loop_nothing);
    engine_lookup(rig.E, &l);
    if (loop_wait(&l.op))
        return l.op.err == ERR_NOT_FOUND && !is_there &&
               l.marker.is_set == (version.kind == VERSION_LATEST && is_marker);
    is_right = is_there && is_version(&l.object->info, &s->at[i]) && l.is_latest == (i == 0) &&
               rig_check_payload(l.object, s->at[i].id) == ERR_OK;
    engine_release(l.object);
    return is_right;
}

static bool check_lookups(unsigned key, const struct state *s)
{
    bool is_right = check_lookup(key, (struct engine_version){VERSION_LATEST, 0}, s, 0) &&
                    check_lookup(key, (struct engine_version){VERSION_NULL, 0}, s, find_null(s));

    for (unsigned i = 0; is_right && i < s->count; i++)
        is_right = check_lookup(key, (struct engine_version){VERSION_SEQ, s->at[i].seq}, s, i);
    return is_right;
}

/* All versions of all keys of a bucket, page by page. */
struct listed {
    struct state keys[KEYS];
    struct region region;
    bool is_wrong;
};

static void take_item(struct listed *x, unsigned bucket, const struct engine_item *item)
{
    struct state *s;
    unsigned key = bucket;

    while (key < KEYS && !view_eq(key_of(key).name, item->name))
        key += BUCKETS;
    if (key >= KEYS || x->keys[key].count == VERSIONS_MAX) {
        x->is_wrong = true;
        return;
    }
    s = &x->keys[key];
    x->is_wrong |= item->is_latest != (s->count == 0);
    s->at[s->count++] = (struct version){
        .seq = item->info.seq,
        .rev = item->info.rev,
        .size = item->info.size,
        .flags = item->info.flags};
}

static void list_bucket(struct listed *x, unsigned bucket)
{
    static uint8_t after[ENGINE_NAME_BYTES_MAX];
    size_t after_len = 0;
    uint64_t after_seq = 0;
    bool is_more = true;

    while (is_more) {
        struct region region;
        struct engine_list l = {
            .space = SPACE_OBJECT,
            .bucket = view_str(buckets[bucket]),
            .after = view_of(after, after_len),
            .after_seq = after_seq,
            .with_versions = true,
            .max_items = 3,
            .region = &region};

        region_init(&region, reactor_regions(reactor_current()));
        op_init(&l.op, loop_nothing);
        engine_list(rig.E, &l);
        x->is_wrong |= loop_wait(&l.op) != ERR_OK && l.op.err != ERR_NO_BUCKET;
        for (unsigned i = 0; i < l.count; i++)
            take_item(x, bucket, &l.items[i]);
        is_more = l.is_truncated;
        if (is_more) {
            after_len = l.items[l.count - 1].name.len;
            memcpy(after, l.items[l.count - 1].name.at, after_len);
            after_seq = l.items[l.count - 1].info.seq;
        }
        region_done(&region);
    }
}

static bool is_same(const struct state *a, const struct state *b)
{
    bool is = a->count == b->count;

    for (unsigned i = 0; is && i < a->count; i++)
        is = a->at[i].seq == b->at[i].seq && a->at[i].rev == b->at[i].rev &&
             a->at[i].flags == b->at[i].flags && a->at[i].size == b->at[i].size;
    return is;
}

static void tell(const char *what, const struct state *s)
{
    print_error("  %s:", what);
    for (unsigned i = 0; i < s->count; i++)
        print_error(
            " %llu/%llu/%u", (unsigned long long)s->at[i].seq, (unsigned long long)s->at[i].rev,
            s->at[i].flags);
    print_error("\n");
}

static bool check_key(unsigned key, unsigned at, const struct state *listed)
{
    const struct history *h = &histories[key];
    bool has_pending;
    unsigned held = held_state(h, at, &has_pending);

    if (is_same(listed, &h->states[held]) && check_lookups(key, &h->states[held]))
        return true;
    if (has_pending && is_same(listed, &h->states[held + 1]) &&
        check_lookups(key, &h->states[held + 1]))
        return true;
    print_error("key %u\n", key);
    tell("found", listed);
    tell("held", &h->states[held]);
    if (has_pending)
        tell("under way", &h->states[held + 1]);
    return false;
}

static bool check_bucket(unsigned bucket, unsigned at)
{
    const struct history *h = &histories[KEYS + bucket];
    struct engine_object *o;
    bool has_pending;
    unsigned held = held_state(h, at, &has_pending), flags;

    if (rig_lookup(key_of(KEYS + bucket), &o))
        return held == 0;
    flags = o->info.flags;
    engine_release(o);
    return (held > 0 && flags == h->states[held].flags) ||
           (has_pending && flags == h->states[held + 1].flags);
}

static bool has_bucket(unsigned bucket)
{
    struct engine_object *o;

    if (rig_lookup(key_of(KEYS + bucket), &o))
        return false;
    engine_release(o);
    return true;
}

static bool check(unsigned at)
{
    static struct listed x;

    memset(&x, 0, sizeof x);
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        if (!check_bucket(bucket, at))
            return false;
        list_bucket(&x, bucket);
    }
    for (unsigned key = 0; key < KEYS; key++)
        if (has_bucket(bucket_of(key)) && !check_key(key, at, &x.keys[key]))
            return false;
    return !x.is_wrong;
}

/* It goes on: other puts do not change what there is, after the next open either. */
static bool check_goes_on(unsigned at)
{
    (void)rig_bucket("third");
    for (int i = 0; i < 60; i++)
        if (rig_put(rig_key(SPACE_OBJECT, "third", "x"), (uint64_t)i, 500U * (unsigned)i, "new"))
            return false;
    rig_close();
    rig_open_ok();
    return check(at);
}

static bool try_point(unsigned at, enum disk_mode mode, uint64_t image_seed)
{
    bool is_right;

    disk_image(at, rig.dir, mode, image_seed);
    rig_open_ok();
    is_right = check(at) && (image_seed % 4 != 0 || check_goes_on(at));
    rig_close();
    rig_remove_tree(rig.dir);
    return is_right;
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void every_crash_leaves_the_versions_that_were_answered(void **unused)
{
    uint64_t points = env_number("PENSTOCK_CRASH_POINTS", 150);

    (void)unused;
    seed = draws = env_number("PENSTOCK_CRASH_SEED", (uint64_t)getpid());
    memset(long_name, 'k', sizeof long_name - 1);
    rig_start(loop_sim_new(seed, 0)); /* short transfers would tear sectors */
    rig.config.owner_count = 2;
    rig.config.is_relaxed = false;
    disk_start(rig.dir);
    rig_open_ok();
    work();
    assert_true(check(disk_now()));
    rig_close();
    disk_stop();
    rig_remove_tree(rig.dir);
    for (uint64_t i = 0; i < points; i++) {
        unsigned at = (unsigned)(draw() % (disk.count + 1));
        enum disk_mode mode = draw() % DISK_MODES;
        uint64_t image_seed = draw();

        rig.config.owner_count = image_seed % 3 == 0 ? 1 : 2;
        if (!try_point(at, mode, image_seed)) {
            print_error(
                "PENSTOCK_CRASH_SEED=%llu, event %u of %u, mode %d\n", (unsigned long long)seed, at,
                disk.count, (int)mode);
            fail_msg("the oracle says no");
        }
    }
    disk_done();
    rig_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_crash_leaves_the_versions_that_were_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
