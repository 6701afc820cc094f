/*
 * Ending something early: a flag, and the connections that work for it, which are broken when the
 * flag is set, so that whoever waits on them wakes. Any thread.
 */
#ifndef PENSTOCK_CLIENT_STOP_H
#define PENSTOCK_CLIENT_STOP_H

#include <pthread.h>

#include "client/client_conn.h"

struct client_stop {
    pthread_mutex_t lock;
    bool is_set;
    struct list conns; /* by conn->link */
};

void client_stop_init(struct client_stop *s);
void client_stop_done(struct client_stop *s);
void client_stop_set(struct client_stop *s);
/* NULL is never set. */
bool client_stop_is_set(struct client_stop *s);
/* A connection works for it from enter to leave. PS_ERR_CANCELLED when it is set already. */
enum ps_err client_stop_enter(struct client_stop *s, struct client_conn *c);
void client_stop_leave(struct client_stop *s, struct client_conn *c);
/* Sleeps ms, or until it is set (about). */
void client_stop_sleep(struct client_stop *s, unsigned ms);

#endif
