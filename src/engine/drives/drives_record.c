#include "engine/drives/drives_record.h"

#include <assert.h>

#include "engine/drives/drives_commit.h"
#include "engine/drives/drives_layout.h"
#include "engine/drives/drives_object.h"

enum {
    RECORD_FIELDS_MAX = 12,        /* of a plain record and its entry, paddings included */
    RECORD_KEYS_MAX = 4,           /* of a plain record */
    RECORD_FURTHER_FIELDS_MAX = 8, /* more, when it moves something */
    RECORD_FURTHER_KEYS_MAX = 5,
    POINTER_ENTRY_BYTES = DRIVES_ENTRY_HEAD_BYTES + DRIVES_FIELD_HEAD_BYTES + VERSIONS_POINTER_BYTES
};

/* All of one write. */
struct writing {
    struct drives_log *log;
    struct buf *b;
    struct drives_txn *t;
    const struct drives_decision *d;
    uint64_t seq;
    struct drives_entry entry; /* of the key */
};

enum drives_record_type
drives_record_type(const struct drives_txn *t, const struct drives_decision *d)
{
    return t->what == TXN_REMOVE && !d->plan.makes_marker ? RECORD_REMOVE : RECORD_PUT;
}

static bool has_further(const struct drives_decision *d)
{
    const struct engine_plan *p = &d->plan;

    return p->move != MOVE_NOTHING || p->pointer != POINTER_STAYS || p->removes_seq != 0 ||
           p->makes_marker;
}

size_t drives_record_bytes_max(const struct drives_txn *t, const struct drives_decision *d)
{
    size_t bytes = DRIVES_RECORD_HEAD_BYTES + DRIVES_ENTRY_HEAD_BYTES +
                   RECORD_FIELDS_MAX * (DRIVES_FIELD_HEAD_BYTES + 8) +
                   RECORD_KEYS_MAX * DRIVES_KEY_BYTES_MAX + t->payload.len + t->entry.etag.len +
                   t->entry.meta.len +
                   MAX(t->entry.layout.len, LAYOUT_HEAD_BYTES + LAYOUT_EXTENT_BYTES_MAX);

    if (t->what == TXN_AMEND)
        bytes += d->found.etag.len + d->found.layout.len;
    if (t->what == TXN_RELOCATE)
        bytes += d->found.etag.len + d->found.meta.len;
    if (has_further(d))
        bytes += RECORD_FURTHER_FIELDS_MAX * (DRIVES_FIELD_HEAD_BYTES + 8) +
                 RECORD_FURTHER_KEYS_MAX * DRIVES_KEY_BYTES_MAX + POINTER_ENTRY_BYTES +
                 d->moved.len;
    return bytes;
}

/* ---- keys -------------------------------------------------------------------------------- */

static void put_key(struct writing *w, enum drives_field_tag tag, const struct engine_key *key)
{
    struct drives_key k;

    drives_format_field_put(w->b, tag, drives_decide_key(&k, key->space, key->bucket, key->name));
}

static void put_version_key(struct writing *w, enum drives_field_tag tag, uint64_t seq)
{
    struct drives_key k;

    drives_format_field_put(w->b, tag, drives_decide_version_key(&k, &w->t->key, seq));
}

static struct engine_key pointer_key(const struct writing *w)
{
    return (struct engine_key){SPACE_NULL, w->t->key.bucket, w->t->key.name};
}

/* The key that the record is about. What it removes is not in put_removals. */
static void put_own_key(struct writing *w)
{
    const struct engine_plan *p = &w->d->plan;

    if (w->t->what == TXN_RELOCATE)
        drives_format_field_put(w->b, FIELD_KEY, w->t->raw_key);
    else if (p->makes_marker)
        put_version_key(w, FIELD_KEY, w->seq);
    else if (w->t->what == TXN_AMEND && p->found.at == FOUND_OLDER)
        put_version_key(w, FIELD_KEY, p->found.info.seq);
    else if (w->t->what == TXN_REMOVE && p->move == MOVE_UP)
        put_version_key(w, FIELD_KEY, p->moved_seq);
    else if (w->t->what == TXN_REMOVE && !p->removes_itself)
        put_version_key(w, FIELD_KEY, p->removes_seq);
    else
        put_key(w, FIELD_KEY, &w->t->key);
}

/* ---- what goes with it ------------------------------------------------------------------- */

static void put_pointer(struct writing *w)
{
    const struct engine_plan *p = &w->d->plan;
    uint8_t bytes[VERSIONS_POINTER_BYTES], entry_bytes[POINTER_ENTRY_BYTES];
    struct buf entry = buf_over(entry_bytes, sizeof entry_bytes);
    struct engine_key key = pointer_key(w);
    struct drives_key k;

    engine_versions_pointer_put(bytes, p->pointer == POINTER_TO_NEW ? w->seq : p->moved_seq);
    drives_format_entry_put(
        &entry,
        &(struct drives_entry){.seq = w->seq, .rev = w->seq, .meta = view_of(bytes, sizeof bytes)});
    assert(!entry.overflow);
    drives_format_entry_seal(entry.at, entry.len);
    drives_format_further_put(
        w->b, drives_decide_key(&k, key.space, key.bucket, key.name), buf_view(&entry));
}

static void put_further(struct writing *w)
{
    const struct engine_plan *p = &w->d->plan;
    const struct engine_key *key = &w->t->key;
    struct drives_key k;

    if (p->move == MOVE_DOWN)
        drives_format_further_put(
            w->b, drives_decide_version_key(&k, key, p->moved_seq), w->d->moved);
    if (p->move == MOVE_UP)
        drives_format_further_put(
            w->b, drives_decide_key(&k, key->space, key->bucket, key->name), w->d->moved);
    if (p->pointer == POINTER_TO_MOVED || p->pointer == POINTER_TO_NEW)
        put_pointer(w);
}

/* Of the object, but for what put_own_key says or what the entry replaces. */
static void put_version_removals(struct writing *w)
{
    const struct engine_plan *p = &w->d->plan;
    struct engine_key pointer = pointer_key(w);
    bool removes_for_good = w->t->what == TXN_REMOVE && !p->makes_marker;

    if (p->makes_marker && (p->removes_itself || p->move == MOVE_DOWN))
        put_key(w, FIELD_REMOVE, &w->t->key);
    if (p->removes_seq != 0 && (!removes_for_good || p->move == MOVE_UP))
        put_version_key(w, FIELD_REMOVE, p->removes_seq);
    if (p->pointer == POINTER_GOES)
        put_key(w, FIELD_REMOVE, &pointer);
}

static void put_purge(struct writing *w, enum engine_space space, struct view prefix)
{
    put_key(w, FIELD_PURGE, &(struct engine_key){space, w->t->key.bucket, prefix});
}

static void put_removals(struct writing *w)
{
    const struct drives_txn *t = w->t;

    if (t->also_remove.name.at)
        put_key(w, FIELD_REMOVE, &t->also_remove);
    put_version_removals(w);
    if (t->purge_parts.at)
        put_purge(w, SPACE_PART, t->purge_parts);
    if (t->what == TXN_REMOVE && t->key.space == SPACE_BUCKET) {
        put_purge(w, SPACE_CONFIG, VIEW_EMPTY);
        put_purge(w, SPACE_UPLOAD, VIEW_EMPTY);
        put_purge(w, SPACE_PART, VIEW_EMPTY);
    }
}

/* ---- the entry --------------------------------------------------------------------------- */

/* The payload is in the group already: its place is known. */
static void put_inline_layout(struct buf *b, struct drives_extent *x)
{
    uint8_t bytes[LAYOUT_HEAD_BYTES + LAYOUT_EXTENT_BYTES_MAX];
    struct buf layout = buf_over(bytes, sizeof bytes);

    drives_layout_put_extents(&layout, x, 1);
    drives_format_field_put(b, FIELD_LAYOUT, buf_view(&layout));
}

static size_t entry_bytes(const struct writing *w, const struct drives_extent *x)
{
    const struct drives_entry *e = &w->entry;
    size_t layout = w->t->payload.len > 0 ? drives_layout_extents_bytes(x, 1) : e->layout.len;

    return DRIVES_ENTRY_HEAD_BYTES + (e->etag.len > 0 ? drives_field_bytes(e->etag.len) : 0) +
           (e->meta.len > 0 ? drives_field_bytes(e->meta.len) : 0) +
           (layout > 0 ? drives_field_bytes(layout) : 0);
}

/* A field whose value is written in place, since it is long: head first. */
static void put_entry(struct writing *w, struct drives_extent *x)
{
    struct buf *b = w->b;
    size_t bytes = entry_bytes(w, x), start;

    buf_put_le16(b, FIELD_ENTRY);
    buf_put_le16(b, 0);
    buf_put_le32(b, (uint32_t)bytes);
    start = b->len;
    drives_format_entry_put(b, &w->entry);
    if (w->t->payload.len > 0)
        put_inline_layout(b, x);
    else if (w->entry.layout.len > 0)
        drives_format_field_put(b, FIELD_LAYOUT, w->entry.layout);
    assert(!b->overflow && b->len - start == bytes);
    drives_format_entry_seal(b->at + start, bytes);
}

static void put_payload(struct writing *w, struct drives_extent *x)
{
    const struct view *payload = &w->t->payload;

    if (payload->len == 0)
        return;
    drives_layout_sum(x, payload->at, (uint32_t)payload->len);
    x->offset = drives_log_position(w->log, &x->segment) + DRIVES_FIELD_HEAD_BYTES;
    drives_format_field_put(w->b, FIELD_PAYLOAD, *payload);
}

/* An amended entry keeps its home: that is where its payload may be. A relocated one says what it
 * said, rev included: for a caller nothing has changed. */
static void make_entry(struct writing *w)
{
    w->entry = w->t->entry;
    w->entry.rev = w->seq;
    if (w->t->what == TXN_AMEND) {
        w->entry = w->d->found;
        w->entry.meta = w->t->entry.meta;
        w->entry.rev = w->seq;
    } else if (w->t->what == TXN_RELOCATE) {
        w->entry = w->d->found;
        w->entry.layout = w->t->entry.layout;
    } else {
        w->entry.seq = w->seq;
    }
    if (w->t->what != TXN_AMEND)
        w->entry.home_offset = drives_log_position(w->log, &w->entry.home_segment);
    w->entry.flags = w->d->plan.flags;
}

static void put_payload_and_entry(struct writing *w, size_t start)
{
    struct drives_extent x = {0};

    put_payload(w, &x);
    if (w->t->what != TXN_AMEND)
        w->entry.home_bytes =
            (uint32_t)(w->b->len - start + drives_field_bytes(entry_bytes(w, &x)));
    put_entry(w, &x);
}

/* ---- all of it --------------------------------------------------------------------------- */

static void tell(const struct writing *w, enum drives_record_type type)
{
    struct engine_info info =
        type == RECORD_PUT ? drives_object_info(&w->entry) : w->d->plan.found.info;

    info.etag = info.meta = VIEW_EMPTY;
    w->t->info = info;
    w->t->made_marker = w->d->plan.makes_marker;
}

void drives_record_write(
    struct drives_log *log, struct buf *b, struct drives_txn *t, const struct drives_decision *d,
    uint64_t seq)
{
    struct writing w = {.log = log, .b = b, .t = t, .d = d, .seq = seq};
    enum drives_record_type type = drives_record_type(t, d);
    size_t start = b->len;

    make_entry(&w);
    b->len += DRIVES_RECORD_HEAD_BYTES;
    put_own_key(&w);
    put_further(&w);
    put_removals(&w);
    if (type == RECORD_PUT)
        put_payload_and_entry(&w, start);
    assert(!b->overflow);
    drives_format_record_head(b->at + start, b->len - start, type, seq);
    if (t->payload.len > 0)
        drives_log_holds(log, t->payload.len, b->len - start, t->what == TXN_RELOCATE);
    tell(&w, type);
}
