/*
 * A flush in flight covers what was written before it started. Who comes meanwhile waits for the
 * next one, which is shared by all who came: two lists, as in the log's group commit.
 */
#include "engine/drives/drives_extent.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/drives/drives_impl.h"

static void complete_all(struct list *done, enum err e)
{
    struct list *node;

    while ((node = list_pop(done)))
        op_complete(container_of(node, struct op, link), e);
}

static void move_all(struct list *from, struct list *to)
{
    struct list *node;

    while ((node = list_pop(from)))
        list_push_back(to, node);
}

/* ---- allocation -------------------------------------------------------------------------- */

/* Under lock. */
static bool serve_one(struct drives_head *h, struct drives_alloc *a)
{
    struct drives_segment *s = h->open;

    if (!s || s->bytes - s->fill < a->bytes)
        return false;
    a->segment = s;
    a->offset = s->fill;
    s->staged += a->bytes;
    s->fill += a->bytes;
    return true;
}

/* Under lock. */
static void serve(struct drives_head *h, struct list *served)
{
    while (!list_is_empty(&h->waiting)) {
        struct drives_alloc *a = container_of(h->waiting.next, struct drives_alloc, op.link);

        if (!serve_one(h, a))
            return;
        list_remove(&a->op.link);
        list_push_back(served, &a->op.link);
    }
}

/* By drives_segment.c: here is a segment, or there is no room for one. */
static void taken(struct op *op)
{
    struct drives_head *h = container_of(op, struct drives_head, take.op);
    struct list served, failed;
    enum err e = op->err; /* the take may be started again below */
    bool is_again;

    list_init(&served);
    list_init(&failed);
    (void)pthread_mutex_lock(&h->lock);
    if (e) {
        move_all(&h->waiting, &failed);
    } else {
        if (h->open)
            h->open->state = SEGMENT_SEALED;
        h->open = h->take.segment;
        serve(h, &served);
    }
    is_again = h->is_taking = !list_is_empty(&h->waiting);
    (void)pthread_mutex_unlock(&h->lock);
    if (is_again)
        drives_segment_take(h->drives, &h->take);
    complete_all(&served, ERR_OK);
    complete_all(&failed, e);
}

/* Under lock. Nobody waits: the kept one has room for whatever does not fit. */
static bool serve_kept(struct drives_head *h, struct drives_alloc *a)
{
    if (!h->kept || h->is_taking)
        return false;
    if (h->open)
        h->open->state = SEGMENT_SEALED;
    h->open = h->kept;
    h->kept = NULL;
    return serve_one(h, a);
}

void drives_extent_alloc(struct drives *D, struct drives_alloc *a)
{
    unsigned i = reactor_index(reactor_current()) % D->base.owner_count;

    drives_extent_alloc_from(&D->heads[i], a);
}

void drives_extent_holds(const struct drives_alloc *a, uint64_t payload)
{
    a->segment->payload_in += payload;
    a->segment->room_in += a->bytes;
}

void drives_extent_alloc_from(struct drives_head *h, struct drives_alloc *a)
{
    struct drives *D = h->drives;
    bool is_take = false, is_done;

    assert(a->bytes > 0 && a->bytes % DRIVES_BLOCK_BYTES == 0);
    op_start(&a->op);
    (void)pthread_mutex_lock(&h->lock);
    is_done = list_is_empty(&h->waiting) && (serve_one(h, a) || serve_kept(h, a));
    if (!is_done) {
        list_push_back(&h->waiting, &a->op.link);
        is_take = !h->is_taking;
        h->is_taking = true;
    }
    (void)pthread_mutex_unlock(&h->lock);
    if (is_done)
        op_complete(&a->op, ERR_OK);
    if (is_take)
        drives_segment_take(D, &h->take);
}

void drives_extent_head_init(struct drives *D, struct drives_head *h)
{
    h->drives = D;
    h->take.kind = SEGMENT_DATA;
    op_init(&h->take.op, taken);
    list_init(&h->waiting);
    (void)pthread_mutex_init(&h->lock, NULL);
}

void drives_extent_head_done(struct drives_head *h)
{
    (void)pthread_mutex_destroy(&h->lock);
}

enum err drives_extent_heads_open(struct drives *D)
{
    D->heads = calloc(D->base.owner_count, sizeof *D->heads);
    if (!D->heads)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < D->base.owner_count; i++)
        drives_extent_head_init(D, &D->heads[i]);
    return ERR_OK;
}

void drives_extent_heads_close(struct drives *D)
{
    if (!D->heads)
        return;
    for (unsigned i = 0; i < D->base.owner_count; i++)
        drives_extent_head_done(&D->heads[i]);
    free(D->heads);
    D->heads = NULL;
}

/* ---- flushes ----------------------------------------------------------------------------- */

uint64_t drives_extent_wrote(struct drives_segment *s)
{
    return atomic_fetch_add(&s->writes_done, 1) + 1;
}

static void synced(struct op *op);

/* Under lock, when none is in flight and somebody waits. */
static void sync_begin(struct drives_segment *s)
{
    s->is_syncing = true;
    move_all(&s->sync_next, &s->sync_now);
    s->sync_ticket = s->writes_done;
    op_init(&s->sync_io.op, synced);
    metrics_add(METRIC_DRIVE_FLUSHES, 1);
    io_sync(&s->sync_io, s->fd);
}

/* By the ring, on the reactor that started the flush. A failed flush is never tried again: the
 * kernel may have dropped what it could not write. */
static void synced(struct op *op)
{
    struct drives_segment *s = container_of(op, struct drives_segment, sync_io.op);
    struct list done;
    enum err e = op->err; /* the flush may be started again below */

    list_init(&done);
    if (e)
        drives_fail(s->drives);
    (void)pthread_mutex_lock(&s->lock);
    s->is_syncing = false;
    move_all(&s->sync_now, &done);
    if (e)
        move_all(&s->sync_next, &done);
    else
        s->synced = s->sync_ticket;
    if (!list_is_empty(&s->sync_next))
        sync_begin(s);
    (void)pthread_mutex_unlock(&s->lock);
    complete_all(&done, e ? ERR_IO : ERR_OK);
}

void drives_extent_sync(struct drives_segment *s, struct drives_sync *y)
{
    bool is_done, is_failed;

    op_start(&y->op);
    (void)pthread_mutex_lock(&s->lock);
    is_failed = s->drives->is_failed;
    is_done = s->synced >= y->ticket || is_failed;
    if (!is_done) {
        list_push_back(&s->sync_next, &y->op.link);
        if (!s->is_syncing)
            sync_begin(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (is_done)
        op_complete(&y->op, is_failed ? ERR_IO : ERR_OK);
}
