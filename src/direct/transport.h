/*
 * The transport interface: ways to reach a window of a client's memory (architecture: local, rc,
 * dc, ofi, fault).
 *
 * A token names a window. A transport recognises its own tokens by shape, opens a window from one,
 * and moves bytes between arena chunks and the window. Nothing is in flight once window_close has
 * completed: the HTTP answer is sent after it (invariant 2).
 *
 * Budget: 8 functions (recognise, open, write, read, map, cancel, close, stop).
 * Everything runs on the calling reactor; tests/suite/transport_suite.c runs over all
 * implementations.
 */
#ifndef PENSTOCK_DIRECT_TRANSPORT_H
#define PENSTOCK_DIRECT_TRANSPORT_H

#include "loop/reactor.h"

enum { TRANSPORT_TOKEN_BYTES_MAX = 1024, TRANSPORT_DEADLINE_MS = 8000 };

struct transport;

enum token_shape {
    TOKEN_FOREIGN, /* not mine */
    TOKEN_MINE,
    TOKEN_BROKEN /* mine by shape, but malformed: 400 InvalidRDMAToken */
};

enum window_direction {
    WINDOW_WRITE, /* the server writes into it: GET */
    WINDOW_READ   /* the server reads from it: PUT */
};

/*
 * transport_open_window(T, w): check the token and pin the window.
 *
 * In       token (alive until advance), direction, user (the access key that signed the request: a
 *          session belongs to the first user that uses it), deadline_ns (not 0).
 * Out      bytes: the window's length, possibly 0. map: see below.
 * Errors   ERR_MALFORMED (400 InvalidRDMAToken); ERR_DENIED (forged, foreign, expired, closed,
 *          wrong direction, out of what was handed over: 403, counted METRIC_DIRECT_REFUSED);
 *          ERR_BUSY; ERR_UNSUPPORTED (decline).
 * Owner    The struct is the caller's until window_close's advance. On error there is nothing to
 *          close.
 */
struct window {
    struct op op; /* open, close */
    struct transport *transport;
    struct view token;
    struct view user;
    enum window_direction direction;
    uint64_t
        deadline_ns; /* clock_ns(); set by the caller; transfers after it fail with ERR_TIMEOUT */
    uint64_t bytes;  /* out */
    /*
     * Out: when not NULL the window is mapped here, bytes long, and the engine may read straight
     * into it (engine_read with dst). Valid until close. Others may change it at any time: never
     * trust what was read back.
     */
    uint8_t *map;
    void *state[4]; /* the transport's own */
    /* the wrappers' own: runs from the first transfer to the deadline */
    struct timer deadline;
    bool is_closing;
};

/*
 * transport_write(t) / transport_read(t): move len bytes between `at` (arena memory) and the window
 * at window_off.
 *
 * Shape    off + len <= window->bytes (checked: ERR_DENIED), len 1 .. CHUNK_BYTES_MAX; a write in a
 *          WINDOW_WRITE, a read in a WINDOW_READ (asserted).
 * Errors   ERR_CLOSED (client gone), ERR_TIMEOUT (started after the deadline, or given up at it),
 *          ERR_CANCELLED (the window was closed first), ERR_DENIED, ERR_IO (memory vanished).
 * When     Several may be in flight per window. ERR_OK of a write means: placed in the client's
 *          memory. At the deadline all that is in flight ends, so whoever waits needs no timer; the
 *          close may still have to wait.
 */
struct transfer {
    struct op op;
    struct window *window;
    uint64_t window_off;
    void *at;
    size_t len;
    bool is_read;   /* set by the wrapper */
    void *state[4]; /* the transport's own */
};

struct transport_ops {
    const char *name; /* "local" */
    enum token_shape (*recognise)(struct transport *T, struct view token);
    void (*open)(struct transport *T, struct window *w);
    void (*move)(struct transport *T, struct transfer *t);
    /* The deadline has passed: end what is in flight, ERR_TIMEOUT, where that can be done before
     * the close. NULL: nothing ever stays in flight. */
    void (*cancel)(struct transport *T, struct window *w);
    /* Completes when nothing of the window is in flight; transfers under way end first (early, if
     * possible), and their advance runs first. ERR_IO: part of the mapped window was lost, what
     * was written there by way of `map` may not have arrived. */
    void (*close)(struct transport *T, struct window *w);
    /* Stop: no new windows; sessions are closed; then op. The transport is gone after advance. */
    void (*stop)(struct transport *T, struct op *op);
};

struct transport {
    const struct transport_ops *ops;
};

void transport_open_window(struct transport *T, struct window *w);
void transport_write(struct transfer *t);
void transport_read(struct transfer *t);
void transport_close_window(struct window *w);
/* No new windows from now on; op completes when the last window is closed. T is gone then. */
void transport_stop(struct transport *T, struct op *op);

/* Implementers' side: end an open with ERR_DENIED, counted. */
void transport_refuse(struct window *w);

/*
 * The set of transports of a server, and dispatch by shape (s3-rdma-protocol.md 3.6).
 * transport_pick: the first that says TOKEN_MINE; NULL with *shape_out = TOKEN_BROKEN when one says
 * so, or TOKEN_FOREIGN (decline: unknown shape or transport not running).
 */
struct transport_set {
    struct transport *list[8];
    unsigned count;
};
struct transport *
transport_pick(const struct transport_set *set, struct view token, enum token_shape *shape_out);

#endif
