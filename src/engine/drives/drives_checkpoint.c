/* When to write a checkpoint, and whose turn it is. drives_applied.c writes them. */
#include "engine/drives/drives_checkpoint.h"

#include <assert.h>

#include "engine/drives/drives_applied.h"
#include "engine/drives/drives_ballast.h"
#include "engine/drives/drives_commit.h"
#include "engine/drives/drives_impl.h"

enum { REST_MS = 500, AGE_MS = 30000 };

static bool is_full(const struct drives_shard *s)
{
    const struct drives_config *c = &s->drives->config;

    return drives_memtable_entries(s->keys.active) >= c->memtable_entries_max ||
           drives_memtable_bytes(s->keys.active) >= c->memtable_bytes_max;
}

bool drives_checkpoint_is_behind(const struct drives_shard *s, enum err *err_out)
{
    const struct drives_config *c = &s->drives->config;

    *err_out = ERR_OK;
    /* A new memtable could not be had, again and again. */
    if (drives_memtable_bytes(s->keys.active) / 2 >= c->memtable_bytes_max) {
        *err_out = ERR_BUSY;
        return true;
    }
    if (s->checkpoint.state == CHECKPOINT_IDLE || !is_full(s))
        return false;
    *err_out = s->checkpoint.err;
    return true;
}

/* ---- turns ------------------------------------------------------------------------------- */

static void run(struct work *w)
{
    struct drives_shard *s = container_of(w, struct drives_shard, checkpoint.work);
    struct drives_stream_mark mark = {s->index, s->drives->epoch, s->checkpoint.mark};

    /* What failed may be there after the next open: nothing may change under it. */
    if (s->drives->is_failed) {
        w->result = ERR_IO;
        return;
    }
    w->result = drives_applied_write(s->drives, s->keys.frozen, &mark, 1);
    if (s->drives->is_failed)
        return;
    drives_segment_reclaim(s->drives);
    if (!w->result)
        drives_ballast_make(s->drives);
}

/* On the owner: it is our turn. */
static void turn(struct op *hop)
{
    struct drives_shard *s = container_of(hop, struct drives_shard, checkpoint.hop);

    assert(s->checkpoint.state == CHECKPOINT_QUEUED);
    s->checkpoint.state = CHECKPOINT_RUNNING;
    work_start(&s->checkpoint.work);
}

static void queue(struct drives_shard *s)
{
    struct drives *D = s->drives;
    bool is_first;

    s->checkpoint.state = CHECKPOINT_QUEUED;
    (void)pthread_mutex_lock(&D->checkpoint_lock);
    is_first = !D->is_checkpoint_on;
    D->is_checkpoint_on = true;
    if (!is_first)
        list_push_back(&D->checkpoint_queue, &s->checkpoint.link);
    (void)pthread_mutex_unlock(&D->checkpoint_lock);
    if (is_first)
        op_send(&s->checkpoint.hop, s->home);
}

static void pass_on(struct drives *D)
{
    struct drives_shard *next = NULL;
    struct list *node;

    (void)pthread_mutex_lock(&D->checkpoint_lock);
    node = list_pop(&D->checkpoint_queue);
    if (node)
        next = container_of(node, struct drives_shard, checkpoint.link);
    else
        D->is_checkpoint_on = false;
    (void)pthread_mutex_unlock(&D->checkpoint_lock);
    if (next)
        op_send(&next->checkpoint.hop, next->home);
}

/* By the timer. */
static void rested(struct op *op)
{
    struct drives_shard *s = container_of(op, struct drives_shard, checkpoint.timer.op);

    if (s->is_closing) /* the log has it all */
        s->checkpoint.state = CHECKPOINT_IDLE;
    else
        queue(s);
}

static void sweep(struct work *w)
{
    drives_memtable_free(container_of(w, struct drives_shard, checkpoint.sweep)->checkpoint.swept);
}

/* By the helper thread. */
static void swept(struct op *op)
{
    struct drives_shard *s = container_of(op, struct drives_shard, checkpoint.sweep.op);

    s->checkpoint.swept = NULL;
    s->checkpoint.state = CHECKPOINT_IDLE;
    if (is_full(s))
        drives_checkpoint_start(s);
    drives_commit_log_ready(s, ERR_OK);
    drives_clean_wake(s->drives, false);
}

static void rest(struct drives_shard *s)
{
    s->checkpoint.state = CHECKPOINT_RESTING;
    timer_start(&s->checkpoint.timer, REST_MS);
}

/* By the helper thread. */
static void written(struct op *op)
{
    struct drives_shard *s = container_of(op, struct drives_shard, checkpoint.work.op);
    enum err e = op->err;

    pass_on(s->drives);
    s->checkpoint.err = e;
    if (e && e != ERR_NO_SPACE && e != ERR_NO_MEMORY)
        drives_fail(s->drives);
    if (!e) {
        s->checkpoint.state = CHECKPOINT_SWEEPING;
        s->checkpoint.swept = s->keys.frozen;
        s->keys.frozen = NULL;
        work_start(&s->checkpoint.sweep);
    } else if (s->drives->is_failed) {
        s->checkpoint.state = CHECKPOINT_IDLE; /* for good; the frozen table is still read */
    } else {
        rest(s);
    }
    drives_commit_log_ready(s, ERR_OK);
}

/* ---- starting ---------------------------------------------------------------------------- */

void drives_checkpoint_start(struct drives_shard *s)
{
    struct drives_memtable *fresh;

    if (s->checkpoint.state != CHECKPOINT_IDLE || s->keys.frozen || s->drives->is_failed ||
        drives_memtable_entries(s->keys.active) == 0)
        return;
    /* Without memory for another one the full one goes on. */
    if (drives_memtable_new(&fresh))
        return;
    s->keys.frozen = s->keys.active;
    s->keys.active = fresh;
    s->log.segments_taken = 0;
    s->checkpoint.mark = s->mark;
    queue(s);
}

static void age_start(struct drives_shard *s)
{
    if (s->checkpoint.is_aging || s->is_closing)
        return;
    s->checkpoint.is_aging = true;
    timer_start(&s->checkpoint.age, AGE_MS);
}

/* By the timer. Closing stops it. */
static void aged(struct op *op)
{
    struct drives_shard *s = container_of(op, struct drives_shard, checkpoint.age.op);

    s->checkpoint.is_aging = false;
    if (op->err)
        return;
    drives_checkpoint_start(s);
    if (drives_memtable_entries(s->keys.active) > 0)
        age_start(s);
}

void drives_checkpoint_consider(struct drives_shard *s, struct drives_log_mark mark)
{
    s->mark = mark;
    age_start(s);
    if (is_full(s) || s->log.segments_taken >= LOG_SEGMENTS_MAX)
        drives_checkpoint_start(s);
}

/* By whoever is short of space. */
static void wished(struct op *op)
{
    struct drives_shard *s = container_of(op, struct drives_shard, checkpoint.wish);

    s->checkpoint.is_wanted = false;
    if (!s->is_closing)
        drives_checkpoint_start(s);
}

void drives_checkpoint_all(struct drives *D)
{
    for (unsigned i = 0; i < D->base.owner_count; i++) {
        struct drives_shard *s = &D->shards[i];

        if (!atomic_exchange(&s->checkpoint.is_wanted, true))
            op_send(&s->checkpoint.wish, s->home);
    }
}

bool drives_checkpoint_may_help(const struct drives_shard *s)
{
    const struct drives_checkpoint *c = &s->checkpoint;

    if (s->drives->is_failed || (c->state == CHECKPOINT_RESTING && c->err))
        return false;
    return c->state != CHECKPOINT_IDLE || drives_memtable_entries(s->keys.active) > 0;
}

void drives_checkpoint_init(struct drives_shard *s)
{
    struct drives_checkpoint *c = &s->checkpoint;

    c->state = CHECKPOINT_IDLE;
    c->work.run = run;
    list_init(&c->link);
    c->sweep.run = sweep;
    op_init(&c->work.op, written);
    op_init(&c->sweep.op, swept);
    op_init(&c->hop, turn);
    op_init(&c->timer.op, rested);
    op_init(&c->age.op, aged);
    op_init(&c->wish, wished);
}
