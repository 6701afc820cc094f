#include "cli/queue.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

static const int tick_ms = 100;
static const uint64_t buffer_bytes_min = 256 * KIB;

void queue_init(struct queue *q, struct ps_client *client, struct progress *progress)
{
    *q = (struct queue){.client = client, .progress = progress};
    for (unsigned i = 0; i < QUEUE_SLOTS; i++)
        q->slots[i].queue = q;
}

static void show(struct queue_slot *slot, uint64_t moved)
{
    if (moved > slot->shown) {
        progress_add(slot->queue->progress, moved - slot->shown);
        slot->shown = moved;
    }
}

static void tick(struct queue *q)
{
    for (unsigned i = 0; i < QUEUE_SLOTS; i++)
        if (q->slots[i].is_inflight)
            show(&q->slots[i], __atomic_load_n(&q->slots[i].op.moved, __ATOMIC_RELAXED));
    progress_tick(q->progress);
}

/* One round of waiting; finishes what came back. */
static void wait_some(struct queue *q)
{
    struct ps_op *done[QUEUE_SLOTS];
    unsigned n = ps_wait(q->client, done, QUEUE_SLOTS, tick_ms);

    for (unsigned i = 0; i < n; i++) {
        struct queue_slot *slot = container_of(done[i], struct queue_slot, op);
        q->inflight--;
        slot->is_inflight = false;
        show(slot, slot->op.result.bytes);
        slot->finish(slot);
    }
    tick(q);
}

static uint64_t capacity(const struct queue_slot *slot)
{
    return slot->buffer ? ps_buffer_bytes(slot->buffer) : 0;
}

/* The free slot that fits best: large enough if there is one. */
static struct queue_slot *find_free(struct queue *q, uint64_t bytes)
{
    struct queue_slot *best = NULL;

    for (unsigned i = 0; i < QUEUE_SLOTS; i++) {
        struct queue_slot *slot = &q->slots[i];
        if (slot->is_taken)
            continue;
        if (!best || (capacity(best) < bytes && capacity(slot) >= bytes))
            best = slot;
    }
    return best;
}

static enum ps_err grow(struct queue_slot *slot, uint64_t bytes)
{
    uint64_t wanted = buffer_bytes_min;

    assert(bytes <= QUEUE_SLOT_BYTES);
    if (capacity(slot) >= bytes)
        return PS_OK;
    while (wanted < bytes)
        wanted *= 2;
    ps_buffer_free(slot->buffer);
    slot->buffer = NULL;
    return ps_buffer_alloc(slot->queue->client, wanted, &slot->buffer);
}

enum ps_err queue_take(struct queue *q, uint64_t bytes, struct queue_slot **slot_out)
{
    struct queue_slot *slot;

    while (!(slot = find_free(q, bytes))) {
        assert(q->inflight > 0); /* else nobody would ever give one */
        wait_some(q);
    }
    enum ps_err e = grow(slot, bytes);
    if (e)
        return e;
    memset(&slot->op, 0, sizeof slot->op);
    slot->op.buffer = slot->buffer;
    slot->next = NULL;
    slot->shown = 0;
    slot->is_taken = true;
    *slot_out = slot;
    return PS_OK;
}

void queue_give(struct queue_slot *slot)
{
    assert(slot->is_taken);
    slot->is_taken = false;
}

void queue_submit(struct queue_slot *slot, queue_finish_fn *finish)
{
    struct ps_op *op = &slot->op;

    slot->finish = finish;
    enum ps_err e = ps_submit(slot->queue->client, &op, 1);
    if (e) {
        slot->op.result.err = e;
        finish(slot);
        return;
    }
    slot->queue->inflight++;
    slot->is_inflight = true;
    tick(slot->queue);
}

void queue_drain(struct queue *q)
{
    while (q->inflight > 0)
        wait_some(q);
}

void queue_done(struct queue *q)
{
    if (!q->client)
        return;
    queue_drain(q);
    for (unsigned i = 0; i < QUEUE_SLOTS; i++) {
        ps_buffer_free(q->slots[i].buffer);
        q->slots[i].buffer = NULL;
    }
}
