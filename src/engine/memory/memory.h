/*
 * The memory engine: the whole contract of engine.h in plain ordered maps, gone at close.
 *
 * For tests: the reference the other engines are compared with, so it prefers the obvious to the
 * fast. It allocates as it goes, which no other engine may.
 */
#ifndef PENSTOCK_ENGINE_MEMORY_MEMORY_H
#define PENSTOCK_ENGINE_MEMORY_MEMORY_H

#include "engine/engine.h"

/*
 * engine_memory_new(owners, owner_count, A, engine_out): empty. A: where lent chunks come from.
 * Both must outlive the engine. engine_close asserts that nothing is pinned or staged.
 */
enum err engine_memory_new(
    struct reactor **owners, unsigned owner_count, struct arena *A,
    struct engine **engine_out) MUST_CHECK;

/*
 * engine_memory_fail_alloc(n): the n-th allocation of memory engines from now on, in the whole
 * process, fails once; 0: none does. Such a call ends with ERR_NO_SPACE and has no effect. Returns
 * what was left of the last n: 0 when that failure has happened.
 */
uint64_t engine_memory_fail_alloc(uint64_t n);

#endif
