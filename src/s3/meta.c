/*
 * Encoding and decoding of meta blobs; docs/formats/meta.md is the table of tags.
 *
 *   blob    u8 version (1), then entries
 *   entry   u16 tag, u32 length, length bytes
 */
#include "s3/meta.h"

#include <assert.h>

#include "engine/engine.h"

enum { META_VERSION = 1, ENTRY_HEAD_BYTES = 6, PART_HEAD_BYTES = 10 };

/* The numbers are part of the stored format. */
enum tag {
    TAG_CONTENT_TYPE = 1,
    TAG_CONTENT_ENCODING = 2,
    TAG_CONTENT_DISPOSITION = 3,
    TAG_CONTENT_LANGUAGE = 4,
    TAG_CACHE_CONTROL = 5,
    TAG_EXPIRES = 6,
    TAG_WEBSITE_REDIRECT = 7,
    TAG_STORAGE_CLASS = 8,
    TAG_USER = 9,
    TAG_CHECKSUM = 10,
    TAG_PARTS = 11,
    TAG_UPLOAD_KEY = 12,
    TAG_OWNER_ID = 13,
    TAG_ACL = 14,
    TAG_TAGS = 15,
    TAG_RETENTION = 16,  /* u8 mode, u64 until, ms since 1970 */
    TAG_LEGAL_HOLD = 17, /* u8: 0 off, 1 on; absent: never set */
    TAG_INITIATOR = 18
};

/* The plain text fields and their tags, for both directions. */
static const struct {
    enum tag tag;
    size_t at;
} texts[] = {
    {TAG_INITIATOR, offsetof(struct meta, initiator)}, /* first: listings */
    {TAG_CONTENT_TYPE, offsetof(struct meta, content_type)},
    {TAG_CONTENT_ENCODING, offsetof(struct meta, content_encoding)},
    {TAG_CONTENT_DISPOSITION, offsetof(struct meta, content_disposition)},
    {TAG_CONTENT_LANGUAGE, offsetof(struct meta, content_language)},
    {TAG_CACHE_CONTROL, offsetof(struct meta, cache_control)},
    {TAG_EXPIRES, offsetof(struct meta, expires)},
    {TAG_WEBSITE_REDIRECT, offsetof(struct meta, website_redirect)},
    {TAG_STORAGE_CLASS, offsetof(struct meta, storage_class)},
    {TAG_UPLOAD_KEY, offsetof(struct meta, upload_key)},
    {TAG_ACL, offsetof(struct meta, acl)},
    {TAG_TAGS, offsetof(struct meta, tags)},
};

static struct view *text_at(struct meta *m, size_t i)
{
    return (struct view *)(void *)((char *)m + texts[i].at);
}

static struct view text_of(const struct meta *m, size_t i)
{
    return *(const struct view *)(const void *)((const char *)m + texts[i].at);
}

/* --- decoding ----------------------------------------------------------------------------- */

static enum err take_user(struct meta *m, struct view entry)
{
    struct meta_pair *pair = &m->user[m->user_count];

    if (m->user_count == META_USER_MAX)
        return ERR_CORRUPT;
    if (view_take_lv(&entry, &pair->name))
        return ERR_CORRUPT;
    pair->value = entry;
    m->user_count++;
    return ERR_OK;
}

static enum err take_checksum(struct meta *m, struct view entry)
{
    if (entry.len < 2 || entry.at[0] > CHECKSUM_KIND_MAX || entry.at[0] == CHECKSUM_NONE)
        return ERR_CORRUPT;
    if (entry.at[1] != CHECKSUM_COMPOSITE && entry.at[1] != CHECKSUM_FULL_OBJECT)
        return ERR_CORRUPT;
    m->checksum_kind = (enum checksum_kind)entry.at[0];
    m->checksum_type = (enum checksum_type)entry.at[1];
    entry = view_from(entry, 2);
    if (entry.len != checksum_bytes(m->checksum_kind))
        return ERR_CORRUPT;
    memcpy(m->checksum, entry.at, entry.len);
    return ERR_OK;
}

static enum err take_part(struct meta_part *p, struct view *entry, size_t width)
{
    struct view bytes;

    if (view_take_le16(entry, &p->number) || view_take_le64(entry, &p->size) ||
        view_take(entry, width, &bytes))
        return ERR_CORRUPT;
    memset(p->checksum, 0, sizeof p->checksum);
    if (width)
        memcpy(p->checksum, bytes.at, width);
    return ERR_OK;
}

static enum err take_parts(struct meta *m, struct view entry, struct region *R)
{
    size_t width = entry.len > 0 ? entry.at[0] : 0, count;

    if (entry.len < 1 || width > CHECKSUM_BYTES_MAX || m->parts)
        return ERR_CORRUPT;
    entry = view_from(entry, 1);
    count = entry.len / (PART_HEAD_BYTES + width);
    if (count == 0 || count > META_PARTS_MAX || entry.len % (PART_HEAD_BYTES + width) != 0)
        return ERR_CORRUPT;
    m->parts = region_take(R, count * sizeof *m->parts);
    if (!m->parts)
        return ERR_BUSY;
    m->part_count = (unsigned)count;
    for (size_t i = 0; i < count; i++)
        TRY(take_part(&m->parts[i], &entry, width));
    return ERR_OK;
}

static enum err take_retention(struct meta *m, struct view entry)
{
    uint64_t until;

    if (entry.len != 9 || entry.at[0] == LOCK_NONE || entry.at[0] > LOCK_COMPLIANCE)
        return ERR_CORRUPT;
    m->lock.mode = (enum lock_mode)entry.at[0];
    entry = view_from(entry, 1);
    TRY(view_take_le64(&entry, &until));
    m->lock.until_ms = (int64_t)until;
    return ERR_OK;
}

static enum err take_hold(struct meta *m, struct view entry)
{
    if (entry.len != 1 || entry.at[0] > 1)
        return ERR_CORRUPT;
    m->lock.hold_was_set = true;
    m->lock.has_hold = entry.at[0];
    return ERR_OK;
}

static enum err take_entry(struct meta *m, unsigned tag, struct view entry, struct region *R)
{
    if (tag == TAG_USER)
        return take_user(m, entry);
    if (tag == TAG_CHECKSUM)
        return take_checksum(m, entry);
    if (tag == TAG_PARTS)
        return take_parts(m, entry, R);
    if (tag == TAG_RETENTION)
        return take_retention(m, entry);
    if (tag == TAG_LEGAL_HOLD)
        return take_hold(m, entry);
    if (tag == TAG_OWNER_ID)
        m->owner_id = entry;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (texts[i].tag == tag)
            *text_at(m, i) = entry;
    return ERR_OK; /* unknown: written by somebody newer */
}

enum err meta_decode(struct view blob, struct region *R, struct meta *m_out)
{
    memset(m_out, 0, sizeof *m_out);
    if (blob.len == 0)
        return ERR_OK;
    if (blob.at[0] != META_VERSION)
        return ERR_CORRUPT;
    blob = view_from(blob, 1);
    while (blob.len > 0) {
        uint16_t tag;
        struct view entry;

        if (view_take_le16(&blob, &tag) || view_take_lv(&blob, &entry))
            return ERR_CORRUPT;
        TRY(take_entry(m_out, tag, entry, R));
    }
    return ERR_OK;
}

/* The first entries of a blob that may be cut anywhere. */
void meta_listing(
    struct view blob, enum checksum_kind *kind_out, enum checksum_type *type_out,
    struct view *owner_id_out)
{
    struct meta m = {.checksum_kind = CHECKSUM_NONE};
    struct view entry;
    uint16_t tag;

    *kind_out = CHECKSUM_NONE;
    *type_out = CHECKSUM_FULL_OBJECT;
    *owner_id_out = VIEW_EMPTY;
    blob = view_from(blob, 1);
    while (!view_take_le16(&blob, &tag) && !view_take_lv(&blob, &entry)) {
        if (tag == TAG_OWNER_ID) {
            *owner_id_out = entry;
        } else if (tag == TAG_CHECKSUM && !take_checksum(&m, entry)) {
            *kind_out = m.checksum_kind;
            *type_out = m.checksum_type;
        }
    }
}

struct view meta_initiator(struct view blob)
{
    struct view entry, owner = VIEW_EMPTY;
    uint16_t tag;

    blob = view_from(blob, 1);
    while (!view_take_le16(&blob, &tag) && !view_take_lv(&blob, &entry)) {
        if (tag == TAG_INITIATOR)
            return entry;
        if (tag == TAG_OWNER_ID)
            owner = entry;
    }
    return owner;
}

void meta_checksum_kind(
    struct view blob, enum checksum_kind *kind_out, enum checksum_type *type_out)
{
    struct meta m = {.checksum_kind = CHECKSUM_NONE};
    struct view entry;
    uint16_t tag;

    *kind_out = CHECKSUM_NONE;
    *type_out = CHECKSUM_FULL_OBJECT;
    blob = view_from(blob, 1);
    if (view_take_le16(&blob, &tag) || tag != TAG_CHECKSUM || view_take_lv(&blob, &entry))
        return;
    if (take_checksum(&m, entry))
        return;
    *kind_out = m.checksum_kind;
    *type_out = m.checksum_type;
}

/* --- encoding ----------------------------------------------------------------------------- */

static size_t part_width(const struct meta *m)
{
    return m->checksum_kind == CHECKSUM_NONE ? 0 : checksum_bytes(m->checksum_kind);
}

static size_t encoded_bytes(const struct meta *m)
{
    size_t bytes = 1;

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        bytes += ENTRY_HEAD_BYTES + text_of(m, i).len;
    for (unsigned i = 0; i < m->user_count; i++)
        bytes += ENTRY_HEAD_BYTES + 4 + m->user[i].name.len + m->user[i].value.len;
    bytes += ENTRY_HEAD_BYTES + 2 + CHECKSUM_BYTES_MAX;
    bytes += ENTRY_HEAD_BYTES + m->owner_id.len + 2 * ENTRY_HEAD_BYTES + 9 + 1;
    if (m->part_count > 0)
        bytes += ENTRY_HEAD_BYTES + 1 + m->part_count * (PART_HEAD_BYTES + part_width(m));
    return bytes;
}

static void put_head(struct buf *b, enum tag tag, size_t len)
{
    buf_put_le16(b, (uint16_t)tag);
    buf_put_le32(b, (uint32_t)len);
}

static void put_user(struct buf *b, const struct meta_pair *pair)
{
    put_head(b, TAG_USER, 4 + pair->name.len + pair->value.len);
    buf_put_lv(b, pair->name);
    buf_put(b, pair->value);
}

static void put_checksum(struct buf *b, const struct meta *m)
{
    size_t bytes = checksum_bytes(m->checksum_kind);

    put_head(b, TAG_CHECKSUM, 2 + bytes);
    buf_put_byte(b, (uint8_t)m->checksum_kind);
    buf_put_byte(b, (uint8_t)m->checksum_type);
    buf_put(b, view_of(m->checksum, bytes));
}

static void put_owner(struct buf *b, const struct meta *m)
{
    if (m->owner_id.len == 0)
        return;
    put_head(b, TAG_OWNER_ID, m->owner_id.len);
    buf_put(b, m->owner_id);
}

static void put_lock(struct buf *b, const struct lock *l)
{
    if (l->mode != LOCK_NONE) {
        put_head(b, TAG_RETENTION, 9);
        buf_put_byte(b, (uint8_t)l->mode);
        buf_put_le64(b, (uint64_t)l->until_ms);
    }
    if (l->hold_was_set) {
        put_head(b, TAG_LEGAL_HOLD, 1);
        buf_put_byte(b, l->has_hold);
    }
}

static void put_parts(struct buf *b, const struct meta *m)
{
    size_t width = part_width(m);

    put_head(b, TAG_PARTS, 1 + m->part_count * (PART_HEAD_BYTES + width));
    buf_put_byte(b, (uint8_t)width);
    for (unsigned i = 0; i < m->part_count; i++) {
        buf_put_le16(b, m->parts[i].number);
        buf_put_le64(b, m->parts[i].size);
        buf_put(b, view_of(m->parts[i].checksum, width));
    }
}

enum err meta_encode(const struct meta *m, struct region *R, struct view *blob_out)
{
    size_t bytes = encoded_bytes(m);

    assert(m->user_count <= META_USER_MAX && m->part_count <= META_PARTS_MAX);
    if (bytes > ENGINE_META_BYTES_MAX)
        return ERR_TOO_LARGE;
    void *at = region_take(R, bytes);
    if (!at)
        return ERR_BUSY;
    struct buf b = buf_over(at, bytes);
    buf_put_byte(&b, META_VERSION);
    if (m->checksum_kind != CHECKSUM_NONE) /* first: listings see only the beginning of a blob */
        put_checksum(&b, m);
    put_owner(&b, m);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct view v = text_of(m, i);

        if (v.len == 0)
            continue;
        put_head(&b, texts[i].tag, v.len);
        buf_put(&b, v);
    }
    for (unsigned i = 0; i < m->user_count; i++)
        put_user(&b, &m->user[i]);
    put_lock(&b, &m->lock);
    if (m->part_count > 0)
        put_parts(&b, m);
    assert(!b.overflow);
    *blob_out = buf_view(&b);
    return ERR_OK;
}
