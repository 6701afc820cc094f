#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "net/tls.h"
#include "server/start.h"

enum { DRAIN_SECONDS_MAX = 30 };

static void announce(const struct server *s)
{
    const struct config *c = &s->config;
    const struct core *first = &s->cores[0];
    struct engine_facts facts = {0};

    for (unsigned i = 0; i < c->listen_count; i++)
        log_info("server", "listening on %s://%s", s->tls ? "https" : "http", s->where[i]);
    engine_facts(s->engine, &facts);
    log_info("server", "engine %s: %s", facts.name, facts.detail);
    log_info(
        "server", "%u reactors on %s%s%s", s->core_count, reactor_ring(first->reactor)->ops->name,
        first->ring_why ? ", not io_uring: " : "", first->ring_why ? first->ring_why : "");
    struct arena_stats arena;
    arena_stats(s->arena, &arena);
    log_info(
        "server", "arena %llu MiB%s%s", (unsigned long long)(arena.bytes_total / MIB),
        s->arena_note ? ", " : "", s->arena_note ? s->arena_note : "");
    log_info("server", "direct: %s", s->direct_why);
}

/* Once, on standard output and nowhere else: the log may be collected. */
static void show_keys(const struct server *s)
{
    if (!s->keys.was_made)
        return;
    printf(
        "\nroot credentials, made now%s%s%s and shown only once:\n"
        "  AWS_ACCESS_KEY_ID=%s\n  AWS_SECRET_ACCESS_KEY=%s\n\n",
        s->config.dir_count ? ", kept in " : "", s->config.dir_count ? s->config.dirs[0] : "",
        s->config.dir_count ? "/root-credentials" : "", s->keys.access, s->keys.secret);
    (void)fflush(stdout);
}

static void reload(struct server *s)
{
    char text[400];
    struct buf why = buf_over(text, sizeof text - 1);

    log_info("server", "reloading certificates and logs");
    if (s->tls && tls_context_reload(s->tls, &why))
        log_error("server", "the old certificate stays: %.*s", VIEW_FMT(buf_view(&why)));
    why.len = 0;
    if (access_log_file_reopen(&s->access_log, &why))
        log_error("server", "%.*s", VIEW_FMT(buf_view(&why)));
}

static int wait_for_signals(struct server *s, const sigset_t *signals)
{
    for (;;) {
        int sig = 0;
        if (sigwait(signals, &sig) != 0)
            continue;
        if (sig != SIGHUP)
            return sig;
        reload(s);
    }
}

/* True when all cores have reported before the deadline. */
static bool drain(struct server *s)
{
    struct timespec until;

    s->is_draining = true;
    for (unsigned i = 0; i < s->core_count; i++)
        core_drain(&s->cores[i]);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN_SECONDS_MAX;
    for (unsigned i = 0; i < s->core_count; i++) {
        while (sem_timedwait(&s->event, &until) != 0) {
            if (errno == ETIMEDOUT)
                return false;
        }
    }
    return true;
}

static int run(struct server *s, const sigset_t *signals)
{
    char text[600];
    struct buf why = buf_over(text, sizeof text - 1);

    memset(text, 0, sizeof text);
    if (start_server(s, &why)) {
        log_error("server", "%s", text);
        start_undo(s);
        return 1;
    }
    announce(s);
    show_keys(s);
    int sig = wait_for_signals(s, signals);
    log_info("server", "signal %d: draining", sig);
    if (!drain(s)) {
        /* Requests hang in something we cannot end; what was acknowledged is durable already. */
        log_error("server", "not drained after %d s: leaving at once", DRAIN_SECONDS_MAX);
        _exit(1);
    }
    start_undo(s);
    log_info("server", "stopped");
    return 0;
}

static int usage(const struct config *c, const char *why)
{
    char text[8192];
    struct buf b = buf_over(text, sizeof text);

    if (!c->wants_help) {
        (void)fprintf(stderr, "penstock serve: %s\n", why);
        return 2;
    }
    config_usage(&b);
    (void)fwrite(text, 1, b.len, stdout);
    return 0;
}

int server_main(int argc, char **argv)
{
    static struct server server;
    char text[400] = {0};
    struct buf why = buf_over(text, sizeof text - 1);
    sigset_t signals;

    enum err e = config_read(&server.config, argc, argv, &why);
    if (e || server.config.wants_help) {
        int status = usage(&server.config, text);
        config_done(&server.config);
        return status;
    }
    log_set_level(server.config.log_level);
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    /* Before any thread: they inherit the mask, only sigwait sees these. */
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int status = run(&server, &signals);
    config_done(&server.config);
    return status;
}
