#include <assert.h>

#include "loop/pool.h"
#include "loop/reactor.h"

/* set once at start; the queue inside has its own lock */
static struct pool pool;
static bool is_started;

static void run_work(struct op *op)
{
    struct work *w = container_of(op, struct work, op);

    w->result = ERR_OK;
    w->run(w);
    op_complete(op, w->result);
}

enum err work_pool_start(unsigned threads)
{
    assert(!is_started);
    if (threads < 1 || threads > POOL_THREADS_MAX)
        return ERR_INVALID;
    TRY(pool_start(&pool, threads, run_work));
    is_started = true;
    return ERR_OK;
}

void work_pool_stop(void)
{
    if (!is_started)
        return;
    pool_stop(&pool);
    is_started = false;
}

void work_start(struct work *w)
{
    assert(is_started && w->run);
    op_start(&w->op);
    pool_push(&pool, &w->op);
}
