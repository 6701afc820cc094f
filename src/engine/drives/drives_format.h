/*
 * What is on the drive, as bytes: docs/formats/drives.md has the tables, drives_format.c writes
 * them. Pure functions over views and bufs; everything read is checked before it is believed.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_FORMAT_H
#define PENSTOCK_ENGINE_DRIVES_FORMAT_H

#include "engine/engine_versions.h"

enum {
    DRIVES_VERSION = 1,
    DRIVES_ENTRY_FLAGS_VERSION = 2, /* of an entry with flags: older readers must refuse it */
    DRIVES_BLOCK_BYTES = 4096,      /* alignment of groups and data extents */
    DRIVES_HEAD_BYTES = 4096,       /* superblock file; first block of a segment */
    DRIVES_GROUP_HEAD_BYTES = 96,   /* before the records of a group */
    DRIVES_RECORD_HEAD_BYTES = 24,  /* before the fields of a record */
    DRIVES_FIELD_HEAD_BYTES = 8,    /* before the bytes of a field */
    DRIVES_ENTRY_HEAD_BYTES = 64,   /* before the fields of an entry */
    DRIVES_KEY_BYTES_MAX = 1 + ENGINE_BUCKET_BYTES_MAX + 1 + VERSIONS_NAME_BYTES_MAX,
    DRIVES_STORE_ID_BYTES = 16
};

static inline uint64_t drives_align(uint64_t n)
{
    return (n + DRIVES_BLOCK_BYTES - 1) & ~(uint64_t)(DRIVES_BLOCK_BYTES - 1);
}

/* ---- superblock and segment heads -------------------------------------------------------- */

struct drives_super {
    uint8_t store_id[DRIVES_STORE_ID_BYTES];
    int64_t created_ms;
    uint32_t drive, drive_count; /* 0 of 1: the only shape so far */
};

enum drives_segment_kind { SEGMENT_LOG = 1, SEGMENT_DATA = 2, SEGMENT_KINDS = 3 };
enum drives_head_state { HEAD_PREPARED = 1, HEAD_OPENED = 2 };

struct drives_segment_head {
    enum drives_segment_kind kind;
    enum drives_head_state state;
    uint8_t store_id[DRIVES_STORE_ID_BYTES];
    uint32_t segment, generation;
    uint32_t stream;      /* of an opened log segment */
    uint64_t first_group; /* of an opened log segment */
    uint64_t bytes;
};

/* These fill DRIVES_HEAD_BYTES, checksum included; the getters check it. */
void drives_format_super_put(const struct drives_super *s, uint8_t *block);
enum err drives_format_super_get(const uint8_t *block, struct drives_super *s_out) MUST_CHECK;
void drives_format_head_put(const struct drives_segment_head *h, uint8_t *block);
enum err drives_format_head_get(const uint8_t *block, struct drives_segment_head *h_out) MUST_CHECK;

/* ---- groups ------------------------------------------------------------------------------ */

enum { GROUP_RELAXED = 1 }; /* written without waiting for media: there may be gaps before it */

struct drives_group_head {
    uint8_t store_id[DRIVES_STORE_ID_BYTES];
    uint32_t stream, epoch;
    uint64_t group;
    uint32_t segment, generation;
    uint64_t offset; /* of this head in its segment */
    uint32_t bytes;  /* head and records, before padding */
    uint32_t records;
    uint32_t crc;   /* CRC-32C of the records */
    uint32_t flags; /* GROUP_* */
};

void drives_format_group_put(const struct drives_group_head *g, uint8_t *at);
enum err drives_format_group_get(const uint8_t *at, struct drives_group_head *g_out) MUST_CHECK;

/* ---- records and fields ------------------------------------------------------------------ */

enum drives_record_type { RECORD_PUT = 1, RECORD_REMOVE = 2 };

enum drives_field_tag {
    FIELD_KEY = 1,     /* record: the key */
    FIELD_ENTRY = 2,   /* record: what the key names from now on */
    FIELD_REMOVE = 3,  /* record: another key, removed in the same commit */
    FIELD_PURGE = 4,   /* record: every key that starts with this is removed */
    FIELD_PAYLOAD = 5, /* record: the inline payload */
    /* Record, critical, one right behind the other: a further key, and what it names from now on */
    FIELD_FURTHER_KEY = 6,
    FIELD_FURTHER_ENTRY = 7,
    FIELD_ETAG = 32,   /* entry */
    FIELD_META = 33,   /* entry */
    FIELD_LAYOUT = 34, /* entry: where the payload is */
    /* Reserved for entries; not written yet. */
    FIELD_VERSION_ID = 64,
    FIELD_DELETE_MARKER = 65,
    FIELD_RETENTION = 66,
    FIELD_LEGAL_HOLD = 67,
    FIELD_TAGS = 68,
    FIELD_ENCRYPTION = 69
};
enum { FIELD_CRITICAL = 1 }; /* flag: who does not know the tag must not use the record */

/* Appends head and bytes, padded to 8. */
void drives_format_field_put(struct buf *b, enum drives_field_tag tag, struct view v);
static inline size_t drives_field_bytes(size_t len)
{
    return DRIVES_FIELD_HEAD_BYTES + ((len + 7) & ~(size_t)7);
}
/* Takes the next field off *rest. */
enum err drives_format_field_take(
    struct view *rest, uint16_t *tag_out, uint16_t *flags_out, struct view *v_out) MUST_CHECK;

struct drives_record {
    enum drives_record_type type;
    uint64_t seq;
    struct view key, entry, payload;
    struct view fields; /* all of them: removes and purges are walked there */
};
/* Walks the further keys: takes the next one off *rest, which is r->fields at first. ERR_NOT_FOUND:
 * there are no more. */
enum err drives_format_further_take(struct view *rest, struct view *key_out, struct view *entry_out)
    MUST_CHECK;
void drives_format_further_put(struct buf *b, struct view key, struct view entry);
/* Takes the next record off *rest. ERR_CORRUPT when it is not one. */
enum err drives_format_record_take(struct view *rest, struct drives_record *r_out) MUST_CHECK;
/* Writes the head of a record of `bytes` (a multiple of 8) that starts at `at`. */
void drives_format_record_head(
    uint8_t *at, size_t bytes, enum drives_record_type type, uint64_t seq);

/* ---- keys -------------------------------------------------------------------------------- */

/* space, bucket, 0x00, name: sorts as the listing wants it. At most DRIVES_KEY_BYTES_MAX. */
void drives_format_key_put(
    struct buf *b, enum engine_space space, struct view bucket, struct view name);
/* The name behind the bucket; for SPACE_BUCKET the bucket itself. key is a whole one. */
struct view drives_format_key_name(struct view key);

/* ---- entries ----------------------------------------------------------------------------- */

/* The value of the index: what a key names. Views point into the bytes it was read from. */
struct drives_entry {
    uint64_t seq;
    uint64_t rev;   /* older stores have 0: it is read as seq */
    unsigned flags; /* enum engine_flags */
    int64_t mtime_ms;
    uint64_t size, crc64;
    uint32_t home_segment; /* where its record is */
    uint32_t home_bytes;
    uint64_t home_offset;
    struct view etag, meta, layout;
};
/* layout is appended by the caller, last, as a field of its own; then comes
 * drives_format_entry_seal. */
void drives_format_entry_put(struct buf *b, const struct drives_entry *e);
/* Writes the checksum of an entry of `bytes` that is whole now. */
void drives_format_entry_seal(uint8_t *at, size_t bytes);
/* ERR_CORRUPT also when the checksum is wrong: the index below has none. */
enum err drives_format_entry_get(struct view v, struct drives_entry *e_out) MUST_CHECK;

#endif
