/*
 * Who runs the steps of transfers: threads, started when there is work that nobody is free for, up
 * to one per connection; and, for blocking calls, the caller itself.
 *
 * One mutex guards the queue, the finished list and every transfer's progress. Steps run without
 * it.
 */
#ifndef PENSTOCK_CLIENT_WORK_H
#define PENSTOCK_CLIENT_WORK_H

#include <pthread.h>

#include "base/list.h"
#include "client/client_transfer.h"

struct client_work {
    struct ps_client *client;
    unsigned threads_max;
    int event_fd;           /* readable while `finished` is not empty */
    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t changed; /* work has come, or a transfer is done */
    struct list queue;      /* transfers that have a step to run */
    struct ps_op *finished, **finished_end;
    unsigned live; /* transfers submitted and not finished */
    unsigned idle; /* threads that wait */
    unsigned thread_count;
    pthread_t *threads;
    bool is_stopping;
};

enum ps_err client_work_init(struct client_work *w, struct ps_client *c);
/* Waits for all transfers. */
void client_work_done(struct client_work *w);

/* Queues one; it comes back by client_work_collect. */
enum ps_err client_work_submit(struct client_work *w, struct ps_op *op);
/* Runs one, returns when it is done. */
enum ps_err client_work_run(struct client_work *w, struct ps_op *op);
unsigned
client_work_collect(struct client_work *w, struct ps_op **done, unsigned n, int timeout_ms);
void client_work_cancel(struct client_work *w, struct ps_op *op);

#endif
