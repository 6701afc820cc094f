/*
 * A server with a small handler of its own, and scripted clients, all on the test's thread: whoever
 * waits turns the reactor. What the handler does is chosen by the path:
 *
 *   /echo?piece=P        reads the body P bytes at a time, answers with it (400 and err name if
 * bad) /size?n=N&piece=P    N pattern bytes, P at a time /chunked?n=N&piece=P the same, chunked
 *   /status?code=C&n=N   status C announcing N bytes, sending none
 *   /early               403 without reading the body
 *   /short               promises 100 bytes, sends 10
 *   /nothing             ends without an answer
 *   /unsent              begins an answer, ends without sending it
 *   /again               an answer replaced by another
 *   /inject              tries to smuggle a header through a value
 *   /hold                answers when rig_release is called
 *   /close               asks for Connection: close
 */
#ifndef PENSTOCK_TESTS_HTTP_RIG_H
#define PENSTOCK_TESTS_HTTP_RIG_H

#include "http/server.h"
#include "loop/reactor.h"

struct ssl_st;

struct rig {
    struct reactor *reactor;
    struct http_server *server;
    struct metrics metrics;
    int listen_fd;
    uint16_t port;
    unsigned handled, ended;
    unsigned last_status;
    uint64_t last_in, last_out;
    char last_id[HTTP_REQUEST_ID_LEN + 1];
    enum err last_body_err, last_send_err;
    struct rig_call *held;
    struct op drain;
    bool is_drained;
};

/* False when this host does not have that ring. config: timeouts and limits only, or NULL. */
bool rig_start(
    struct rig *g, enum ring_kind ring, const struct http_server_config *config,
    struct tls_context *tls);
/* The same over a ring of the test's own (loop_sim.h). */
void rig_start_over(
    struct rig *g, struct ring *ring, const struct http_server_config *config,
    struct tls_context *tls);
/* Drains, and asserts that nothing is left. */
void rig_stop(struct rig *g);
void rig_turn(struct rig *g);
void rig_release(struct rig *g);
uint64_t rig_metric(const struct rig *g, enum metric m);

struct rig_client {
    struct rig *rig;
    int fd;
    struct ssl_st *ssl; /* NULL: plain */
    uint8_t *got;
    size_t len, cap;
    bool is_closed; /* the server closed its side, orderly */
    bool is_reset;
};

void rig_connect(struct rig *g, struct rig_client *c);
/* One step of the TLS handshake and a turn: 1 done, 0 not yet, -1 failed. */
int rig_shake(struct rig_client *c);
void rig_send(struct rig_client *c, const void *at, size_t len);
void rig_text(struct rig_client *c, const char *text);
/* What the socket takes at once; the rest is not sent. */
size_t rig_send_some(struct rig_client *c, const void *at, size_t len);
/* Wait until that much, or that text, has come; fail when the server closes before. */
/* Until that many requests have ended: the client may have the last byte before the server knows.
 */
void rig_wait_ended(struct rig *g, unsigned count);
void rig_wait_len(struct rig_client *c, size_t len);
void rig_wait_text(struct rig_client *c, const char *text);
/* One turn, and take what has come. */
void rig_poll(struct rig_client *c);
void rig_wait_closed(struct rig_client *c);
/* Waits for a whole answer with Content-Length or chunked=false framing; checks status; returns its
 * body (inside c->got) and forgets it with rig_next. */
struct view rig_answer(struct rig_client *c, unsigned status);
bool rig_has(const struct rig_client *c, const char *text); /* in what has come */
void rig_forget(struct rig_client *c, size_t len);          /* the first len bytes */
void rig_close(struct rig_client *c);
void rig_reset(struct rig_client *c); /* closes with RST */

void rig_pattern(uint8_t *to, size_t len, uint64_t offset);

#endif
