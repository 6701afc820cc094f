/*
 * The crash oracle: a seeded workload on a recording drive (drives_disk.h), then, for many moments
 * and many fates of what was not flushed, the folder a crash would have left is made and opened:
 *
 *   - every operation that was answered is there, with the right bytes;
 *   - every other one is there whole, with all it changes, or not at all;
 *   - nothing removed is back; listings agree with lookups; the store goes on working;
 *   - the accounts of the segments are what the index says.
 *
 * Once as it comes, once with a cleaner that moves whatever it can while the workload runs.
 *
 * PENSTOCK_CRASH_POINTS (default 250) and PENSTOCK_CRASH_SEED widen it; the seed is printed when a
 * point fails. Helper threads make runs of one seed differ a little; the recorded order is what
 * counts for a run.
 */
#include "drives_front.h"
#include "drives_image.h"

#include "drives_rig.h"

#include "base/metrics.h"
#include "drives_clean_rig.h"
#include "loop_sim.h"

enum { OBJECTS = 14, PARTS = 3, OPS = 400, RUNS_MAX = 5, TOUCH_MAX = 2 + PARTS };
enum {
    CELL_BUCKET0,
    CELL_BUCKET1,
    CELL_OBJECT, /* the odd ones in the second bucket */
    CELL_UPLOAD = CELL_OBJECT + OBJECTS,
    CELL_PART,
    CELLS = CELL_PART + PARTS
};

static const char *const buckets[] = {"bucket", "second"};

/* One operation of the workload, for the oracle. */
struct entry {
    unsigned started, acked; /* events recorded by then; acked 0: not yet */
    enum err err;
    unsigned touched[TOUCH_MAX], to[TOUCH_MAX], touch_count; /* cell -> entry, 0: removed */
    uint64_t size;
    unsigned part_of[PARTS]; /* composed: of these entries */
    bool is_composed;
};

struct run {
    bool is_busy;
    unsigned entry;
    struct engine_put put;
    struct engine_write write;
    struct engine_remove remove;
    struct engine_object *parts[PARTS];
    char etag[16];
};

static struct entry journal[OPS + 64];
static unsigned journal_count = 1;
static struct run runs[RUNS_MAX];
static bool is_locked[CELLS];
static unsigned state[CELLS]; /* as far as answered */
static uint64_t seed, draws;
static char long_name[900];

static uint64_t draw(void)
{
    return disk_draw(&draws);
}

static struct engine_key key_of(unsigned cell)
{
    static char names[CELLS][16];

    if (cell < CELL_OBJECT)
        return rig_key(SPACE_BUCKET, buckets[cell], "");
    (void)snprintf(names[cell], sizeof names[cell], "%c%02u", cell % 3 ? 'o' : 'a', cell);
    if (cell < CELL_OBJECT + 2) /* one of each bucket */
        return rig_key(SPACE_OBJECT, buckets[cell % 2], long_name + (cell - CELL_OBJECT));
    if (cell < CELL_UPLOAD)
        return rig_key(SPACE_OBJECT, buckets[cell % 2], names[cell]);
    if (cell == CELL_UPLOAD)
        return rig_key(SPACE_UPLOAD, buckets[0], "upload");
    (void)snprintf(names[cell], sizeof names[cell], "id/%05u", cell - CELL_PART);
    return rig_key(SPACE_PART, buckets[0], names[cell]);
}

/* ---- the workload ------------------------------------------------------------------------ */

static void touch(struct entry *e, unsigned cell, unsigned to)
{
    is_locked[cell] = true;
    e->touched[e->touch_count] = cell;
    e->to[e->touch_count++] = to;
}

static struct entry *begin(struct run *r)
{
    struct entry *e = &journal[journal_count];

    r->is_busy = true;
    r->entry = journal_count++;
    *e = (struct entry){.started = disk_now()};
    (void)snprintf(r->etag, sizeof r->etag, "%u", r->entry);
    return e;
}

static void end(struct run *r, enum err err)
{
    struct entry *e = &journal[r->entry];

    e->acked = disk_now();
    e->err = err;
    for (unsigned i = 0; i < e->touch_count; i++) {
        is_locked[e->touched[i]] = false;
        if (!err)
            state[e->touched[i]] = e->to[i];
    }
    for (unsigned i = 0; i < PARTS; i++) {
        engine_release(r->parts[i]);
        r->parts[i] = NULL;
    }
    r->is_busy = false;
}

static void put_ended(struct op *op)
{
    struct run *r = container_of(op, struct run, put.op);

    chunk_unref(r->write.chunk);
    r->write.chunk = NULL;
    end(r, op->err);
}

static void write_ended(struct op *op)
{
    struct run *r = container_of(op, struct run, write.op);

    assert_int_equal(op->err, ERR_OK);
    engine_commit(&r->put);
}

static void remove_ended(struct op *op)
{
    end(container_of(op, struct run, remove.op), op->err);
}

static void init_put(struct run *r, unsigned cell)
{
    engine_put_init(rig.E, &r->put, key_of(cell), 0);
    op_init(&r->put.op, put_ended);
    r->put.etag = view_str(r->etag);
    r->put.mtime_ms = 1;
}

static void start_put(struct run *r, unsigned cell, uint64_t size)
{
    struct entry *e = begin(r);

    touch(e, cell, r->entry);
    e->size = size;
    init_put(r, cell);
    if (cell >= CELL_PART)
        r->put.require = key_of(CELL_UPLOAD);
    if (size == 0) {
        engine_commit(&r->put);
        return;
    }
    r->write = (struct engine_write){.put = &r->put, .len = size};
    r->write.chunk = rig_chunk(r->entry, 0, size);
    op_init(&r->write.op, write_ended);
    engine_write(&r->write);
}

static void start_remove(struct run *r, unsigned cell)
{
    touch(begin(r), cell, 0);
    r->remove = (struct engine_remove){.key = key_of(cell)};
    op_init(&r->remove.op, remove_ended);
    engine_remove(rig.E, &r->remove);
}

/* All parts into an object; upload and parts go. */
static void start_compose(struct run *r, unsigned cell)
{
    struct entry *e = begin(r);

    e->is_composed = true;
    touch(e, cell, r->entry);
    touch(e, CELL_UPLOAD, 0);
    for (unsigned i = 0; i < PARTS; i++) {
        touch(e, CELL_PART + i, 0);
        e->part_of[i] = state[CELL_PART + i];
        e->size += journal[e->part_of[i]].size;
        assert_int_equal(rig_lookup(key_of(CELL_PART + i), &r->parts[i]), ERR_OK);
    }
    init_put(r, cell);
    r->put.parts = r->parts;
    r->put.part_count = PARTS;
    r->put.require = r->put.also_remove = key_of(CELL_UPLOAD);
    r->put.purge_parts = VIEW("id/");
    engine_commit(&r->put);
}

/* The upload: made, filled, completed. False: it is busy. */
static bool step_upload(struct run *r)
{
    unsigned target = CELL_OBJECT + 2 * (unsigned)(draw() % (OBJECTS / 2));

    for (unsigned cell = CELL_UPLOAD; cell < CELLS; cell++)
        if (is_locked[cell])
            return false;
    if (!state[CELL_UPLOAD]) {
        start_put(r, CELL_UPLOAD, 0);
        return true;
    }
    for (unsigned i = 0; i < PARTS; i++) {
        if (!state[CELL_PART + i]) {
            start_put(r, CELL_PART + i, draw() % 2 ? 30000 + draw() % 90000 : 1 + draw() % 4000);
            return true;
        }
    }
    if (is_locked[target])
        return false;
    start_compose(r, target);
    return true;
}

static bool start_some(struct run *r)
{
    unsigned cell = CELL_OBJECT + (unsigned)(draw() % OBJECTS);
    uint64_t what = draw() % 10;

    if (what < 3)
        return step_upload(r);
    if (is_locked[cell])
        return false;
    if (what < 5)
        start_remove(r, cell);
    else if (what < 8)
        start_put(r, cell, draw() % 6000);
    else
        start_put(r, cell, 33000 + draw() % 120000);
    return true;
}

static unsigned busy_runs(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < RUNS_MAX; i++)
        count += runs[i].is_busy;
    return count;
}

static void work(void)
{
    for (unsigned cell = CELL_BUCKET0; cell <= CELL_BUCKET1; cell++) {
        start_put(&runs[0], cell, 0);
        loop_turns(1);
        while (busy_runs() > 0)
            reactor_turn(reactor_current(), 1000000);
    }
    while (journal_count < OPS) {
        for (unsigned i = 0; i < RUNS_MAX; i++)
            if (!runs[i].is_busy && draw() % 3 && journal_count < OPS)
                (void)start_some(&runs[i]);
        reactor_turn(reactor_current(), 100000);
    }
    while (busy_runs() > 0)
        reactor_turn(reactor_current(), 1000000);
}

/* ---- the oracle -------------------------------------------------------------------------- */

static bool was_acked(const struct entry *e, unsigned at)
{
    return e->acked && e->acked <= at;
}

/* What the cell held for sure, and the entry under way on it, or 0. */
static void expect(unsigned cell, unsigned at, unsigned *held_out, unsigned *pending_out)
{
    *held_out = *pending_out = 0;
    for (unsigned i = 1; i < journal_count; i++) {
        const struct entry *e = &journal[i];

        for (unsigned k = 0; k < e->touch_count; k++) {
            if (e->touched[k] != cell)
                continue;
            if (was_acked(e, at) && !e->err)
                *held_out = e->to[k];
            else if (!was_acked(e, at) && e->started <= at && !e->err)
                *pending_out = i;
        }
    }
}

static unsigned target_of(const struct entry *e, unsigned cell)
{
    for (unsigned k = 0; k < e->touch_count; k++)
        if (e->touched[k] == cell)
            return e->to[k];
    return 0;
}

static bool check_bytes(struct engine_object *o, unsigned id)
{
    const struct entry *e = &journal[id];
    uint8_t *dst = malloc(o->info.size + 1);
    bool is_right = o->info.size == e->size &&
                    (o->info.size == 0 || rig_read(o, 0, o->info.size, dst) == ERR_OK);
    uint64_t at = 0;

    for (unsigned p = 0; is_right && p < (e->is_composed ? PARTS : 1); p++) {
        unsigned from = e->is_composed ? e->part_of[p] : id;

        for (uint64_t i = 0; i < journal[from].size; i++, at++)
            is_right &= dst[at] == rig_byte(from, i);
    }
    free(dst);
    return is_right;
}

/* What is there: an entry, or 0; false when its bytes are wrong. */
static bool look(unsigned cell, unsigned *id_out)
{
    struct engine_object *o;
    enum err e = rig_lookup(key_of(cell), &o);
    bool is_right;

    *id_out = 0;
    if (e)
        return e == ERR_NOT_FOUND || e == ERR_NO_BUCKET;
    *id_out = (unsigned)strtoul((const char *)o->info.etag.at, NULL, 10);
    is_right = *id_out > 0 && *id_out < journal_count && check_bytes(o, *id_out);
    engine_release(o);
    return is_right;
}

static bool
differs(const char *what, unsigned cell, unsigned found, unsigned held, unsigned pending)
{
    print_error("cell %u: %s; found %u, held %u, pending %u\n", cell, what, found, held, pending);
    return false;
}

/* An entry under way changed all of its cells or none. */
static bool check_whole(unsigned id, const unsigned found[CELLS], unsigned at)
{
    const struct entry *e = &journal[id];
    unsigned held, pending, news = 0, olds = 0;

    for (unsigned k = 0; k < e->touch_count; k++) {
        expect(e->touched[k], at, &held, &pending);
        if (held == e->to[k])
            continue;
        news += found[e->touched[k]] == e->to[k];
        olds += found[e->touched[k]] == held;
    }
    return news == 0 || olds == 0 || differs("half of an operation", e->touched[0], news, olds, id);
}

struct names {
    unsigned bucket, count, unknown;
    const unsigned *found;
};

static void on_name(void *ctx, struct view name)
{
    struct names *n = ctx;

    n->count++;
    for (unsigned cell = CELL_OBJECT; cell < CELL_UPLOAD; cell++)
        if (cell % 2 == n->bucket && n->found[cell] && view_eq(key_of(cell).name, name))
            return;
    n->unknown++;
}

static bool check_listing(const unsigned found[CELLS])
{
    for (unsigned bucket = 0; bucket < 2; bucket++) {
        struct names n = {.bucket = bucket, .found = found};
        unsigned expected = 0;

        for (unsigned cell = CELL_OBJECT; cell < CELL_UPLOAD; cell++)
            expected += cell % 2 == bucket && found[cell];
        if (rig_list(SPACE_OBJECT, buckets[bucket], on_name, &n) == ERR_NO_BUCKET)
            continue;
        if (n.unknown || n.count != expected)
            return differs("listing", bucket, n.count, expected, n.unknown);
    }
    return true;
}

static bool check(unsigned at)
{
    unsigned found[CELLS], held, pending;

    for (unsigned cell = 0; cell < CELLS; cell++) {
        expect(cell, at, &held, &pending);
        if (!look(cell, &found[cell]))
            return differs("wrong bytes", cell, found[cell], held, pending);
        if (found[cell] != held && (!pending || found[cell] != target_of(&journal[pending], cell)))
            return differs("neither old nor new", cell, found[cell], held, pending);
    }
    for (unsigned id = 1; id < journal_count; id++)
        if (journal[id].started <= at && !was_acked(&journal[id], at) && !journal[id].err &&
            !check_whole(id, found, at))
            return false;
    return check_listing(found);
}

/* It goes on: what is written now is there after the next open, and so is the rest. */
static bool check_goes_on(unsigned at)
{
    char etag[] = "new";

    (void)rig_bucket("third");
    for (int i = 0; i < 12; i++)
        if (rig_put(rig_key(SPACE_OBJECT, "third", "x"), (uint64_t)i, 5000U * (unsigned)i, etag))
            return differs("a put failed", 0, 0, 0, 0);
    rig_close();
    rig_open_ok();
    if (rig_check(rig_key(SPACE_OBJECT, "third", "x"), 11, 55000, etag))
        return differs("what was put after the crash is gone", 0, 0, 0, 0);
    return check(at);
}

static bool try_point(unsigned at, enum disk_mode mode, uint64_t image_seed)
{
    bool is_right;

    disk_image(at, rig.dir, mode, image_seed);
    rig_open_ok();
    is_right = rig_accounts_are_exact() && check(at) && (image_seed % 4 != 0 || check_goes_on(at));
    rig_close();
    rig_remove_tree(rig.dir);
    return is_right;
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void reset(void)
{
    journal_count = 1;
    memset(runs, 0, sizeof runs);
    memset(is_locked, 0, sizeof is_locked);
    memset(state, 0, sizeof state);
}

static void crash(unsigned clean_percent)
{
    uint64_t points = env_number("PENSTOCK_CRASH_POINTS", 250);

    reset();
    seed = draws = env_number("PENSTOCK_CRASH_SEED", (uint64_t)getpid());
    memset(long_name, 'k', sizeof long_name - 1);
    rig_start(loop_sim_new(seed, 0)); /* short transfers would tear sectors */
    rig.config.owner_count = 2;
    rig.config.is_relaxed = false;
    rig.config.clean_percent = clean_percent;
    if (clean_percent > 0) { /* woken by checkpoints, of sealed segments */
        rig.config.memtable_entries_max = 6;
        rig.config.log_segment_bytes = 128 * KIB;
    }
    rig.config.clean_share = clean_percent ? 100 : 0;
    disk_start(rig.dir);
    rig_open_ok();
    work();
    if (clean_percent > 0)
        assert_true(metrics_current->count[METRIC_CLEANED_BYTES] > 0);
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

static void every_crash_leaves_what_was_answered(void **unused)
{
    (void)unused;
    crash(0);
}

static void every_crash_while_cleaning_leaves_what_was_answered(void **unused)
{
    (void)unused;
    crash(200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_crash_leaves_what_was_answered),
        cmocka_unit_test(every_crash_while_cleaning_leaves_what_was_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
