/*
 * A pool of threads with one FIFO queue of operations: behind work_start, and behind the files of
 * the epoll ring. The operation's link is the queue; home, life and completion are loop/op.h's.
 */
#ifndef PENSTOCK_LOOP_POOL_H
#define PENSTOCK_LOOP_POOL_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "loop/op.h"

enum { POOL_THREADS_MAX = 64 };

/* Runs on a pool thread; ends with op_complete. */
typedef void pool_run_fn(struct op *op);

struct pool {
    /* any thread, atomic */
    _Atomic(struct op *) inbox; /* newest first: pushing takes no lock (see pool.c) */
    atomic_bool is_stopping;
    sem_t wakes; /* one a push, and one a thread at the stop */
    /* under lock: the pool's threads, and pool_take_back */
    pthread_mutex_t lock;
    struct list queue;
    /* set once at start */
    pool_run_fn *run;
    pthread_t thread[POOL_THREADS_MAX];
    unsigned threads;
};

/* ERR_BUSY when the threads cannot be had; then none is left behind. */
enum err pool_start(struct pool *P, unsigned threads, pool_run_fn *run) MUST_CHECK;
/* Runs what is queued, then ends the threads. */
void pool_stop(struct pool *P);
/* pool_push(P, op): op is in flight and on no list. */
void pool_push(struct pool *P, struct op *op);
/* pool_take_back(P, op): off the queue, true, when no thread has begun it. op must be one of P's,
 * in flight. */
bool pool_take_back(struct pool *P, struct op *op);

#endif
