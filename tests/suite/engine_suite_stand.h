/*
 * The stand the engine suite works on: reactors, an arena, an engine, a second thread, and blocking
 * forms of the engine's calls, so that a case reads straight down.
 *
 * The blocking calls turn the reactor of their thread, so both threads may use them: the main
 * thread runs the case, the other one serves its reactor and runs the job it is given.
 */
#ifndef PENSTOCK_TESTS_ENGINE_SUITE_STAND_H
#define PENSTOCK_TESTS_ENGINE_SUITE_STAND_H

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_suite.h"
#include "loop/reactor.h"

struct stand {
    const struct engine_factory *factory;
    struct engine *E;
    struct arena *A;
    struct reactor *reactors[2]; /* this thread's, the other thread's */
    struct reactor *owners[2];   /* what the engine was given */
    unsigned owner_count;
    bool is_remote;     /* `bucket` belongs to the other thread */
    struct view bucket; /* exists; empty at the start of each case */
    struct view bucket2;
    bool has_passed; /* this case */
    unsigned broken; /* cases that have not; their engines are left as they are */
};
extern struct stand stand;

/* Once per program. The reactors, the arena, the helper threads. */
void stand_build(const struct engine_factory *factory);
void stand_dismantle(void);

/* Per case. stand_close closes the engine only when the case got to stand_passed: what a failed
 * one has left in flight or pinned would hide why it failed. */
void stand_open(unsigned owner_count, bool is_remote);
void stand_passed(void);
void stand_close(void);
void stand_reopen(unsigned owner_count);

/* stand_arm(op): an op that stand_wait waits for; before each start. stand_wait: until all of this
 * thread's armed ops have completed. */
void stand_arm(struct op *op);
void stand_wait(void);

/* Run job(arg) on the other thread; stand_join serves the own reactor until it has returned. cmocka
 * asserts do not work there. */
void stand_fork(void (*job)(void *arg), void *arg);
void stand_join(void);

/* The calls of the engine. */
struct engine_key stand_key(const char *name); /* SPACE_OBJECT of stand.bucket */
struct engine_key stand_key_in(enum engine_space space, struct view bucket, const char *name);
void stand_put_init(struct engine_put *p, struct engine_key key, const char *etag);
enum err stand_write(struct engine_put *p, struct view bytes);
enum err stand_commit(struct engine_put *p);
void stand_abort(struct engine_put *p);
enum err stand_put(struct engine_key key, struct view bytes, const char *etag);
enum err stand_remove(struct engine_key key);
enum err stand_lookup(struct engine_key key, struct engine_object **object_out);
bool stand_has(struct engine_key key);
/* The whole of a call, set up by the caller. */
enum err stand_do_lookup(struct engine_lookup *l);
enum err stand_do_remove(struct engine_remove *r);
enum err stand_do_amend(struct engine_amend *a);
/* The flags of stand.bucket from now on; asserts. */
void stand_set_versions(unsigned flags);
enum err stand_bucket_new(struct view bucket);
/* Through dst, whole chunks. */
enum err stand_read(struct engine_object *o, uint64_t off, size_t len, uint8_t *dst);
/* Through lent chunks, joined. Checks what a lent view must be, and the CRC of each. */
enum err stand_read_lent(struct engine_object *o, uint64_t off, size_t len, uint8_t *dst);
enum err stand_list(struct engine_list *l);

/* stand_holds(key, bytes, etag): the entry is there and all of it is as given; asserts. */
void stand_holds(struct engine_key key, struct view bytes, const char *etag);
/* len bytes that depend on seed; malloc. */
uint8_t *stand_bytes(size_t len, uint64_t seed);
/* Deterministic: 64 bits from *state. */
uint64_t stand_random(uint64_t *state);

#endif
