/*
 * Every 1 MiB block is either in the common store or cut for one class. Chunk structs are found by
 * address, one for each 4 KiB of the arena, so that nothing is allocated later; those of larger
 * classes use the first one of their range, and the others are never touched.
 *
 *   block: stored (on A->stored) --cut--> partial (on A->partial[class]) <--> full (on no list)
 *   partial --its last chunk comes back--> stored
 *
 * A block is cut lazily: chunks never taken since the cut lie behind `cut`, the returned ones are
 * on `free`.
 *
 * One lock, held for a few list operations. Waiters are served in order by whoever gives a chunk
 * back; no one is served while an earlier one waits, or large chunks would starve.
 *
 * Nobody waits while the hook could help (the cache may hold all there is): a waiter first joins
 * the list and then calls the hook until it has nothing more to release; an unref that leaves
 * references looks at the list afterwards, and calls the hook again. One of the two sees the other.
 */
#include "mem/arena.h"

#include <assert.h>
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mem/arena_map.h"

enum { PAGES_PER_BLOCK = CHUNK_BYTES_MAX / CHUNK_BYTES_MIN };
static const uint64_t ARENA_BYTES_MIN = 16 * MIB;

struct block {
    struct list link; /* A->stored or A->partial[class_index]; none when full */
    struct list free; /* returned chunks */
    uint32_t class_index;
    uint32_t cut; /* chunks ever taken since the block was cut */
    uint32_t out; /* chunks not here now */
};

struct arena {
    /* set once at start */
    struct arena_map map;
    uint64_t bytes;
    struct block *blocks;
    struct chunk *chunks; /* one for each 4 KiB */

    pthread_mutex_t lock;
    /* under lock */
    struct list stored;
    struct list partial[CHUNK_CLASSES];
    struct list waiters; /* arena_take.op.link, oldest first */
    uint64_t bytes_used;
    arena_reclaim_fn *reclaim;
    void *reclaim_ctx;

    /* any thread */
    _Atomic uint64_t waiting; /* written under lock; read by unref without */
    atomic_uint pokes;        /* calls of help_waiters since the running one last looked */
};

static uint32_t class_bytes(uint32_t class_index)
{
    return (uint32_t)CHUNK_BYTES_MIN << (2 * class_index);
}

static uint32_t class_of(size_t bytes)
{
    uint32_t class_index = 0;

    assert(bytes <= CHUNK_BYTES_MAX);
    while (class_bytes(class_index) < bytes)
        class_index++;
    return class_index;
}

enum err arena_new(uint64_t bytes, struct arena **arena_out, const char **note_out)
{
    if (bytes > SIZE_MAX / 4)
        return ERR_NO_MEMORY;
    bytes = MAX((bytes + CHUNK_BYTES_MAX - 1) & ~(uint64_t)(CHUNK_BYTES_MAX - 1), ARENA_BYTES_MIN);
    size_t blocks = bytes / CHUNK_BYTES_MAX;
    struct arena *A = calloc(1, sizeof *A);
    if (!A)
        return ERR_NO_MEMORY;
    A->bytes = bytes;
    enum err e = arena_map_open(bytes, &A->map, note_out);
    if (e)
        goto undo_arena;
    e = ERR_NO_MEMORY;
    A->blocks = calloc(blocks, sizeof *A->blocks);
    A->chunks = calloc(blocks * PAGES_PER_BLOCK, sizeof *A->chunks);
    if (!A->blocks || !A->chunks)
        goto undo_tables;
    ASAN_POISON_MEMORY_REGION(A->map.at, A->map.bytes);
    (void)pthread_mutex_init(&A->lock, NULL);
    list_init(&A->stored);
    list_init(&A->waiters);
    for (size_t i = 0; i < CHUNK_CLASSES; i++)
        list_init(&A->partial[i]);
    for (size_t i = 0; i < blocks; i++) {
        list_init(&A->blocks[i].free);
        list_push_back(&A->stored, &A->blocks[i].link);
    }
    *arena_out = A;
    return ERR_OK;

undo_tables:
    free(A->chunks);
    free(A->blocks);
    arena_map_close(&A->map);
undo_arena:
    free(A);
    return e;
}

void arena_free(struct arena *A)
{
    if (!A)
        return;
    assert(A->bytes_used == 0);
    assert(list_is_empty(&A->waiters));
    ASAN_UNPOISON_MEMORY_REGION(A->map.at, A->map.bytes);
    arena_map_close(&A->map);
    (void)pthread_mutex_destroy(&A->lock);
    free(A->chunks);
    free(A->blocks);
    free(A);
}

struct view arena_memory(const struct arena *A)
{
    return view_of(A->map.at, A->bytes);
}

static struct chunk *chunk_cut(struct arena *A, struct block *block)
{
    size_t bytes = class_bytes(block->class_index);
    size_t offset = (size_t)(block - A->blocks) * CHUNK_BYTES_MAX + block->cut * bytes;
    struct chunk *c = &A->chunks[offset / CHUNK_BYTES_MIN];

    block->cut++;
    c->at = A->map.at + offset;
    c->bytes = (uint32_t)bytes;
    c->arena = A;
    c->class_index = block->class_index;
    return c;
}

/* Under lock. NULL when the class has no chunk and the store no block. */
static struct chunk *take_locked(struct arena *A, size_t bytes)
{
    uint32_t class_index = class_of(bytes);
    uint32_t per_block = CHUNK_BYTES_MAX / class_bytes(class_index);
    struct list *partial = &A->partial[class_index];

    if (list_is_empty(partial)) {
        struct list *stored = list_pop(&A->stored);
        if (!stored)
            return NULL;
        struct block *fresh = container_of(stored, struct block, link);
        assert(fresh->out == 0 && list_is_empty(&fresh->free));
        fresh->class_index = class_index;
        fresh->cut = 0;
        list_push_front(partial, stored);
    }
    struct block *block = container_of(partial->next, struct block, link);
    struct list *returned = list_pop(&block->free);
    struct chunk *c = returned ? container_of(returned, struct chunk, link) : chunk_cut(A, block);
    if (++block->out == per_block)
        list_remove(&block->link);
    A->bytes_used += c->bytes;
    ASAN_UNPOISON_MEMORY_REGION(c->at, c->bytes);
    list_init(&c->link);
    c->len = 0;
    atomic_store_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

/* Under lock. */
static void give_locked(struct arena *A, struct chunk *c)
{
    struct block *block = &A->blocks[(size_t)(c->at - A->map.at) / CHUNK_BYTES_MAX];
    uint32_t per_block = CHUNK_BYTES_MAX / c->bytes;

    assert(block->class_index == c->class_index && block->out > 0);
    ASAN_POISON_MEMORY_REGION(c->at, c->bytes);
    A->bytes_used -= c->bytes;
    if (block->out-- == per_block)
        list_push_back(&A->partial[c->class_index], &block->link);
    list_push_front(&block->free, &c->link);
    if (block->out == 0) {
        list_init(&block->free);
        list_remove(&block->link);
        list_push_front(&A->stored, &block->link);
    }
}

/* Under lock: moves the waiters that can be served to `served`, oldest first. */
static void serve_locked(struct arena *A, struct list *served)
{
    list_init(served);
    while (!list_is_empty(&A->waiters)) {
        struct arena_take *t = container_of(A->waiters.next, struct arena_take, op.link);
        t->chunk = take_locked(A, t->bytes);
        if (!t->chunk)
            return;
        t->is_waiting = false;
        list_remove(&t->op.link);
        list_push_back(served, &t->op.link);
        atomic_fetch_sub(&A->waiting, 1);
    }
}

/* Without locks: from here on the takers belong to their reactors. */
static void complete_served(struct list *served)
{
    struct list *node;

    while ((node = list_pop(served)))
        op_complete(&container_of(node, struct arena_take, op.link)->op, ERR_OK);
}

static bool reclaim(struct arena *A, size_t bytes)
{
    pthread_mutex_lock(&A->lock);
    arena_reclaim_fn *fn = A->reclaim;
    void *ctx = A->reclaim_ctx;
    pthread_mutex_unlock(&A->lock);
    return fn && fn(ctx, bytes);
}

/* What the oldest waiter wants; 0 when nobody waits. */
static size_t bytes_wanted(struct arena *A)
{
    size_t bytes = 0;

    pthread_mutex_lock(&A->lock);
    if (!list_is_empty(&A->waiters))
        bytes = MAX(container_of(A->waiters.next, struct arena_take, op.link)->bytes, 1);
    pthread_mutex_unlock(&A->lock);
    return bytes;
}

/*
 * Calls the hook until nobody waits or it has nothing more. One thread at a time does so, for all:
 * the others leave a poke, and the one goes round again. That also ends the recursion hook ->
 * chunk_unref -> here.
 */
static void help_waiters(struct arena *A)
{
    unsigned seen;

    if (atomic_fetch_add(&A->pokes, 1) > 0)
        return;
    do {
        seen = atomic_load(&A->pokes);
        size_t bytes = bytes_wanted(A);
        while (bytes && reclaim(A, bytes))
            bytes = bytes_wanted(A);
    } while (!atomic_compare_exchange_strong(&A->pokes, &seen, 0));
}

/* False when somebody waits already: the hook would only help him. */
static bool try_locked_take(struct arena *A, size_t bytes, struct chunk **chunk_out)
{
    pthread_mutex_lock(&A->lock);
    bool is_first = list_is_empty(&A->waiters);
    *chunk_out = is_first ? take_locked(A, bytes) : NULL;
    pthread_mutex_unlock(&A->lock);
    return is_first;
}

struct chunk *arena_try_take(struct arena *A, size_t bytes)
{
    struct chunk *c;

    while (try_locked_take(A, bytes, &c) && !c) {
        if (!reclaim(A, bytes))
            return NULL;
    }
    return c;
}

void arena_take(struct arena *A, struct arena_take *t)
{
    op_start(&t->op);
    assert(t->bytes <= CHUNK_BYTES_MAX);
    t->arena = A;
    t->is_waiting = false;
    pthread_mutex_lock(&A->lock);
    t->chunk = list_is_empty(&A->waiters) ? take_locked(A, t->bytes) : NULL;
    if (!t->chunk) {
        t->is_waiting = true;
        list_push_back(&A->waiters, &t->op.link);
        atomic_fetch_add(&A->waiting, 1);
    }
    bool is_waiting = t->is_waiting;
    pthread_mutex_unlock(&A->lock);
    if (is_waiting)
        help_waiters(A);
    else
        op_complete(&t->op, ERR_OK);
}

void arena_take_cancel(struct arena_take *t)
{
    struct arena *A = t->arena;
    struct list served;

    pthread_mutex_lock(&A->lock);
    if (!t->is_waiting) {
        pthread_mutex_unlock(&A->lock);
        return;
    }
    t->is_waiting = false;
    t->op.is_cancelled = true;
    list_remove(&t->op.link);
    atomic_fetch_sub(&A->waiting, 1);
    /* Those behind may have waited only for this one's turn. */
    serve_locked(A, &served);
    pthread_mutex_unlock(&A->lock);
    op_complete(&t->op, ERR_CANCELLED);
    complete_served(&served);
}

void chunk_ref(struct chunk *c)
{
    uint32_t before = atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);

    assert(before > 0 && before < UINT32_MAX);
    (void)before;
}

void chunk_unref(struct chunk *c)
{
    struct list served;

    if (!c)
        return;
    struct arena *A = c->arena;
    uint32_t before = atomic_fetch_sub(&c->refs, 1);
    assert(before > 0);
    if (before == 1) {
        pthread_mutex_lock(&A->lock);
        give_locked(A, c);
        serve_locked(A, &served);
        pthread_mutex_unlock(&A->lock);
        complete_served(&served);
    } else if (atomic_load(&A->waiting) > 0) {
        help_waiters(A);
    }
}

void arena_set_reclaim(struct arena *A, arena_reclaim_fn *fn, void *ctx)
{
    pthread_mutex_lock(&A->lock);
    A->reclaim = fn;
    A->reclaim_ctx = ctx;
    pthread_mutex_unlock(&A->lock);
}

void arena_stats(struct arena *A, struct arena_stats *out)
{
    pthread_mutex_lock(&A->lock);
    out->bytes_total = A->bytes;
    out->bytes_used = A->bytes_used;
    out->waiting = atomic_load(&A->waiting);
    pthread_mutex_unlock(&A->lock);
}
