/*
 * The contract of engine.h as test cases, run over every implementation.
 *
 * A test program fills a factory and returns engine_suite_run(&factory). Every case starts with a
 * new, empty engine that it closes at its end, so it must close cleanly. All cases run three times:
 * with one owner, and with two owners where the bucket is the caller's own or the other thread's.
 */
#ifndef PENSTOCK_TESTS_ENGINE_SUITE_H
#define PENSTOCK_TESTS_ENGINE_SUITE_H

#include "engine/engine.h"

struct engine_factory {
    const char *name;
    /* Called on the thread of owners[0], whose reactor it may turn (stand_wait); the other owner
     * runs on its own thread. is_reopen: with what the last close left, else empty. */
    enum err (*open)(
        struct reactor **owners, unsigned owner_count, struct arena *A, bool is_reopen,
        struct engine **engine_out);
    /* Called when a case is over and the engine closed. NULL: nothing to do. */
    void (*wipe)(void);
    bool is_persistent; /* close and open keep the entries */
};

/* The exit status of the program: 0 when all held. */
int engine_suite_run(const struct engine_factory *factory);

#endif
