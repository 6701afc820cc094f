#include "client/client_conns.h"

#include <assert.h>

void client_conns_init(struct client_conns *C, const struct client_settings *s)
{
    C->settings = s;
    C->count = 0;
    list_init(&C->idle);
    pthread_mutex_init(&C->lock, NULL);
    pthread_cond_init(&C->given, NULL);
}

void client_conns_done(struct client_conns *C)
{
    struct list *node;

    while ((node = list_pop(&C->idle))) {
        client_conn_free(container_of(node, struct client_conn, link));
        C->count--;
    }
    assert(C->count == 0);
    pthread_cond_destroy(&C->given);
    pthread_mutex_destroy(&C->lock);
}

/* An idle one, or the right to make one (NULL). Waits at the limit. */
static struct client_conn *conns_wait(struct client_conns *C)
{
    struct list *node;

    pthread_mutex_lock(&C->lock);
    while (!(node = list_pop(&C->idle)) && C->count >= C->settings->connections)
        pthread_cond_wait(&C->given, &C->lock);
    if (!node)
        C->count++;
    pthread_mutex_unlock(&C->lock);
    return node ? container_of(node, struct client_conn, link) : NULL;
}

static void conns_forget(struct client_conns *C)
{
    pthread_mutex_lock(&C->lock);
    C->count--;
    pthread_cond_signal(&C->given);
    pthread_mutex_unlock(&C->lock);
}

enum ps_err client_conns_take(struct client_conns *C, bool wants_new, struct client_conn **conn_out)
{
    struct client_conn *c;
    enum ps_err e;

    while ((c = conns_wait(C))) {
        if (!wants_new && client_conn_is_fresh(c)) {
            *conn_out = c;
            return PS_OK;
        }
        client_conn_free(c);
        conns_forget(C);
    }
    e = client_conn_new(C->settings, conn_out);
    if (e)
        conns_forget(C);
    return e;
}

void client_conns_give(struct client_conns *C, struct client_conn *c, bool is_good)
{
    if (!is_good) {
        client_conn_free(c);
        conns_forget(C);
        return;
    }
    c->was_used = true;
    pthread_mutex_lock(&C->lock);
    list_push_front(&C->idle, &c->link);
    pthread_cond_signal(&C->given);
    pthread_mutex_unlock(&C->lock);
}
