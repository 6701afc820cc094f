/* What is made once, at start: defaults, limits that fit the devices, tables. */
#include <stdlib.h>

#include "direct/rc/rc_impl.h"
#include "mem/arena.h"

enum {
    RC_SESSIONS_DEFAULT = 1024,
    RC_SESSIONS_MAX = 65536,
    RC_JOBS_DEFAULT = 4096,
    RC_DEPTH_DEFAULT = 64,
    RC_SIGNAL_DEFAULT = 8,
    RC_LEASE_MS_DEFAULT = 300000,
    RC_DRAIN_MS_DEFAULT = 500,
    RC_SPIN_US_DEFAULT = 50,
    RC_HOP_LIMIT_DEFAULT = 64,
    RC_TIMEOUT_DEFAULT = 14
};

void rc_tables_free(struct rc *rc)
{
    pthread_mutex_destroy(&rc->lock);
    pthread_mutex_destroy(&rc->setup);
    free(rc->lanes);
    free(rc->sessions);
    free(rc->users);
    free(rc->windows);
    free(rc->jobs);
    free(rc);
}

void rc_tables_fill(struct rc_config *c)
{
    c->reactors = MAX(c->reactors, 1u);
    c->sessions_max = MIN(c->sessions_max ? c->sessions_max : RC_SESSIONS_DEFAULT, RC_SESSIONS_MAX);
    c->sessions_per_user = c->sessions_per_user ? c->sessions_per_user : c->sessions_max;
    c->jobs_max = c->jobs_max ? c->jobs_max : RC_JOBS_DEFAULT;
    c->message_bytes_max = c->message_bytes_max ? c->message_bytes_max : CHUNK_BYTES_MAX;
    c->queue_depth = MIN(c->queue_depth ? c->queue_depth : RC_DEPTH_DEFAULT, RC_DEPTH_MAX);
    c->signal_every = c->signal_every ? c->signal_every : RC_SIGNAL_DEFAULT;
    c->lease_ms_max = c->lease_ms_max ? c->lease_ms_max : RC_LEASE_MS_DEFAULT;
    c->drain_ms = c->drain_ms ? c->drain_ms : RC_DRAIN_MS_DEFAULT;
    c->spin_us_max = c->spin_us_max ? c->spin_us_max : RC_SPIN_US_DEFAULT;
    c->hop_limit = c->hop_limit ? c->hop_limit : RC_HOP_LIMIT_DEFAULT;
    c->timeout = c->timeout ? c->timeout : RC_TIMEOUT_DEFAULT;
}

/* A full queue must have a signalled request in it, or nothing would ever end. */
static void config_fit(struct rc *rc)
{
    struct rc_config *c = &rc->config;

    for (unsigned i = 0; i < rc->device_count; i++) {
        const struct rc_facts *f = &rc->devices[i].facts;

        c->queue_depth = MIN(c->queue_depth, MAX(f->queue_depth_max, 1u));
        c->message_bytes_max = MIN(c->message_bytes_max, f->message_bytes_max);
    }
    c->signal_every = MIN(c->signal_every, MAX(c->queue_depth / 2, 1u));
}

enum err rc_tables_new(struct rc *rc)
{
    const struct rc_config *c = &rc->config;

    config_fit(rc);
    rc->lanes = calloc((size_t)rc->device_count * c->reactors, sizeof(struct rc_lane *));
    rc->sessions = calloc(c->sessions_max, sizeof(*rc->sessions));
    rc->users = calloc(c->sessions_max, sizeof(*rc->users));
    rc->windows = calloc(RC_WINDOWS_MAX, sizeof(*rc->windows));
    rc->jobs = calloc(c->jobs_max, sizeof(*rc->jobs));
    if (!rc->lanes || !rc->sessions || !rc->users || !rc->windows || !rc->jobs)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < c->sessions_max; i++)
        rc_session_init(rc, &rc->sessions[i], i);
    for (unsigned i = 0; i < RC_WINDOWS_MAX; i++) {
        op_init(&rc->windows[i].cancel, rc_cancel_advance);
        op_init(&rc->windows[i].close, rc_close_advance);
        list_push_back(&rc->windows_free, &rc->windows[i].link);
    }
    for (unsigned i = 0; i < c->jobs_max; i++) {
        op_init(&rc->jobs[i].hop, rc_queue_move);
        list_push_back(&rc->jobs_free, &rc->jobs[i].link);
    }
    return ERR_OK;
}
