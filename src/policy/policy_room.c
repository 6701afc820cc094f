/* Memory of one policy: few blocks, taken front to back, freed at once. */
#include <stdlib.h>

#include "policy/policy_impl.h"

enum { BLOCK_BYTES = 2048 - 32 };

struct policy_block {
    struct policy_block *next;
    size_t used, bytes;
    _Alignas(16) uint8_t at[];
};

static void *take(struct policy_room *R, size_t bytes, size_t align)
{
    struct policy_block *b = R->first;
    size_t used = b ? (b->used + align - 1) & ~(align - 1) : 0;

    if (!b || used > b->bytes || b->bytes - used < bytes) {
        size_t room = MAX(bytes, (size_t)BLOCK_BYTES);

        b = calloc(1, sizeof *b + room);
        if (!b)
            return NULL;
        b->bytes = room;
        b->next = R->first;
        R->first = b;
    } else {
        b->used = used;
    }
    void *at = b->at + b->used;
    b->used += bytes;
    return at;
}

void *policy_room_take(struct policy_room *R, size_t bytes)
{
    return take(R, bytes, 8);
}

void *policy_room_take_text(struct policy_room *R, size_t bytes)
{
    return take(R, bytes, 1);
}

void policy_room_done(struct policy_room *R)
{
    while (R->first) {
        struct policy_block *b = R->first;

        R->first = b->next;
        free(b);
    }
}
