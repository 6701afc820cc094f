#include "server/start.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "direct/local/local.h"
#include "engine/drives/drives.h"
#include "engine/memory/memory.h"
#include "net/listen.h"
#include "net/tls.h"
#include "s3/bucket.h"
#include "s3/ops.h"
#include "server/store_key.h"

enum { CLOSE_SECONDS_MAX = 60 };

/* The arena is populated before the server listens: more than this starts slowly, so it is asked
 * for. */
static uint64_t default_arena_bytes(void)
{
    uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
    uint64_t all = pages * (uint64_t)sysconf(_SC_PAGESIZE);

    return MIN(MAX(all / 4, 256 * MIB), GIB);
}

static enum err start_memory(struct server *s, struct buf *why)
{
    uint64_t bytes = s->config.arena_bytes ? s->config.arena_bytes : default_arena_bytes();
    log_info("server", "reserving an arena of %llu MiB", (unsigned long long)(bytes / MIB));
    enum err e = arena_new(bytes, &s->arena, &s->arena_note);

    if (e) {
        buf_printf(
            why, "no arena of %llu MiB: %s (--arena)", (unsigned long long)(bytes / MIB),
            err_text(e));
        return e;
    }
    TRY(cache_new(s->arena, 0, &s->cache));
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    return work_pool_start(MAX(cpus, 4));
}

static enum err start_cores(struct server *s, struct buf *why)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = s->config.reactors ? s->config.reactors : (unsigned)MAX(cpus, 1);

    wanted = MIN(wanted, SERVER_CORES_MAX);
    s->cores = calloc(wanted, sizeof *s->cores);
    s->reactors = calloc(wanted, sizeof(struct reactor *));
    if (!s->cores || !s->reactors)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < wanted; i++) {
        struct core *c = &s->cores[i];
        c->server = s;
        c->index = i;
        TRY(core_start(c));
        s->core_count++;
        while (sem_wait(&s->event) != 0)
            continue;
        if (c->start_err) {
            buf_printf(
                why, "reactor %u does not start: %s%s%s", i, err_text(c->start_err),
                c->ring_why ? ": " : "", c->ring_why ? c->ring_why : "");
            return c->start_err;
        }
        s->reactors[i] = c->reactor;
    }
    return ERR_OK;
}

static enum err start_engine(struct server *s, struct buf *why)
{
    if (strcmp(s->config.engine, "memory") == 0)
        return engine_memory_new(s->reactors, s->core_count, s->arena, &s->engine);
    const struct drives_config drives = {
        .dir = s->config.dirs[0],
        .owners = s->reactors,
        .owner_count = s->core_count,
        .arena = s->arena,
        .cache = s->cache,
        .is_relaxed = strcmp(s->config.durability, "relaxed") == 0,
        .is_clean_off = true, /* docs/adr/0011: not before a wait on a full drive is understood */
    };
    return engine_drives_open(&drives, &s->engine, why);
}

static enum err start_keys(struct server *s, struct buf *why)
{
    const struct config *c = &s->config;

    return keys_open(
        &s->keys, c->root_user, c->root_password, c->dir_count ? c->dirs[0] : NULL, why);
}

/* Nothing identifies the root account better than that it is this store's: its id is fixed. */
#define ROOT_ID VIEW("02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4")
#define ROOT_NAME VIEW("root")

/* iam_open on core 0, waited for by the main thread. */
struct opening {
    struct op go;
    struct iam_open open;
    sem_t *event;
};

static void on_opened(struct op *op)
{
    sem_post(container_of(op, struct opening, open.op)->event);
}

static void open_iam(struct op *op)
{
    iam_open(&container_of(op, struct opening, go)->open);
}

/* Keys are refused that root has already; root may get one later that somebody has. */
static void warn_of_shadowed(struct iam *I)
{
    const struct iam_snapshot *people = iam_hold(I);
    const struct iam_user *u = iam_find_shadowed(people);

    if (u)
        log_warn(
            "server",
            "root's access key is also one of user '%.*s': it is root's now, the user's does not "
            "work; give root another, or remove the user's",
            VIEW_FMT(u->name));
    iam_release(people);
}

static enum err start_people(struct server *s, const struct store_key *key, struct buf *why)
{
    struct opening x = {.event = &s->event};
    struct iam_config *c = &x.open.config;

    c->engine = s->engine;
    c->root_id = ROOT_ID;
    c->root_name = ROOT_NAME;
    c->root_access = view_str(s->keys.access);
    c->root_secret = view_str(s->keys.secret);
    memcpy(c->store_key, key->bytes, sizeof c->store_key);
    op_init(&x.go, open_iam);
    op_init(&x.open.op, on_opened);
    op_send(&x.go, s->cores[0].reactor);
    while (sem_wait(&s->event) != 0)
        continue;
    enum err e = x.open.op.err;
    s->iam = x.open.iam;
    if (s->iam)
        warn_of_shadowed(s->iam);
    if (e)
        buf_printf(why, "users: %s", x.open.why[0] ? x.open.why : err_text(e));
    if (e == ERR_DENIED)
        buf_printf(why, " (%s; --store-key-file says where it is)", key->path);
    OPENSSL_cleanse(&x, sizeof x);
    return e;
}

static enum err start_iam(struct server *s, struct buf *why)
{
    const struct config *c = &s->config;
    struct store_key key;
    bool is_kept = c->dir_count && strcmp(c->engine, "memory") != 0;

    TRY(store_key_open(&key, c->store_key_file, is_kept ? c->dirs[0] : NULL, why));
    enum err e = start_people(s, &key, why);
    if (e)
        store_key_undo(&key);
    OPENSSL_cleanse(&key, sizeof key);
    return e;
}

/* Is `name` in the comma-separated list, or is the list "auto"? */
static bool direct_wants(const char *list, const char *name)
{
    struct view rest = view_str(list), part;

    if (strcmp(list, "auto") == 0)
        return true;
    while (view_split(&rest, ',', &part))
        if (view_is(view_trim(part), name))
            return true;
    return false;
}

static enum err check_direct(const struct config *c, struct buf *why)
{
    struct view rest = view_str(c->direct), part;

    if (strcmp(c->direct, "auto") == 0 || strcmp(c->direct, "off") == 0)
        return ERR_OK;
    while (view_split(&rest, ',', &part)) {
        if (!view_is(view_trim(part), "local")) {
            buf_printf(why, "--direct: no transport '%.*s' here (local)", VIEW_FMT(part));
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static enum err direct_group(const struct config *c, gid_t *gid_out, struct buf *why)
{
    *gid_out = (gid_t)-1;
    if (!c->direct_group)
        return ERR_OK;
    const struct group *g = getgrnam(c->direct_group);
    if (!g) {
        buf_printf(why, "--direct-group: no group '%s'", c->direct_group);
        return ERR_INVALID;
    }
    *gid_out = g->gr_gid;
    return ERR_OK;
}

static void direct_paths(struct server *s)
{
    const struct config *c = &s->config;
    uint8_t id[16];
    struct buf b = buf_over(s->server_id, sizeof s->server_id - 1);

    digest_random(id, sizeof id);
    text_put_hex(&b, view_of(id, sizeof id));
    char *cwd = getcwd(NULL, 0);
    struct buf path = buf_over(s->socket_path, sizeof s->socket_path - 1);
    const char *dir = c->dir_count ? c->dirs[0] : "/tmp";
    const char *chosen = c->direct_socket ? c->direct_socket : dir;

    /* Clients get the path by HTTP and have another working directory. */
    if (chosen[0] != '/' && cwd)
        buf_printf(&path, "%s/", cwd);
    buf_put_str(&path, chosen);
    if (!c->direct_socket && c->dir_count)
        buf_put_str(&path, "/direct.sock");
    else if (!c->direct_socket)
        buf_printf(&path, "/penstock-%d.sock", (int)getpid());
    free(cwd);
}

/* It stands in the JSON of /-/direct, and in a struct sockaddr_un. */
static enum err check_socket_path(const struct server *s, struct buf *why)
{
    for (const char *at = s->socket_path; *at; at++) {
        if (*at == '"' || *at == '\\' || (unsigned char)*at < 0x20) {
            buf_put_str(why, "--direct-socket: no quotes, backslashes or control characters");
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

/* `auto` goes on without a transport that does not start and says why; a named one must start. */
static enum err start_direct(struct server *s, struct buf *why)
{
    const struct config *c = &s->config;
    struct local_config local = {.socket_path = s->socket_path};
    struct buf text = buf_over(s->direct_why, sizeof s->direct_why - 1);
    char detail[200] = {0};
    struct buf detail_buf = buf_over(detail, sizeof detail - 1);

    TRY(check_direct(c, why));
    direct_paths(s);
    TRY(check_socket_path(s, why));
    memcpy(local.server_id, s->server_id, sizeof local.server_id);
    if (!direct_wants(c->direct, "local")) {
        buf_put_str(&text, "off by --direct");
        return ERR_OK;
    }
    TRY(direct_group(c, &local.allowed_gid, why));
    enum err e = local_new(&local, &s->local, &detail_buf);
    if (e && strcmp(c->direct, "auto") != 0) {
        buf_printf(why, "transport local: %s", detail);
        return e;
    }
    if (e)
        buf_printf(&text, "local off: %s", detail);
    else
        buf_printf(&text, "local at %s", s->socket_path);
    buf_put_str(&text, "; rc, dc, ofi: not built yet");
    return ERR_OK;
}

static void make_service(struct server *s)
{
    struct s3_service *v = &s->service;
    const struct config *c = &s->config;

    v->engine = s->engine;
    v->arena = s->arena;
    v->credentials = &s->keys.credentials;
    v->region = view_str(c->region);
    v->put_decline_is_200 = c->direct_put_decline_200;
    for (unsigned i = 0; i < c->domain_count; i++)
        v->domains[v->domain_count++] = view_str(c->domains[i]);
    v->refuses_sigv2 = !c->sigv2;
    memcpy(v->trusted_proxies, c->proxies, sizeof v->trusted_proxies);
    v->trusted_proxy_count = c->proxy_count;
    if (s->local)
        v->transports.list[v->transports.count++] = s->local;
    v->direct_is_on = v->transports.count > 0;
    v->iam = s->iam;
    v->buckets = s->buckets;
    v->ownership_default = c->ownership;
    v->owner_id = ROOT_ID;
    v->owner_name = ROOT_NAME;
    struct buf b = buf_over(s->direct_json, sizeof s->direct_json);
    buf_printf(&b, "{\"server_id\":\"%s\",\"transports\":[", s->server_id);
    if (s->local)
        buf_printf(&b, "{\"name\":\"local\",\"socket\":\"%s\"}", s->socket_path);
    buf_put_str(&b, "]}\n");
    v->direct_json = buf_view(&b);
}

/* All cores open the same address; port 0 is decided by the first. */
static enum err open_listens(struct server *s, struct buf *why)
{
    for (unsigned i = 0; i < s->config.listen_count; i++) {
        struct view spec = view_str(s->config.listens[i]);
        for (unsigned k = 0; k < s->core_count; k++) {
            char where[64] = {0};
            struct buf b = buf_over(where, sizeof where - 1);
            enum listen_share share = k > 0               ? LISTEN_FURTHER
                                      : s->core_count > 1 ? LISTEN_FIRST
                                                          : LISTEN_ALONE;
            TRY(listen_open(spec, share, &s->cores[k].listen_fds[i], &b, why));
            if (k == 0)
                memcpy(s->where[i], where, sizeof where);
            spec = view_str(s->where[i]);
        }
    }
    return ERR_OK;
}

static void listen_all(struct server *s)
{
    for (unsigned i = 0; i < s->core_count; i++)
        core_listen(&s->cores[i]);
    for (unsigned i = 0; i < s->core_count; i++)
        while (sem_wait(&s->event) != 0)
            continue;
    s->is_ready = true;
}

enum err start_server(struct server *s, struct buf *why)
{
    const struct config *c = &s->config;

    s->start_ns = clock_ns();
    ops_check();
    if (sem_init(&s->event, 0, 0) != 0)
        return ERR_SYSTEM;
    TRY(access_log_file_open(&s->access_log, c->access_log, why));
    if (c->tls_cert)
        TRY(tls_context_new(c->tls_cert, c->tls_key, &s->tls, why));
    TRY(start_memory(s, why));
    TRY(start_cores(s, why));
    TRY(start_engine(s, why));
    TRY(start_keys(s, why));
    TRY(start_iam(s, why));
    TRY(bucket_cache_new(s->core_count, &s->buckets));
    TRY(start_direct(s, why));
    make_service(s);
    TRY(open_listens(s, why));
    listen_all(s);
    return ERR_OK;
}

/* An operation run on core 0, waited for by the main thread. */
struct closing {
    struct op go, done;
    struct server *server;
};

static void on_closed(struct op *op)
{
    sem_post(&container_of(op, struct closing, done)->server->event);
}

static void close_engine(struct op *op)
{
    struct closing *x = container_of(op, struct closing, go);

    engine_close(x->server->engine, &x->done);
}

static void stop_transport(struct op *op)
{
    struct closing *x = container_of(op, struct closing, go);
    struct transport *T = x->server->local;

    transport_stop(T, &x->done);
}

/*
 * What hangs there (a client of `local` whose own pages or descriptors never answer) must not keep
 * the process: everything acknowledged is durable, so after the deadline it simply ends.
 */
static void on_core_0(struct server *s, op_advance_fn *go, const char *what)
{
    struct closing x = {.server = s};
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLOSE_SECONDS_MAX;
    op_init(&x.go, go);
    op_init(&x.done, on_closed);
    op_send(&x.go, s->cores[0].reactor);
    while (sem_timedwait(&s->event, &until) != 0) {
        if (errno != ETIMEDOUT)
            continue;
        log_error("server", "%s not closed after %d s: leaving at once", what, CLOSE_SECONDS_MAX);
        _exit(1);
    }
}

static void close_listens(struct server *s)
{
    for (unsigned i = 0; i < s->core_count; i++)
        for (unsigned k = 0; k < s->config.listen_count; k++)
            if (s->cores[i].listen_fds[k] > 0)
                (void)close(s->cores[i].listen_fds[k]);
}

/* After a start that failed half-way: the cores that run have a timer in flight. */
static void drain_half_started(struct server *s)
{
    for (unsigned i = 0; i < s->core_count && !s->is_draining; i++) {
        if (s->cores[i].start_err)
            continue;
        core_drain(&s->cores[i]);
        while (sem_wait(&s->event) != 0)
            continue;
    }
}

void start_undo(struct server *s)
{
    s->is_ready = false;
    drain_half_started(s);
    /* The engine first: a client can delay the end of the transport, but not that of the store. */
    if (s->engine)
        on_core_0(s, close_engine, "the engine is");
    if (s->local)
        on_core_0(s, stop_transport, "the local transport is");
    close_listens(s);
    for (unsigned i = 0; i < s->core_count; i++)
        core_stop(&s->cores[i]);
    work_pool_stop();
    bucket_cache_free(s->buckets);
    iam_close(s->iam);
    cache_free(s->cache);
    if (s->arena)
        arena_free(s->arena);
    tls_context_free(s->tls);
    access_log_file_done(&s->access_log);
    free(s->reactors);
    free(s->cores);
}
