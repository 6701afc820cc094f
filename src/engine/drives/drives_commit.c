#include "engine/drives/drives_commit.h"

#include <assert.h>
#include <xxhash.h>

#include "engine/drives/drives_checkpoint.h"
#include "engine/drives/drives_impl.h"

struct key_bytes {
    struct buf buf;
    uint8_t at[DRIVES_KEY_BYTES_MAX];
};

static struct view
key_make(struct key_bytes *k, enum engine_space space, struct view bucket, struct view name)
{
    k->buf = buf_over(k->at, sizeof k->at);
    drives_format_key_put(&k->buf, space, bucket, name);
    assert(!k->buf.overflow);
    return buf_view(&k->buf);
}

/* ---- what is pending --------------------------------------------------------------------- */

/* Beside keys: "something in this bucket" and "a range of this bucket". */
enum { PENDING_ANY = 0xf0, PENDING_RANGE = 0xf1 };

static uint16_t *slot_of(struct drives_shard *s, int space, struct view bucket, struct view name)
{
    XXH64_hash_t hash = XXH3_64bits_withSeed(bucket.at, bucket.len, (XXH64_hash_t)space);

    hash = XXH3_64bits_withSeed(name.at, name.len, hash);
    return &s->pending[hash % SHARD_PENDING_SLOTS];
}

static void key_pending(struct drives_shard *s, struct engine_key key, int change)
{
    uint16_t *slot = slot_of(s, (int)key.space, key.bucket, key.name);

    *slot = (uint16_t)(*slot + change);
}

static void mark_pending(struct drives_shard *s, const struct drives_txn *t, int change)
{
    uint16_t *any = slot_of(s, PENDING_ANY, t->key.bucket, VIEW_EMPTY);
    uint16_t *range = slot_of(s, PENDING_RANGE, t->key.bucket, VIEW_EMPTY);

    key_pending(s, t->key, change);
    if (t->also_remove.name.at)
        key_pending(s, t->also_remove, change);
    *any = (uint16_t)(*any + change);
    if (t->purge_parts.at || (t->type == RECORD_REMOVE && t->key.space == SPACE_BUCKET))
        *range = (uint16_t)(*range + change);
}

static bool is_key_pending(struct drives_shard *s, struct engine_key key)
{
    return *slot_of(s, (int)key.space, key.bucket, key.name) > 0;
}

/* Would a group that is not durable yet change the decision? */
static bool depends_on_pending(struct drives_shard *s, const struct drives_txn *t)
{
    struct engine_key bucket = {SPACE_BUCKET, t->key.bucket, VIEW_EMPTY};
    bool looks = t->condition.kind != IF_ANY || t->type == RECORD_REMOVE;

    if (t->key.space != SPACE_BUCKET && t->key.bucket.len > 0 && is_key_pending(s, bucket))
        return true;
    if (looks &&
        (is_key_pending(s, t->key) || *slot_of(s, PENDING_RANGE, t->key.bucket, VIEW_EMPTY) > 0))
        return true;
    if (t->require.name.at && is_key_pending(s, t->require))
        return true;
    return t->type == RECORD_REMOVE && t->key.space == SPACE_BUCKET &&
           *slot_of(s, PENDING_ANY, t->key.bucket, VIEW_EMPTY) > 0;
}

/* ---- deciding ---------------------------------------------------------------------------- */

static enum err
get_key(struct drives_index *ix, struct engine_key key, struct drives_entry *entry_out)
{
    struct key_bytes k;
    struct view v;

    TRY(drives_index_get(ix, key_make(&k, key.space, key.bucket, key.name), &v));
    return drives_format_entry_get(v, entry_out);
}

enum err drives_commit_bucket(struct drives_index *ix, enum engine_space space, struct view bucket)
{
    struct drives_entry entry;
    enum err e;

    if (space == SPACE_BUCKET || bucket.len == 0)
        return ERR_OK;
    e = get_key(ix, (struct engine_key){SPACE_BUCKET, bucket, VIEW_EMPTY}, &entry);
    return e == ERR_NOT_FOUND ? ERR_NO_BUCKET : e;
}

static enum err check_condition(struct drives_index *ix, const struct drives_txn *t)
{
    struct drives_entry entry;
    enum err e;

    if (t->condition.kind == IF_ANY && t->type == RECORD_PUT)
        return ERR_OK;
    e = get_key(ix, t->key, &entry);
    if (t->condition.kind == IF_ABSENT && t->type == RECORD_PUT) {
        if (e)
            return e == ERR_NOT_FOUND ? ERR_OK : e;
        return t->key.space == SPACE_BUCKET ? ERR_EXISTS : ERR_PRECONDITION;
    }
    TRY(e);
    if (t->condition.kind == IF_ABSENT)
        return ERR_PRECONDITION;
    if (t->condition.kind == IF_ETAG && !view_eq(entry.etag, t->condition.etag))
        return ERR_PRECONDITION;
    return ERR_OK;
}

static enum err check_empty(struct drives_index *ix, struct view bucket)
{
    static const enum engine_space spaces[] = {SPACE_OBJECT, SPACE_UPLOAD};
    struct key_bytes k;
    bool has = false;

    for (unsigned i = 0; i < ARRAY_COUNT(spaces); i++) {
        TRY(drives_index_has(ix, key_make(&k, spaces[i], bucket, VIEW_EMPTY), &has));
        if (has)
            return ERR_NOT_EMPTY;
    }
    return ERR_OK;
}

static enum err check_all(struct drives_index *ix, const struct drives_txn *t)
{
    struct drives_entry entry;

    TRY(drives_commit_bucket(ix, t->key.space, t->key.bucket));
    if (t->require.name.at) {
        enum err e = get_key(ix, t->require, &entry);

        if (e)
            return e == ERR_NOT_FOUND ? ERR_NO_UPLOAD : e;
    }
    TRY(check_condition(ix, t));
    if (t->type == RECORD_REMOVE && t->key.space == SPACE_BUCKET)
        return check_empty(ix, t->key.bucket);
    return ERR_OK;
}

static enum err decide(struct drives_shard *s, const struct drives_txn *t)
{
    enum err e;

    if (s->drives->is_failed)
        return ERR_IO;
    TRY(drives_index_begin(&s->keys));
    e = check_all(&s->keys, t);
    drives_index_end(&s->keys);
    return e;
}

/* ---- logging ----------------------------------------------------------------------------- */

enum { RECORD_FIELDS_MAX = 12 }; /* of a record and its entry, keys and paddings included */

static size_t record_bytes_max(const struct drives_txn *t)
{
    return DRIVES_RECORD_HEAD_BYTES + DRIVES_ENTRY_HEAD_BYTES +
           RECORD_FIELDS_MAX * (DRIVES_FIELD_HEAD_BYTES + 8) + 4 * DRIVES_KEY_BYTES_MAX +
           t->payload.len + t->entry.etag.len + t->entry.meta.len +
           MAX(t->entry.layout.len, LAYOUT_HEAD_BYTES + LAYOUT_EXTENT_BYTES_MAX);
}

static void put_key_field(
    struct buf *b, enum drives_field_tag tag, enum engine_space space, struct view bucket,
    struct view name)
{
    struct key_bytes k;

    drives_format_field_put(b, tag, key_make(&k, space, bucket, name));
}

static void put_removals(struct buf *b, const struct drives_txn *t)
{
    const struct engine_key *also = &t->also_remove;

    if (also->name.at)
        put_key_field(b, FIELD_REMOVE, also->space, also->bucket, also->name);
    if (t->purge_parts.at)
        put_key_field(b, FIELD_PURGE, SPACE_PART, t->key.bucket, t->purge_parts);
    if (t->type == RECORD_REMOVE && t->key.space == SPACE_BUCKET) {
        put_key_field(b, FIELD_PURGE, SPACE_CONFIG, t->key.bucket, VIEW_EMPTY);
        put_key_field(b, FIELD_PURGE, SPACE_PART, t->key.bucket, VIEW_EMPTY);
    }
}

/* The payload is in the group already: its place is known. */
static void put_inline_layout(struct buf *b, struct drives_extent *x)
{
    uint8_t bytes[LAYOUT_HEAD_BYTES + LAYOUT_EXTENT_BYTES_MAX];
    struct buf layout = buf_over(bytes, sizeof bytes);

    drives_layout_put_extents(&layout, x, 1);
    drives_format_field_put(b, FIELD_LAYOUT, buf_view(&layout));
}

static size_t entry_bytes(const struct drives_txn *t, const struct drives_extent *x)
{
    size_t layout = t->payload.len > 0 ? drives_layout_extents_bytes(x, 1) : t->entry.layout.len;

    return DRIVES_ENTRY_HEAD_BYTES +
           (t->entry.etag.len > 0 ? drives_field_bytes(t->entry.etag.len) : 0) +
           (t->entry.meta.len > 0 ? drives_field_bytes(t->entry.meta.len) : 0) +
           (layout > 0 ? drives_field_bytes(layout) : 0);
}

/* A field whose value is written in place, since it is long: head first. */
static void put_entry(struct buf *b, struct drives_txn *t, struct drives_extent *x)
{
    size_t bytes = entry_bytes(t, x), start;

    buf_put_le16(b, FIELD_ENTRY);
    buf_put_le16(b, 0);
    buf_put_le32(b, (uint32_t)bytes);
    start = b->len;
    drives_format_entry_put(b, &t->entry);
    if (t->payload.len > 0)
        put_inline_layout(b, x);
    else if (t->entry.layout.len > 0)
        drives_format_field_put(b, FIELD_LAYOUT, t->entry.layout);
    assert(!b->overflow && b->len - start == bytes);
    drives_format_entry_seal(b->at + start, bytes);
}

static void
put_payload(struct drives_log *log, struct buf *b, struct drives_txn *t, struct drives_extent *x)
{
    drives_layout_sum(x, t->payload.at, (uint32_t)t->payload.len);
    x->offset = drives_log_position(log, &x->segment) + DRIVES_FIELD_HEAD_BYTES;
    drives_format_field_put(b, FIELD_PAYLOAD, t->payload);
}

static void write_record(struct drives_shard *s, struct buf *b, struct drives_txn *t)
{
    struct drives_extent x = {0};
    size_t start = b->len;

    t->entry.seq = atomic_fetch_add(&s->drives->seq, 1) + 1;
    t->entry.home_offset = drives_log_position(&s->log, &t->entry.home_segment);
    b->len += DRIVES_RECORD_HEAD_BYTES;
    put_key_field(b, FIELD_KEY, t->key.space, t->key.bucket, t->key.name);
    put_removals(b, t);
    if (t->type == RECORD_PUT && t->payload.len > 0)
        put_payload(&s->log, b, t, &x);
    if (t->type == RECORD_PUT) {
        t->entry.home_bytes = (uint32_t)(b->len - start + drives_field_bytes(entry_bytes(t, &x)));
        put_entry(b, t, &x);
    }
    assert(!b->overflow);
    drives_format_record_head(b->at + start, b->len - start, t->type, t->entry.seq);
}

/* True: refused or logged. False: it must wait, and will be tried again. */
static bool attempt(struct drives_shard *s, struct drives_txn *t)
{
    struct buf *b;
    enum err e;

    if (depends_on_pending(s, t))
        return false;
    e = decide(s, t);
    if (e) {
        t->done(t, e);
        return true;
    }
    if (drives_checkpoint_is_behind(s, &e)) {
        if (e)
            t->done(t, e);
        return e != ERR_OK;
    }
    switch (drives_log_room(&s->log, record_bytes_max(t), t->type == RECORD_REMOVE, &b)) {
    case LOG_NEVER:
        t->done(t, ERR_TOO_LARGE);
        return true;
    case LOG_WAIT:
        return false;
    case LOG_ROOM:
        break;
    }
    write_record(s, b, t);
    mark_pending(s, t, 1);
    drives_log_add(&s->log, t->entry.seq, &t->link);
    return true;
}

void drives_commit_start(struct drives_shard *s, struct drives_txn *t)
{
    list_init(&t->link);
    if (!list_is_empty(&s->waiting) || !attempt(s, t))
        list_push_back(&s->waiting, &t->link);
}

enum { PATIENCE_MS = 50, PATIENCE_TRIES_MAX = 20 };

/*
 * The log has no segment for t. A remove waits while a checkpoint may give space back: ours, or
 * that of another owner, whose log may hold it. We do not see those: so we try again for a second.
 */
static bool is_final(struct drives_shard *s, const struct drives_txn *t, enum err e)
{
    if (t->type == RECORD_PUT || e != ERR_NO_SPACE)
        return true;
    if (!s->log.take.may_use_reserve || drives_checkpoint_may_help(s))
        return false;
    return s->drives->is_failed || s->patience_tries >= PATIENCE_TRIES_MAX;
}

/* By the timer. */
static void patience_over(struct op *op)
{
    struct drives_shard *s = container_of(op, struct drives_shard, patience.op);

    s->is_patient = false;
    if (!list_is_empty(&s->waiting))
        drives_commit_log_ready(s, ERR_OK);
}

static void be_patient(struct drives_shard *s)
{
    if (s->is_patient)
        return;
    s->is_patient = true;
    s->patience_tries++;
    op_init(&s->patience.op, patience_over);
    timer_start(&s->patience, PATIENCE_MS);
}

/* Each one once; those that must wait on keep their order. */
void drives_commit_log_ready(struct drives_shard *s, enum err e)
{
    struct list trying, *node;

    list_init(&trying);
    while ((node = list_pop(&s->waiting)))
        list_push_back(&trying, node);
    while ((node = list_pop(&trying))) {
        struct drives_txn *t = container_of(node, struct drives_txn, link);

        if (e && is_final(s, t, e))
            t->done(t, e);
        else if ((e && s->log.take.may_use_reserve) || !attempt(s, t))
            list_push_back(&s->waiting, node);
    }
    if (e == ERR_NO_SPACE && !list_is_empty(&s->waiting)) {
        drives_checkpoint_start(s);
        be_patient(s);
    }
}

/* ---- applying ---------------------------------------------------------------------------- */

/*
 * A purge may be long: so many keys are removed in one turn, by all transactions of a group, and by
 * each of them in a further turn. What is left is hidden: the commit is visible whole.
 */
enum { PURGE_STEPS = 1024 };

struct purging {
    uint32_t steps;
    struct drives_purge *rest; /* out */
};

static enum err purge(struct drives_index *ix, struct view prefix, struct purging *p)
{
    if (!p || p->rest)
        return drives_index_purge(ix, prefix);
    return drives_index_purge_some(ix, prefix, &p->steps, &p->rest);
}

static enum err
apply_removals(struct drives_index *ix, const struct drives_record *r, struct purging *p)
{
    struct view rest = r->fields;

    while (rest.len > 0) {
        uint16_t tag, flags;
        struct view v;

        TRY(drives_format_field_take(&rest, &tag, &flags, &v));
        if (tag == FIELD_PURGE)
            TRY(purge(ix, v, p));
        else if (tag == FIELD_REMOVE)
            TRY(drives_index_remove(ix, v));
    }
    return ERR_OK;
}

/*
 * The payload is counted as staged before the removals: they may be of the parts it was composed
 * of, whose segments must not look idle in between.
 */
static enum err apply_put(struct drives_index *ix, const struct drives_record *r, struct purging *p)
{
    struct drives_layout layout;
    struct drives_entry entry;
    enum err e;

    TRY(drives_format_entry_get(r->entry, &entry));
    TRY(drives_layout_get(entry.layout, &layout));
    drives_segment_stage(ix->drives, &layout, 1);
    e = apply_removals(ix, r, p);
    if (!e)
        e = drives_index_put(ix, r->key, r->entry);
    drives_segment_stage(ix->drives, &layout, -1);
    return e;
}

static enum err apply(struct drives_index *ix, const struct drives_record *r, struct purging *p)
{
    if (r->type == RECORD_PUT)
        return apply_put(ix, r, p);
    TRY(apply_removals(ix, r, p));
    return drives_index_remove(ix, r->key);
}

enum err drives_commit_apply(struct drives_index *ix, const struct drives_record *r)
{
    return apply(ix, r, NULL);
}

/* Durable but not applicable (no memory, index unreadable): it is not known to be visible. */
static enum err apply_next(struct drives_shard *s, struct view *rest, struct purging *p)
{
    struct drives_record r;
    enum err e = drives_format_record_take(rest, &r);

    p->rest = NULL;
    if (!e)
        e = apply(&s->keys, &r, p);
    if (!e)
        return ERR_OK;
    if (p->rest)
        drives_index_purge_free(p->rest);
    drives_fail(s->drives);
    return ERR_UNKNOWN_OUTCOME;
}

/* Up to before the oldest that still purges: after a crash it is replayed, and purges all. */
static void reach(struct drives_shard *s)
{
    struct drives_log_mark mark = s->reached;

    if (!list_is_empty(&s->purging))
        mark = container_of(s->purging.next, struct drives_txn, link)->before;
    drives_checkpoint_consider(s, mark);
}

/* By itself, turn after turn. */
static void purge_on(struct op *again)
{
    struct drives_txn *t = container_of(again, struct drives_txn, again);
    bool is_done;
    enum err e = drives_index_purge_more(t->purge, PURGE_STEPS, &is_done);

    if (!e && !is_done) {
        op_send(&t->again, t->shard->home);
        return;
    }
    if (e)
        drives_fail(t->shard->drives);
    drives_index_purge_free(t->purge);
    list_remove(&t->link);
    if (!e)
        reach(t->shard);
    t->done(t, e ? ERR_UNKNOWN_OUTCOME : ERR_OK);
}

static void purge_later(struct drives_shard *s, struct drives_txn *t, struct drives_purge *rest)
{
    t->purge = rest;
    t->shard = s;
    t->before = s->reached;
    list_push_back(&s->purging, &t->link);
    op_init(&t->again, purge_on);
    op_send(&t->again, s->home);
}

void drives_commit_group_done(struct drives_shard *s, struct drives_group *g, enum err e)
{
    struct view rest = view_from(buf_view(&g->buf), DRIVES_GROUP_HEAD_BYTES);
    struct purging purging = {.steps = PURGE_STEPS};
    struct list *node;

    if (list_is_empty(&s->purging))
        s->reached = s->mark;
    while ((node = list_pop(&g->txns))) {
        struct drives_txn *t = container_of(node, struct drives_txn, link);
        bool is_purging;

        if (!e)
            e = apply_next(s, &rest, &purging);
        is_purging = !e && purging.rest;
        mark_pending(s, t, -1);
        if (is_purging)
            purge_later(s, t, purging.rest);
        else
            t->done(t, e);
    }
    if (e)
        return;
    s->reached = drives_log_mark_of(g);
    reach(s);
}
