#include "engine/drives/drives_clean.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/drives/drives_clean_impl.h"

enum { REST_MS_MAX = 100, NS_PER_MS = 1000000 };

static void choose(struct drives_clean *c);
static void walk(struct drives_clean *c);

/* ---- passes ------------------------------------------------------------------------------ */

static void end(struct drives_clean *c)
{
    bool is_again = c->is_again && !c->is_stopping && c->err != ERR_NO_SPACE;

    c->wait = CLEAN_IDLE;
    c->is_pass = c->is_again = false;
    if (c->moved > 0)
        drives_checkpoint_all(c->drives);
    c->moved = 0;
    if (is_again)
        choose(c);
    else
        c->is_busy = false; /* the last: a store that closes may be gone now */
}

/* By the timer. */
static void rested(struct op *op)
{
    struct drives_clean *c = container_of(op, struct drives_clean, timer.op);

    if (c->is_stopping)
        end(c);
    else
        walk(c);
}

/* It has worked since since_ns, and rests so that its share of the time is what is set. When the
 * drive is short of room, those who would be disturbed are refused already. */
static void pause_or_walk(struct drives_clean *c)
{
    unsigned share = c->drives->config.clean_share;
    uint64_t now = clock_ns();

    if (!c->was_short && share < 100)
        c->debt_ns += (now - c->since_ns) / share * (100 - share);
    if (c->debt_ns < 2 * NS_PER_MS) {
        walk(c);
        return;
    }
    c->wait = CLEAN_RESTING;
    timer_start(&c->timer, MIN(c->debt_ns / NS_PER_MS, REST_MS_MAX));
    c->debt_ns = 0;
}

/* ---- moving ------------------------------------------------------------------------------ */

static struct drives_move *free_move(struct drives_clean *c)
{
    for (unsigned i = 0; i < CLEAN_MOVES_MAX; i++)
        if (!c->moves[i].is_on)
            return &c->moves[i];
    return NULL;
}

static struct view bucket_of(struct view key)
{
    struct view v = view_from(key, 1);

    return view_upto(v, MIN(view_index(v, 0), v.len));
}

static bool start_move(struct drives_clean *c, const struct clean_found *f)
{
    struct drives *D = c->drives;
    struct drives_move *m = free_move(c);

    if (!m || (c->bytes > 0 && c->bytes + f->need > D->config.clean_bytes_max))
        return false;
    *m = (struct drives_move){.is_on = true, .need = f->need, .clean = c, .key_len = f->key_len};
    memcpy(m->key, f->key, f->key_len);
    m->shard = &D->shards[engine_owner(&D->base, bucket_of(view_of(m->key, m->key_len)))];
    c->moving++;
    c->bytes += m->need;
    drives_clean_move_start(m);
    return true;
}

static void go_on(struct drives_clean *c)
{
    while (!c->err && !c->is_stopping && c->found_next < c->found_count &&
           start_move(c, &c->found[c->found_next]))
        c->found_next++;
    if (c->moving > 0)
        return;
    if (c->err || c->is_stopping || c->is_walked)
        end(c);
    else
        pause_or_walk(c);
}

/* The pass ends when there is no room or no store; what one entry meets is its own. */
static bool ends_pass(enum err e)
{
    return e == ERR_NO_SPACE || e == ERR_UNKNOWN_OUTCOME;
}

void drives_clean_moved(struct drives_move *m)
{
    struct drives_clean *c = m->clean;

    m->is_on = false;
    c->moving--;
    c->bytes -= m->need;
    if (m->is_moved) {
        c->moved++;
        metrics_add(METRIC_CLEANED_BYTES, m->bytes);
    }
    if (ends_pass(m->err) || c->drives->is_failed)
        c->err = m->err ? m->err : ERR_IO;
    go_on(c);
}

/* ---- helper threads ---------------------------------------------------------------------- */

static void walk_run(struct work *w)
{
    w->result = drives_clean_walk(container_of(w, struct drives_clean, work));
}

/* By the helper thread. */
static void walked(struct drives_clean *c, enum err e)
{
    c->err = e;
    if (c->is_pass) {
        c->wait = CLEAN_MOVING;
        go_on(c);
    } else if (e || c->is_stopping || c->is_walked) {
        if (!e && c->is_walked)
            drives_clean_counted(c);
        free(c->counted);
        c->counted = NULL;
        c->is_again |= !e;
        end(c);
    } else {
        pause_or_walk(c);
    }
}

static void walk(struct drives_clean *c)
{
    c->wait = CLEAN_WALKING;
    c->since_ns = clock_ns();
    c->work.run = walk_run;
    work_start(&c->work);
}

static void start_walk(struct drives_clean *c, bool is_pass)
{
    c->is_pass = is_pass;
    c->is_walked = false;
    c->at_len = 1; /* no key is empty, none begins with less */
    c->at[0] = 0;
    walk(c);
}

static void choose_run(struct work *w)
{
    struct drives_clean *c = container_of(w, struct drives_clean, work);

    c->choice = drives_clean_choose(c);
    w->result = ERR_OK;
}

static void keep(struct drives_clean *c)
{
    c->wait = CLEAN_KEEPING;
    c->take.kind = SEGMENT_DATA;
    c->take.may_use_reserve = false;
    drives_segment_take(c->drives, &c->take);
}

/* By drives_segment.c. */
static void taken(struct op *op)
{
    struct drives_clean *c = container_of(op, struct drives_clean, take.op);

    if (!op->err && !drives_clean_keep(c->drives, c->take.segment))
        drives_segment_add_spare(c->drives, c->take.segment);
    c->is_again |= !op->err; /* now victims are chosen */
    c->err = op->err;
    end(c);
}

static void chosen(struct drives_clean *c)
{
    if (c->is_stopping) {
        free(c->counted);
        c->counted = NULL;
        end(c);
        return;
    }
    switch (c->choice) {
    case CHOICE_UNSETTLED:
        drives_checkpoint_all(c->drives);
        end(c);
        break;
    case CHOICE_NOTHING:
        end(c);
        break;
    case CHOICE_KEEP:
        keep(c);
        break;
    case CHOICE_COUNT:
    case CHOICE_VICTIMS:
        start_walk(c, c->choice == CHOICE_VICTIMS);
        break;
    }
}

static void choose(struct drives_clean *c)
{
    c->wait = CLEAN_CHOOSING;
    c->err = ERR_OK;
    c->work.run = choose_run;
    work_start(&c->work);
}

/* By the helper thread. */
static void worked(struct op *op)
{
    struct drives_clean *c = container_of(op, struct drives_clean, work.op);

    if (c->wait == CLEAN_CHOOSING)
        chosen(c);
    else
        walked(c, op->err);
}

/* ---- being woken ------------------------------------------------------------------------- */

/* Once, until there is room again. */
static void tell(struct drives_clean *c)
{
    if (!c->is_short)
        c->is_told = false;
    if (!c->is_short || c->is_told || !c->is_pass)
        return;
    c->is_told = true;
    metrics_add(METRIC_CLEAN_BEHIND, 1);
    log_warn(
        "drives",
        "the cleaner does not keep up: puts find no room in %s while %u segments "
        "are being cleaned",
        c->drives->config.dir, c->victim_count);
}

/* By drives_clean_wake. */
static void woken(struct op *op)
{
    struct drives_clean *c = container_of(op, struct drives_clean, wake);

    metrics_add(METRIC_CLEANED_SEGMENTS, atomic_exchange(&c->freed, 0));
    tell(c);
    if (c->wait != CLEAN_IDLE) {
        c->is_again = true;
        c->is_woken = false;
        return;
    }
    c->is_busy = !c->is_stopping;
    c->is_woken = false;
    if (c->is_busy)
        choose(c);
}

void drives_clean_wake(struct drives *D, bool is_short)
{
    struct drives_clean *c = D->clean;

    if (!c || c->is_stopping)
        return;
    if (is_short)
        c->is_short = true;
    if (!atomic_exchange(&c->is_woken, true))
        op_send(&c->wake, c->home);
}

void drives_clean_stop(struct drives *D)
{
    if (D->clean)
        D->clean->is_stopping = true;
}

bool drives_clean_is_stopped(struct drives *D)
{
    struct drives_clean *c = D->clean;

    return !c || (!c->is_woken && !c->is_busy);
}

/* ---- the segment that is kept ------------------------------------------------------------ */

void drives_clean_freed(struct drives *D)
{
    if (D->clean)
        D->clean->freed++;
}

bool drives_clean_is_keeping(struct drives *D)
{
    struct drives_clean *c = D->clean;
    bool is_keeping;

    if (!c)
        return false;
    (void)pthread_mutex_lock(&c->head.lock);
    is_keeping = !c->head.kept;
    (void)pthread_mutex_unlock(&c->head.lock);
    return is_keeping;
}

bool drives_clean_keep(struct drives *D, struct drives_segment *s)
{
    struct drives_clean *c = D->clean;
    bool is_ours;

    if (!c || s->fill != DRIVES_HEAD_BYTES || s->live > 0)
        return false;
    (void)pthread_mutex_lock(&c->head.lock);
    is_ours = !c->head.kept;
    if (is_ours) {
        s->state = SEGMENT_OPEN;
        c->head.kept = s;
    }
    (void)pthread_mutex_unlock(&c->head.lock);
    return is_ours;
}

struct drives_segment *drives_clean_give_up(struct drives *D)
{
    struct drives_clean *c = D->clean;
    struct drives_segment *s;

    if (!c)
        return NULL;
    (void)pthread_mutex_lock(&c->head.lock);
    s = c->head.kept;
    c->head.kept = NULL;
    (void)pthread_mutex_unlock(&c->head.lock);
    return s;
}

/* ---- life -------------------------------------------------------------------------------- */

void drives_clean_free(struct drives *D)
{
    struct drives_clean *c = D->clean;

    if (!c)
        return;
    drives_tree_reader_close(&c->reader);
    drives_extent_head_done(&c->head);
    free((void *)(uintptr_t)c->settle);
    free(c->victims);
    free(c->counted);
    free(c);
    D->clean = NULL;
}

enum err drives_clean_open(struct drives *D)
{
    struct drives_clean *c;

    if (D->config.is_clean_off)
        return ERR_OK;
    c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NO_MEMORY;
    D->clean = c;
    c->drives = D;
    c->home = D->base.owners[0];
    drives_extent_head_init(D, &c->head);
    op_init(&c->wake, woken);
    op_init(&c->work.op, worked);
    op_init(&c->timer.op, rested);
    op_init(&c->take.op, taken);
    c->settle = calloc(D->base.owner_count, sizeof *c->settle);
    c->victims = calloc(1, SEGMENTS_MAX / 8);
    if (!c->settle || !c->victims)
        return ERR_NO_MEMORY;
    c->head.kept = drives_segment_take_empty(D); /* an earlier run's, perhaps */
    return drives_tree_reader_open(&D->tree, &c->reader);
}
