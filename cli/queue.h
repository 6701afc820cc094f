/*
 * Transfers in flight, a bounded number of them, over a bounded amount of registered memory:
 * QUEUE_SLOTS slots with a buffer of at most QUEUE_SLOT_BYTES each, made when first needed.
 *
 *   queue_take -> fill slot->op -> queue_submit -> finish(slot) runs in a later queue_take or
 *   queue_drain of this thread -> queue_give
 *
 * Bytes that have moved are added to the progress. finish may keep its slot and give it later, but
 * may not take one.
 */
#ifndef PENSTOCK_CLI_QUEUE_H
#define PENSTOCK_CLI_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/progress.h"
#include "penstock/penstock.h"

enum { QUEUE_SLOTS = 8 };
#define QUEUE_SLOT_BYTES ((uint64_t)32 << 20)

struct queue_slot;
typedef void queue_finish_fn(struct queue_slot *slot);

struct queue_slot {
    struct ps_op op; /* buffer is set by queue_take, buffer_off is 0 */
    struct queue *queue;
    struct ps_buffer *buffer; /* its own */
    queue_finish_fn *finish;
    void *job;               /* the taker's */
    struct queue_slot *next; /* the taker's */
    uint64_t shown;          /* of the op's bytes, in the progress line */
    bool is_taken, is_inflight;
};

struct queue {
    struct ps_client *client;
    struct progress *progress;
    struct queue_slot slots[QUEUE_SLOTS];
    unsigned inflight;
};

void queue_init(struct queue *q, struct ps_client *client, struct progress *progress);
/* Drains first. */
void queue_done(struct queue *q);
/*
 * A free slot whose buffer has at least `bytes` (0: none needed), waiting for one. op is zeroed.
 * PS_ERR_NO_MEMORY and other failures of ps_buffer_alloc.
 */
enum ps_err queue_take(struct queue *q, uint64_t bytes, struct queue_slot **slot_out) PS_MUST_CHECK;
void queue_give(struct queue_slot *slot);
/* finish runs exactly once; at once when the library takes nothing (slot->op.result says why). */
void queue_submit(struct queue_slot *slot, queue_finish_fn *finish);
/* Until nothing is in flight. */
void queue_drain(struct queue *q);

#endif
