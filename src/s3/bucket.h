/*
 * What a bucket is set to, as requests use it: decoded and parsed once, shared by all requests of a
 * reactor until it changes.
 *
 * Every reactor has a cache. An entry is as fresh as a lookup: each change of a bucket's entry in
 * this process (create, delete, amend) bumps a generation, a counter chosen by the hash of the
 * name, after the commit and before the answer; an entry that was looked up under an older
 * generation is looked up again. So what was answered to one client holds for the next request of
 * any other.
 */
#ifndef PENSTOCK_S3_BUCKET_H
#define PENSTOCK_S3_BUCKET_H

#include "engine/engine.h"
#include "policy/policy.h"
#include "s3/bucket_meta.h"

struct bucket_cache;
struct cors;
struct s3_service;
struct s3_request;

enum bucket_versioning { VERSIONING_NEVER, VERSIONING_ENABLED, VERSIONING_SUSPENDED };

/*
 * The caches of all reactors and the generations they share: one per service, made at start. A
 * reactor keeps at most BUCKET_ENTRIES_MAX entries of together BUCKET_BYTES_MAX, and forgets the
 * longest unused; what requests still hold counts towards BUCKET_HELD_BYTES_MAX (then ERR_BUSY).
 */
enum { BUCKET_ENTRIES_MAX = 512, BUCKET_BYTES_MAX = 16 << 20, BUCKET_HELD_BYTES_MAX = 64 << 20 };
enum err bucket_cache_new(unsigned reactor_count, struct bucket_cache **cache_out) MUST_CHECK;
/* Nothing is held and no reactor uses it any more. NULL is fine. */
void bucket_cache_free(struct bucket_cache *c);

struct bucket { /* constant while it is held */
    struct view name;
    uint64_t rev; /* of the entry this was made of */
    uint64_t seq; /* of the bucket itself: one that is made anew has another */
    int64_t created_ms;
    enum bucket_versioning versioning;
    struct bucket_meta meta;     /* decoded: owner, location, lock, tags, ... */
    const struct policy *policy; /* parsed meta.policy, or NULL */
    const struct cors *cors;     /* parsed meta.cors, or NULL */
};

/* bucket_find(f): the bucket, held. ERR_NO_BUCKET; ERR_IO, ERR_CORRUPT, ERR_BUSY. A hit takes no
 * lock and no memory. */
struct bucket_find {
    struct op op;
    const struct s3_service *service;
    struct view name;
    const struct bucket *bucket; /* out: bucket_release */
    struct engine_lookup lookup;
    uint32_t generation;
};
/* True: it was in the cache, f->bucket is set and no advance runs. */
bool bucket_find_now(struct bucket_find *f);
void bucket_find(struct bucket_find *f);
void bucket_release(const struct bucket *b); /* on the same reactor; NULL is fine */
/* After each commit that made, changed or removed the entry of a bucket, before its answer. */
void bucket_changed(const struct s3_service *S, struct view name);

/*
 * Read, modify, write of a bucket's entry: looks it up, lets `edit` change the decoded meta (and
 * flags), amends under the revision it saw, again when another change came between. Ends with
 * bucket_changed. Used by every PutBucket* and DeleteBucket*.
 */
struct bucket_edit {
    struct op op;
    struct s3_request *request;
    /* May run several times. S3_None, or the answer (with detail); S3_NotModified: nothing to do,
     * advance runs with ERR_OK. Views it puts into *m must live until advance. */
    enum s3_code (*edit)(struct bucket_edit *e, struct bucket_meta *m, unsigned *flags_io);
    void *ctx;
    enum s3_code code;  /* out: set when op.err is */
    const char *detail; /* out */
    void *state;
};
void bucket_edit(struct bucket_edit *e); /* bucket_edit.c */

#endif
