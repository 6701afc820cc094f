/*
 * Preparation happens one file at a time per kind: a waiting taker or a missing spare starts it,
 * its end serves the takers and starts the next when one is still wanted. A preparation that may
 * not touch the reserve fails early with ERR_NO_SPACE; then the takers that may are tried once
 * more.
 *
 *   idle --take without a spare--> preparing (helper thread) --advance--> idle | preparing
 */
#include "engine/drives/drives_segment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/drives/drives_impl.h"

enum { ZERO_BYTES = 1 << 20 };

static const char *const names[SEGMENT_KINDS] = {
    [SEGMENT_LOG] = "%08x.log", [SEGMENT_DATA] = "%08x.data"};

static void name_of(enum drives_segment_kind kind, uint32_t id, char name[24])
{
    (void)snprintf(name, 24, names[kind], id);
}

static int open_flags(const struct drives *D)
{
    return O_RDWR | O_CLOEXEC | (D->is_direct ? O_DIRECT : 0);
}

/* ---- one segment ------------------------------------------------------------------------- */

static struct drives_segment *
segment_new(struct drives *D, enum drives_segment_kind kind, uint32_t id, int fd, uint64_t bytes)
{
    struct drives_segment *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->drives = D;
    s->kind = kind;
    s->id = id;
    s->fd = fd;
    s->bytes = bytes;
    s->fill = DRIVES_HEAD_BYTES;
    list_init(&s->link);
    list_init(&s->sync_now);
    list_init(&s->sync_next);
    (void)pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void segment_free(struct drives_segment *s)
{
    if (s->fd >= 0)
        (void)close(s->fd);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

struct drives_segment *drives_segment_find(struct drives *D, uint32_t id)
{
    return id < SEGMENTS_MAX ? D->segments.at[id] : NULL;
}

static void publish(struct drives *D, struct drives_segment *s)
{
    (void)pthread_mutex_lock(&D->segments.lock);
    D->segments.at[s->id] = s;
    (void)pthread_mutex_unlock(&D->segments.lock);
}

static enum err write_prepared_head(struct drives *D, struct drives_segment *s, uint32_t generation)
{
    struct drives_segment_head h = {
        .kind = s->kind,
        .state = HEAD_PREPARED,
        .segment = s->id,
        .generation = generation,
        .bytes = s->bytes,
    };
    uint8_t *block = drives_io_memory(DRIVES_HEAD_BYTES);
    enum err e;

    if (!block)
        return ERR_NO_MEMORY;
    memcpy(h.store_id, D->store_id, sizeof h.store_id);
    drives_format_head_put(&h, block);
    e = drives_io_write_now(s->fd, block, DRIVES_HEAD_BYTES, 0);
    free(block);
    if (!e)
        e = drives_io_sync_now(s->fd);
    if (!e)
        s->generation = generation;
    return e;
}

/* ---- making files ------------------------------------------------------------------------ */

static enum err check_room(struct drives *D, uint64_t bytes, bool may_use_reserve)
{
    struct statvfs v;
    uint64_t needed = bytes + (may_use_reserve ? 0 : D->config.reserve_bytes);

    if (fstatvfs(D->dir_fd, &v))
        return ERR_IO;
    return (uint64_t)v.f_bavail * v.f_frsize < needed ? ERR_NO_SPACE : ERR_OK;
}

/* A log segment is written through, so that FUA writes later meet written blocks (ADR 0005). */
static enum err fill_zeros(int fd, uint64_t bytes)
{
    void *zeros = drives_io_memory(ZERO_BYTES);
    enum err e = zeros ? ERR_OK : ERR_NO_MEMORY;

    for (uint64_t at = 0; !e && at < bytes; at += ZERO_BYTES)
        e = drives_io_write_now(fd, zeros, MIN(bytes - at, ZERO_BYTES), at);
    free(zeros);
    return e;
}

static enum err reserve_file(int fd, enum drives_segment_kind kind, uint64_t bytes)
{
    int code = posix_fallocate(fd, 0, (off_t)bytes);

    if (code == ENOSPC || code == EDQUOT)
        return ERR_NO_SPACE;
    if (code && code != EOPNOTSUPP && code != EINVAL)
        return ERR_IO;
    return kind == SEGMENT_LOG ? fill_zeros(fd, bytes) : ERR_OK;
}

/* The lowest that is free. What a stale account in the tree says of it is that nothing lives. */
static uint32_t claim_id(struct drives *D, enum drives_segment_kind kind)
{
    struct drives_segments *S = &D->segments;
    uint32_t id = 1;

    (void)pthread_mutex_lock(&S->lock);
    S->claimed[kind] = 0;
    while (id < SEGMENTS_MAX &&
           (S->at[id] || id == S->claimed[SEGMENT_LOG] || id == S->claimed[SEGMENT_DATA]))
        id++;
    S->claimed[kind] = id;
    S->next_id = MAX(S->next_id, MIN(id + 1, SEGMENTS_MAX));
    (void)pthread_mutex_unlock(&S->lock);
    return id;
}

static enum err err_of_open(int sys)
{
    if (sys == ENOSPC || sys == EDQUOT)
        return ERR_NO_SPACE;
    return sys == EMFILE || sys == ENFILE ? ERR_BUSY : ERR_IO;
}

static uint32_t next_generation(struct drives *D)
{
    return atomic_fetch_add(&D->segments.generation, 1) + 1;
}

enum err drives_segment_make(
    struct drives *D, enum drives_segment_kind kind, bool may_use_reserve,
    struct drives_segment **s_out)
{
    uint64_t bytes =
        kind == SEGMENT_LOG ? D->config.log_segment_bytes : D->config.data_segment_bytes;
    struct drives_segment *s;
    uint32_t id;
    char name[24];
    int fd;
    enum err e;

    TRY(check_room(D, bytes, may_use_reserve));
    id = claim_id(D, kind);
    if (id == SEGMENTS_MAX)
        return ERR_NO_SPACE;
    name_of(kind, id, name);
    fd = openat(D->kind_fd[kind], name, open_flags(D) | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return err_of_open(errno);
    e = reserve_file(fd, kind, bytes);
    s = e ? NULL : segment_new(D, kind, id, fd, bytes);
    if (!e && !s)
        e = ERR_NO_MEMORY;
    if (!e)
        e = write_prepared_head(D, s, next_generation(D));
    if (!e)
        e = drives_io_sync_now(D->kind_fd[kind]);
    if (e)
        goto undo_file;
    s->is_reserve = may_use_reserve && check_room(D, 0, false) != ERR_OK;
    publish(D, s);
    *s_out = s;
    return ERR_OK;

undo_file:
    (void)unlinkat(D->kind_fd[kind], name, 0);
    if (s)
        segment_free(s);
    else
        (void)close(fd);
    return e;
}

/* ---- files that are there ---------------------------------------------------------------- */

static enum err adopt_check(
    struct drives *D, const struct drives_segment_head *h, enum drives_segment_kind kind,
    uint32_t id, const char *name, struct buf *why)
{
    if (memcmp(h->store_id, D->store_id, sizeof h->store_id) != 0) {
        buf_printf(why, "%s belongs to another store", name);
        return ERR_CORRUPT;
    }
    if (h->kind != kind || h->segment != id) {
        buf_printf(why, "%s is not what its name says (segment %u)", name, h->segment);
        return ERR_CORRUPT;
    }
    return ERR_OK;
}

/* All zero: preparation was cut off before the head was written. */
static bool is_blank(const uint8_t *block)
{
    for (size_t i = 0; i < DRIVES_HEAD_BYTES; i++)
        if (block[i] != 0)
            return false;
    return true;
}

static enum err adopt_head(
    struct drives *D, int fd, enum drives_segment_kind kind, uint32_t id,
    struct drives_segment_head *head_out, struct buf *why)
{
    uint8_t *block;
    struct stat stat;
    char name[24];
    enum err e;

    if (fstat(fd, &stat))
        return ERR_IO;
    if (stat.st_size < DRIVES_HEAD_BYTES)
        return ERR_NOT_FOUND;
    block = drives_io_memory(DRIVES_HEAD_BYTES);
    if (!block)
        return ERR_NO_MEMORY;
    name_of(kind, id, name);
    e = drives_io_read_now(fd, block, DRIVES_HEAD_BYTES, 0);
    if (!e && is_blank(block))
        e = ERR_NOT_FOUND;
    else if (!e)
        e = drives_format_head_get(block, head_out);
    free(block);
    if (e == ERR_NOT_FOUND)
        return e;
    if (e) {
        buf_printf(why, "the head of %s is %s", name, e == ERR_IO ? "unreadable" : "damaged");
        return e == ERR_IO ? e : ERR_CORRUPT;
    }
    return adopt_check(D, head_out, kind, id, name, why);
}

enum err drives_segment_adopt(
    struct drives *D, enum drives_segment_kind kind, uint32_t id,
    struct drives_segment_head *head_out, struct buf *why)
{
    struct drives_segment *s;
    char name[24];
    int fd;
    enum err e;

    name_of(kind, id, name);
    if (drives_segment_find(D, id)) {
        buf_printf(why, "there are two segments %08x", id);
        return ERR_CORRUPT;
    }
    fd = openat(D->kind_fd[kind], name, open_flags(D));
    if (fd < 0) {
        buf_printf(why, "cannot open %s: %s", name, strerror(errno));
        return ERR_IO;
    }
    e = adopt_head(D, fd, kind, id, head_out, why);
    if (e) {
        (void)close(fd);
        return e;
    }
    s = segment_new(D, kind, id, fd, head_out->bytes);
    if (!s) {
        (void)close(fd);
        return ERR_NO_MEMORY;
    }
    s->generation = head_out->generation;
    D->segments.generation = MAX(D->segments.generation, s->generation);
    s->stream = head_out->stream;
    s->state = SEGMENT_SEALED;
    publish(D, s);
    return ERR_OK;
}

enum err drives_segment_ghost(struct drives *D, uint32_t id, enum drives_segment_kind kind)
{
    struct drives_segment *s;

    if (id >= SEGMENTS_MAX)
        return ERR_CORRUPT;
    s = segment_new(D, kind, id, -1, 0);
    if (!s)
        return ERR_NO_MEMORY;
    s->state = SEGMENT_SEALED;
    D->segments.next_id = MAX(D->segments.next_id, id + 1);
    publish(D, s);
    return ERR_OK;
}

void drives_segment_forget(struct drives *D, struct drives_segment *s)
{
    (void)pthread_mutex_lock(&D->segments.lock);
    D->segments.at[s->id] = NULL;
    (void)pthread_mutex_unlock(&D->segments.lock);
    segment_free(s);
}

/* ---- taking ------------------------------------------------------------------------------ */

void drives_segment_add_spare(struct drives *D, struct drives_segment *s)
{
    (void)pthread_mutex_lock(&D->segments.lock);
    s->state = SEGMENT_SPARE;
    list_push_back(&D->segments.spare[s->kind], &s->link);
    D->segments.spare_count[s->kind]++;
    (void)pthread_mutex_unlock(&D->segments.lock);
}

/* Under lock. */
static struct drives_segment *
spare_pop(struct drives_segments *S, enum drives_segment_kind kind, bool may_use_reserve)
{
    list_for_each(node, &S->spare[kind])
    {
        struct drives_segment *s = container_of(node, struct drives_segment, link);

        if (s->is_reserve && !may_use_reserve)
            continue;
        list_remove(node);
        S->spare_count[kind]--;
        s->state = SEGMENT_OPEN;
        return s;
    }
    return NULL;
}

/* Under lock: must another file be made? Then the preparation is ours to start. */
static bool prepare_claim(struct drives_segments *S, enum drives_segment_kind kind)
{
    struct drives_prepare *p = &S->prepare[kind];
    bool is_wanted = !list_is_empty(&S->waiting[kind]) || S->spare_count[kind] == 0;

    if (p->is_on || !is_wanted)
        return false;
    p->is_on = true;
    p->may_use_reserve = false;
    list_for_each(node, &S->waiting[kind])
    {
        p->may_use_reserve |= container_of(node, struct drives_take, op.link)->may_use_reserve;
    }
    return true;
}

static void complete_all(struct list *done, enum err e)
{
    struct list *node;

    while ((node = list_pop(done)))
        op_complete(container_of(node, struct op, link), e);
}

/* Under lock: hand spares to takers; those served are on `served`. */
static void serve(struct drives_segments *S, enum drives_segment_kind kind, struct list *served)
{
    list_for_each(node, &S->waiting[kind])
    {
        struct drives_take *t = container_of(node, struct drives_take, op.link);

        t->segment = spare_pop(S, kind, t->may_use_reserve);
        if (!t->segment)
            continue;
        list_remove(node);
        list_push_back(served, node);
    }
}

static void prepare_run(struct work *w)
{
    struct drives_prepare *p = container_of(w, struct drives_prepare, work);

    w->result = drives_segment_make(p->drives, p->kind, p->may_use_reserve, &p->made);
}

/* Under lock: the takers this failure is final for, to `failed`. */
static void fail_takers(struct drives_prepare *p, struct list *failed)
{
    struct drives_segments *S = &p->drives->segments;

    list_for_each(node, &S->waiting[p->kind])
    {
        struct drives_take *t = container_of(node, struct drives_take, op.link);

        if (t->may_use_reserve && !p->may_use_reserve)
            continue;
        list_remove(node);
        list_push_back(failed, node);
    }
}

/* By the helper thread, on the reactor that started the preparation. */
static void prepared(struct op *op)
{
    struct drives_prepare *p = container_of(op, struct drives_prepare, work.op);
    struct drives_segments *S = &p->drives->segments;
    struct list served, failed;
    enum err e = op->err; /* the work may be started again below */
    bool is_again;

    list_init(&served);
    list_init(&failed);
    /* Before those who fail ask whether a checkpoint may help, and before is_on falls, for which
     * closing waits. */
    if (e == ERR_NO_SPACE) {
        drives_checkpoint_all(p->drives);
        drives_clean_wake(p->drives, true);
    }
    if (!e)
        drives_segment_add_spare(p->drives, p->made);
    (void)pthread_mutex_lock(&S->lock);
    p->is_on = false;
    serve(S, p->kind, &served);
    if (e)
        fail_takers(p, &failed);
    /* A failure is not tried again for the sake of a spare alone. */
    is_again = (!e || !list_is_empty(&S->waiting[p->kind])) && prepare_claim(S, p->kind);
    (void)pthread_mutex_unlock(&S->lock);
    if (is_again)
        work_start(&p->work);
    complete_all(&served, ERR_OK);
    complete_all(&failed, e);
}

void drives_segment_take(struct drives *D, struct drives_take *t)
{
    struct drives_segments *S = &D->segments;
    bool is_prepare, is_served;

    op_start(&t->op);
    t->segment = NULL;
    (void)pthread_mutex_lock(&S->lock);
    if (list_is_empty(&S->waiting[t->kind]))
        t->segment = spare_pop(S, t->kind, t->may_use_reserve);
    is_served = t->segment != NULL;
    if (!is_served)
        list_push_back(&S->waiting[t->kind], &t->op.link);
    is_prepare = prepare_claim(S, t->kind);
    (void)pthread_mutex_unlock(&S->lock);
    if (is_prepare)
        work_start(&S->prepare[t->kind].work);
    if (is_served)
        op_complete(&t->op, ERR_OK);
}

struct drives_segment *drives_segment_take_empty(struct drives *D)
{
    struct drives_segments *S = &D->segments;
    struct drives_segment *found = NULL;

    (void)pthread_mutex_lock(&S->lock);
    list_for_each(node, &S->spare[SEGMENT_DATA])
    {
        struct drives_segment *s = container_of(node, struct drives_segment, link);

        if (found || s->fill != DRIVES_HEAD_BYTES || s->live > 0)
            continue;
        list_remove(node);
        S->spare_count[SEGMENT_DATA]--;
        s->state = SEGMENT_OPEN;
        found = s;
    }
    (void)pthread_mutex_unlock(&S->lock);
    return found;
}

/* ---- giving back ------------------------------------------------------------------------- */

static bool is_idle(struct drives *D, struct drives_segment *s)
{
    if (s->state != SEGMENT_SEALED || s->live != 0 || s->staged != 0 || s->pins != 0)
        return false;
    return s->kind == SEGMENT_DATA || s->last_group == 0 || s->last_group <= D->applied[s->stream];
}

static bool has_spares(struct drives *D, enum drives_segment_kind kind)
{
    bool has;

    (void)pthread_mutex_lock(&D->segments.lock);
    has = D->segments.spare_count[kind] >= SEGMENT_SPARES_MAX;
    (void)pthread_mutex_unlock(&D->segments.lock);
    return has;
}

void drives_segment_unlink(struct drives *D, enum drives_segment_kind kind, uint32_t id)
{
    char name[24];

    name_of(kind, id, name);
    (void)unlinkat(D->kind_fd[kind], name, 0);
}

static void remove_file(struct drives *D, struct drives_segment *s)
{
    drives_segment_unlink(D, s->kind, s->id);
    /* The number may be given again, to a file of the other kind: this one must not come back. */
    if (drives_io_sync_now(D->kind_fd[s->kind]))
        drives_fail(D);
    drives_segment_forget(D, s);
}

/* What was made out of the reserve is made good before puts get anything. */
static bool is_short(struct drives *D)
{
    return check_room(D, 0, false) != ERR_OK;
}

static void recycle(struct drives *D, struct drives_segment *s)
{
    bool is_reserve;

    if (s->kind == SEGMENT_LOG && write_prepared_head(D, s, next_generation(D))) {
        drives_fail(D);
        return;
    }
    if (s->kind == SEGMENT_DATA)
        s->generation = next_generation(D);
    is_reserve = s->kind == SEGMENT_LOG && is_short(D);
    (void)pthread_mutex_lock(&D->segments.lock); /* the cleaner weighs all segments under it */
    s->fill = DRIVES_HEAD_BYTES;
    s->last_group = 0;
    s->payload_in = s->room_in = 0;
    s->is_unmovable = s->is_victim = false;
    s->clean_tries = 0;
    s->is_reserve = is_reserve;
    (void)pthread_mutex_unlock(&D->segments.lock);
    if (s->kind != SEGMENT_DATA || !drives_clean_keep(D, s))
        drives_segment_add_spare(D, s);
}

/* The reserve is whole again: spares are everybody's. */
static void free_spares(struct drives *D)
{
    struct drives_segments *S = &D->segments;

    (void)pthread_mutex_lock(&S->lock);
    list_for_each(node, &S->spare[SEGMENT_LOG])
    {
        container_of(node, struct drives_segment, link)->is_reserve = false;
    }
    (void)pthread_mutex_unlock(&S->lock);
}

void drives_segment_reclaim(struct drives *D)
{
    uint32_t count = D->segments.next_id;

    if (!is_short(D))
        free_spares(D);

    for (uint32_t id = 0; id < MIN(count, SEGMENTS_MAX); id++) {
        struct drives_segment *s = drives_segment_find(D, id);

        if (!s || !is_idle(D, s))
            continue;
        if (s->is_victim)
            drives_clean_freed(D);
        if (s->kind == SEGMENT_DATA && drives_clean_is_keeping(D))
            recycle(D, s);
        else if (
            s->is_reserve || has_spares(D, s->kind) || (s->kind == SEGMENT_DATA && is_short(D)))
            remove_file(D, s);
        else
            recycle(D, s);
    }
}

static struct drives_segment *spare_take_away(struct drives *D)
{
    struct drives_segments *S = &D->segments;
    struct drives_segment *s = NULL;

    (void)pthread_mutex_lock(&S->lock);
    for (int kind = SEGMENT_LOG; !s && kind < SEGMENT_KINDS; kind++)
        s = spare_pop(S, (enum drives_segment_kind)kind, true);
    (void)pthread_mutex_unlock(&S->lock);
    return s;
}

/* Those that hold something, at start-up, stay. */
bool drives_segment_shed(struct drives *D)
{
    struct drives_segment *s, *first_kept = NULL;
    bool is_given = false;

    if ((s = drives_clean_give_up(D))) {
        remove_file(D, s);
        is_given = true;
    }
    while ((s = spare_take_away(D)) && s != first_kept) {
        if (s->live == 0 && s->staged == 0 && s->pins == 0) {
            remove_file(D, s);
            is_given = true;
        } else {
            first_kept = first_kept ? first_kept : s;
            drives_segment_add_spare(D, s);
        }
    }
    if (s)
        drives_segment_add_spare(D, s);
    return is_given;
}

/* ---- accounts ---------------------------------------------------------------------------- */

void drives_segment_stage(struct drives *D, const struct drives_layout *l, int sign)
{
    struct drives_usage u;

    for (uint32_t i = 0; drives_layout_usage(l, i, &u); i++) {
        struct drives_segment *s = drives_segment_find(D, u.segment);

        assert(s);
        s->staged += sign * (int64_t)u.bytes;
    }
}

void drives_segment_pin(struct drives *D, const struct drives_layout *l, int sign)
{
    struct drives_usage u;

    for (uint32_t i = 0; drives_layout_usage(l, i, &u); i++) {
        struct drives_segment *s = drives_segment_find(D, u.segment);

        assert(s);
        s->pins += sign;
    }
}

/* ---- the table --------------------------------------------------------------------------- */

enum err drives_segment_table_open(struct drives *D)
{
    struct drives_segments *S = &D->segments;

    S->at = calloc(SEGMENTS_MAX, sizeof *S->at);
    if (!S->at)
        return ERR_NO_MEMORY;
    (void)pthread_mutex_init(&S->lock, NULL);
    S->next_id = 1;
    for (int kind = SEGMENT_LOG; kind < SEGMENT_KINDS; kind++) {
        list_init(&S->spare[kind]);
        list_init(&S->waiting[kind]);
        S->prepare[kind] =
            (struct drives_prepare){.drives = D, .kind = (enum drives_segment_kind)kind};
        S->prepare[kind].work.run = prepare_run;
        op_init(&S->prepare[kind].work.op, prepared);
    }
    return ERR_OK;
}

void drives_segment_table_close(struct drives *D)
{
    struct drives_segments *S = &D->segments;

    if (!S->at)
        return;
    for (uint32_t id = 0; id < MIN(S->next_id, SEGMENTS_MAX); id++)
        if (S->at[id])
            segment_free(S->at[id]);
    (void)pthread_mutex_destroy(&S->lock);
    free((void *)(uintptr_t)S->at);
    S->at = NULL;
}
