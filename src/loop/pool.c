#include "loop/pool.h"

#include <assert.h>
#include <signal.h>

/*
 * Pushing must not wait for a pool thread that holds the lock and has lost its CPU: a reactor would
 * stall for a scheduler's slice. So pushes go to a stack without a lock; whoever takes work moves
 * the stack, turned over, behind the queue.
 */

/* Under lock. */
static void collect(struct pool *P)
{
    struct op *op = atomic_exchange_explicit(&P->inbox, NULL, memory_order_acquire);
    struct list newest_first;
    struct list *node;

    list_init(&newest_first);
    while (op) {
        struct op *older = op->mail_next;
        op->mail_next = NULL;
        list_push_back(&newest_first, &op->link);
        op = older;
    }
    while (!list_is_empty(&newest_first)) {
        node = newest_first.prev;
        list_remove(node);
        list_push_back(&P->queue, node);
    }
}

static struct list *take(struct pool *P)
{
    pthread_mutex_lock(&P->lock);
    collect(P);
    struct list *node = list_pop(&P->queue);
    pthread_mutex_unlock(&P->lock);
    return node;
}

/* There is a wake for everything pushed and one more per thread: nobody leaves work behind. */
static void *pool_thread(void *ctx)
{
    struct pool *P = ctx;

    for (;;) {
        while (sem_wait(&P->wakes))
            continue; /* EINTR */
        struct list *node = take(P);
        if (node)
            P->run(container_of(node, struct op, link));
        else if (atomic_load(&P->is_stopping))
            return NULL;
    }
}

enum err pool_start(struct pool *P, unsigned threads, pool_run_fn *run)
{
    sigset_t all, before;

    assert(threads >= 1 && threads <= POOL_THREADS_MAX);
    *P = (struct pool){.run = run};
    pthread_mutex_init(&P->lock, NULL);
    sem_init(&P->wakes, 0, 0);
    list_init(&P->queue);
    /* Signals are for the threads that know what to do about them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (P->threads < threads && !pthread_create(&P->thread[P->threads], NULL, pool_thread, P))
        P->threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (P->threads == threads)
        return ERR_OK;
    pool_stop(P);
    return ERR_BUSY;
}

void pool_stop(struct pool *P)
{
    atomic_store(&P->is_stopping, true);
    for (unsigned i = 0; i < P->threads; i++)
        sem_post(&P->wakes);
    for (unsigned i = 0; i < P->threads; i++)
        pthread_join(P->thread[i], NULL);
    assert(list_is_empty(&P->queue) && !atomic_load(&P->inbox));
    sem_destroy(&P->wakes);
    pthread_mutex_destroy(&P->lock);
    P->threads = 0;
}

void pool_push(struct pool *P, struct op *op)
{
    assert(op->life == OP_IN_FLIGHT && !atomic_load(&P->is_stopping));
    op->mail_next = atomic_load_explicit(&P->inbox, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        &P->inbox, &op->mail_next, op, memory_order_release, memory_order_relaxed))
        continue;
    sem_post(&P->wakes);
}

bool pool_take_back(struct pool *P, struct op *op)
{
    pthread_mutex_lock(&P->lock);
    collect(P);
    bool is_queued = !list_is_empty(&op->link);
    if (is_queued)
        list_remove(&op->link);
    pthread_mutex_unlock(&P->lock);
    return is_queued;
}
