/*
 * The client's end of the direct path: asks the server which transports it has, keeps a session
 * with it, hands buffers over when they are first used in a session, mints a pass per request.
 *
 * A session that ends (server restarted) is replaced at the next use, at most once a second; the
 * buffers follow.
 */
#ifndef PENSTOCK_CLIENT_DIRECT_H
#define PENSTOCK_CLIENT_DIRECT_H

#include <pthread.h>
#include <stdatomic.h>

#include "client/client_conns.h"
#include "client/local_peer.h"
#include "direct/local/local_token.h"

/* Freed with its last reference: the client's, and one per pass. */
struct client_session {
    struct local_peer *peer;
    uint64_t generation; /* of this client, from 1 */
    _Atomic unsigned refs;
};

struct client_direct {
    struct client_conns *conns;
    const struct client_settings *settings;
    pthread_mutex_t lock;           /* guards what follows; held while a session is made */
    struct client_session *session; /* or NULL */
    uint64_t generations;
    uint64_t retry_ns; /* not before */
    char text[200];    /* "local", or "none: why" */
};

struct ps_buffer {
    struct ps_client *client;
    struct local_memory memory;
    bool is_own;          /* made here: to be freed */
    pthread_mutex_t lock; /* guards what follows */
    uint64_t generation;  /* of the session that region belongs to; 0: none */
    uint32_t region;
    bool is_refused; /* by that session */
    char why[160];
};

/* A token, and what it takes to make sure that nobody uses it any more. */
struct client_pass {
    struct client_session *session; /* NULL: none */
    struct local_ticket ticket;
    uint8_t bytes[LOCAL_TOKEN_BYTES];
};

void client_direct_init(
    struct client_direct *d, struct client_conns *conns, const struct client_settings *s);
void client_direct_done(struct client_direct *d);
/* Asks the server if need be. Valid until this thread asks again. */
const char *client_direct_text(struct client_direct *d);

/* PS_ERR_NOT_DIRECT: there is no direct path to that buffer now; client_why says why. */
struct client_want {
    size_t off, len;
    bool is_write; /* the server writes: GET */
};
enum ps_err client_direct_pass(
    struct client_direct *d, struct ps_buffer *b, const struct client_want *want,
    struct client_pass *pass_out);
/* Its session has ended: that a token was refused says nothing. */
bool client_direct_is_lost(const struct client_pass *p);
/* After an answer has come: the server has nothing in flight. NULL session is fine. */
void client_direct_release(struct client_pass *p);
/* No answer has come: returns when the server has nothing in flight, and never will have. */
void client_direct_revoke(struct client_pass *p);
/* Takes a buffer back from the server. */
void client_direct_forget(struct client_direct *d, struct ps_buffer *b);

#endif
