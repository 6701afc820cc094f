#include "engine/memory/memory_payload.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "engine/memory/memory_alloc.h"

struct memory_piece {
    _Atomic uint32_t refs;
    size_t len;
    uint8_t bytes[];
};

/* Takes over a reference. */
static enum err add_slot(struct memory_payload *p, struct memory_piece *piece)
{
    void *slots = p->slots;

    if (p->count == p->cap) {
        TRY(memory_alloc_grow(&slots, &p->cap, sizeof *p->slots));
        p->slots = slots;
    }
    p->slots[p->count++] = (struct memory_slot){p->size, piece};
    p->size += piece->len;
    return ERR_OK;
}

enum err memory_payload_append(struct memory_payload *p, struct view bytes)
{
    struct memory_piece *piece;

    assert(bytes.len > 0);
    piece = memory_alloc(sizeof *piece + bytes.len);
    if (!piece)
        return ERR_NO_SPACE;
    piece->refs = 1;
    piece->len = bytes.len;
    memcpy(piece->bytes, bytes.at, bytes.len);
    if (add_slot(p, piece)) {
        free(piece);
        return ERR_NO_SPACE;
    }
    p->crc64 = crc64_nvme(p->crc64, bytes.at, bytes.len);
    return ERR_OK;
}

enum err memory_payload_share(struct memory_payload *p, const struct memory_payload *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct memory_piece *piece = from->slots[i].piece;

        TRY(add_slot(p, piece));
        atomic_fetch_add(&piece->refs, 1);
    }
    p->crc64 = crc64_nvme_combine(p->crc64, from->crc64, from->size);
    return ERR_OK;
}

struct view memory_payload_at(const struct memory_payload *p, uint64_t off)
{
    size_t low = 0, high = p->count;

    assert(off < p->size);
    /* The last slot that starts at or before off. */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (p->slots[middle].start <= off)
            low = middle;
        else
            high = middle;
    }
    off -= p->slots[low].start;
    return view_from(view_of(p->slots[low].piece->bytes, p->slots[low].piece->len), (size_t)off);
}

void memory_payload_copy(const struct memory_payload *p, uint64_t off, uint8_t *dst, size_t len)
{
    while (len > 0) {
        struct view v = view_upto(memory_payload_at(p, off), len);

        memcpy(dst, v.at, v.len);
        dst += v.len;
        off += v.len;
        len -= v.len;
    }
}

void memory_payload_done(struct memory_payload *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (atomic_fetch_sub(&p->slots[i].piece->refs, 1) == 1)
            free(p->slots[i].piece);
    }
    free(p->slots);
    *p = (struct memory_payload){0};
}
