/*
 *   blob    u8 version (1), then entries
 *   entry   u16 tag, u32 length, length bytes
 */
#include "s3/bucket_meta.h"

#include <assert.h>
#include <ctype.h>

enum { BUCKET_META_VERSION = 1, ENTRY_HEAD_BYTES = 6, SMALL_ENTRIES_BYTES = 64 };

/* The numbers are part of the stored format. */
enum tag {
    TAG_LOCATION = 1,
    TAG_OWNER_ID = 2,
    TAG_OWNERSHIP = 3, /* u8 ownership, u8 is_deleted */
    TAG_ACL = 4,
    TAG_POLICY = 5,
    TAG_CORS = 6,
    TAG_TAGS = 7,
    TAG_LOCK = 8, /* u8 is_enabled, u8 mode, u32 days, u32 years */
    TAG_BLOCK = 9 /* u8 */
};

static const struct {
    enum tag tag;
    size_t at;
} texts[] = {
    {TAG_LOCATION, offsetof(struct bucket_meta, location)},
    {TAG_OWNER_ID, offsetof(struct bucket_meta, owner_id)},
    {TAG_ACL, offsetof(struct bucket_meta, acl)},
    {TAG_POLICY, offsetof(struct bucket_meta, policy)},
    {TAG_CORS, offsetof(struct bucket_meta, cors)},
    {TAG_TAGS, offsetof(struct bucket_meta, tags)},
};

bool bucket_meta_location_is_valid(struct view location)
{
    for (size_t i = 0; i < location.len; i++)
        if (!isalnum(location.at[i]) && location.at[i] != '-')
            return false;
    return location.len <= 64;
}

static const char *const ownerships[] = {
    [OWNERSHIP_ENFORCED] = "BucketOwnerEnforced",
    [OWNERSHIP_PREFERRED] = "BucketOwnerPreferred",
    [OWNERSHIP_WRITER] = "ObjectWriter",
};

bool bucket_meta_read_ownership(struct view text, enum bucket_ownership *ownership_out)
{
    for (size_t i = 0; i < ARRAY_COUNT(ownerships); i++) {
        if (!view_is(text, ownerships[i]))
            continue;
        *ownership_out = (enum bucket_ownership)i;
        return true;
    }
    return false;
}

const char *bucket_meta_ownership_name(enum bucket_ownership o)
{
    assert((size_t)o < ARRAY_COUNT(ownerships));
    return ownerships[o];
}

/* --- encoding ----------------------------------------------------------------------------- */

static struct view text_of(const struct bucket_meta *m, size_t i)
{
    return *(const struct view *)(const void *)((const char *)m + texts[i].at);
}

static void put_head(struct buf *b, enum tag tag, size_t len)
{
    buf_put_le16(b, (uint16_t)tag);
    buf_put_le32(b, (uint32_t)len);
}

static void put_small(struct buf *b, const struct bucket_meta *m)
{
    if (m->ownership != OWNERSHIP_ENFORCED || m->ownership_is_deleted) {
        put_head(b, TAG_OWNERSHIP, 2);
        buf_put_byte(b, (uint8_t)m->ownership);
        buf_put_byte(b, m->ownership_is_deleted);
    }
    if (m->lock.is_enabled) {
        put_head(b, TAG_LOCK, 10);
        buf_put_byte(b, m->lock.is_enabled);
        buf_put_byte(b, (uint8_t)m->lock.mode);
        buf_put_le32(b, m->lock.days);
        buf_put_le32(b, m->lock.years);
    }
    if (m->has_block) {
        put_head(b, TAG_BLOCK, 1);
        buf_put_byte(b, (uint8_t)m->block);
    }
}

enum err bucket_meta_encode(const struct bucket_meta *m, struct region *R, struct view *blob_out)
{
    size_t cap = 1 + SMALL_ENTRIES_BYTES;

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        cap += ENTRY_HEAD_BYTES + text_of(m, i).len;
    struct buf b = buf_over(region_take(R, cap), cap);
    if (!b.at)
        return ERR_BUSY;
    buf_put_byte(&b, BUCKET_META_VERSION);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (text_of(m, i).len == 0)
            continue;
        put_head(&b, texts[i].tag, text_of(m, i).len);
        buf_put(&b, text_of(m, i));
    }
    put_small(&b, m);
    assert(!b.overflow);
    *blob_out = buf_view(&b);
    return ERR_OK;
}

/* --- decoding ----------------------------------------------------------------------------- */

static enum err take_ownership(struct bucket_meta *m, struct view v)
{
    if (v.len != 2 || v.at[0] > OWNERSHIP_WRITER || v.at[1] > 1)
        return ERR_CORRUPT;
    m->ownership = (enum bucket_ownership)v.at[0];
    m->ownership_is_deleted = v.at[1];
    return ERR_OK;
}

static enum err take_lock(struct bucket_meta *m, struct view v)
{
    uint32_t days, years;

    if (v.len != 10 || v.at[0] != 1 || v.at[1] > LOCK_COMPLIANCE)
        return ERR_CORRUPT;
    m->lock.is_enabled = true;
    m->lock.mode = (enum lock_mode)v.at[1];
    v = view_from(v, 2);
    if (view_take_le32(&v, &days) || view_take_le32(&v, &years))
        return ERR_CORRUPT;
    m->lock.days = days;
    m->lock.years = years;
    return ERR_OK;
}

static enum err take_block(struct bucket_meta *m, struct view v)
{
    if (v.len != 1 || v.at[0] > 15)
        return ERR_CORRUPT;
    m->has_block = true;
    m->block = v.at[0];
    return ERR_OK;
}

static enum err take_entry(struct bucket_meta *m, unsigned tag, struct view v)
{
    if (tag == TAG_OWNERSHIP)
        return take_ownership(m, v);
    if (tag == TAG_LOCK)
        return take_lock(m, v);
    if (tag == TAG_BLOCK)
        return take_block(m, v);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++)
        if (texts[i].tag == tag)
            *(struct view *)(void *)((char *)m + texts[i].at) = v;
    return ERR_OK;
}

enum err bucket_meta_decode(struct view blob, struct bucket_meta *m_out)
{
    struct view rest = view_from(blob, 1), value;
    uint16_t tag;

    *m_out = (struct bucket_meta){0};
    if (blob.len == 0 || blob.at[0] != BUCKET_META_VERSION)
        return ERR_CORRUPT;
    while (rest.len > 0) {
        if (view_take_le16(&rest, &tag) || view_take_lv(&rest, &value))
            return ERR_CORRUPT;
        TRY(take_entry(m_out, tag, value));
    }
    return ERR_OK;
}

void bucket_meta_listing(struct view blob, struct view *location_out, struct view *owner_id_out)
{
    struct view rest = view_from(blob, 1), value;
    uint16_t tag;

    *location_out = *owner_id_out = VIEW_EMPTY;
    while (!view_take_le16(&rest, &tag) && !view_take_lv(&rest, &value)) {
        if (tag == TAG_LOCATION)
            *location_out = value;
        else if (tag == TAG_OWNER_ID)
            *owner_id_out = value;
    }
}
