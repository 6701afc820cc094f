#include "server/core.h"

#include <sys/socket.h>

#include "base/clock.h"

#include "server/admin.h"

static void handle(struct http_request *q, void *ctx)
{
    struct core *c = ctx;

    if (admin_owns(q))
        admin_handle(q, c);
    else
        s3_handle(q, &c->server->service);
}

static void ended(struct http_request *q, void *ctx)
{
    struct core *c = ctx;
    bool is_s3 = q->op_index < s3_op_count;
    uint64_t us = (clock_ns() - q->start_ns) / 1000;

    if (is_s3)
        metrics_request(q->op_index, q->status, us);
    access_log_put(&c->access_log, q, is_s3 ? s3_ops[q->op_index].name : "admin");
}

static enum err make_http(struct core *c)
{
    const struct http_server_config config = {
        .conns_max = c->server->config.conns_max,
        .handle = handle,
        .ended = ended,
        .ctx = c,
    };
    TRY(http_server_new(&config, &c->http));
    return access_log_init(&c->access_log, &c->server->access_log); /* last: it starts a timer */
}

/* Speed only: a ring that cannot register the arena still serves. */
static void register_arena(struct core *c)
{
    struct ring *ring = reactor_ring(c->reactor);
    struct view memory = arena_memory(c->server->arena);
    const char *why = NULL;

    if (!ring->ops->memory)
        return;
    void *at = (void *)(uintptr_t)memory.at;
    if (ring->ops->memory(ring, at, memory.len, &why) && c->index == 0)
        log_info("arena", "not registered with the ring: %s", why ? why : "unknown");
}

static void *run(void *arg)
{
    struct core *c = arg;
    const struct reactor_config config = {
        .ring = c->server->config.ring,
        .index = c->index,
        .region_blocks_max = 1024,
        .cpu = -1,
    };

    c->start_err = reactor_new(&config, &c->reactor, &c->ring_why);
    if (!c->start_err) {
        reactor_set_user(c->reactor, c);
        register_arena(c);
        c->start_err = make_http(c);
    }
    bool runs = !c->start_err;
    sem_post(&c->server->event);
    if (runs)
        reactor_run(c->reactor);
    http_server_free(c->http);
    access_log_done(&c->access_log);
    if (c->reactor)
        reactor_free(c->reactor);
    return NULL;
}

static void on_listen(struct op *op)
{
    struct core *c = container_of(op, struct core, listen);

    for (unsigned i = 0; i < c->server->config.listen_count; i++)
        http_server_listen(c->http, c->listen_fds[i], c->server->tls);
    sem_post(&c->server->event);
}

static void on_log_stopped(struct op *op)
{
    sem_post(&container_of(op, struct core, log_stopped)->server->event);
}

static void on_drained(struct op *op)
{
    struct core *c = container_of(op, struct core, drained);

    access_log_stop(&c->access_log, &c->log_stopped);
}

static void on_drain(struct op *op)
{
    struct core *c = container_of(op, struct core, drain);

    /* Refused at once: in the backlog they would wait for an answer that never comes. */
    for (unsigned i = 0; i < c->server->config.listen_count; i++)
        (void)shutdown(c->listen_fds[i], SHUT_RDWR);
    http_server_drain(c->http, &c->drained);
}

enum err core_start(struct core *c)
{
    op_init(&c->listen, on_listen);
    op_init(&c->drain, on_drain);
    op_init(&c->drained, on_drained);
    op_init(&c->log_stopped, on_log_stopped);
    int sys = pthread_create(&c->thread, NULL, run, c);
    return sys ? err_from_errno(sys) : ERR_OK;
}

void core_listen(struct core *c)
{
    op_send(&c->listen, c->reactor);
}

void core_drain(struct core *c)
{
    op_send(&c->drain, c->reactor);
}

void core_stop(struct core *c)
{
    if (c->reactor && !c->start_err)
        reactor_stop(c->reactor);
    (void)pthread_join(c->thread, NULL);
}
