/*
 * S3-FIFO. A stripe (a hash table, two queues and a memory of names, under one lock) holds the keys
 * that hash to it. New entries join the small queue; at its end those that were found meanwhile go
 * on to the main queue, the others are evicted and their names noted. A noted name that is inserted
 * again joins the main queue at once. At the end of the main queue an entry that was found goes
 * round again, once for each hit (three at most). So a scan passes through a tenth of the cache
 * and leaves the rest alone.
 *
 * The bytes are bounded for all stripes together; the fullest stripe gives first, so that each has
 * its share (a hand going round would let their sizes wander, and small ones lose their main
 * queue).
 *
 * Invariants: an entry owns one reference to its chunk. It is evicted only while that is the last
 * one, which is decided under the stripe's lock: cache_find takes its reference under the same lock
 * and nobody else can make one out of none. chunk_unref is called without locks (it may call
 * reclaim, and that takes them).
 *
 * Names of evicted entries are 32 bits of hash in a table without chains: a lost or wrong one costs
 * a queue decision, nothing else.
 */
#include "mem/cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/metrics.h"

enum {
    STRIPES = 16,
    ENTRIES_MAX = 1 << 18,
    ENTRIES_PER_STRIPE_MIN = 64,
    HITS_MAX = 3,
    SECOND_CHANCES_MAX = 64, /* per eviction: bounds the time under a lock */
    SMALL_SHARE = 10         /* the small queue aims at 1/10 of the bytes */
};

enum queue { QUEUE_SMALL, QUEUE_MAIN, QUEUES };

struct entry {
    struct cache_key key;
    struct chunk *chunk;
    struct entry *chain; /* next of the bucket, or of the free list */
    struct list link;    /* its queue, newest last */
    uint8_t queue;
    uint8_t hits;
};

struct stripe {
    _Alignas(64) pthread_mutex_t lock;
    /* under lock */
    struct entry **buckets;
    uint32_t *ghosts;
    struct entry *entries, *free;
    uint32_t entries_used; /* of the array, since the start; those given back are on free */
    struct list queues[QUEUES];
    uint64_t bytes[QUEUES];
    /* written under lock, read by anybody */
    _Atomic uint64_t bytes_all;
};

struct cache {
    struct arena *arena;
    uint64_t bytes_max;
    uint32_t entries_per_stripe;
    uint64_t bucket_mask; /* buckets and ghosts of a stripe, less one */
    struct stripe stripes[STRIPES];
    /* any thread */
    _Atomic uint64_t bytes, entries;
};

static uint64_t hash_of(struct cache_key key)
{
    return XXH3_64bits(&key, sizeof key);
}

static struct stripe *stripe_of(struct cache *C, uint64_t hash)
{
    return &C->stripes[hash % STRIPES];
}

static uint64_t bucket_of(const struct cache *C, uint64_t hash)
{
    return hash / STRIPES & C->bucket_mask;
}

static uint32_t ghost_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1; /* 0 is an empty place */
}

static struct entry **entry_place(struct cache *C, struct cache_key key, uint64_t hash)
{
    struct entry **place = &stripe_of(C, hash)->buckets[bucket_of(C, hash)];

    while (*place && ((*place)->key.hi != key.hi || (*place)->key.lo != key.lo))
        place = &(*place)->chain;
    return place;
}

/* Under the stripe's lock. The entry's reference passes to the caller. */
static struct chunk *entry_remove(struct cache *C, struct entry *entry)
{
    uint64_t hash = hash_of(entry->key);
    struct stripe *S = stripe_of(C, hash);
    struct entry **place = entry_place(C, entry->key, hash);
    struct chunk *chunk = entry->chunk;

    assert(*place == entry);
    *place = entry->chain;
    list_remove(&entry->link);
    S->bytes[entry->queue] -= chunk->bytes;
    S->bytes_all -= chunk->bytes;
    atomic_fetch_sub(&C->bytes, chunk->bytes);
    atomic_fetch_sub(&C->entries, 1);
    entry->chunk = NULL;
    entry->chain = S->free;
    S->free = entry;
    return chunk;
}

static void entry_enqueue(struct stripe *S, struct entry *entry, enum queue queue)
{
    entry->queue = (uint8_t)queue;
    list_push_back(&S->queues[queue], &entry->link);
    S->bytes[queue] += entry->chunk->bytes;
}

static void entry_requeue(struct stripe *S, struct entry *entry, enum queue queue)
{
    list_remove(&entry->link);
    S->bytes[entry->queue] -= entry->chunk->bytes;
    entry_enqueue(S, entry, queue);
}

static bool is_evictable(const struct entry *entry)
{
    return atomic_load(&entry->chunk->refs) == 1;
}

/*
 * The oldest entry of a queue that may go, or NULL. Entries in use are passed over and stay where
 * they are; `chances` limits how many found ones go round again before one goes all the same.
 */
static struct entry *queue_victim(struct stripe *S, enum queue queue, unsigned *chances)
{
    list_for_each(node, &S->queues[queue])
    {
        struct entry *entry = container_of(node, struct entry, link);
        if (!is_evictable(entry))
            continue;
        if (entry->hits == 0 || *chances == 0)
            return entry;
        --*chances;
        entry->hits = queue == QUEUE_SMALL ? 0 : (uint8_t)(entry->hits - 1);
        entry_requeue(S, entry, QUEUE_MAIN);
    }
    return NULL;
}

/*
 * Under the stripe's lock. A pass that only sent found entries round is repeated: NULL means that
 * every entry is in use, and the arena relies on it.
 */
static struct entry *stripe_victim(struct stripe *S)
{
    uint64_t all = S->bytes_all;
    enum queue first = S->bytes[QUEUE_SMALL] * SMALL_SHARE >= all ? QUEUE_SMALL : QUEUE_MAIN;
    enum queue second = first == QUEUE_SMALL ? QUEUE_MAIN : QUEUE_SMALL;
    unsigned chances = SECOND_CHANCES_MAX, before;
    struct entry *entry;

    do {
        before = chances;
        entry = queue_victim(S, first, &chances);
        if (!entry)
            entry = queue_victim(S, second, &chances);
    } while (!entry && chances < before);
    return entry;
}

/* Under the stripe's lock. The chunk, to be unreffed without it; NULL when every one is in use. */
static struct chunk *evict_locked(struct cache *C, struct stripe *S)
{
    struct entry *entry = stripe_victim(S);

    if (!entry)
        return NULL;
    if (entry->queue == QUEUE_SMALL) {
        uint64_t hash = hash_of(entry->key);
        S->ghosts[bucket_of(C, hash)] = ghost_of(hash);
    }
    metrics_add(METRIC_CACHE_EVICTED, 1);
    return entry_remove(C, entry);
}

static unsigned fullest_stripe(struct cache *C)
{
    unsigned fullest = 0;
    uint64_t most = 0;

    for (unsigned i = 0; i < STRIPES; i++) {
        uint64_t bytes = atomic_load_explicit(&C->stripes[i].bytes_all, memory_order_relaxed);
        if (bytes > most) {
            most = bytes;
            fullest = i;
        }
    }
    return fullest;
}

/*
 * One eviction: the bytes of its chunk, 0 when all entries of all stripes are in use. Every stripe
 * is asked, whatever other threads do meanwhile.
 */
static uint64_t cache_evict(struct cache *C)
{
    unsigned first = fullest_stripe(C);

    for (unsigned i = 0; i < STRIPES; i++) {
        struct stripe *S = &C->stripes[(first + i) % STRIPES];
        pthread_mutex_lock(&S->lock);
        struct chunk *chunk = evict_locked(C, S);
        pthread_mutex_unlock(&S->lock);
        if (chunk) {
            uint64_t bytes = chunk->bytes;
            chunk_unref(chunk);
            return bytes;
        }
    }
    return 0;
}

/* The arena's hook. */
static bool cache_reclaim(void *ctx, size_t bytes)
{
    struct cache *C = ctx;
    uint64_t released = 0;

    while (released < MAX(bytes, 1)) {
        uint64_t more = cache_evict(C);
        if (more == 0)
            break;
        released += more;
    }
    return released > 0;
}

static bool stripe_init(struct cache *C, struct stripe *S)
{
    (void)pthread_mutex_init(&S->lock, NULL);
    for (size_t i = 0; i < QUEUES; i++)
        list_init(&S->queues[i]);
    S->buckets = calloc(C->bucket_mask + 1, sizeof *S->buckets);
    S->ghosts = calloc(C->bucket_mask + 1, sizeof *S->ghosts);
    S->entries = calloc(C->entries_per_stripe, sizeof *S->entries);
    return S->buckets && S->ghosts && S->entries;
}

enum err cache_new(struct arena *A, uint64_t bytes_max, struct cache **cache_out)
{
    struct arena_stats stats;
    bool is_built = true;

    arena_stats(A, &stats);
    struct cache *C = aligned_alloc(_Alignof(struct cache), sizeof *C);
    if (!C)
        return ERR_NO_MEMORY;
    memset(C, 0, sizeof *C);
    C->arena = A;
    C->bytes_max = bytes_max ? bytes_max : stats.bytes_total / 4 * 3;
    /* Keys do not spread evenly over the stripes: a quarter more than the mean. */
    uint64_t entries = MIN(C->bytes_max / CHUNK_BYTES_MIN, ENTRIES_MAX) / STRIPES * 5 / 4;
    C->entries_per_stripe = (uint32_t)MAX(entries, ENTRIES_PER_STRIPE_MIN);
    C->bucket_mask = 1;
    while (C->bucket_mask + 1 < C->entries_per_stripe)
        C->bucket_mask = C->bucket_mask * 2 + 1;
    for (size_t i = 0; i < STRIPES; i++)
        is_built = stripe_init(C, &C->stripes[i]) && is_built;
    if (!is_built) {
        cache_free(C);
        return ERR_NO_MEMORY;
    }
    arena_set_reclaim(A, cache_reclaim, C);
    *cache_out = C;
    return ERR_OK;
}

static void stripe_done(struct cache *C, struct stripe *S)
{
    for (size_t i = 0; i < QUEUES; i++) {
        while (!list_is_empty(&S->queues[i]))
            chunk_unref(entry_remove(C, container_of(S->queues[i].next, struct entry, link)));
    }
    free(S->buckets);
    free(S->ghosts);
    free(S->entries);
    (void)pthread_mutex_destroy(&S->lock);
}

void cache_free(struct cache *C)
{
    if (!C)
        return;
    arena_set_reclaim(C->arena, NULL, NULL);
    for (size_t i = 0; i < STRIPES; i++)
        stripe_done(C, &C->stripes[i]);
    free(C);
}

struct chunk *cache_find(struct cache *C, struct cache_key key)
{
    if (!C)
        return NULL;
    uint64_t hash = hash_of(key);
    struct stripe *S = stripe_of(C, hash);
    struct chunk *chunk = NULL;

    pthread_mutex_lock(&S->lock);
    struct entry *entry = *entry_place(C, key, hash);
    if (entry) {
        entry->hits = (uint8_t)MIN(entry->hits + 1, HITS_MAX);
        chunk = entry->chunk;
        chunk_ref(chunk);
    }
    pthread_mutex_unlock(&S->lock);
    metrics_add(chunk ? METRIC_CACHE_HITS : METRIC_CACHE_MISSES, 1);
    return chunk;
}

/* Counts `bytes` more in, after evicting what is over; false when the rest is in use. */
static bool reserve(struct cache *C, uint64_t bytes)
{
    if (bytes > C->bytes_max)
        return false;
    uint64_t after = atomic_fetch_add(&C->bytes, bytes) + bytes;

    while (after > C->bytes_max) {
        if (cache_evict(C) == 0) {
            atomic_fetch_sub(&C->bytes, bytes);
            return false;
        }
        after = atomic_load(&C->bytes);
    }
    return true;
}

static bool has_entry(const struct cache *C, const struct stripe *S)
{
    return S->free || S->entries_used < C->entries_per_stripe;
}

static struct entry *entry_take(struct stripe *S)
{
    struct entry *entry = S->free;

    if (!entry)
        return &S->entries[S->entries_used++];
    S->free = entry->chain;
    return entry;
}

/* Under the stripe's lock; the key is not there and an entry is free. */
static void
insert_locked(struct cache *C, struct stripe *S, struct cache_key key, struct chunk *chunk)
{
    uint64_t hash = hash_of(key);
    struct entry **bucket = &S->buckets[bucket_of(C, hash)];
    bool is_known = S->ghosts[bucket_of(C, hash)] == ghost_of(hash);
    struct entry *entry = entry_take(S);

    *entry = (struct entry){.key = key, .chunk = chunk, .chain = *bucket};
    *bucket = entry;
    chunk_ref(chunk);
    atomic_fetch_add(&C->entries, 1);
    S->bytes_all += chunk->bytes;
    entry_enqueue(S, entry, is_known ? QUEUE_MAIN : QUEUE_SMALL);
}

/* The room is reserved. False when the key is there already, or no entry can be had. */
static bool stripe_insert(struct cache *C, struct cache_key key, struct chunk *chunk)
{
    uint64_t hash = hash_of(key);
    struct stripe *S = stripe_of(C, hash);
    struct chunk *evicted = NULL;

    pthread_mutex_lock(&S->lock);
    bool is_new = !*entry_place(C, key, hash);
    if (is_new && !has_entry(C, S))
        evicted = evict_locked(C, S);
    bool is_inserted = is_new && has_entry(C, S);
    if (is_inserted)
        insert_locked(C, S, key, chunk);
    pthread_mutex_unlock(&S->lock);
    chunk_unref(evicted);
    return is_inserted;
}

void cache_insert(struct cache *C, struct cache_key key, struct chunk *chunk)
{
    if (!C || !reserve(C, chunk->bytes))
        return;
    if (!stripe_insert(C, key, chunk))
        atomic_fetch_sub(&C->bytes, chunk->bytes);
}

void cache_drop(struct cache *C, struct cache_key key)
{
    if (!C)
        return;
    uint64_t hash = hash_of(key);
    struct stripe *S = stripe_of(C, hash);
    struct chunk *chunk = NULL;

    pthread_mutex_lock(&S->lock);
    struct entry *entry = *entry_place(C, key, hash);
    if (entry)
        chunk = entry_remove(C, entry);
    pthread_mutex_unlock(&S->lock);
    chunk_unref(chunk);
}

void cache_stats(struct cache *C, struct cache_stats *out)
{
    out->bytes = atomic_load(&C->bytes);
    out->entries = atomic_load(&C->entries);
}
