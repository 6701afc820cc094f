#include "loop/op.h"

#include <assert.h>

#include "loop/reactor_impl.h"

void op_init(struct op *op, op_advance_fn *advance)
{
    *op = (struct op){.advance = advance, .life = OP_IDLE};
    list_init(&op->link);
}

void op_start(struct op *op)
{
    assert(op->life == OP_IDLE && "started twice, or never initialised");
    assert(op->advance && list_is_empty(&op->link));
    op->life = OP_IN_FLIGHT;
    op->err = ERR_OK;
    op->is_cancelled = false;
    op->home = reactor_current();
    assert(op->home && "operations start on a reactor");
}

void op_complete(struct op *op, enum err err)
{
    assert(op->life == OP_IN_FLIGHT && "completed twice, or never started");
    assert(list_is_empty(&op->link)); /* R2 */
    op->err = err;
    if (op->home == reactor_current())
        reactor_make_ready(op->home, op);
    else
        /* Another thread must not write `life`: the home reactor may be looking at it (cancel). */
        reactor_put_mail(op->home, op);
}

void op_send(struct op *op, struct reactor *to)
{
    assert(op->life == OP_IDLE && op->advance && list_is_empty(&op->link));
    op->err = ERR_OK;
    op->home = to;
    if (to == reactor_current()) {
        reactor_make_ready(to, op);
        return;
    }
    op->life = OP_READY; /* from here on it belongs to `to` */
    reactor_put_mail(to, op);
}
