/*
 * Every message is the same 8 bytes of head and then the fields of its type, in the order of enum
 * field, little-endian. One table says which type has which fields, so that writer and reader
 * cannot disagree.
 */
#include "direct/local/local_wire.h"

#include <assert.h>

enum { LOCAL_MAGIC = 0x314c5350 }; /* "PSL1" */

enum field {
    FIELD_VERSION = 1 << 0,
    FIELD_SESSION = 1 << 1, /* id, key, server id */
    FIELD_LIMITS = 1 << 2,
    FIELD_PLACE = 1 << 3, /* at, bytes */
    FIELD_REGION = 1 << 4,
    FIELD_NONCE = 1 << 5, /* nonce, expiry_ms */
    FIELD_REFUSAL = 1 << 6
};

static const unsigned fields_of[LOCAL_MESSAGE_TYPES] = {
    [LOCAL_HELLO] = FIELD_VERSION,
    [LOCAL_WELCOME] = FIELD_VERSION | FIELD_SESSION | FIELD_LIMITS,
    [LOCAL_MEMFD] = FIELD_PLACE,
    [LOCAL_RANGE] = FIELD_PLACE,
    [LOCAL_REGISTERED] = FIELD_REGION,
    [LOCAL_UNREGISTER] = FIELD_REGION,
    [LOCAL_REVOKE] = FIELD_NONCE,
    [LOCAL_DONE] = 0,
    [LOCAL_REFUSED] = FIELD_REFUSAL,
    [LOCAL_BYE] = 0,
};

void local_wire_encode(const struct local_message *m, struct buf *to)
{
    assert(m->type >= LOCAL_HELLO && m->type < LOCAL_MESSAGE_TYPES);
    unsigned fields = fields_of[m->type];

    buf_put_le32(to, LOCAL_MAGIC);
    buf_put_le16(to, (uint16_t)m->type);
    buf_put_le16(to, m->sequence);
    if (fields & FIELD_VERSION)
        buf_put_le32(to, m->version);
    if (fields & FIELD_SESSION) {
        buf_put(to, view_of(m->session_id, sizeof(m->session_id)));
        buf_put(to, view_of(m->session_key, sizeof(m->session_key)));
        buf_put(to, view_of(m->server_id, LOCAL_SERVER_ID_LEN));
    }
    if (fields & FIELD_LIMITS) {
        buf_put_le32(to, m->regions_max);
        buf_put_le64(to, m->mapped_bytes_max);
    }
    if (fields & FIELD_PLACE) {
        buf_put_le64(to, m->at);
        buf_put_le64(to, m->bytes);
    }
    if (fields & FIELD_REGION)
        buf_put_le32(to, m->region);
    if (fields & FIELD_NONCE) {
        buf_put_le64(to, m->nonce);
        buf_put_le64(to, m->expiry_ms);
    }
    if (fields & FIELD_REFUSAL) {
        buf_put_le32(to, m->refusal);
        buf_put_lv(to, view_upto(m->text, LOCAL_TEXT_MAX));
    }
}

static enum err take_bytes(struct view *v, void *to, size_t len)
{
    struct view part;

    TRY(view_take(v, len, &part));
    memcpy(to, part.at, len);
    return ERR_OK;
}

static enum err take_session(struct view *v, struct local_message *m)
{
    TRY(take_bytes(v, m->session_id, sizeof(m->session_id)));
    TRY(take_bytes(v, m->session_key, sizeof(m->session_key)));
    TRY(take_bytes(v, m->server_id, LOCAL_SERVER_ID_LEN));
    m->server_id[LOCAL_SERVER_ID_LEN] = '\0';
    return ERR_OK;
}

static enum err take_refusal(struct view *v, struct local_message *m)
{
    TRY(view_take_le32(v, &m->refusal));
    TRY(view_take_lv(v, &m->text));
    return m->text.len > LOCAL_TEXT_MAX ? ERR_MALFORMED : ERR_OK;
}

static enum err take_fields(struct view *v, unsigned fields, struct local_message *m)
{
    if (fields & FIELD_VERSION)
        TRY(view_take_le32(v, &m->version));
    if (fields & FIELD_SESSION)
        TRY(take_session(v, m));
    if (fields & FIELD_LIMITS) {
        TRY(view_take_le32(v, &m->regions_max));
        TRY(view_take_le64(v, &m->mapped_bytes_max));
    }
    if (fields & FIELD_PLACE) {
        TRY(view_take_le64(v, &m->at));
        TRY(view_take_le64(v, &m->bytes));
    }
    if (fields & FIELD_REGION)
        TRY(view_take_le32(v, &m->region));
    if (fields & FIELD_NONCE) {
        TRY(view_take_le64(v, &m->nonce));
        TRY(view_take_le64(v, &m->expiry_ms));
    }
    if (fields & FIELD_REFUSAL)
        TRY(take_refusal(v, m));
    return ERR_OK;
}

enum err local_wire_decode(struct view v, struct local_message *m_out)
{
    struct local_message m = {0};
    uint32_t magic;
    uint16_t type;

    if (view_take_le32(&v, &magic) || view_take_le16(&v, &type) ||
        view_take_le16(&v, &m.sequence) || magic != LOCAL_MAGIC)
        return ERR_MALFORMED;
    if (type < LOCAL_HELLO || type >= LOCAL_MESSAGE_TYPES)
        return ERR_MALFORMED;
    m.type = (enum local_message_type)type;
    if (take_fields(&v, fields_of[type], &m) || v.len != 0)
        return ERR_MALFORMED;
    *m_out = m;
    return ERR_OK;
}

enum local_refusal local_wire_refusal(enum err e)
{
    if (e == ERR_BUSY || e == ERR_NO_MEMORY)
        return LOCAL_REFUSAL_BUSY;
    if (e == ERR_DENIED)
        return LOCAL_REFUSAL_DENIED;
    if (e == ERR_UNSUPPORTED)
        return LOCAL_REFUSAL_UNSUPPORTED;
    if (e == ERR_INVALID || e == ERR_NOT_FOUND)
        return LOCAL_REFUSAL_INVALID;
    return LOCAL_REFUSAL_SYSTEM;
}

enum err local_wire_err(uint32_t refusal)
{
    static const enum err errs[] = {
        [LOCAL_REFUSAL_BUSY] = ERR_BUSY,
        [LOCAL_REFUSAL_INVALID] = ERR_INVALID,
        [LOCAL_REFUSAL_UNSUPPORTED] = ERR_UNSUPPORTED,
        [LOCAL_REFUSAL_DENIED] = ERR_DENIED,
        [LOCAL_REFUSAL_SYSTEM] = ERR_SYSTEM,
    };

    return refusal == 0 || refusal >= ARRAY_COUNT(errs) ? ERR_SYSTEM : errs[refusal];
}
