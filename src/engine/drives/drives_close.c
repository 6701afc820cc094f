/*
 * Closing: every owner finishes what it does in the background and writes a last checkpoint; then
 * the files are closed on a helper thread.
 *
 *   close --the cleaner stops--> hop --> each owner: settling, polled --hop--> home: last one back
 * --> work --> done
 *
 * Nothing is in flight for callers, so what is left (a segment being prepared, a checkpoint) ends
 * by itself: a look every millisecond is enough.
 */
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/drives/drives_applied.h"
#include "engine/drives/drives_impl.h"

enum { POLL_MS = 1 };

void drives_close_free(struct drives *D)
{
    for (unsigned i = 0; D->shards && i < D->base.owner_count; i++) {
        drives_index_close(&D->shards[i].keys);
        drives_log_close(&D->shards[i].log);
    }
    drives_clean_free(D);
    drives_extent_heads_close(D);
    drives_segment_table_close(D);
    drives_tree_close(&D->tree);
    for (int kind = SEGMENT_LOG; kind < SEGMENT_KINDS; kind++)
        if (D->kind_fd[kind] >= 0)
            (void)close(D->kind_fd[kind]);
    if (D->dir_fd >= 0)
        (void)close(D->dir_fd);
    if (D->lock_fd >= 0)
        (void)close(D->lock_fd);
    free(D->shards);
    free((void *)(uintptr_t)D->applied);
    free((void *)(uintptr_t)D->config.dir);
    (void)pthread_mutex_destroy(&D->checkpoint_lock);
    free(D);
}

/* ---- the end, at home -------------------------------------------------------------------- */

static void close_run(struct work *w)
{
    struct drives *D = container_of(w, struct drives, close_work);

    /* How far the open segments are filled. */
    if (!D->is_failed)
        w->result = drives_applied_write(D, NULL, NULL, 0);
}

static void close_ran(struct op *op)
{
    struct drives *D = container_of(op, struct drives, close_work.op);
    struct op *close_op = D->close_op;
    enum err e = op->err;

    drives_close_free(D);
    op_complete(close_op, e);
}

static bool is_preparing(struct drives *D)
{
    bool is_on = false;

    (void)pthread_mutex_lock(&D->segments.lock);
    for (int kind = SEGMENT_LOG; kind < SEGMENT_KINDS; kind++)
        is_on |= D->segments.prepare[kind].is_on;
    (void)pthread_mutex_unlock(&D->segments.lock);
    /* In this order: the end of a preparation wishes for checkpoints before it is over. */
    for (unsigned i = 0; i < D->base.owner_count; i++)
        is_on |= D->shards[i].checkpoint.is_wanted;
    return is_on;
}

/* By the timer. A preparation may be another reactor's: it must have seen its end. */
static void close_poll(struct op *op)
{
    struct drives *D = container_of(op, struct drives, close_timer.op);

    if (is_preparing(D) || !drives_clean_is_stopped(D)) {
        timer_start(&D->close_timer, POLL_MS);
        return;
    }
    D->close_work.run = close_run;
    op_init(&D->close_work.op, close_ran);
    work_start(&D->close_work);
}

/* At home, by an owner that has settled. */
static void owner_back(struct op *hop)
{
    struct drives *D = container_of(hop, struct drives_shard, close_hop)->drives;

    if (--D->close_left > 0)
        return;
    op_init(&D->close_timer.op, close_poll);
    timer_start(&D->close_timer, POLL_MS);
}

/* ---- on each owner ----------------------------------------------------------------------- */

static bool has_settled(struct drives_shard *s)
{
    if (s->checkpoint.is_aging || s->checkpoint.is_wanted) {
        timer_stop(&s->checkpoint.age);
        return false;
    }
    if (s->is_patient) {
        timer_stop(&s->patience);
        return false;
    }
    if (!list_is_empty(&s->waiting) || s->is_looking_on || !drives_log_is_idle(&s->log))
        return false;
    if (s->checkpoint.state == CHECKPOINT_RESTING) {
        timer_stop(&s->checkpoint.timer);
        return false;
    }
    if (s->checkpoint.state != CHECKPOINT_IDLE)
        return false;
    if (s->drives->is_failed || s->is_last_tried)
        return true;
    /* Once: when it fails the log has everything all the same. */
    s->is_last_tried = true;
    drives_checkpoint_start(s);
    return s->checkpoint.state == CHECKPOINT_IDLE;
}

/* By the timer, or the hop. */
static void settle(struct drives_shard *s)
{
    if (!has_settled(s)) {
        timer_start(&s->close_timer, POLL_MS);
        return;
    }
    op_init(&s->close_hop, owner_back);
    op_send(&s->close_hop, s->drives->close_home);
}

static void settle_again(struct op *op)
{
    settle(container_of(op, struct drives_shard, close_timer.op));
}

static void owner_reached(struct op *hop)
{
    struct drives_shard *s = container_of(hop, struct drives_shard, close_hop);

    s->is_closing = true;
    op_init(&s->close_timer.op, settle_again);
    settle(s);
}

/* By the timer. What the cleaner has under way are commits: the owners settle behind them. */
static void clean_poll(struct op *op)
{
    struct drives *D = container_of(op, struct drives, close_timer.op);

    if (!drives_clean_is_stopped(D)) {
        timer_start(&D->close_timer, POLL_MS);
        return;
    }
    for (unsigned i = 0; i < D->base.owner_count; i++) {
        op_init(&D->shards[i].close_hop, owner_reached);
        op_send(&D->shards[i].close_hop, D->shards[i].home);
    }
}

void drives_close_start(struct engine *E, struct op *op)
{
    struct drives *D = drives_of(E);

    D->close_op = op;
    D->close_home = reactor_current();
    D->close_left = E->owner_count;
    drives_clean_stop(D);
    op_init(&D->close_timer.op, clean_poll);
    timer_start(&D->close_timer, 0);
}
