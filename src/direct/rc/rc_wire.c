/* Both messages begin alike: 8 bytes of head, then one end. The answer goes on with the session. */
#include "direct/rc/rc_wire.h"

enum { RC_MAGIC = 0x31525350 }; /* "PSR1" */
enum rc_type { RC_TYPE_REQUEST = 1, RC_TYPE_ANSWER = 2 };

static void put_end(const struct rc_wire_end *end, enum rc_type type, struct buf *to)
{
    buf_put_le32(to, RC_MAGIC);
    buf_put_le16(to, RC_WIRE_VERSION);
    buf_put_le16(to, (uint16_t)type);
    buf_put(to, view_of(end->gid, RC_GID_BYTES));
    buf_put_le32(to, end->qpn);
    buf_put_le32(to, end->psn);
    buf_put_le32(to, end->mtu);
    buf_put_le16(to, end->lid);
    buf_put_le16(to, end->reads);
    buf_put_le32(to, end->lease_ms);
    buf_put_le32(to, 0);
}

void rc_wire_put_request(const struct rc_wire_end *end, struct buf *to)
{
    put_end(end, RC_TYPE_REQUEST, to);
}

void rc_wire_put_answer(const struct rc_wire_answer *a, struct buf *to)
{
    put_end(&a->end, RC_TYPE_ANSWER, to);
    buf_put(to, view_of(a->session_id, RC_ID_BYTES));
    buf_put(to, view_of(a->session_key, RC_KEY_BYTES));
}

static enum err take_head(struct view *v, enum rc_type want)
{
    uint32_t magic;
    uint16_t version, type;

    if (view_take_le32(v, &magic) || view_take_le16(v, &version) || view_take_le16(v, &type))
        return ERR_MALFORMED;
    if (magic != RC_MAGIC || version == 0)
        return ERR_MALFORMED;
    if (version != RC_WIRE_VERSION)
        return ERR_UNSUPPORTED;
    return type == want ? ERR_OK : ERR_MALFORMED;
}

static bool end_is_sane(const struct rc_wire_end *end, uint16_t reads, uint32_t reserved)
{
    static const uint8_t no_gid[RC_GID_BYTES];
    bool is_mtu = end->mtu >= 256 && end->mtu <= 4096 && (end->mtu & (end->mtu - 1)) == 0;

    return is_mtu && memcmp(end->gid, no_gid, RC_GID_BYTES) != 0 && end->qpn != 0 &&
           end->qpn < 1u << 24 && end->psn < 1u << 24 && reads != 0 && reads <= UINT8_MAX &&
           end->lease_ms != 0 && reserved == 0;
}

static enum err take_bytes(struct view *v, void *to, size_t len)
{
    struct view part;

    TRY(view_take(v, len, &part));
    memcpy(to, part.at, len);
    return ERR_OK;
}

/* Of a view that is long enough. */
static enum err take_end(struct view *v, struct rc_wire_end *end_out)
{
    struct rc_wire_end end = {0};
    uint16_t reads;
    uint32_t reserved;

    TRY(take_bytes(v, end.gid, RC_GID_BYTES));
    TRY(view_take_le32(v, &end.qpn));
    TRY(view_take_le32(v, &end.psn));
    TRY(view_take_le32(v, &end.mtu));
    TRY(view_take_le16(v, &end.lid));
    TRY(view_take_le16(v, &reads));
    TRY(view_take_le32(v, &end.lease_ms));
    TRY(view_take_le32(v, &reserved));
    if (!end_is_sane(&end, reads, reserved))
        return ERR_MALFORMED;
    end.reads = (uint8_t)reads;
    *end_out = end;
    return ERR_OK;
}

enum err rc_wire_take_request(struct view v, struct rc_wire_end *end_out)
{
    size_t len = v.len;

    TRY(take_head(&v, RC_TYPE_REQUEST));
    if (len != RC_REQUEST_BYTES)
        return ERR_MALFORMED;
    return take_end(&v, end_out);
}

enum err rc_wire_take_answer(struct view v, struct rc_wire_answer *a_out)
{
    size_t len = v.len;
    struct rc_wire_answer a;

    TRY(take_head(&v, RC_TYPE_ANSWER));
    if (len != RC_ANSWER_BYTES)
        return ERR_MALFORMED;
    TRY(take_end(&v, &a.end));
    TRY(take_bytes(&v, a.session_id, RC_ID_BYTES));
    TRY(take_bytes(&v, a.session_key, RC_KEY_BYTES));
    *a_out = a;
    return ERR_OK;
}
