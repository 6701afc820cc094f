/*
 * Wait structure of a call:
 *
 *   home --hop--> owners[0]: queued -> CHANGE_DECIDING (a helper thread; iam_decide)
 *     -> CHANGE_COMMITTING | CHANGE_REMOVING (the engine) -> the snapshot is swapped
 *     -> the next of the queue;  this one --hop--> home: answer copied, op completes
 *
 *   CHANGE_LOADING comes before the decision when an earlier commit's outcome is not known, and
 *   after a commit of that kind, so that what is answered from then on is what is stored.
 *
 * One commit per change makes it atomic: a user with its first key and its policies is one record.
 */
#include "iam/iam_change.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "iam/iam_impl.h"
#include "loop/reactor.h"

enum change_state {
    CHANGE_QUEUED,
    CHANGE_LOADING,
    CHANGE_DECIDING,
    CHANGE_COMMITTING,
    CHANGE_REMOVING,
    CHANGE_LOADING_AFTER
};

struct iam_run {
    struct iam_change *change;
    enum change_state state;
    struct list link;
    struct iam_decision decision;
    struct work work;
    struct engine_put put;
    struct engine_remove remove;
    struct iam_load load;
    enum err err;
};

static void run_next(struct iam *I);

static struct iam *iam_of(const struct iam_run *run)
{
    return run->change->iam;
}

/* ---- at home ------------------------------------------------------------------------------- */

static void copy_out(struct iam_change *c, struct iam_run *run)
{
    struct iam_decision *d = &run->decision;

    if (run->err) {
        struct view why = d->why_buf.len ? buf_view(&d->why_buf) : view_str(err_text(run->err));
        c->why = (const char *)region_copy(c->region, why).at;
        return;
    }
    c->answer = region_copy(c->region, d->answer);
    if (!c->answer.at) /* done all the same; what it says can be asked again */
        run->err = ERR_BUSY;
}

static void come_home(struct op *op)
{
    struct iam_change *c = container_of(op, struct iam_change, hop);
    struct iam_run *run = c->state;

    copy_out(c, run);
    enum err e = run->err;
    iam_decide_done(&run->decision);
    iam_snapshot_unref((struct iam_snapshot *)(uintptr_t)run->decision.from);
    free(run);
    c->state = NULL;
    op_complete(&c->op, e);
}

/* ---- at the owner -------------------------------------------------------------------------- */

static void end(struct iam_run *run, enum err e)
{
    struct iam *I = iam_of(run);
    struct iam_change *c = run->change;

    run->err = e;
    I->queue.active = NULL;
    op_init(&c->hop, come_home);
    op_send(&c->hop, c->op.home);
    run_next(I);
}

static void on_loaded(struct op *op)
{
    struct iam_run *run = container_of(op, struct iam_run, load.op);
    struct iam *I = iam_of(run);

    if (!op->err) {
        iam_swap(I, run->load.snapshot);
        I->queue.is_doubtful = false;
    }
    if (run->state == CHANGE_LOADING_AFTER) {
        end(run, ERR_UNKNOWN_OUTCOME);
        return;
    }
    if (op->err)
        end(run, op->err);
    else
        run_next(I);
}

static void start_load(struct iam_run *run, enum change_state state)
{
    run->state = state;
    run->load.config = &iam_of(run)->config;
    op_init(&run->load.op, on_loaded);
    iam_load(&run->load);
}

/* The one commit of the change is over. */
static void finish(struct iam_run *run, enum err e)
{
    struct iam *I = iam_of(run);

    if (e == ERR_UNKNOWN_OUTCOME) {
        I->queue.is_doubtful = true;
        start_load(run, CHANGE_LOADING_AFTER);
        return;
    }
    if (!e) {
        iam_swap(I, run->decision.next);
        run->decision.next = NULL;
    }
    end(run, e);
}

static void on_committed(struct op *op)
{
    finish(container_of(op, struct iam_run, put.op), op->err);
}

static void on_removed(struct op *op)
{
    finish(container_of(op, struct iam_run, remove.op), op->err);
}

static void start_commit(struct iam_run *run)
{
    const struct iam_decision *d = &run->decision;
    const struct engine_key key = {.space = SPACE_CONFIG, .name = d->record};

    run->state = CHANGE_COMMITTING;
    engine_put_init(iam_of(run)->config.engine, &run->put, key, 0);
    run->put.op.advance = on_committed;
    run->put.mtime_ms = d->now_ms;
    run->put.meta = d->blob;
    run->put.condition.kind = d->is_new ? IF_ABSENT : IF_ANY;
    if (d->old_record.at)
        run->put.also_remove = (struct engine_key){.space = SPACE_CONFIG, .name = d->old_record};
    engine_commit(&run->put);
}

static void start_remove(struct iam_run *run)
{
    run->state = CHANGE_REMOVING;
    run->remove = (struct engine_remove){
        .key = {.space = SPACE_CONFIG, .name = run->decision.old_record},
        .mtime_ms = run->decision.now_ms,
    };
    op_init(&run->remove.op, on_removed);
    engine_remove(iam_of(run)->config.engine, &run->remove);
}

static void on_decided(struct op *op)
{
    struct iam_run *run = container_of(op, struct iam_run, work.op);

    if (op->err || !run->decision.next)
        end(run, op->err);
    else if (run->decision.record.at)
        start_commit(run);
    else
        start_remove(run);
}

static void decide(struct work *w)
{
    w->result = iam_decide(&container_of(w, struct iam_run, work)->decision);
}

static void start_decide(struct iam_run *run)
{
    const struct iam_change *c = run->change;
    struct iam_decision *d = &run->decision;

    run->state = CHANGE_DECIDING;
    d->config = &c->iam->config;
    d->from = iam_hold_anywhere(c->iam);
    d->call = c->call;
    d->request = c->request;
    d->now_ms = clock_wall_ms();
    op_init(&run->work.op, on_decided);
    run->work.run = decide;
    work_start(&run->work);
}

/* Goes on with the active one, or starts the first that waits. */
static void run_next(struct iam *I)
{
    struct iam_queue *q = &I->queue;

    if (!q->active) {
        struct list *node = list_pop(&q->waiting);
        if (!node)
            return;
        q->active = container_of(node, struct iam_run, link);
    }
    if (q->is_doubtful)
        start_load(q->active, CHANGE_LOADING);
    else
        start_decide(q->active);
}

static void arrive(struct op *op)
{
    struct iam_change *c = container_of(op, struct iam_change, hop);
    struct iam_run *run = c->state;
    struct iam_queue *q = &c->iam->queue;

    list_push_back(&q->waiting, &run->link);
    if (!q->active)
        run_next(c->iam);
}

void iam_change(struct iam_change *c)
{
    struct iam_run *run = calloc(1, sizeof *run);

    assert(c->iam->config.engine);
    op_start(&c->op);
    c->answer = VIEW_EMPTY;
    c->why = NULL;
    c->state = run;
    if (!run) {
        op_complete(&c->op, ERR_NO_MEMORY);
        return;
    }
    run->change = c;
    list_init(&run->link);
    op_init(&c->hop, arrive);
    op_send(&c->hop, c->iam->config.engine->owners[0]);
}
