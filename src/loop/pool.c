#include "loop/pool.h"

#include <assert.h>
#include <signal.h>

static void *pool_thread(void *ctx)
{
    struct pool *P = ctx;

    pthread_mutex_lock(&P->lock);
    for (;;) {
        struct list *node = list_pop(&P->queue);
        if (node) {
            pthread_mutex_unlock(&P->lock);
            P->run(container_of(node, struct op, link));
            pthread_mutex_lock(&P->lock);
        } else if (P->is_stopping) {
            break;
        } else {
            pthread_cond_wait(&P->has_work, &P->lock);
        }
    }
    pthread_mutex_unlock(&P->lock);
    return NULL;
}

enum err pool_start(struct pool *P, unsigned threads, pool_run_fn *run)
{
    sigset_t all, before;

    assert(threads >= 1 && threads <= POOL_THREADS_MAX);
    *P = (struct pool){.run = run};
    pthread_mutex_init(&P->lock, NULL);
    pthread_cond_init(&P->has_work, NULL);
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
    pthread_mutex_lock(&P->lock);
    P->is_stopping = true;
    pthread_cond_broadcast(&P->has_work);
    pthread_mutex_unlock(&P->lock);
    for (unsigned i = 0; i < P->threads; i++)
        pthread_join(P->thread[i], NULL);
    assert(list_is_empty(&P->queue));
    pthread_cond_destroy(&P->has_work);
    pthread_mutex_destroy(&P->lock);
    P->threads = 0;
}

void pool_push(struct pool *P, struct op *op)
{
    assert(op->life == OP_IN_FLIGHT);
    pthread_mutex_lock(&P->lock);
    assert(!P->is_stopping);
    list_push_back(&P->queue, &op->link);
    pthread_cond_signal(&P->has_work);
    pthread_mutex_unlock(&P->lock);
}

bool pool_take_back(struct pool *P, struct op *op)
{
    pthread_mutex_lock(&P->lock);
    bool is_queued = !list_is_empty(&op->link);
    if (is_queued)
        list_remove(&op->link);
    pthread_mutex_unlock(&P->lock);
    return is_queued;
}
