/*
 * The fault engine: another engine, whose N-th call fails and whose completions come late and in
 * another order. For fault loops, of one operation or of a whole server: N = 1, 2, ... until
 * nothing failed; after each, nothing may be leaked or half visible, and the server must live.
 *
 * A call that fails has no effect at the inner engine (a failed commit aborts the staging), unless
 * is_after is set. With no fault armed it keeps the whole contract of engine.h.
 */
#ifndef PENSTOCK_ENGINE_FAULT_FAULT_H
#define PENSTOCK_ENGINE_FAULT_FAULT_H

#include "engine/engine.h"

enum engine_fault_kind {
    ENGINE_FAULT_LOOKUP = 1,
    ENGINE_FAULT_READ = 2, /* dst is filled with garbage first */
    ENGINE_FAULT_WRITE = 4,
    ENGINE_FAULT_COMMIT = 8,
    ENGINE_FAULT_REMOVE = 16,
    ENGINE_FAULT_LIST = 32,
    ENGINE_FAULT_AMEND = 64,
    ENGINE_FAULT_ANY = 127
};

/* The zero value: nothing fails, nothing is late. */
struct engine_fault_config {
    unsigned kinds;    /* of enum engine_fault_kind, or'ed: the calls that count */
    uint64_t nth;      /* this call of those kinds fails, counted from 1; 0: none */
    enum err err;      /* with this error */
    bool is_after;     /* commit, amend, remove: it took place all the same (ERR_UNKNOWN_OUTCOME) */
    bool is_repeating; /* so does every nth after it */
    uint64_t seed;     /* of the delays */
    unsigned turns_max; /* a completion is late by 0 .. turns_max turns of its reactor */
};

/*
 * engine_fault_new(inner, config, engine_out): takes over inner, which is closed with it. config
 * may be NULL: nothing is armed.
 */
enum err engine_fault_new(
    struct engine *inner, const struct engine_fault_config *config,
    struct engine **engine_out) MUST_CHECK;

/* engine_fault_arm(E, config): from now on. From any thread; calls under way may see either. */
void engine_fault_arm(struct engine *E, const struct engine_fault_config *config);
/* How many calls have failed by fault since the last arm. A loop ends when that is 0. */
uint64_t engine_fault_count(struct engine *E);

#endif
