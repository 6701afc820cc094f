/*
 * The contract of src/direct/transport.h, run over every implementation.
 *
 * A stand is one transport with one client, whose memory of SUITE_BYTES the test sees, too: it
 * looks at what arrived and around it. Every case starts with a fresh stand and a reactor.
 */
#ifndef PENSTOCK_TESTS_TRANSPORT_SUITE_H
#define PENSTOCK_TESTS_TRANSPORT_SUITE_H

#include "direct/transport.h"

enum { SUITE_BYTES = 4 << 20, SUITE_ARENA_BYTES = SUITE_BYTES + (1 << 20) };

struct suite_stand {
    struct transport *transport; /* NULL once a case has stopped it */
    uint8_t *memory;             /* the client's, SUITE_BYTES of it */
    uint8_t *arena; /* SUITE_ARENA_BYTES that transfers use; NULL: any memory will do */
    const struct suite_kind *kind;
};

struct suite_kind {
    const char *name;
    struct view foreign; /* a token of another transport */
    struct view broken;  /* one of this, malformed */
    struct suite_stand *(*new)(void);
    void (*free)(struct suite_stand *s); /* after the transport has stopped */
    /* A token for [off, off + len) of the memory. */
    void (*token)(
        struct suite_stand *s, uint64_t off, uint64_t len, enum window_direction d, struct buf *to);
};

/* What main of every suite test returns. */
int transport_suite_run(const struct suite_kind *kind);

/* For further cases on the same kinds. */
struct suite_stand *suite_open(const struct suite_kind *kind); /* with a reactor */
void suite_close(struct suite_stand *s);                       /* stops, frees both */

/* A window with the text of its token. */
struct suite_window {
    struct window window;
    uint8_t text[TRANSPORT_TOKEN_BYTES_MAX];
};
void suite_window(struct suite_window *w, struct view token, enum window_direction d);
/* Mints, opens, waits. */
enum err suite_window_open(
    struct suite_stand *s, struct suite_window *w, uint64_t off, uint64_t len,
    enum window_direction d);
enum err suite_window_try(struct suite_stand *s, struct suite_window *w);
enum err suite_window_close(struct suite_window *w);
/* Starts one transfer, in the direction of the window. */
void suite_start(struct transfer *t, struct suite_window *w, uint64_t off, void *at, size_t len);
/* The same, and waits. */
enum err suite_move(struct suite_window *w, uint64_t off, void *at, size_t len);
/* The i-th byte of a pattern. */
uint8_t suite_byte(uint64_t seed, uint64_t i);
void suite_fill(uint8_t *at, size_t len, uint64_t seed);

#endif
