#include "client/client_stop.h"

#include <unistd.h>

#include "client/client_why.h"

enum { STOP_LOOK_MS = 20 };

void client_stop_init(struct client_stop *s)
{
    pthread_mutex_init(&s->lock, NULL);
    s->is_set = false;
    list_init(&s->conns);
}

void client_stop_done(struct client_stop *s)
{
    pthread_mutex_destroy(&s->lock);
}

void client_stop_set(struct client_stop *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_set = true;
    list_for_each(node, &s->conns)
    {
        client_conn_break(container_of(node, struct client_conn, link));
    }
    pthread_mutex_unlock(&s->lock);
}

bool client_stop_is_set(struct client_stop *s)
{
    bool is_set;

    if (!s)
        return false;
    pthread_mutex_lock(&s->lock);
    is_set = s->is_set;
    pthread_mutex_unlock(&s->lock);
    return is_set;
}

enum ps_err client_stop_enter(struct client_stop *s, struct client_conn *c)
{
    bool is_set;

    if (!s)
        return PS_OK;
    pthread_mutex_lock(&s->lock);
    is_set = s->is_set;
    if (!is_set)
        list_push_back(&s->conns, &c->link);
    pthread_mutex_unlock(&s->lock);
    return is_set ? client_why(PS_ERR_CANCELLED, "cancelled") : PS_OK;
}

void client_stop_leave(struct client_stop *s, struct client_conn *c)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    list_remove(&c->link);
    pthread_mutex_unlock(&s->lock);
}

void client_stop_sleep(struct client_stop *s, unsigned ms)
{
    for (unsigned slept = 0; slept < ms && !client_stop_is_set(s); slept += STOP_LOOK_MS)
        usleep(1000 * MIN(ms - slept, (unsigned)STOP_LOOK_MS));
}
