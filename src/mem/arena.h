/*
 * The arena: the server's one pool of payload memory, reserved once at start (invariant 8),
 * registered with every ring and RDMA device.
 *
 * It hands out chunks in five sizes (4 KiB x 4^k, 4 KiB .. 1 MiB), cut from 1 MiB blocks; a block
 * all of whose chunks are free goes back to the common store. Chunks are reference-counted because
 * the cache, a socket and a drive write can hold the same one; any thread may ref and unref. When
 * nothing is free the reclaim hook (the cache) is asked, then the taker waits: FIFO. All chunks are
 * aligned to 4 KiB (O_DIRECT).
 */
#ifndef PENSTOCK_MEM_ARENA_H
#define PENSTOCK_MEM_ARENA_H

#include "loop/op.h"

enum { CHUNK_CLASSES = 5, CHUNK_BYTES_MIN = 4096, CHUNK_BYTES_MAX = 1 << 20 };

struct arena;

struct chunk {
    uint8_t *at;
    uint32_t bytes; /* capacity */
    uint32_t len;   /* payload in it; whoever fills it says */
    struct arena *arena;
    _Atomic uint32_t refs; /* chunk_ref, chunk_unref */
    uint32_t class_index;
    struct list link; /* the arena's, while free */
};

/*
 * arena_new(bytes, arena_out, note_out): one anonymous mapping, huge pages where the kernel gives
 * them, touched at once, so that what the process needs is known at start; bytes is rounded up to
 * 1 MiB, at least 16 MiB. note_out: static text about what was not had (huge pages, mlock), or
 * NULL. ERR_NO_MEMORY when the kernel does not give that much.
 */
enum err arena_new(uint64_t bytes, struct arena **arena_out, const char **note_out) MUST_CHECK;
void arena_free(struct arena *A); /* every chunk must be back */
struct view arena_memory(const struct arena *A);

/*
 * arena_try_take(A, bytes): a chunk of at least `bytes` (at most CHUNK_BYTES_MAX), with one
 * reference; NULL when there is none or somebody waits already. Any thread.
 */
struct chunk *arena_try_take(struct arena *A, size_t bytes) MUST_CHECK;

/*
 * arena_take(A, t): the same, waiting for one. t->chunk is set when advance runs with ERR_OK.
 * A transfer holds at most one chunk while it waits for another kind of thing, and takes its
 * further chunks by arena_try_take only: so waiting takers cannot block each other.
 * arena_take_cancel(t): advance runs with ERR_CANCELLED, unless a chunk came first.
 */
struct arena_take {
    struct op op;
    struct arena *arena;
    size_t bytes;
    struct chunk *chunk;
    bool is_waiting; /* the arena's, under its lock */
};
void arena_take(struct arena *A, struct arena_take *t);
void arena_take_cancel(struct arena_take *t);

void chunk_ref(struct chunk *c);
/* NULL is fine. May call the reclaim hook (see below): hold no lock that the hook takes. */
void chunk_unref(struct chunk *c);

/*
 * The hook is called, without locks held, on the thread that takes; it tries to release chunks so
 * that `bytes` can be had, and returns true when it released any. While somebody waits it is called
 * as well by a chunk_unref that leaves other references: one of them may be the hook's to release.
 * It runs on several threads at once. Set once at start, NULL at the end.
 */
typedef bool arena_reclaim_fn(void *ctx, size_t bytes);
void arena_set_reclaim(struct arena *A, arena_reclaim_fn *fn, void *ctx);

struct arena_stats {
    uint64_t bytes_total, bytes_used; /* used: in chunks that are out, the cache's included */
    uint64_t waiting;                 /* takers on the wait list */
};
void arena_stats(struct arena *A, struct arena_stats *out);

#endif
