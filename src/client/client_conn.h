/*
 * One connection to the endpoint, blocking. libcurl resolves, connects and speaks TLS; bytes of a
 * plain connection are received straight from the socket into the caller's memory.
 *
 * One thread at a time; client_conn_break from any thread.
 */
#ifndef PENSTOCK_CLIENT_CONN_H
#define PENSTOCK_CLIENT_CONN_H

#include "base/list.h"
#include "client/client_settings.h"

struct client_conn {
    struct list link; /* of whoever keeps it */
    const struct client_settings *settings;
    void *curl;
    int fd;
    bool was_used; /* a request was answered on it before */
};

enum ps_err client_conn_new(const struct client_settings *s, struct client_conn **conn_out);
void client_conn_free(struct client_conn *c); /* NULL is fine */
/* Idle: nothing came, the far end has not closed. */
bool client_conn_is_fresh(struct client_conn *c);

/* All of head, then all of body. PS_ERR_CONNECT, PS_ERR_TIMEOUT. */
enum ps_err client_conn_send(struct client_conn *c, struct view head, struct view body);
/*
 * client_conn_receive: at least one byte, at most len; with wants_all it goes on until len bytes
 * are there, the end, or an error. 0 bytes: the far end has closed.
 */
enum ps_err
client_conn_receive(struct client_conn *c, void *at, size_t len, bool wants_all, size_t *got_out);
/* Whoever waits on it wakes and fails. */
void client_conn_break(struct client_conn *c);

#endif
