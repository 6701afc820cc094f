/*
 * The connections of a client: a stack of idle ones, so that the warmest is used, and a limit for
 * all. Whoever wants one beyond the limit waits.
 */
#ifndef PENSTOCK_CLIENT_CONNS_H
#define PENSTOCK_CLIENT_CONNS_H

#include <pthread.h>

#include "client/client_conn.h"

struct client_conns {
    const struct client_settings *settings;
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct list idle;
    unsigned count; /* idle and taken */
};

void client_conns_init(struct client_conns *C, const struct client_settings *s);
void client_conns_done(struct client_conns *C); /* all are back */
/* wants_new: not one of the idle ones (they are stale). */
enum ps_err
client_conns_take(struct client_conns *C, bool wants_new, struct client_conn **conn_out);
/* is_good: it may serve another request; else it is closed. */
void client_conns_give(struct client_conns *C, struct client_conn *c, bool is_good);

#endif
