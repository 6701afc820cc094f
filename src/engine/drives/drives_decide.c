#include "engine/drives/drives_decide.h"

#include <assert.h>
#include <xxhash.h>

#include "engine/drives/drives_commit.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_object.h"

struct view drives_decide_key(
    struct drives_key *k, enum engine_space space, struct view bucket, struct view name)
{
    k->buf = buf_over(k->at, sizeof k->at);
    drives_format_key_put(&k->buf, space, bucket, name);
    assert(!k->buf.overflow);
    return buf_view(&k->buf);
}

struct view
drives_decide_version_key(struct drives_key *k, const struct engine_key *key, uint64_t seq)
{
    uint8_t bytes[VERSIONS_NAME_BYTES_MAX];
    struct buf name = buf_over(bytes, sizeof bytes);

    engine_versions_name_put(&name, key->name, seq);
    assert(!name.overflow);
    return drives_decide_key(k, SPACE_VERSION, key->bucket, buf_view(&name));
}

/* ---- what is pending --------------------------------------------------------------------- */

/* Beside keys: "something in this bucket" and "a range of this bucket". */
enum { PENDING_ANY = 0xf0, PENDING_RANGE = 0xf1 };

static uint32_t *slot_of(struct drives_shard *s, int space, struct view bucket, struct view name)
{
    XXH64_hash_t hash = XXH3_64bits_withSeed(bucket.at, bucket.len, (XXH64_hash_t)space);

    hash = XXH3_64bits_withSeed(name.at, name.len, hash);
    return &s->pending[hash % SHARD_PENDING_SLOTS];
}

static void key_pending(struct drives_shard *s, struct engine_key key, int change)
{
    uint32_t *slot = slot_of(s, (int)key.space, key.bucket, key.name);

    *slot += (uint32_t)change;
}

static bool removes_bucket(const struct drives_txn *t)
{
    return t->what == TXN_REMOVE && t->key.space == SPACE_BUCKET;
}

void drives_decide_mark(struct drives_shard *s, const struct drives_txn *t, int change)
{
    uint32_t *any = slot_of(s, PENDING_ANY, t->key.bucket, VIEW_EMPTY);
    uint32_t *range = slot_of(s, PENDING_RANGE, t->key.bucket, VIEW_EMPTY);

    key_pending(s, t->key, change);
    if (t->also_remove.name.at)
        key_pending(s, t->also_remove, change);
    *any += (uint32_t)change;
    if (t->purge_parts.at || removes_bucket(t))
        *range += (uint32_t)change;
}

static bool is_key_pending(struct drives_shard *s, struct engine_key key)
{
    return *slot_of(s, (int)key.space, key.bucket, key.name) > 0;
}

/* Does it look at what its key names, whatever the bucket? */
static bool looks(const struct drives_txn *t)
{
    return t->what != TXN_PUT || t->condition.kind != IF_ANY || t->condition.rev != 0 ||
           t->key.space == SPACE_BUCKET;
}

/* Would a group that is not durable yet change the decision? */
static bool depends_on_pending(struct drives_shard *s, const struct drives_txn *t)
{
    struct engine_key bucket = {SPACE_BUCKET, t->key.bucket, VIEW_EMPTY};

    if (t->key.space != SPACE_BUCKET && t->key.bucket.len > 0 && is_key_pending(s, bucket))
        return true;
    if (looks(t) &&
        (is_key_pending(s, t->key) || *slot_of(s, PENDING_RANGE, t->key.bucket, VIEW_EMPTY) > 0))
        return true;
    if (t->require.name.at && is_key_pending(s, t->require))
        return true;
    return removes_bucket(t) && *slot_of(s, PENDING_ANY, t->key.bucket, VIEW_EMPTY) > 0;
}

/* ---- looking ----------------------------------------------------------------------------- */

static enum err
get_key(struct drives_index *ix, struct engine_key key, struct drives_entry *entry_out)
{
    struct drives_key k;
    struct view v;

    TRY(drives_index_get(ix, drives_decide_key(&k, key.space, key.bucket, key.name), &v));
    return drives_format_entry_get(v, entry_out);
}

enum err drives_decide_bucket(
    struct drives_index *ix, enum engine_space space, struct view bucket, uint64_t seq,
    unsigned *flags_out)
{
    struct drives_entry entry;
    enum err e;

    *flags_out = 0;
    if (space == SPACE_BUCKET || bucket.len == 0)
        return ERR_OK;
    e = get_key(ix, (struct engine_key){SPACE_BUCKET, bucket, VIEW_EMPTY}, &entry);
    if (e)
        return e == ERR_NOT_FOUND ? ERR_NO_BUCKET : e;
    if (seq && entry.seq != seq)
        return ERR_NO_BUCKET;
    if (space == SPACE_OBJECT)
        *flags_out = entry.flags;
    return ERR_OK;
}

static enum err peek_itself(void *ctx, struct engine_info *info_out)
{
    struct drives_peek *p = ctx;
    struct drives_entry entry;

    TRY(get_key(&p->shard->keys, p->key, &entry));
    *info_out = drives_object_info(&entry);
    return ERR_OK;
}

/* What the cursor is on: a version of the key of which `key` is another? */
static bool is_older(const struct drives_cursor *c, struct view key)
{
    return c->key.len == key.len && view_starts(c->key, view_upto(key, key.len - 8));
}

/* What the look went over, up to where the cursor is. */
static enum err
note_gap(struct drives_peek *p, const struct drives_cursor *c, bool is_on_older, uint64_t below)
{
    uint64_t from = 0;
    struct view own;

    if (is_on_older)
        TRY(engine_versions_name_get(c->key, &own, &from));
    drives_gaps_note(&p->shard->gaps, &p->key, from + 1, below);
    return ERR_OK;
}

/* To the first of the older ones from `key` on. The seek itself is free: what has nothing to go
 * over never waits. */
static enum err
seek_older(struct drives_peek *p, struct drives_cursor *c, struct view key, uint64_t below)
{
    uint32_t *left = &p->shard->look_steps;
    bool has_all = *left == INDEX_STEPS_ALL, is_on_older, is_long;
    enum err e;

    c->steps_left = has_all ? INDEX_STEPS_ALL : *left + INDEX_SEEK_STEPS + 1;
    e = drives_index_seek(&p->shard->keys, c, key);
    if (e && e != ERR_NOT_FOUND)
        return e;
    is_on_older = !e && is_older(c, key);
    p->is_used_up = is_on_older && c->steps_left == 0;
    is_long = has_all || *left - MIN(*left, c->steps_left) >= GAPS_STEPS_LONG;
    *left = MIN(*left, c->steps_left);
    if (is_long || p->is_used_up)
        TRY(note_gap(p, c, is_on_older, below));
    if (p->is_used_up)
        return ERR_BUSY;
    return is_on_older ? ERR_OK : ERR_NOT_FOUND;
}

static enum err peek_older(void *ctx, uint64_t below, struct engine_info *info_out)
{
    struct drives_peek *p = ctx;
    uint64_t first = drives_gaps_skip(&p->shard->gaps, &p->key, below);
    struct drives_cursor c = {0};
    struct drives_entry entry;
    struct drives_key k;
    struct view v;

    if (first <= 1) /* a seq is never 0 */
        return ERR_NOT_FOUND;
    TRY(seek_older(p, &c, drives_decide_version_key(&k, &p->key, first - 1), first));
    TRY(drives_index_entry(&c, &v));
    TRY(drives_format_entry_get(v, &entry));
    *info_out = drives_object_info(&entry);
    return ERR_OK;
}

static enum err peek_pointer(void *ctx, uint64_t *seq_out)
{
    struct drives_peek *p = ctx;
    struct drives_entry entry;
    struct engine_key key = {SPACE_NULL, p->key.bucket, p->key.name};

    TRY(get_key(&p->shard->keys, key, &entry));
    return engine_versions_pointer_get(entry.meta, seq_out);
}

void drives_decide_peek(struct drives_peek *p, struct drives_shard *s, struct engine_key key)
{
    *p = (struct drives_peek){
        .shard = s,
        .key = key,
        .peek = {.ctx = p, .itself = peek_itself, .older = peek_older, .pointer = peek_pointer}};
}

static enum err get_itself(struct drives_index *ix, const struct engine_key *key, struct view *v)
{
    struct drives_key k;

    return drives_index_get(ix, drives_decide_key(&k, key->space, key->bucket, key->name), v);
}

static enum err
get_older(struct drives_index *ix, const struct engine_key *key, uint64_t seq, struct view *v)
{
    struct drives_key k;

    return drives_index_get(ix, drives_decide_version_key(&k, key, seq), v);
}

enum err drives_decide_found(
    struct drives_index *ix, const struct engine_key *key, const struct engine_found *f,
    struct view *entry_out)
{
    if (f->at == FOUND_NOTHING)
        return ERR_NOT_FOUND;
    return f->at == FOUND_ITSELF ? get_itself(ix, key, entry_out)
                                 : get_older(ix, key, f->info.seq, entry_out);
}

/* ---- deciding ---------------------------------------------------------------------------- */

static enum err check_empty(struct drives_index *ix, struct view bucket)
{
    static const enum engine_space spaces[] = {SPACE_OBJECT, SPACE_VERSION};
    struct drives_key k;
    bool has = false;

    for (unsigned i = 0; i < ARRAY_COUNT(spaces); i++) {
        TRY(drives_index_has(ix, drives_decide_key(&k, spaces[i], bucket, VIEW_EMPTY), &has));
        if (has)
            return ERR_NOT_EMPTY;
    }
    return ERR_OK;
}

static enum err check_require(struct drives_index *ix, const struct drives_txn *t)
{
    struct drives_entry entry;
    enum err e;

    if (!t->require.name.at)
        return ERR_OK;
    e = get_key(ix, t->require, &entry);
    return e == ERR_NOT_FOUND ? ERR_NO_UPLOAD : e;
}

static enum err
plan(struct drives_shard *s, const struct drives_txn *t, unsigned flags, struct drives_decision *d)
{
    struct engine_ask ask = {
        .what = t->what == TXN_PUT      ? ASK_PUT
                : t->what == TXN_REMOVE ? ASK_REMOVE
                                        : ASK_AMEND,
        .key = t->key,
        .version = t->version,
        .condition = &t->condition,
        .bucket_flags = flags,
        .flags = t->flags,
        .has_flags = t->has_flags,
    };
    struct drives_peek p;
    enum err e;

    drives_decide_peek(&p, s, t->key);
    e = engine_versions_plan(&ask, &p.peek, &d->plan);
    d->must_look_on = p.is_used_up;
    return d->must_look_on ? ERR_OK : e;
}

/* The bytes that go elsewhere as they are, or with another meta. */
static enum err
take_bytes(struct drives_index *ix, const struct drives_txn *t, struct drives_decision *d)
{
    struct view v;

    if (d->plan.move == MOVE_DOWN)
        TRY(get_itself(ix, &t->key, &d->moved));
    if (d->plan.move == MOVE_UP)
        TRY(get_older(ix, &t->key, d->plan.moved_seq, &d->moved));
    if (t->what != TXN_AMEND)
        return ERR_OK;
    TRY(drives_decide_found(ix, &t->key, &d->plan.found, &v));
    return drives_format_entry_get(v, &d->found);
}

/* The same payload, where it was read: whatever else was amended meanwhile stays as it is now. */
static enum err
relocate(struct drives_index *ix, const struct drives_txn *t, struct drives_decision *d)
{
    struct view v;
    enum err e = drives_index_get(ix, t->raw_key, &v);

    if (e)
        return e == ERR_NOT_FOUND ? ERR_CHANGED : e;
    TRY(drives_format_entry_get(v, &d->found));
    if (d->found.seq != t->entry.seq || !view_eq(d->found.layout, t->layout_before))
        return ERR_CHANGED;
    d->plan.flags = d->found.flags;
    return ERR_OK;
}

enum err
drives_decide(struct drives_shard *s, const struct drives_txn *t, struct drives_decision *d_out)
{
    struct drives_index *ix = &s->keys;
    unsigned flags;

    *d_out = (struct drives_decision){.must_wait = depends_on_pending(s, t)};
    if (d_out->must_wait)
        return ERR_OK;
    if (t->what == TXN_RELOCATE)
        return relocate(ix, t, d_out);
    TRY(drives_decide_bucket(ix, t->key.space, t->key.bucket, t->condition.bucket_seq, &flags));
    /* Only where there are versions must an unconditional put know what was there. */
    d_out->must_wait = flags != 0 && is_key_pending(s, t->key);
    if (d_out->must_wait)
        return ERR_OK;
    TRY(check_require(ix, t));
    TRY(plan(s, t, flags, d_out));
    if (d_out->must_look_on)
        return ERR_OK;
    if (removes_bucket(t))
        TRY(check_empty(ix, t->key.bucket));
    return take_bytes(ix, t, d_out);
}
