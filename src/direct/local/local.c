/*
 * The reactors' side of transport `local`: token to window, bytes, close.
 *
 * A window pins its session and its region: neither goes while one is open. Memory of a memfd is
 * mapped: a move is a copy on the calling reactor, over before it returns (1 MiB: about 100 us), so
 * nothing is ever in flight. Ranges go through the session's lane.
 */
#include "direct/local/local.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "direct/local/local_copy.h"
#include "direct/local/local_impl.h"

enum { LOCAL_SESSIONS_DEFAULT = 256, LOCAL_SESSIONS_MAX = 65536, LOCAL_REGIONS_DEFAULT = 1024 };

static struct local *local_of(struct transport *T)
{
    return container_of(T, struct local, transport);
}

static enum token_shape local_recognise(struct transport *T, struct view token)
{
    struct local_token t;

    (void)T;
    if (!local_token_is_ours(token))
        return TOKEN_FOREIGN;
    return local_token_parse(token, &t) ? TOKEN_BROKEN : TOKEN_MINE;
}

/* --- opening --- */

static bool session_key(struct local *L, const struct local_token *t, uint8_t key[LOCAL_KEY_BYTES])
{
    pthread_mutex_lock(&L->lock);
    const struct local_session *s = local_session_find(L, t->session_id);
    if (s)
        memcpy(key, s->key, LOCAL_KEY_BYTES);
    pthread_mutex_unlock(&L->lock);
    return s != NULL;
}

/* What the token says of itself, under the key of its session. */
static enum err token_check(struct local *L, const struct window *w, const struct local_token *t)
{
    uint8_t key[LOCAL_KEY_BYTES];

    if (!session_key(L, t, key) || !local_token_holds(w->token, key))
        return ERR_DENIED;
    if (t->expiry_ms <= (uint64_t)clock_wall_ms())
        return ERR_DENIED;
    return t->is_write == (w->direction == WINDOW_WRITE) ? ERR_OK : ERR_DENIED;
}

/* A session belongs to the first user that uses it. Under local.lock. */
static bool session_is_of(struct local_session *s, struct view user)
{
    if (user.len == 0 || user.len > LOCAL_USER_MAX)
        return false;
    if (s->user_len == 0) {
        memcpy(s->user, user.at, user.len);
        s->user_len = user.len;
    }
    return view_eq(view_of(s->user, s->user_len), user);
}

/* Under local.lock. */
static enum err window_claim(
    struct local *L, const struct window *w, const struct local_token *t,
    struct local_window **lw_out)
{
    struct local_session *s = local_session_find(L, t->session_id);

    if (L->is_stopping)
        return ERR_UNSUPPORTED;
    if (!s || !session_is_of(s, w->user) || local_session_is_revoked(s, t->nonce))
        return ERR_DENIED;
    struct local_region *r = local_session_region(s, t->region);
    /* What took a broken mapping's place is memory of ours: never fill it. */
    if (r && !r->is_range && atomic_load(&r->guard.is_broken))
        return ERR_DENIED;
    if (!r || t->offset > r->bytes || t->bytes > r->bytes - t->offset)
        return ERR_DENIED;
    struct list *node = list_pop(&L->windows_free);
    if (!node)
        return ERR_BUSY;
    struct local_window *lw = container_of(node, struct local_window, link);
    lw->session = s;
    lw->region = r;
    lw->offset = t->offset;
    lw->nonce = t->nonce;
    list_init(&lw->lane_link);
    list_push_back(&s->windows, &lw->link);
    r->windows++;
    L->window_count++;
    *lw_out = lw;
    return ERR_OK;
}

static void local_refuse(struct local *L, struct window *w)
{
    pthread_mutex_lock(&L->lock);
    L->refused++;
    pthread_mutex_unlock(&L->lock);
    transport_refuse(w);
}

static void local_open(struct transport *T, struct window *w)
{
    struct local *L = local_of(T);
    struct local_window *lw = NULL;
    struct local_token t;

    if (local_token_parse(w->token, &t)) {
        op_complete(&w->op, ERR_MALFORMED);
        return;
    }
    enum err e = token_check(L, w, &t);
    if (!e) {
        pthread_mutex_lock(&L->lock);
        e = window_claim(L, w, &t, &lw);
        pthread_mutex_unlock(&L->lock);
    }
    if (e == ERR_DENIED) {
        local_refuse(L, w);
        return;
    }
    if (!e) {
        lw->window = w;
        w->state[0] = lw;
        w->bytes = t.bytes;
        /* Only for writing: who would read from it gets bytes that change under its hands. */
        if (!lw->region->is_range && t.is_write && t.bytes > 0)
            w->map = lw->region->guard.at + t.offset;
    }
    op_complete(&w->op, e);
}

/* --- moving --- */

static enum err memfd_move(const struct local_window *lw, const struct transfer *t)
{
    const struct local_guard *g = &lw->region->guard;
    uint8_t *there = g->at + lw->offset + t->window_off;

    if (atomic_load(&lw->session->is_closed))
        return ERR_CLOSED;
    if (atomic_load(&g->is_broken))
        return ERR_IO;
    if (t->is_read)
        memcpy(t->at, there, t->len);
    else
        local_copy_out(there, t->at, t->len);
    return atomic_load(&g->is_broken) ? ERR_IO : ERR_OK;
}

static void local_move(struct transport *T, struct transfer *t)
{
    struct local_window *lw = t->window->state[0];

    (void)T;
    if (lw->region->is_range)
        local_lane_move(lw->session->lane, t);
    else
        op_complete(&t->op, memfd_move(lw, t));
}

/* --- closing --- */

void local_window_end(struct local_window *lw)
{
    struct local_session *s = lw->session;
    struct local *L = s->local;
    struct window *w = lw->window;
    bool is_broken = !lw->region->is_range && atomic_load(&lw->region->guard.is_broken);

    pthread_mutex_lock(&L->lock);
    list_remove(&lw->link);
    list_push_back(&L->windows_free, &lw->link);
    assert(lw->region->windows > 0 && L->window_count > 0);
    lw->region->windows--;
    L->window_count--;
    pthread_cond_broadcast(&s->quiet);
    /* Still under the lock: once it is released, L may be gone. */
    if (local_session_settle(s))
        local_socket_wake(L);
    op_complete(&w->op, is_broken ? ERR_IO : ERR_OK);
    pthread_mutex_unlock(&L->lock);
}

static void local_cancel(struct transport *T, struct window *w)
{
    struct local_window *lw = w->state[0];

    (void)T;
    if (lw->region->is_range)
        local_lane_cancel(lw->session->lane, lw);
}

static void local_close(struct transport *T, struct window *w)
{
    struct local_window *lw = w->state[0];

    (void)T;
    if (lw->region->is_range)
        local_lane_close(lw->session->lane, lw);
    else
        local_window_end(lw);
}

static void local_stop(struct transport *T, struct op *op)
{
    struct local *L = local_of(T);

    pthread_mutex_lock(&L->lock);
    assert(!L->is_stopping);
    L->is_stopping = true;
    L->stopping = op;
    local_socket_wake(L);
    pthread_mutex_unlock(&L->lock);
}

static const struct transport_ops local_ops = {
    .name = "local",
    .recognise = local_recognise,
    .open = local_open,
    .move = local_move,
    .cancel = local_cancel,
    .close = local_close,
    .stop = local_stop,
};

/* --- making --- */

static void config_fill(struct local_config *c)
{
    if (c->sessions_max == 0)
        c->sessions_max = LOCAL_SESSIONS_DEFAULT;
    c->sessions_max = MIN(c->sessions_max, (unsigned)LOCAL_SESSIONS_MAX);
    if (c->regions_max == 0)
        c->regions_max = LOCAL_REGIONS_DEFAULT;
    if (c->mapped_bytes_max == 0)
        c->mapped_bytes_max = 64 * GIB;
}

static void local_free(struct local *L)
{
    if (!L)
        return;
    pthread_mutex_destroy(&L->lock);
    free(L->sessions);
    free(L->windows);
    free(L->socket_path);
    free(L);
}

static struct local *local_alloc(const struct local_config *config)
{
    struct local *L = calloc(1, sizeof(*L));

    if (!L)
        return NULL;
    pthread_mutex_init(&L->lock, NULL);
    L->transport.ops = &local_ops;
    L->config = *config;
    config_fill(&L->config);
    L->socket_path = strdup(config->socket_path);
    L->sessions = calloc(L->config.sessions_max, sizeof(struct local_session *));
    L->windows = calloc(LOCAL_WINDOWS_MAX, sizeof(struct local_window));
    list_init(&L->windows_free);
    if (L->socket_path && L->sessions && L->windows)
        return L;
    local_free(L);
    return NULL;
}

enum err
local_new(const struct local_config *config, struct transport **transport_out, struct buf *why_out)
{
    assert(config->socket_path && strlen(config->server_id) == LOCAL_SERVER_ID_LEN);
    struct local *L = local_alloc(config);

    if (!L)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < LOCAL_WINDOWS_MAX; i++)
        list_push_back(&L->windows_free, &L->windows[i].link);
    enum err e = local_socket_open(L, why_out);
    if (e) {
        local_free(L);
        return e;
    }
    e = local_socket_start(L);
    if (e) {
        buf_put_str(why_out, "cannot start the socket thread");
        unlink(L->socket_path);
        close(L->listen_fd);
        close(L->wake_fd);
        local_free(L);
        return e;
    }
    *transport_out = &L->transport;
    return ERR_OK;
}

void local_stats(struct transport *T, struct local_stats *out)
{
    struct local *L = local_of(T);

    pthread_mutex_lock(&L->lock);
    *out = (struct local_stats){
        .sessions = L->session_count,
        .regions = L->region_count,
        .windows_open = L->window_count,
        .mapped_bytes = L->mapped_bytes,
        .refused = L->refused,
    };
    pthread_mutex_unlock(&L->lock);
}
