#include "engine_suite_stand.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"

enum { TURN_NS = 1000000, ARENA_BYTES = 32 << 20 };

struct stand stand;

/* Starts and completions balance on each thread. */
static _Thread_local unsigned armed;

static struct {
    pthread_t thread;
    atomic_bool is_up, is_to_end;
    void (*_Atomic job)(void *arg);
    void *arg;
} other;

static char bucket_names[2][16];

static void op_done(struct op *op)
{
    (void)op;
    armed--;
}

void stand_arm(struct op *op)
{
    op_init(op, op_done);
    armed++;
}

void stand_wait(void)
{
    while (armed > 0)
        reactor_turn(reactor_current(), TURN_NS);
}

static struct reactor *reactor_make(unsigned index)
{
    struct reactor_config config = {.index = index, .cpu = -1};
    struct reactor *R;
    const char *why;

    if (reactor_new(&config, &R, &why)) {
        fprintf(stderr, "no reactor: %s\n", why ? why : "?");
        abort();
    }
    return R;
}

static void *other_main(void *arg)
{
    struct reactor *R = reactor_make(1);

    (void)arg;
    stand.reactors[1] = R;
    atomic_store(&other.is_up, true);
    while (!atomic_load(&other.is_to_end)) {
        void (*job)(void *) = atomic_load(&other.job);

        if (job) {
            job(other.arg);
            atomic_store(&other.job, NULL);
        }
        reactor_turn(R, TURN_NS);
    }
    reactor_free(R);
    return NULL;
}

void stand_fork(void (*job)(void *arg), void *arg)
{
    assert(!atomic_load(&other.job));
    other.arg = arg;
    atomic_store(&other.job, job);
}

void stand_join(void)
{
    while (atomic_load(&other.job))
        reactor_turn(stand.reactors[0], TURN_NS);
}

void stand_build(const struct engine_factory *factory)
{
    const char *note;

    stand = (struct stand){.factory = factory};
    if (work_pool_start(2) || arena_new(ARENA_BYTES, &stand.A, &note))
        abort();
    stand.reactors[0] = reactor_make(0);
    atomic_store(&other.is_up, false);
    atomic_store(&other.is_to_end, false);
    if (pthread_create(&other.thread, NULL, other_main, NULL))
        abort();
    while (!atomic_load(&other.is_up))
        reactor_turn(stand.reactors[0], TURN_NS);
}

void stand_dismantle(void)
{
    if (stand.broken > 0)
        return;
    atomic_store(&other.is_to_end, true);
    pthread_join(other.thread, NULL);
    reactor_free(stand.reactors[0]);
    work_pool_stop();
    arena_free(stand.A);
}

/* The first name that the wanted owner owns. */
static struct view bucket_owned_by(unsigned owner, char prefix, char *name)
{
    for (unsigned i = 0;; i++) {
        (void)snprintf(name, sizeof bucket_names[0], "%cucket-%u", prefix, i);
        if (engine_owner(stand.E, view_str(name)) == owner)
            return view_str(name);
    }
}

static void engine_make(bool is_reopen)
{
    enum err e = stand.factory->open(stand.owners, stand.owner_count, stand.A, is_reopen, &stand.E);

    assert_string_equal(err_name(e), "OK");
}

void stand_open(unsigned owner_count, bool is_remote)
{
    unsigned owner = is_remote ? 1 : 0;

    stand.has_passed = false;
    stand.owner_count = owner_count;
    stand.is_remote = is_remote;
    stand.owners[0] = stand.reactors[0];
    stand.owners[1] = stand.reactors[1];
    engine_make(false);
    stand.bucket = bucket_owned_by(owner, 'b', bucket_names[0]);
    stand.bucket2 = bucket_owned_by(owner_count - 1 - owner, 'c', bucket_names[1]);
    assert_int_equal(stand_bucket_new(stand.bucket), ERR_OK);
    assert_int_equal(stand_bucket_new(stand.bucket2), ERR_OK);
}

static void engine_end(void)
{
    struct op op;

    stand_arm(&op);
    engine_close(stand.E, &op);
    stand_wait();
    stand.E = NULL;
    assert_int_equal(op.err, ERR_OK);
}

void stand_passed(void)
{
    stand.has_passed = true;
}

void stand_close(void)
{
    struct arena_stats stats;

    if (!stand.has_passed) {
        stand.broken++;
        armed = 0;
        return;
    }
    engine_end();
    if (stand.factory->wipe)
        stand.factory->wipe();
    arena_stats(stand.A, &stats);
    if (stand.broken == 0)
        assert_int_equal(stats.bytes_used, 0);
}

void stand_reopen(unsigned owner_count)
{
    engine_end();
    stand.owner_count = owner_count;
    engine_make(true);
}

struct engine_key stand_key_in(enum engine_space space, struct view bucket, const char *name)
{
    return (struct engine_key){space, bucket, view_str(name)};
}

struct engine_key stand_key(const char *name)
{
    return stand_key_in(SPACE_OBJECT, stand.bucket, name);
}

void stand_put_init(struct engine_put *p, struct engine_key key, const char *etag)
{
    engine_put_init(stand.E, p, key, 0);
    p->etag = view_str(etag);
    p->mtime_ms = 1234567890123;
}

static struct chunk *chunk_filled(struct view bytes)
{
    struct arena_take take = {.bytes = bytes.len};

    stand_arm(&take.op);
    arena_take(stand.A, &take);
    stand_wait();
    memcpy(take.chunk->at, bytes.at, bytes.len);
    take.chunk->len = (uint32_t)bytes.len;
    return take.chunk;
}

enum err stand_write(struct engine_put *p, struct view bytes)
{
    while (bytes.len > 0) {
        struct view part = view_upto(bytes, CHUNK_BYTES_MAX);
        struct engine_write w = {.put = p, .chunk = chunk_filled(part), .len = part.len};

        stand_arm(&w.op);
        engine_write(&w);
        stand_wait();
        chunk_unref(w.chunk);
        TRY(w.op.err);
        bytes = view_from(bytes, part.len);
    }
    return ERR_OK;
}

enum err stand_commit(struct engine_put *p)
{
    stand_arm(&p->op);
    engine_commit(p);
    stand_wait();
    return p->op.err;
}

void stand_abort(struct engine_put *p)
{
    stand_arm(&p->op);
    engine_abort(p);
    stand_wait();
}

enum err stand_put(struct engine_key key, struct view bytes, const char *etag)
{
    struct engine_put p;
    enum err e;

    stand_put_init(&p, key, etag);
    p.size_hint = bytes.len;
    e = stand_write(&p, bytes);
    if (!e)
        return stand_commit(&p);
    stand_abort(&p);
    return e;
}

enum err stand_bucket_new(struct view bucket)
{
    struct engine_put p;

    stand_put_init(&p, (struct engine_key){SPACE_BUCKET, bucket, VIEW_EMPTY}, "");
    p.condition.kind = IF_ABSENT;
    return stand_commit(&p);
}

enum err stand_do_remove(struct engine_remove *r)
{
    stand_arm(&r->op);
    engine_remove(stand.E, r);
    stand_wait();
    return r->op.err;
}

enum err stand_remove(struct engine_key key)
{
    return stand_do_remove(&(struct engine_remove){.key = key});
}

enum err stand_do_lookup(struct engine_lookup *l)
{
    stand_arm(&l->op);
    engine_lookup(stand.E, l);
    stand_wait();
    return l->op.err;
}

enum err stand_lookup(struct engine_key key, struct engine_object **object_out)
{
    struct engine_lookup l = {.key = key};
    enum err e = stand_do_lookup(&l);

    if (!e)
        *object_out = l.object;
    return e;
}

enum err stand_do_amend(struct engine_amend *a)
{
    stand_arm(&a->op);
    engine_amend(stand.E, a);
    stand_wait();
    return a->op.err;
}

void stand_set_versions(unsigned flags)
{
    struct engine_amend a = {
        .key = stand_key_in(SPACE_BUCKET, stand.bucket, ""), .flags = flags, .sets_flags = true};

    assert_int_equal(stand_do_amend(&a), ERR_OK);
}

bool stand_has(struct engine_key key)
{
    struct engine_object *o = NULL;
    enum err e = stand_lookup(key, &o);

    assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
    engine_release(o);
    return !e;
}

enum err stand_read(struct engine_object *o, uint64_t off, size_t len, uint8_t *dst)
{
    while (len > 0) {
        struct engine_read r = {
            .object = o, .off = off, .len = MIN(len, CHUNK_BYTES_MAX), .dst = dst};

        r.wants_crc64 = true;
        stand_arm(&r.op);
        engine_read(&r);
        stand_wait();
        TRY(r.op.err);
        if (r.got != r.len || r.crc64 != crc64_nvme(0, dst, r.len))
            return ERR_CORRUPT;
        off += r.got;
        dst += r.got;
        len -= r.got;
    }
    return ERR_OK;
}

/* What a lent view must be. */
static bool is_lent_well(const struct engine_read *r)
{
    return r->chunk && r->got >= 1 && r->got <= r->len && r->lent.len == r->got &&
           r->lent.at >= r->chunk->at &&
           r->lent.at + r->lent.len <= r->chunk->at + r->chunk->bytes &&
           r->crc64 == crc64_nvme(0, r->lent.at, r->lent.len);
}

enum err stand_read_lent(struct engine_object *o, uint64_t off, size_t len, uint8_t *dst)
{
    while (len > 0) {
        struct engine_read r = {.object = o, .off = off, .len = MIN(len, CHUNK_BYTES_MAX)};
        bool is_well;

        r.wants_crc64 = true;
        stand_arm(&r.op);
        engine_read(&r);
        stand_wait();
        TRY(r.op.err);
        is_well = is_lent_well(&r);
        if (is_well)
            memcpy(dst, r.lent.at, r.got);
        chunk_unref(r.chunk);
        if (!is_well)
            return ERR_CORRUPT;
        off += r.got;
        dst += r.got;
        len -= r.got;
    }
    return ERR_OK;
}

enum err stand_list(struct engine_list *l)
{
    stand_arm(&l->op);
    engine_list(stand.E, l);
    stand_wait();
    return l->op.err;
}

void stand_holds(struct engine_key key, struct view bytes, const char *etag)
{
    struct engine_object *o = NULL;
    uint8_t *got = malloc(bytes.len + 1);

    assert_string_equal(err_name(stand_lookup(key, &o)), "OK");
    assert_int_equal(o->info.size, bytes.len);
    assert_true(view_is(o->info.etag, etag));
    assert_true(o->info.crc64 == crc64_nvme(0, bytes.at, bytes.len));
    assert_int_equal(stand_read(o, 0, bytes.len, got), ERR_OK);
    assert_true(view_eq(view_of(got, bytes.len), bytes));
    memset(got, 0, bytes.len);
    assert_int_equal(stand_read_lent(o, 0, bytes.len, got), ERR_OK);
    assert_true(view_eq(view_of(got, bytes.len), bytes));
    engine_release(o);
    free(got);
}

uint64_t stand_random(uint64_t *state)
{
    /* splitmix64: Steele, Lea, Flood, OOPSLA 2014. */
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint8_t *stand_bytes(size_t len, uint64_t seed)
{
    uint8_t *at = malloc(len + 8);

    for (size_t i = 0; i < len; i += 8) {
        uint64_t r = stand_random(&seed);

        memcpy(at + i, &r, 8);
    }
    return at;
}
