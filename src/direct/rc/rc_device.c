/*
 * The devices: opened and given the arena once at start. Which one serves a client is decided by
 * the client's GID: an address of the same kind with the longest common beginning.
 */
#include <stdlib.h>

#include "direct/rc/rc_impl.h"

enum gid_kind { GID_V4_MAPPED, GID_LINK_LOCAL, GID_GLOBAL };

static enum gid_kind gid_kind(const uint8_t gid[RC_GID_BYTES])
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(gid, v4, sizeof(v4)) == 0)
        return GID_V4_MAPPED;
    return gid[0] == 0xfe && (gid[1] & 0xc0) == 0x80 ? GID_LINK_LOCAL : GID_GLOBAL;
}

static unsigned common_bits(const uint8_t *a, const uint8_t *b)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < RC_GID_BYTES; i++, bits += 8)
        for (unsigned j = 0; j < 8; j++)
            if (((a[i] ^ b[i]) >> (7 - j)) & 1)
                return bits + j;
    return bits;
}

/* 0: does not reach it. RoCE v1 only where there is nothing else: it is not routed. */
static unsigned gid_score(const struct rc_gid *own, const uint8_t peer[RC_GID_BYTES])
{
    if (gid_kind(own->raw) != gid_kind(peer))
        return 0;
    return 1 + common_bits(own->raw, peer) + (own->is_roce1 ? 0 : RC_GID_BYTES * 8 + 1);
}

struct rc_device *rc_device_for(struct rc *rc, const uint8_t peer[RC_GID_BYTES], struct rc_gid *out)
{
    struct rc_device *best = NULL;
    unsigned score = 0;

    for (unsigned i = 0; i < rc->device_count; i++) {
        struct rc_device *d = &rc->devices[i];

        for (unsigned j = 0; j < d->facts.gid_count && !atomic_load(&d->is_lost); j++) {
            unsigned s = gid_score(&d->facts.gids[j], peer);

            if (s <= score)
                continue;
            score = s;
            best = d;
            *out = d->facts.gids[j];
        }
    }
    return best;
}

/* One that does not serve is left out: ERR_UNSUPPORTED, or what it failed with. */
static enum err device_open(struct rc *rc, unsigned index, struct rc_device *d)
{
    const struct rc_verbs *v = rc->config.verbs;

    memset(d, 0, sizeof(*d));
    TRY(v->open(v->ctx, index, &d->facts, &d->dev));
    bool is_wanted = !rc->config.device || strcmp(d->facts.name, rc->config.device) == 0;
    enum err e = is_wanted && d->facts.gid_count ? ERR_OK : ERR_UNSUPPORTED;
    if (!e)
        e = v->reg(
            d->dev, (void *)(uintptr_t)rc->config.arena.at, rc->config.arena.len, &d->mr, &d->lkey);
    if (e)
        v->close(d->dev);
    return e;
}

enum err rc_device_open_all(struct rc *rc, struct buf *why)
{
    const struct rc_verbs *v = rc->config.verbs;
    unsigned count = v->count(v->ctx);
    enum err first = ERR_OK;

    for (unsigned i = 0; i < count && rc->device_count < RC_DEVICES_MAX; i++) {
        enum err e = device_open(rc, i, &rc->devices[rc->device_count]);

        if (!e)
            rc->device_count++;
        else if (!first && e != ERR_UNSUPPORTED)
            first = e;
    }
    if (rc->device_count)
        return ERR_OK;
    buf_printf(
        why, "no RDMA device can be used (%u found%s%s)", count, first ? "; " : "",
        first ? err_text(first) : "");
    return first ? first : ERR_UNSUPPORTED;
}

void rc_device_close_all(struct rc *rc)
{
    const struct rc_verbs *v = rc->config.verbs;

    for (unsigned i = 0; i < rc->device_count; i++) {
        v->dereg(rc->devices[i].mr);
        v->close(rc->devices[i].dev);
    }
}
