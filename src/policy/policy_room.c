/* Memory of one policy: few blocks, taken front to back, freed at once. */
#include <stdlib.h>

#include "policy/policy_impl.h"

enum { BLOCK_BYTES = 2048 - 32 };

struct policy_block {
    struct policy_block *next;
    size_t used, bytes;
    _Alignas(16) uint8_t at[];
};

void *policy_room_take(struct policy_room *R, size_t bytes)
{
    size_t rounded = (bytes + 15) & ~(size_t)15;
    struct policy_block *b = R->first;

    if (!b || b->bytes - b->used < rounded) {
        size_t room = MAX(rounded, (size_t)BLOCK_BYTES);

        b = calloc(1, sizeof *b + room);
        if (!b)
            return NULL;
        b->bytes = room;
        b->next = R->first;
        R->first = b;
    }
    void *at = b->at + b->used;
    b->used += rounded;
    return at;
}

void policy_room_done(struct policy_room *R)
{
    while (R->first) {
        struct policy_block *b = R->first;

        R->first = b->next;
        free(b);
    }
}
