/*
 * Little-endian throughout. Offsets in bytes; docs/formats/drives.md explains the fields.
 *
 *   superblock (file penstock.store, 4 KiB; the rest zero)
 *     0 magic "PSTK"  4 version u16  6 0 u16  8 store id 16  24 created ms i64  32 drive u32
 *     36 drives u32  40 0 ... 508 CRC-32C of bytes 0..507
 *   segment head (first 4 KiB of a segment file; all of it in the first 512 bytes: never torn)
 *     0 magic "PSSG"  4 version u16  6 kind u8  7 state u8  8 store id 16  24 segment u32
 *     28 generation u32  32 stream u32  36 0 u32  40 first group u64  48 bytes u64  56 0 ...
 *     508 CRC-32C of bytes 0..507
 *   group head (96 bytes at a multiple of 4 KiB, records behind it, zeros to the next multiple)
 *     0 magic "PSLG"  4 version u16  6 head bytes u16  8 store id 16  24 stream u32  28 epoch u32
 *     32 group u64  40 segment u32  44 generation u32  48 own offset u64  56 bytes u32
 *     60 records u32  64 CRC-32C of the records u32  68 flags u32  72 0 ...
 *     92 CRC-32C of bytes 0..91
 *   record
 *     0 bytes u32 (all of it, a multiple of 8)  4 type u16  6 flags u16  8 seq u64  16 0 u64
 *     24 fields
 *   field
 *     0 tag u16  2 flags u16  4 length u32  8 bytes, zeros to a multiple of 8
 *   entry
 *     0 version u8: 1 without flags, 2 with  1 u8 0  2 flags u16  4 home bytes u32  8 seq u64
 *     16 mtime i64  24 size u64  32 CRC-64 u64  40 home segment u32
 *     44 CRC-32C of the entry, this taken as 0  48 home offset u64  56 rev u64  64 fields
 */
#include "engine/drives/drives_format.h"

#include <assert.h>

#include "base/crc32.h"

enum {
    MAGIC_SUPER = 0x4b545350, /* "PSTK" */
    MAGIC_HEAD = 0x47535350,  /* "PSSG" */
    MAGIC_GROUP = 0x474c5350, /* "PSLG" */
    SECTOR_CRC_AT = 508,
    GROUP_CRC_AT = 92,
    ENTRY_CRC_AT = 44
};

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get64(const uint8_t *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static void seal(uint8_t *at, size_t crc_at)
{
    struct buf b = buf_over(at + crc_at, 4);

    buf_put_le32(&b, crc32_c(0, at, crc_at));
}

static bool is_sealed(const uint8_t *at, size_t crc_at)
{
    return get32(at + crc_at) == crc32_c(0, at, crc_at);
}

/* ---- superblock and segment heads -------------------------------------------------------- */

static struct buf sector_start(uint8_t *block, uint32_t magic)
{
    struct buf b = buf_over(block, SECTOR_CRC_AT);

    memset(block, 0, DRIVES_HEAD_BYTES);
    buf_put_le32(&b, magic);
    buf_put_le16(&b, DRIVES_VERSION);
    return b;
}

static enum err sector_check(const uint8_t *block, uint32_t magic)
{
    if (get32(block) != magic || !is_sealed(block, SECTOR_CRC_AT))
        return ERR_CORRUPT;
    return get16(block + 4) == DRIVES_VERSION ? ERR_OK : ERR_UNSUPPORTED;
}

void drives_format_super_put(const struct drives_super *s, uint8_t *block)
{
    struct buf b = sector_start(block, MAGIC_SUPER);

    buf_put_le16(&b, 0);
    buf_put(&b, view_of(s->store_id, sizeof s->store_id));
    buf_put_le64(&b, (uint64_t)s->created_ms);
    buf_put_le32(&b, s->drive);
    buf_put_le32(&b, s->drive_count);
    assert(!b.overflow);
    seal(block, SECTOR_CRC_AT);
}

enum err drives_format_super_get(const uint8_t *block, struct drives_super *s_out)
{
    TRY(sector_check(block, MAGIC_SUPER));
    *s_out = (struct drives_super){
        .created_ms = (int64_t)get64(block + 24),
        .drive = get32(block + 32),
        .drive_count = get32(block + 36),
    };
    memcpy(s_out->store_id, block + 8, sizeof s_out->store_id);
    return ERR_OK;
}

void drives_format_head_put(const struct drives_segment_head *h, uint8_t *block)
{
    struct buf b = sector_start(block, MAGIC_HEAD);

    buf_put_byte(&b, (uint8_t)h->kind);
    buf_put_byte(&b, (uint8_t)h->state);
    buf_put(&b, view_of(h->store_id, sizeof h->store_id));
    buf_put_le32(&b, h->segment);
    buf_put_le32(&b, h->generation);
    buf_put_le32(&b, h->stream);
    buf_put_le32(&b, 0);
    buf_put_le64(&b, h->first_group);
    buf_put_le64(&b, h->bytes);
    assert(!b.overflow);
    seal(block, SECTOR_CRC_AT);
}

enum err drives_format_head_get(const uint8_t *block, struct drives_segment_head *h_out)
{
    TRY(sector_check(block, MAGIC_HEAD));
    if ((block[6] != SEGMENT_LOG && block[6] != SEGMENT_DATA) ||
        (block[7] != HEAD_PREPARED && block[7] != HEAD_OPENED))
        return ERR_CORRUPT;
    *h_out = (struct drives_segment_head){
        .kind = block[6],
        .state = block[7],
        .segment = get32(block + 24),
        .generation = get32(block + 28),
        .stream = get32(block + 32),
        .first_group = get64(block + 40),
        .bytes = get64(block + 48),
    };
    memcpy(h_out->store_id, block + 8, sizeof h_out->store_id);
    return ERR_OK;
}

/* ---- groups ------------------------------------------------------------------------------ */

void drives_format_group_put(const struct drives_group_head *g, uint8_t *at)
{
    struct buf b = buf_over(at, GROUP_CRC_AT);

    memset(at, 0, DRIVES_GROUP_HEAD_BYTES);
    buf_put_le32(&b, MAGIC_GROUP);
    buf_put_le16(&b, DRIVES_VERSION);
    buf_put_le16(&b, DRIVES_GROUP_HEAD_BYTES);
    buf_put(&b, view_of(g->store_id, sizeof g->store_id));
    buf_put_le32(&b, g->stream);
    buf_put_le32(&b, g->epoch);
    buf_put_le64(&b, g->group);
    buf_put_le32(&b, g->segment);
    buf_put_le32(&b, g->generation);
    buf_put_le64(&b, g->offset);
    buf_put_le32(&b, g->bytes);
    buf_put_le32(&b, g->records);
    buf_put_le32(&b, g->crc);
    buf_put_le32(&b, g->flags);
    assert(!b.overflow);
    seal(at, GROUP_CRC_AT);
}

enum err drives_format_group_get(const uint8_t *at, struct drives_group_head *g_out)
{
    if (get32(at) != MAGIC_GROUP || !is_sealed(at, GROUP_CRC_AT))
        return ERR_CORRUPT;
    if (get16(at + 4) != DRIVES_VERSION || get16(at + 6) != DRIVES_GROUP_HEAD_BYTES)
        return ERR_UNSUPPORTED;
    *g_out = (struct drives_group_head){
        .stream = get32(at + 24),
        .epoch = get32(at + 28),
        .group = get64(at + 32),
        .segment = get32(at + 40),
        .generation = get32(at + 44),
        .offset = get64(at + 48),
        .bytes = get32(at + 56),
        .records = get32(at + 60),
        .crc = get32(at + 64),
        .flags = get32(at + 68),
    };
    memcpy(g_out->store_id, at + 8, sizeof g_out->store_id);
    return g_out->bytes < DRIVES_GROUP_HEAD_BYTES ? ERR_CORRUPT : ERR_OK;
}

/* ---- records and fields ------------------------------------------------------------------ */

static void put_zeros(struct buf *b, size_t count)
{
    while (count-- > 0)
        buf_put_byte(b, 0);
}

static void put_field(struct buf *b, enum drives_field_tag tag, unsigned flags, struct view v)
{
    buf_put_le16(b, (uint16_t)tag);
    buf_put_le16(b, (uint16_t)flags);
    buf_put_le32(b, (uint32_t)v.len);
    buf_put(b, v);
    put_zeros(b, drives_field_bytes(v.len) - DRIVES_FIELD_HEAD_BYTES - v.len);
}

void drives_format_field_put(struct buf *b, enum drives_field_tag tag, struct view v)
{
    put_field(b, tag, 0, v);
}

void drives_format_further_put(struct buf *b, struct view key, struct view entry)
{
    put_field(b, FIELD_FURTHER_KEY, FIELD_CRITICAL, key);
    put_field(b, FIELD_FURTHER_ENTRY, FIELD_CRITICAL, entry);
}

enum err drives_format_field_take(
    struct view *rest, uint16_t *tag_out, uint16_t *flags_out, struct view *v_out)
{
    size_t len;

    if (rest->len < DRIVES_FIELD_HEAD_BYTES)
        return ERR_CORRUPT;
    len = get32(rest->at + 4);
    if (drives_field_bytes(len) > rest->len)
        return ERR_CORRUPT;
    *tag_out = get16(rest->at);
    *flags_out = get16(rest->at + 2);
    *v_out = view_of(rest->at + DRIVES_FIELD_HEAD_BYTES, len);
    *rest = view_from(*rest, drives_field_bytes(len));
    return ERR_OK;
}

void drives_format_record_head(
    uint8_t *at, size_t bytes, enum drives_record_type type, uint64_t seq)
{
    struct buf b = buf_over(at, DRIVES_RECORD_HEAD_BYTES);

    assert(bytes % 8 == 0 && bytes <= UINT32_MAX);
    buf_put_le32(&b, (uint32_t)bytes);
    buf_put_le16(&b, (uint16_t)type);
    buf_put_le16(&b, 0);
    buf_put_le64(&b, seq);
    buf_put_le64(&b, 0);
    assert(!b.overflow);
}

static bool is_record_field(uint16_t tag)
{
    return tag == FIELD_REMOVE || tag == FIELD_PURGE || tag == FIELD_FURTHER_KEY ||
           tag == FIELD_FURTHER_ENTRY;
}

static bool is_key(struct view v)
{
    return v.len >= 2 && v.len <= DRIVES_KEY_BYTES_MAX;
}

enum err drives_format_further_take(struct view *rest, struct view *key_out, struct view *entry_out)
{
    while (rest->len > 0) {
        uint16_t tag, flags;
        struct view v;

        TRY(drives_format_field_take(rest, &tag, &flags, &v));
        if (tag != FIELD_FURTHER_KEY)
            continue;
        *key_out = v;
        TRY(drives_format_field_take(rest, &tag, &flags, &v));
        if (tag != FIELD_FURTHER_ENTRY)
            return ERR_CORRUPT;
        *entry_out = v;
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

/* Each key with its entry, each entry behind its key. */
static enum err check_further(const struct drives_record *r)
{
    struct view rest = r->fields, key, entry;
    unsigned keys = 0, entries = 0;
    enum err e;

    while (!(e = drives_format_further_take(&rest, &key, &entry))) {
        if (!is_key(key) || entry.len == 0)
            return ERR_CORRUPT;
        keys++;
    }
    if (e != ERR_NOT_FOUND)
        return e;
    for (rest = r->fields; rest.len > 0;) {
        uint16_t tag, flags;

        TRY(drives_format_field_take(&rest, &tag, &flags, &entry));
        entries += tag == FIELD_FURTHER_ENTRY;
    }
    return keys == entries ? ERR_OK : ERR_CORRUPT;
}

static enum err record_fields(struct drives_record *r)
{
    struct view rest = r->fields;
    bool has_further = false;

    while (rest.len > 0) {
        uint16_t tag, flags;
        struct view v;

        TRY(drives_format_field_take(&rest, &tag, &flags, &v));
        if (tag == FIELD_KEY)
            r->key = v;
        else if (tag == FIELD_ENTRY)
            r->entry = v;
        else if (tag == FIELD_PAYLOAD)
            r->payload = v;
        else if (!is_record_field(tag) && (flags & FIELD_CRITICAL))
            return ERR_UNSUPPORTED;
        has_further |= tag == FIELD_FURTHER_KEY || tag == FIELD_FURTHER_ENTRY;
    }
    return has_further ? check_further(r) : ERR_OK;
}

enum err drives_format_record_take(struct view *rest, struct drives_record *r_out)
{
    struct drives_record r = {0};
    size_t bytes;

    if (rest->len < DRIVES_RECORD_HEAD_BYTES)
        return ERR_CORRUPT;
    bytes = get32(rest->at);
    if (bytes < DRIVES_RECORD_HEAD_BYTES || bytes % 8 != 0 || bytes > rest->len)
        return ERR_CORRUPT;
    r.type = get16(rest->at + 4);
    r.seq = get64(rest->at + 8);
    r.fields = view_of(rest->at + DRIVES_RECORD_HEAD_BYTES, bytes - DRIVES_RECORD_HEAD_BYTES);
    TRY(record_fields(&r));
    if (r.type != RECORD_PUT && r.type != RECORD_REMOVE)
        return ERR_UNSUPPORTED;
    if (!is_key(r.key) || (r.entry.at != NULL) != (r.type == RECORD_PUT))
        return ERR_CORRUPT;
    *rest = view_from(*rest, bytes);
    *r_out = r;
    return ERR_OK;
}

/* ---- keys -------------------------------------------------------------------------------- */

void drives_format_key_put(
    struct buf *b, enum engine_space space, struct view bucket, struct view name)
{
    buf_put_byte(b, (uint8_t)space);
    buf_put(b, bucket);
    buf_put_byte(b, 0);
    buf_put(b, name);
}

struct view drives_format_key_name(struct view key)
{
    size_t end = view_index(view_from(key, 1), 0);

    assert(key.len >= 2 && end != SIZE_MAX);
    if (key.at[0] == SPACE_BUCKET)
        return view_of(key.at + 1, end);
    return view_from(key, 1 + end + 1);
}

/* ---- entries ----------------------------------------------------------------------------- */

void drives_format_entry_put(struct buf *b, const struct drives_entry *e)
{
    buf_put_byte(b, e->flags ? DRIVES_ENTRY_FLAGS_VERSION : DRIVES_VERSION);
    buf_put_byte(b, 0);
    buf_put_le16(b, (uint16_t)e->flags);
    buf_put_le32(b, e->home_bytes);
    buf_put_le64(b, e->seq);
    buf_put_le64(b, (uint64_t)e->mtime_ms);
    buf_put_le64(b, e->size);
    buf_put_le64(b, e->crc64);
    buf_put_le32(b, e->home_segment);
    buf_put_le32(b, 0);
    buf_put_le64(b, e->home_offset);
    buf_put_le64(b, e->rev);
    if (e->etag.len > 0)
        drives_format_field_put(b, FIELD_ETAG, e->etag);
    if (e->meta.len > 0)
        drives_format_field_put(b, FIELD_META, e->meta);
}

/* Around its own four bytes. */
static uint32_t entry_crc(const uint8_t *at, size_t bytes)
{
    static const uint8_t zeros[4];
    uint32_t crc = crc32_c(0, at, ENTRY_CRC_AT);

    crc = crc32_c(crc, zeros, sizeof zeros);
    return crc32_c(crc, at + ENTRY_CRC_AT + 4, bytes - ENTRY_CRC_AT - 4);
}

void drives_format_entry_seal(uint8_t *at, size_t bytes)
{
    struct buf b = buf_over(at + ENTRY_CRC_AT, 4);

    assert(bytes >= DRIVES_ENTRY_HEAD_BYTES);
    buf_put_le32(&b, entry_crc(at, bytes));
}

static enum err entry_fields(struct drives_entry *e, struct view rest)
{
    while (rest.len > 0) {
        uint16_t tag, flags;
        struct view v;

        TRY(drives_format_field_take(&rest, &tag, &flags, &v));
        if (tag == FIELD_ETAG)
            e->etag = v;
        else if (tag == FIELD_META)
            e->meta = v;
        else if (tag == FIELD_LAYOUT)
            e->layout = v;
        else if (flags & FIELD_CRITICAL)
            return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

enum err drives_format_entry_get(struct view v, struct drives_entry *e_out)
{
    struct drives_entry e;

    if (v.len < DRIVES_ENTRY_HEAD_BYTES)
        return ERR_CORRUPT;
    if (get32(v.at + ENTRY_CRC_AT) != entry_crc(v.at, v.len))
        return ERR_CORRUPT;
    if (v.at[0] != DRIVES_VERSION && v.at[0] != DRIVES_ENTRY_FLAGS_VERSION)
        return ERR_UNSUPPORTED;
    e = (struct drives_entry){
        .home_bytes = get32(v.at + 4),
        .seq = get64(v.at + 8),
        .mtime_ms = (int64_t)get64(v.at + 16),
        .size = get64(v.at + 24),
        .crc64 = get64(v.at + 32),
        .home_segment = get32(v.at + 40),
        .home_offset = get64(v.at + 48),
        .rev = get64(v.at + 56),
    };
    if (v.at[0] == DRIVES_ENTRY_FLAGS_VERSION)
        e.flags = get16(v.at + 2);
    if (e.rev == 0)
        e.rev = e.seq;
    TRY(entry_fields(&e, view_from(v, DRIVES_ENTRY_HEAD_BYTES)));
    *e_out = e;
    return ERR_OK;
}
