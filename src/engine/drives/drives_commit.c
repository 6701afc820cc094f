#include "engine/drives/drives_commit.h"

#include <assert.h>

#include "engine/drives/drives_checkpoint.h"
#include "engine/drives/drives_impl.h"
#include "engine/drives/drives_record.h"

/* ---- logging ----------------------------------------------------------------------------- */

enum step { STEP_LOGGED, STEP_REFUSED, STEP_WAIT };

/* Decided; the index is begun, since what moves is copied out of it. */
static enum step
log_it(struct drives_shard *s, struct drives_txn *t, const struct drives_decision *d, enum err *e)
{
    struct buf *b;
    uint64_t seq;

    if (drives_checkpoint_is_behind(s, e))
        return *e ? STEP_REFUSED : STEP_WAIT;
    t->is_removal = t->uses_reserve || drives_record_type(t, d) == RECORD_REMOVE;
    switch (drives_log_room(&s->log, drives_record_bytes_max(t, d), t->is_removal, &b)) {
    case LOG_NEVER:
        *e = ERR_TOO_LARGE;
        return STEP_REFUSED;
    case LOG_WAIT:
        return STEP_WAIT;
    case LOG_ROOM:
        break;
    }
    seq = atomic_fetch_add(&s->drives->seq, 1) + 1;
    drives_record_write(&s->log, b, t, d, seq);
    drives_decide_mark(s, t, 1);
    drives_log_add(&s->log, seq, &t->link);
    return STEP_LOGGED;
}

/* By itself. */
static void looked_on(struct op *op)
{
    struct drives_shard *s = container_of(op, struct drives_shard, look_on);

    s->is_looking_on = false;
    if (!list_is_empty(&s->waiting))
        drives_commit_log_ready(s, ERR_OK);
}

/* Its looks at older versions go on in a further turn. */
static void look_on(struct drives_shard *s, struct drives_txn *t)
{
    t->looks++;
    if (s->is_looking_on)
        return;
    s->is_looking_on = true;
    op_init(&s->look_on, looked_on);
    op_send(&s->look_on, s->home);
}

static enum step try_once(struct drives_shard *s, struct drives_txn *t, enum err *e)
{
    uint32_t left = s->look_steps;
    struct drives_decision d;
    enum step step = STEP_REFUSED;

    *e = s->drives->is_failed ? ERR_IO : drives_index_begin(&s->keys);
    if (*e)
        return STEP_REFUSED;
    if (t->looks > GAPS_TURNS_MAX)
        s->look_steps = INDEX_STEPS_ALL;
    *e = drives_decide(s, t, &d);
    s->look_steps = MIN(left, s->look_steps);
    if (!*e)
        step = d.must_wait || d.must_look_on ? STEP_WAIT : log_it(s, t, &d, e);
    drives_index_end(&s->keys);
    if (step == STEP_WAIT && d.must_look_on)
        look_on(s, t);
    return step;
}

/* True: refused or logged. False: it must wait, and will be tried again. */
static bool attempt(struct drives_shard *s, struct drives_txn *t)
{
    enum err e;
    enum step step = try_once(s, t, &e);

    if (step == STEP_REFUSED)
        t->done(t, e);
    return step != STEP_WAIT;
}

void drives_commit_start(struct drives_shard *s, struct drives_txn *t)
{
    list_init(&t->link);
    t->is_removal = t->what == TXN_REMOVE || t->uses_reserve;
    t->looks = 0;
    s->look_steps = GAPS_STEPS;
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
    if (!t->is_removal || e != ERR_NO_SPACE)
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

    s->look_steps = GAPS_STEPS;
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
    if (!p)
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

/* Before the removals: what moves is counted at its new place before its old one goes. */
static enum err apply_further(struct drives_index *ix, const struct drives_record *r)
{
    struct view rest = r->fields, key, bytes;
    struct drives_layout layout;
    struct drives_entry entry;
    enum err e;

    while (!(e = drives_format_further_take(&rest, &key, &bytes))) {
        TRY(drives_format_entry_get(bytes, &entry));
        TRY(drives_layout_get(entry.layout, &layout));
        TRY(drives_index_put(ix, key, bytes));
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
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
    e = apply_further(ix, r);
    if (!e)
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
    TRY(apply_further(ix, r));
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
        if (t->key.space == SPACE_OBJECT && !t->is_removal)
            drives_gaps_forget(&s->gaps, &t->key);
        is_purging = !e && purging.rest;
        drives_decide_mark(s, t, -1);
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
