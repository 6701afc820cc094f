#include "client/client_direct.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/client_exchange.h"
#include "client/client_why.h"

enum {
    DIRECT_RETRY_NS = 1000000000,
    /* A closed session: the server ends what is in flight when it sees the socket close. */
    DIRECT_GRACE_MS = 50
};

/* --- sessions --- */

static void session_unref(struct client_session *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    local_peer_free(s->peer);
    free(s);
}

/* What GET /-/direct says about transport local. */
struct offer {
    char server_id[LOCAL_SERVER_ID_LEN + 1];
    char socket[108];
};

static bool offer_take(const json_t *root, struct offer *o)
{
    const char *id = json_string_value(json_object_get(root, "server_id"));
    const json_t *list = json_object_get(root, "transports");
    size_t i;
    json_t *entry;

    if (!id || strlen(id) != LOCAL_SERVER_ID_LEN || !json_is_array(list))
        return false;
    json_array_foreach(list, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        const char *socket = json_string_value(json_object_get(entry, "socket"));

        if (!name || !socket || strcmp(name, "local") != 0 || strlen(socket) >= sizeof(o->socket))
            continue;
        snprintf(o->server_id, sizeof(o->server_id), "%s", id);
        snprintf(o->socket, sizeof(o->socket), "%s", socket);
        return true;
    }
    return false;
}

/* d->text says what is wrong when this is false. */
static bool direct_ask(struct client_direct *d, struct offer *o)
{
    struct client_request q = {.method = "GET", .path = "/-/direct", .signs_body = true};
    struct client_reply *r = malloc(sizeof(*r));
    bool has_offer = false;

    if (!r)
        return false;
    enum ps_err e = client_exchange(d->conns, d->settings, &q, r);
    if (e) {
        snprintf(d->text, sizeof(d->text), "none: %.180s", client_why_text());
    } else if (r->answer.status != 200) {
        snprintf(d->text, sizeof(d->text), "none: the server has no direct path");
    } else {
        json_t *root = json_loadb(r->text ? r->text : "", r->text_len, 0, NULL);

        has_offer = offer_take(root, o);
        json_decref(root);
        if (!has_offer)
            snprintf(d->text, sizeof(d->text), "none: the server offers no transport we have");
    }
    client_exchange_done(r);
    free(r);
    return has_offer;
}

static struct client_session *session_new(struct client_direct *d, const struct offer *o)
{
    char why[160] = "";
    struct buf b = buf_over(why, sizeof(why) - 1);
    struct client_session *s = calloc(1, sizeof(*s));
    enum err e = s ? local_peer_connect(o->socket, o->server_id, &s->peer, &b) : ERR_NO_MEMORY;

    if (e) {
        free(s);
        why[b.len] = '\0';
        snprintf(d->text, sizeof(d->text), "none: %s", b.len ? why : err_text(e));
        return NULL;
    }
    s->generation = ++d->generations;
    atomic_store(&s->refs, 1);
    snprintf(d->text, sizeof(d->text), "local");
    return s;
}

/* Under the lock. */
static void direct_renew(struct client_direct *d)
{
    struct offer o;

    if (d->session && local_peer_is_up(d->session->peer))
        return;
    session_unref(d->session);
    d->session = NULL;
    if (clock_ns() < d->retry_ns)
        return;
    if (direct_ask(d, &o))
        d->session = session_new(d, &o);
    d->retry_ns = clock_ns() + DIRECT_RETRY_NS;
}

/* A reference to the session, or NULL. */
static struct client_session *direct_session(struct client_direct *d)
{
    struct client_session *s;

    pthread_mutex_lock(&d->lock);
    direct_renew(d);
    s = d->session;
    if (s)
        atomic_fetch_add(&s->refs, 1);
    else
        (void)client_why(PS_ERR_NOT_DIRECT, "no direct path: %s", d->text);
    pthread_mutex_unlock(&d->lock);
    return s;
}

void client_direct_init(
    struct client_direct *d, struct client_conns *conns, const struct client_settings *s)
{
    *d = (struct client_direct){.conns = conns, .settings = s};
    pthread_mutex_init(&d->lock, NULL);
    snprintf(d->text, sizeof(d->text), "none: switched off here");
}

void client_direct_done(struct client_direct *d)
{
    session_unref(d->session);
    pthread_mutex_destroy(&d->lock);
}

const char *client_direct_text(struct client_direct *d)
{
    static _Thread_local char text[sizeof(d->text)];

    if (d->settings->direct != PS_DIRECT_OFF)
        session_unref(direct_session(d));
    pthread_mutex_lock(&d->lock);
    memcpy(text, d->text, sizeof(text));
    pthread_mutex_unlock(&d->lock);
    return text;
}

/* --- buffers --- */

/* The buffer is known to that session. Under the buffer's lock. */
static enum ps_err buffer_hand_over(struct ps_buffer *b, struct client_session *s)
{
    struct buf why = buf_over(b->why, sizeof(b->why) - 1);
    enum err e;

    if (b->generation == s->generation)
        return b->is_refused ? client_why(PS_ERR_NOT_DIRECT, "no direct path: %s", b->why) : PS_OK;
    if (b->generation > s->generation) /* it has moved on to a newer session */
        return client_why(PS_ERR_NOT_DIRECT, "no direct path: the session has ended");
    e = local_peer_register(s->peer, &b->memory, &b->region, &why);
    b->why[why.len] = '\0';
    if (e == ERR_CLOSED)
        return client_why(PS_ERR_NOT_DIRECT, "no direct path: %s", b->why);
    b->generation = s->generation;
    b->is_refused = e != ERR_OK;
    return e ? client_why(PS_ERR_NOT_DIRECT, "no direct path: %s", b->why) : PS_OK;
}

enum ps_err client_direct_pass(
    struct client_direct *d, struct ps_buffer *b, const struct client_want *want,
    struct client_pass *pass_out)
{
    struct client_session *s = direct_session(d);
    struct client_pass p = {.session = s};
    struct buf text = buf_over(p.bytes, sizeof(p.bytes));
    struct local_mint mint = {.offset = want->off, .bytes = want->len, .is_write = want->is_write};
    enum ps_err e;

    if (!s)
        return PS_ERR_NOT_DIRECT;
    pthread_mutex_lock(&b->lock);
    e = buffer_hand_over(b, s);
    mint.region = b->region;
    pthread_mutex_unlock(&b->lock);
    if (!e && local_peer_mint(s->peer, &mint, &text, &p.ticket))
        e = client_why(PS_ERR_NOT_DIRECT, "no direct path: the session has ended");
    if (e)
        session_unref(s);
    else
        *pass_out = p;
    return e;
}

bool client_direct_is_lost(const struct client_pass *p)
{
    return p->session && !local_peer_is_up(p->session->peer);
}

void client_direct_release(struct client_pass *p)
{
    session_unref(p->session);
    p->session = NULL;
}

void client_direct_revoke(struct client_pass *p)
{
    if (!p->session)
        return;
    enum err e = local_peer_revoke(p->session->peer, &p->ticket);
    if (e == ERR_CLOSED)
        usleep(DIRECT_GRACE_MS * 1000);
    /* Too many at once: wait for the token's own end, and for what was begun before it. */
    while (e && e != ERR_CLOSED && (uint64_t)clock_wall_ms() < p->ticket.expiry_ms + 10000) {
        usleep(100 * 1000);
        e = local_peer_revoke(p->session->peer, &p->ticket);
    }
    client_direct_release(p);
}

void client_direct_forget(struct client_direct *d, struct ps_buffer *b)
{
    struct client_session *s;

    pthread_mutex_lock(&d->lock);
    s = d->session;
    if (s)
        atomic_fetch_add(&s->refs, 1);
    pthread_mutex_unlock(&d->lock);
    if (s && s->generation == b->generation && !b->is_refused)
        (void)!local_peer_unregister(s->peer, b->region);
    session_unref(s);
}
