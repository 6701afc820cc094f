/*
 * A payload: a row of pieces that never change and may be shared between payloads, which is how
 * compose moves parts without copying. Grown by one thread, then constant.
 */
#ifndef PENSTOCK_ENGINE_MEMORY_MEMORY_PAYLOAD_H
#define PENSTOCK_ENGINE_MEMORY_MEMORY_PAYLOAD_H

#include "base/bytes.h"

struct memory_piece;

struct memory_slot {
    uint64_t start;             /* offset in this payload */
    struct memory_piece *piece; /* counted by the payloads that hold it */
};

struct memory_payload {
    struct memory_slot *slots;
    size_t count, cap;
    uint64_t size;
    uint64_t crc64;
};

/* All zero is the empty payload. ERR_NO_SPACE leaves p as it was. */
enum err memory_payload_append(struct memory_payload *p, struct view bytes) MUST_CHECK;
/* The pieces of `from`, shared. ERR_NO_SPACE: some may be there already; memory_payload_done. */
enum err
memory_payload_share(struct memory_payload *p, const struct memory_payload *from) MUST_CHECK;
/* What lies at off up to the end of its piece; off < p->size. */
struct view memory_payload_at(const struct memory_payload *p, uint64_t off);
void memory_payload_copy(const struct memory_payload *p, uint64_t off, uint8_t *dst, size_t len);
void memory_payload_done(struct memory_payload *p);

#endif
