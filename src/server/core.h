/*
 * A core: what one reactor of the server has. The shared part (struct server) is set once at start.
 *
 *   main thread: config -> arena, work pool -> cores start -> engine, transports, service
 *                -> every core listens -> waits for signals -> drain -> close in reverse order
 */
#ifndef PENSTOCK_SERVER_CORE_H
#define PENSTOCK_SERVER_CORE_H

#include <pthread.h>
#include <semaphore.h>

#include "http/server.h"
#include "loop/reactor.h"
#include "mem/cache.h"
#include "s3/s3.h"
#include "server/access_log.h"
#include "server/config.h"
#include "server/keys.h"

enum { SERVER_CORES_MAX = 256 };

struct server;

struct core {
    /* set once at start */
    struct server *server;
    unsigned index;
    pthread_t thread;
    struct reactor *reactor;
    const char *ring_why; /* why not io_uring, or NULL */
    enum err start_err;
    int listen_fds[CONFIG_LISTENS_MAX];
    /* this core only */
    struct http_server *http;
    struct access_log access_log;
    struct op listen, drain, drained, log_stopped;
};

struct server {
    struct config config;
    struct core *cores;
    unsigned core_count;
    struct reactor **reactors; /* the engine's owners: one per core */
    struct arena *arena;
    const char *arena_note;
    struct cache *cache;
    struct engine *engine;
    struct transport *local;
    char direct_why[300]; /* why transports are off */
    char direct_json[4400], socket_path[4096], server_id[33];
    struct keys keys;
    struct iam *iam;
    struct bucket_cache *buckets;
    struct s3_service service;
    struct tls_context *tls;
    struct access_log_file access_log;
    char where[CONFIG_LISTENS_MAX][64]; /* real addresses */
    _Atomic bool is_ready, is_draining;
    uint64_t start_ns;
    sem_t event; /* main thread waits: a core has started, drained, ... */
};

/* Starts the thread; posts server->event when core->reactor or start_err is set. */
enum err core_start(struct core *c) MUST_CHECK;
/* Begins to accept; posts event when done. From the main thread. */
void core_listen(struct core *c);
/* Stops accepting, finishes requests, stops the access log; posts event. From the main thread. */
void core_drain(struct core *c);
/* Ends the reactor and joins the thread; nothing is in flight. */
void core_stop(struct core *c);

#endif
