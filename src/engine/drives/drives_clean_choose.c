/*
 * Which segments are worth it. Greedy: the least to move first, below a share of the segment that
 * rises as the drive fills. What moving takes is more than the bytes alive: records around inline
 * payloads, padding to blocks (which groups of many records need less of: what was put one by one
 * is worth packing, once). So each segment knows what its payload took when it was placed, and
 * of segments of an earlier run it is counted once, by a walk: otherwise a segment full of tiny
 * objects would look empty, and be rewritten for nothing again and again.
 */
#include <stdlib.h>
#include <sys/statvfs.h>

#include "engine/drives/drives_clean_impl.h"

enum {
    PERCENT_EMPTY = 25, /* while a fifth of the drive is free */
    PERCENT_USUAL = 50,
    PERCENT_SHORT = 85,
    GAIN_PER_ENTRY = 32,    /* bytes: what a walk over the index must bring */
    LOG_SEGMENTS_SHORT = 2, /* of the reserve: one for the cleaner, one for removes */
    HEAD_SLACK = 1 << 20    /* that may not fit at the end of a segment */
};

struct choosing {
    struct drives_clean *clean;
    unsigned percent;
    bool is_short;
    bool has_log_room;
    uint64_t log_room, data_room; /* what may be placed before anything comes back */
    struct candidate {
        struct drives_segment *segment;
        uint64_t needed;
    } best[CLEAN_VICTIMS_MAX];
    unsigned count;
    bool is_unknown, has_data;
    uint64_t gain, entries;
};

static bool is_settled(const struct drives_clean *c)
{
    for (unsigned i = 0; i < c->drives->base.owner_count; i++)
        if (c->settle[i] > c->drives->applied[i])
            return false;
    return true;
}

/* What the cleaner's head can hold without a further segment. */
static uint64_t room_of_head(struct drives_clean *c)
{
    struct drives_head *h = &c->head;
    uint64_t room = 0;

    (void)pthread_mutex_lock(&h->lock);
    if (h->open)
        room += h->open->bytes - h->open->fill;
    room -= MIN(room, HEAD_SLACK);
    if (h->kept)
        room += h->kept->bytes - DRIVES_HEAD_BYTES - HEAD_SLACK;
    (void)pthread_mutex_unlock(&h->lock);
    return room;
}

static void weigh_drive(struct choosing *x, uint64_t avail, uint64_t total)
{
    struct drives_clean *c = x->clean;
    const struct drives_config *f = &c->drives->config;
    uint64_t tight = f->reserve_bytes + f->log_segment_bytes + f->data_segment_bytes;

    if (avail >= tight + f->log_segment_bytes + f->data_segment_bytes)
        c->is_short = false;
    x->is_short = c->was_short = c->is_short || avail < tight;
    x->percent = x->is_short                 ? PERCENT_SHORT
                 : avail / 20 >= total / 100 ? PERCENT_EMPTY
                                             : PERCENT_USUAL;
    if (f->clean_percent > 0)
        x->percent = f->clean_percent;
    x->data_room = x->is_short ? room_of_head(c) : (avail - MIN(avail, f->reserve_bytes)) / 4;
    x->has_log_room = !x->is_short || avail >= LOG_SEGMENTS_SHORT * f->log_segment_bytes;
    x->log_room =
        x->is_short ? f->log_segment_bytes / 2 : (avail - MIN(avail, f->reserve_bytes)) / 4;
}

static bool is_closed(const struct drives *D, const struct drives_segment *s)
{
    return s->state == SEGMENT_SEALED && !s->is_unmovable &&
           (s->kind == SEGMENT_DATA || s->last_group == 0 ||
            s->last_group <= D->applied[s->stream]);
}

static void add(struct choosing *x, struct drives_segment *s, uint64_t needed)
{
    unsigned i = x->count < CLEAN_VICTIMS_MAX ? x->count++ : CLEAN_VICTIMS_MAX - 1;

    if (x->best[i].segment && x->best[i].needed <= needed)
        return;
    for (; i > 0 && x->best[i - 1].needed > needed; i--)
        x->best[i] = x->best[i - 1];
    x->best[i] = (struct candidate){s, needed};
}

/* Under the table's lock: the segment stays. */
static void weigh(struct choosing *x, struct drives_segment *s)
{
    int64_t live = s->live + MAX(s->staged, 0);
    uint64_t limit = s->bytes / 100 * x->percent, needed = (uint64_t)MAX(live, 0);

    x->has_data |= s->kind == SEGMENT_DATA && s->state == SEGMENT_SEALED;
    if (!is_closed(x->clean->drives, s) || s->live <= 0 || needed >= limit)
        return;
    if (s->clean_tries >= CLEAN_TRIES_MAX && s->live == s->clean_live)
        return;
    if (s->payload_in == 0) {
        x->is_unknown = true;
        return;
    }
    needed = (uint64_t)((double)needed * (double)s->room_in / (double)s->payload_in);
    if (needed < limit && (s->kind == SEGMENT_DATA || x->has_log_room))
        add(x, s, needed);
}

static void weigh_all(struct choosing *x)
{
    struct drives_segments *S = &x->clean->drives->segments;

    for (uint32_t id = 0; id < MIN(S->next_id, SEGMENTS_MAX); id++)
        if (S->at[id])
            weigh(x, S->at[id]);
}

/* One log segment may always be emptied: the reserve holds what is alive in it. */
static bool has_room(struct choosing *x, const struct candidate *v, bool is_first_log)
{
    uint64_t *room = v->segment->kind == SEGMENT_LOG ? &x->log_room : &x->data_room;

    if (v->needed > *room && !is_first_log)
        return false;
    *room -= MIN(*room, v->needed);
    return true;
}

/* Under the table's lock. */
static void mark(struct choosing *x, bool is_marking)
{
    struct drives_clean *c = x->clean;
    bool has_log = false;

    for (unsigned i = 0; i < x->count; i++) {
        struct drives_segment *s = x->best[i].segment;

        if (!has_room(x, &x->best[i], s->kind == SEGMENT_LOG && !has_log))
            continue;
        has_log |= s->kind == SEGMENT_LOG;
        x->gain += s->bytes - x->best[i].needed;
        if (!is_marking)
            continue;
        s->clean_tries = s->live == s->clean_live ? s->clean_tries + 1 : 1;
        s->clean_live = s->live;
        s->is_victim = true;
        c->victims[s->id / 8] |= (uint8_t)(1U << s->id % 8);
        c->victim_count++;
    }
}

/* A walk costs the same whatever it brings. */
static bool is_worth_it(const struct choosing *x)
{
    return x->gain > 0 && (x->is_short || x->gain >= GAIN_PER_ENTRY * x->entries);
}

static bool pick(struct choosing *x)
{
    struct choosing dry = *x;

    mark(&dry, false);
    if (!is_worth_it(&dry))
        return false;
    mark(x, true);
    return true;
}

static bool start_counting(struct drives_clean *c)
{
    c->counted_segments = c->drives->segments.next_id;
    c->counted = calloc(2 * (size_t)c->counted_segments, sizeof *c->counted);
    return c->counted != NULL;
}

static bool wants_to_keep(struct choosing *x, uint64_t avail)
{
    const struct drives_config *f = &x->clean->drives->config;
    struct drives_segments *S = &x->clean->drives->segments;
    bool has_room = avail >= f->reserve_bytes + 2 * f->data_segment_bytes;

    return x->has_data && drives_clean_is_keeping(x->clean->drives) &&
           (has_room || S->spare_count[SEGMENT_DATA] > 0);
}

enum clean_choice drives_clean_choose(struct drives_clean *c)
{
    struct drives *D = c->drives;
    struct choosing x = {.clean = c};
    struct statvfs v;
    uint64_t avail;
    bool is_picked, is_keeping;

    memset(c->victims, 0, SEGMENTS_MAX / 8);
    c->victim_count = 0;
    if (D->is_failed || fstatvfs(D->dir_fd, &v))
        return CHOICE_NOTHING;
    if (!is_settled(c))
        return CHOICE_UNSETTLED;
    x.entries = drives_tree_entries(&D->tree);
    avail = (uint64_t)v.f_bavail * v.f_frsize;
    weigh_drive(&x, avail, (uint64_t)v.f_blocks * v.f_frsize);
    (void)pthread_mutex_lock(&D->segments.lock);
    weigh_all(&x);
    is_keeping = wants_to_keep(&x, avail);
    is_picked = !is_keeping && pick(&x);
    (void)pthread_mutex_unlock(&D->segments.lock);
    if (is_keeping)
        return CHOICE_KEEP;
    if (is_picked)
        return CHOICE_VICTIMS;
    return x.is_unknown && start_counting(c) ? CHOICE_COUNT : CHOICE_NOTHING;
}

void drives_clean_counted(struct drives_clean *c)
{
    struct drives_segments *S = &c->drives->segments;

    (void)pthread_mutex_lock(&S->lock);
    for (uint32_t id = 0; id < c->counted_segments; id++) {
        struct drives_segment *s = S->at[id];

        if (!s || s->state != SEGMENT_SEALED || s->payload_in > 0)
            continue;
        s->payload_in = MAX(c->counted[2 * (size_t)id], 1);
        s->room_in = MAX(c->counted[2 * (size_t)id + 1], 1);
    }
    (void)pthread_mutex_unlock(&S->lock);
    free(c->counted);
    c->counted = NULL;
}
