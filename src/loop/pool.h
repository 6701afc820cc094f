/*
 * A pool of threads with one FIFO queue of operations: behind work_start, and behind the files of
 * the epoll ring. The operation's link is the queue; home, life and completion are loop/op.h's.
 */
#ifndef PENSTOCK_LOOP_POOL_H
#define PENSTOCK_LOOP_POOL_H

#include <pthread.h>

#include "loop/op.h"

enum { POOL_THREADS_MAX = 64 };

/* Runs on a pool thread; ends with op_complete. */
typedef void pool_run_fn(struct op *op);

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t has_work; /* or is_stopping */
    struct list queue;       /* of struct op by link; under lock */
    bool is_stopping;        /* under lock */
    pool_run_fn *run;
    unsigned threads;
    pthread_t thread[POOL_THREADS_MAX];
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
