/*
 * The engine interface: where objects live.
 *
 * An engine is an ordered, durable map from (space, bucket, name) to an entry: a few known facts,
 * an opaque meta blob, and a payload of any size. Everything S3 knows is such an entry: buckets,
 * objects, uploads under way, their parts, configuration. One commit makes one entry visible,
 * checks the conditions and may remove others, all atomically and durably (invariant 1): that is
 * the only transaction there is, and every S3 operation is designed around it.
 *
 * Versions (docs/adr/0008-versions.md). SPACE_OBJECT holds what a plain GET finds: the latest
 * version of each key, unless that is a delete marker. All else of a versioned key - older
 * versions, delete markers - is in SPACE_VERSION, newest first. Whether a bucket is versioned is a
 * flag of its own entry, so that the owner decides it at the moment of a commit, and puts and
 * removes move entries between the two spaces in the same commit.
 *
 * Budget: 10 functions (lookup, read, release, write, commit, abort, amend, remove, list, close).
 * Implementations: memory (tests), drives (default), fault (wraps another one and makes it fail),
 * rados (later). tests/suite/engine_suite.c runs over all of them.
 *
 * Threads. Every call may come from any reactor and completes on it. All entries of one bucket are
 * owned by one reactor (the engine decides which by hashing the bucket name); lookup, commit,
 * remove and list are carried there and back by the wrappers in engine.c. read and write run on the
 * calling reactor. Metadata calls touch one key range and may answer ERR_UNKNOWN_OUTCOME (a timeout
 * at a distributed engine).
 */
#ifndef PENSTOCK_ENGINE_ENGINE_H
#define PENSTOCK_ENGINE_ENGINE_H

#include "base/region.h"
#include "loop/op.h"
#include "mem/arena.h"

struct engine;

/* Spaces sort apart from each other. The number is part of the disk format. */
enum engine_space {
    SPACE_BUCKET = 1, /* bucket = the bucket, name empty */
    SPACE_OBJECT = 2, /* name = object key */
    SPACE_UPLOAD = 3, /* name = object key, 0x00, upload id */
    SPACE_PART = 4,   /* name = upload id, '/', part number as 5 digits */
    SPACE_CONFIG = 5, /* name = what is configured; bucket may be empty: the store's own */
    /* The engine's own; callers reach it by struct engine_version and by listing with versions.
     * Name = object key, 0x00, ~seq as 8 bytes big-endian: the newest of a key comes first. So in a
     * versioned bucket no key holds 0x00: put and remove answer ERR_INVALID. */
    SPACE_VERSION = 6,
    /* The engine's own: name = object key, meta = the seq, little-endian, that the null version has
     * in SPACE_VERSION. There while it is there. */
    SPACE_NULL = 7
};

/*
 * Of an entry. The numbers are part of the disk format. A bucket has one of the first two or none;
 * once it has one it is never without again (ERR_INVALID).
 */
enum engine_flags {
    ENGINE_BUCKET_VERSIONED = 1, /* SPACE_BUCKET: puts keep what was there */
    ENGINE_BUCKET_SUSPENDED = 2, /* SPACE_BUCKET: was versioned; puts replace the null version */
    ENGINE_VERSION_NAMED = 4,    /* has a version id, its seq; without: the null version */
    ENGINE_MARKER = 8            /* a delete marker: no payload, no etag */
};

/* Which version of an object. All zero: the latest. Other spaces than SPACE_OBJECT: the latest. */
struct engine_version {
    enum { VERSION_LATEST, VERSION_NULL, VERSION_SEQ } kind;
    uint64_t seq; /* VERSION_SEQ: whichever has it, the null version, too */
};

enum {
    ENGINE_NAME_BYTES_MAX = 1152,
    ENGINE_BUCKET_BYTES_MAX = 63,
    ENGINE_ETAG_BYTES_MAX = 64,
    ENGINE_META_BYTES_MAX = 1 << 20
};

struct engine_key {
    enum engine_space space;
    struct view bucket; /* at most ENGINE_BUCKET_BYTES_MAX */
    struct view name;   /* at most ENGINE_NAME_BYTES_MAX, any bytes */
};

struct engine_info {
    uint64_t size;    /* payload bytes */
    int64_t mtime_ms; /* as given at commit, since 1970 */
    /* Unique, grows with every commit to the bucket, set by the engine. It names a version: it
     * stays the same when the entry is amended or becomes an older version. */
    uint64_t seq;
    uint64_t rev;     /* of its last change, an amendment too; set by the engine */
    unsigned flags;   /* enum engine_flags */
    uint64_t crc64;   /* CRC-64/NVME of the payload, set by the engine */
    struct view etag; /* text without quotes, at most ENGINE_ETAG_BYTES_MAX */
    struct view meta; /* opaque, at most ENGINE_META_BYTES_MAX; in listings cut to list->meta_max */
};

/*
 * A found entry, pinned: its payload stays readable until engine_release, even when it is
 * overwritten or removed meanwhile. info is constant. The engine's memory; shared with nobody.
 */
struct engine_object {
    struct engine_info info;
    struct engine *engine;
};

/*
 * engine_lookup(E, l): find an entry and pin it.
 * Result   is_latest: no newer version of the key exists. A version may be a marker (flags). When
 *          the latest was asked for and is a marker: ERR_NOT_FOUND, and marker says which.
 * Errors   ERR_NOT_FOUND; ERR_NO_BUCKET (space other than SPACE_BUCKET and the bucket does not
 *          exist; the store's own SPACE_CONFIG has no bucket); ERR_IO, ERR_CORRUPT, ERR_BUSY.
 * Owner    l->object is the caller's to release. key's bytes must live until advance.
 */
struct engine_lookup {
    struct op op;
    struct engine_key key;
    struct engine_version version;
    struct engine_object *object; /* out; NULL on error */
    bool is_latest;               /* out */
    struct {
        bool is_set;
        uint64_t seq;
        unsigned flags;
        int64_t mtime_ms;
    } marker;      /* out */
    struct op hop; /* engine.c's own: the way to the owner */
    struct engine *engine;
    void *state; /* the engine's own */
};
void engine_lookup(struct engine *E, struct engine_lookup *l);

/*
 * engine_read(r): read payload bytes [off, off + len) of a pinned object.
 *
 * Two forms. dst != NULL: fills dst with exactly len bytes. dst == NULL: lends memory: r->lent is a
 * view of 1 .. len bytes (the engine may stop at a block edge; ask again for the rest) inside
 * r->chunk, a reference the caller gives back by chunk_unref. What is lent is verified and never
 * changes.
 *
 * Shape    1 <= len <= CHUNK_BYTES_MAX; off + len <= info.size (asserted).
 * Result   got bytes, and crc64: the CRC-64/NVME of exactly these got bytes (invariant 4: computed
 *          over verified memory, cheap when cached).
 * Errors   ERR_CHECKSUM (dst is garbage), ERR_IO, ERR_BUSY, ERR_CANCELLED.
 * When     Several reads of one object may be in flight.
 */
struct engine_read {
    struct op op;
    struct engine_object *object;
    uint64_t off;
    size_t len;
    uint8_t *dst;
    bool wants_crc64;
    size_t got;          /* out */
    struct view lent;    /* out, when dst == NULL */
    struct chunk *chunk; /* out, when dst == NULL */
    uint64_t crc64;      /* out, when wants_crc64 */
    void *state[4];      /* the engine's own */
};
void engine_read(struct engine_read *r);

/* engine_release(o): unpin. Any reactor, synchronous, no read in flight. NULL is fine. */
void engine_release(struct engine_object *o);

/*
 * A put: staging that nobody can see until commit.
 *
 *   engine_put_init -> engine_write* -> engine_commit | engine_abort
 *
 * After engine_put_init exactly one of commit and abort must be called, when no write is in flight.
 */
struct engine_condition {
    enum { IF_ANY, IF_ABSENT, IF_ETAG, IF_EXISTS, IF_NOT_ETAG } kind;
    struct view etag; /* IF_ETAG, IF_NOT_ETAG (which holds without an entry, too) */
    /* Not 0: the entry's info.rev must be this one, else ERR_CHANGED (ERR_NOT_FOUND without an
     * entry). So a caller looks up, decides, and changes only what it decided about. */
    uint64_t rev;
    /* Not 0: the bucket's own entry must have this info.seq, else ERR_NO_BUCKET. What was decided
     * about a bucket must not be done to another one that has got its name meanwhile. */
    uint64_t bucket_seq;
};

struct engine_put {
    struct op op; /* commit and abort */
    struct engine *engine;
    struct engine_key key;
    uint64_t size_hint; /* payload bytes expected, 0 when unknown: chooses where the bytes go */

    /* Read at commit. */
    int64_t mtime_ms;
    struct view etag;
    struct view meta;
    /* Holds for the entry `key` names at the moment of commit: ERR_PRECONDITION, and ERR_NOT_FOUND
     * when IF_ETAG or IF_EXISTS meets no entry. SPACE_BUCKET with IF_ABSENT answers ERR_EXISTS.
     * A key whose latest version is a marker has no entry. */
    struct engine_condition condition;
    /* SPACE_BUCKET: the flags it is made with. Otherwise 0. Objects: what becomes of the entry that
     * was there is decided by the bucket's flags at the moment of commit:
     *   neither      it is replaced
     *   VERSIONED    it becomes an older version; the new one gets ENGINE_VERSION_NAMED
     *   SUSPENDED    the null version, wherever it is, is removed; a named one becomes an older
     *                version; the new one is the null version */
    unsigned flags;
    /* This entry of the same bucket must exist, else ERR_NO_UPLOAD (a part needs its upload).
     * require.name.at == NULL: none. */
    struct engine_key require;
    /* Removed in the same commit: one entry (no object), and all SPACE_PART entries whose name
     * starts with a prefix. at == NULL: none. */
    struct engine_key also_remove;
    struct view purge_parts;
    /* Compose: the payload is that of these pinned objects of the same bucket, in order, moved and
     * not copied when also_remove/purge_parts removes them in the same commit. No engine_write
     * then. The caller still releases them. */
    struct engine_object *const *parts;
    size_t part_count;

    uint64_t crc64_expected; /* checked at commit when has_crc64_expected: ERR_BAD_DIGEST */
    bool has_crc64_expected;

    struct engine_info info; /* out: what became visible (seq, rev, flags, size, crc64, mtime) */
    struct op hop;
    void *state; /* the engine's own */
};

/* Sets every field to zero but the arguments; takes nothing that needs giving back. The op is idle;
 * its `advance` is the caller's to set before commit or abort. */
void engine_put_init(
    struct engine *E, struct engine_put *p, struct engine_key key, uint64_t size_hint);

/*
 * engine_write(w): append chunk bytes [0, len) to the staging of w->put. The bytes stay unchanged
 * in the chunk until the put ends. Writes are appended in the order they are started; several may
 * be in flight (the engine may complete them early; errors then appear at commit). Every write but
 * the last must have len == CHUNK_BYTES_MAX. The engine takes its own reference of the chunk when
 * it needs it after advance. Errors   ERR_NO_SPACE, ERR_IO, ERR_BUSY.
 */
struct engine_write {
    struct op op;
    struct engine_put *put;
    struct chunk *chunk;
    size_t len;
    void *state[4]; /* the engine's own */
};
void engine_write(struct engine_write *w);

/*
 * engine_commit(p): check, make durable, make visible; advance runs when all of that holds.
 * Errors   As at the fields above; ERR_NO_BUCKET; ERR_NO_SPACE; ERR_IO; ERR_BAD_DIGEST;
 *          ERR_UNKNOWN_OUTCOME. On any error nothing is visible (but for UNKNOWN_OUTCOME) and the
 *          staging is gone: no abort after commit.
 */
void engine_commit(struct engine_put *p);
/* engine_abort(p): the staging is gone when advance runs. Never fails. */
void engine_abort(struct engine_put *p);

/*
 * engine_amend(E, a): replace the meta (and, of a bucket, the flags) of an entry, durably. Payload,
 * size, mtime, etag, seq and the other flags stay; rev is new. Versions and pins made before keep
 * what they saw.
 * Errors   ERR_NOT_FOUND; ERR_NO_BUCKET; ERR_PRECONDITION; ERR_CHANGED; ERR_TOO_LARGE; ERR_IO;
 *          ERR_NO_SPACE; ERR_UNKNOWN_OUTCOME.
 */
struct engine_amend {
    struct op op;
    struct engine_key key;
    struct engine_version version;
    struct engine_condition condition; /* of that version; kind IF_ABSENT is not allowed */
    struct view meta;
    unsigned flags; /* SPACE_BUCKET: the new ones, when sets_flags */
    bool sets_flags;
    struct engine_info info; /* out, without views */
    struct op hop;
    struct engine *engine;
    void *state; /* the engine's own */
};
void engine_amend(struct engine *E, struct engine_amend *a);

/*
 * engine_remove(E, r): remove an entry (and, optionally, parts), durably. SPACE_BUCKET: only when
 * the bucket has no OBJECT and VERSION entry (ERR_NOT_EMPTY); its CONFIG, UPLOAD and PART entries
 * go with it (as on AWS, where uploads under way do not keep a bucket). A bucket that is not there
 * is ERR_NOT_FOUND; ERR_NO_BUCKET is for the others.
 *
 * Objects. A named version (VERSION_SEQ, VERSION_NULL) is removed for good; when it was the latest
 * the next older one becomes that: a GET finds it, unless it is a marker. The latest
 * (VERSION_LATEST) of a bucket with ENGINE_BUCKET_VERSIONED becomes an older version and a marker
 * is put before it (also when there is nothing: never ERR_NOT_FOUND then, unless a condition asks
 * for an entry); with SUSPENDED the null version is removed and a marker becomes the null version;
 * otherwise it is removed for good.
 *
 * Errors   ERR_NOT_FOUND; ERR_NO_BUCKET; ERR_PRECONDITION; ERR_CHANGED; ERR_IO; ERR_NO_SPACE.
 */
struct engine_remove {
    struct op op;
    struct engine_key key;
    struct engine_version version;
    /* Of the version that is named, a marker too. A latest version that is a marker is no entry. */
    struct engine_condition condition;
    struct view purge_parts; /* as in engine_put */
    int64_t mtime_ms;        /* of the marker, if one is made */
    struct view meta;        /* likewise */
    bool made_marker;        /* out */
    struct engine_info info; /* out, without views: the marker made, or what was removed for good */
    struct op hop;
    struct engine *engine;
    void *state;
};
void engine_remove(struct engine *E, struct engine_remove *r);

/*
 * engine_list(E, l): one page of names in byte order.
 *
 * Entries of (space, bucket) whose name starts with prefix and is > after (or >= after when
 * is_after_inclusive; empty: from the start). With a delimiter, names that contain it behind the
 * prefix are rolled up: one item with is_prefix, name = prefix up to and including the delimiter;
 * the engine seeks past the group, and the name of a group obeys `after` as that of an entry does.
 * SPACE_BUCKET ignores `bucket` and lists all buckets: item.name is the bucket's name.
 *
 * Shape    max_items 1 .. 1001. meta_max: how much of each meta to copy (0: none). `region` is of
 * the calling reactor; the views live until advance.
 * Result   items[0..count) in `region` memory; is_truncated when more would follow; the last item's
 * name is then the `after` of the next page. Errors   ERR_NO_BUCKET, ERR_BUSY (region exhausted),
 * ERR_IO; count is then 0.
 */
struct engine_item {
    bool is_prefix;
    bool is_latest; /* with_versions */
    struct view name;
    struct engine_info info; /* etag and meta copied into the region; nothing for a prefix */
};
struct engine_list {
    struct op op;
    enum engine_space space;
    struct view bucket, prefix, after, delimiter;
    bool is_after_inclusive;
    /* SPACE_OBJECT: every version and marker, by key and then from the newest to the oldest. A page
     * may end inside a key: go on with after = its name and after_seq = its last seq (versions of
     * `after` that are older than after_seq come first; 0: none of them; not together with
     * is_after_inclusive). A version that moves from the one space to the other meanwhile is listed
     * once. is_latest is as it was when the first of the key was listed. */
    bool with_versions;
    uint64_t after_seq;
    unsigned max_items;
    size_t meta_max;
    struct region *region;
    struct engine_item *items; /* out */
    unsigned count;            /* out */
    bool is_truncated;         /* out */
    unsigned owner;            /* set by engine_list.c: whose entries, an index into owners */
    struct engine *engine;
    void *state;
};
void engine_list(struct engine *E, struct engine_list *l);

/*
 * engine_close(E, op): finish what is under way, write checkpoints, free everything. After advance
 * E is gone. Nothing else may be in flight, nothing pinned.
 */
void engine_close(struct engine *E, struct op *op);

/* Facts, as text for the start message and numbers for metrics. */
struct engine_facts {
    const char *name; /* "drives" */
    char detail[200]; /* "1 drive, /srv/a, strict" */
    uint64_t bytes_total, bytes_free, entries;
};
void engine_facts(struct engine *E, struct engine_facts *out);

/* ---- implementers' side ------------------------------------------------------------------ */

struct engine_ops {
    void (*lookup)(struct engine *E, struct engine_lookup *l); /* on the owner */
    void (*read)(struct engine *E, struct engine_read *r);
    void (*release)(struct engine *E, struct engine_object *o);
    void (*write)(struct engine *E, struct engine_write *w);
    void (*commit)(struct engine *E, struct engine_put *p); /* on the owner */
    void (*abort)(struct engine *E, struct engine_put *p);
    void (*amend)(struct engine *E, struct engine_amend *a);   /* on the owner */
    void (*remove)(struct engine *E, struct engine_remove *r); /* on the owner */
    void (*list)(struct engine *E, struct engine_list *l); /* on the owner l->owner; see below */
    void (*close)(struct engine *E, struct op *op);
    void (*facts)(struct engine *E, struct engine_facts *out); /* not counted: control path */
};

/*
 * What every engine starts with. owners[hash(bucket) % owner_count] owns a bucket; the wrappers
 * carry the op there with op_send on `hop` and the implementation calls op_complete(&x->op, err),
 * which brings it home. The wrappers do op_start and the contract asserts; implementations assume
 * them. The store's own CONFIG (empty bucket) belongs to owners[0].
 */
struct engine {
    const struct engine_ops *ops;
    struct reactor **owners; /* the server's array; outlives the engine */
    unsigned owner_count;
};

/* The index into owners that owns a bucket. The hash (XXH3-64) is not part of any disk format. */
unsigned engine_owner(const struct engine *E, struct view bucket);

/*
 * ops->list always runs on owners[l->owner], with a region of that reactor, and lists what that
 * owner owns (SPACE_BUCKET: its buckets only); engine_list.c merges. engine_page.h does prefix,
 * after, delimiter and page. engine_list_owned(E, l) starts such a listing of l->owner's entries on
 * the current reactor, that owner's; for engines that wrap another one.
 */
void engine_list_owned(struct engine *E, struct engine_list *l);

#endif
