/*
 * An operation: the unit of waiting (docs/adr/0002-operations.md).
 *
 * A struct op is embedded in whatever waits. The caller fills the surrounding struct, calls a start
 * function, and later `advance` runs: on the reactor that called the start function, exactly once,
 * never before the start function returns (a result that is there already goes on the ready list).
 * `err` then says how it ended. The struct is the caller's; it stays untouched by the caller, and
 * alive, from start to advance. After that it may be started again.
 *
 *   idle --op_start--> in flight --op_complete--> ready --reactor--> idle, advance() runs
 *
 * op_start is called by the layer that offers the operation, first thing in its start function;
 * op_complete by the same layer, from any thread, once.
 */
#ifndef PENSTOCK_LOOP_OP_H
#define PENSTOCK_LOOP_OP_H

#include "base/bytes.h"
#include "base/list.h"

struct op;
struct reactor;

typedef void op_advance_fn(struct op *op);

enum op_life { OP_IDLE, OP_IN_FLIGHT, OP_READY };

struct op {
    op_advance_fn *advance; /* set by the caller, before the start */
    enum err err;           /* valid when advance runs */
    uint8_t life;           /* enum op_life; asserted at every step */
    bool is_cancelled;      /* set by op_cancel-like functions of the layer that owns the wait */
    struct reactor *home;   /* where advance will run; set by op_start */
    struct list link;       /* the layer's wait list while in flight, the ready list when ready */
    struct op *mail_next;   /* mailbox of another reactor */
};

/* op_init(op, advance): idle, on no list. Once per struct; not needed again between uses. */
void op_init(struct op *op, op_advance_fn *advance);

/* op_start(op): idle -> in flight, home = the current reactor. */
void op_start(struct op *op);

/*
 * op_complete(op, err): in flight -> ready. From any thread. When this is not the home reactor the
 * operation travels through its mailbox and wakes it. The layer has taken op->link off its wait
 * list before.
 */
void op_complete(struct op *op, enum err err);

/*
 * op_send(op, to): a message: run op->advance on reactor `to`, soon. From any thread, idle ->
 * ready. Messages from one thread to one reactor arrive in the order they were sent.
 */
void op_send(struct op *op, struct reactor *to);

static inline bool op_is_idle(const struct op *op)
{
    return op->life == OP_IDLE;
}

#endif
