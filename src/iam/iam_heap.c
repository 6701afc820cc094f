#include "iam/iam_heap.h"

#include <stdlib.h>

#include <openssl/crypto.h>

enum { FIRST_BYTES = 512, BLOCK_BYTES_MAX = 65536 };

struct iam_heap_block {
    _Alignas(16) struct iam_heap_block *next;
    size_t bytes, used; /* of what follows */
};

static struct iam_heap_block *add_block(struct iam_heap *h, size_t wanted)
{
    size_t bytes = h->first ? MIN(h->first->bytes * 2, BLOCK_BYTES_MAX) : FIRST_BYTES;

    bytes = MAX(bytes, wanted);
    struct iam_heap_block *b = calloc(1, sizeof *b + bytes);
    if (!b)
        return NULL;
    b->bytes = bytes;
    b->next = h->first;
    h->first = b;
    return b;
}

void *iam_heap_take(struct iam_heap *h, size_t bytes)
{
    struct iam_heap_block *b = h->first;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (MAX(bytes, 1) + 15) & ~(size_t)15;
    if (!b || b->bytes - b->used < bytes)
        b = add_block(h, bytes);
    if (!b)
        return NULL;
    void *at = (uint8_t *)(b + 1) + b->used;
    b->used += bytes;
    return at;
}

struct view iam_heap_copy(struct iam_heap *h, struct view v)
{
    uint8_t *at = iam_heap_take(h, v.len + 1);

    if (at && v.len > 0)
        memcpy(at, v.at, v.len);
    return view_of(at, at ? v.len : 0);
}

void iam_heap_done(struct iam_heap *h)
{
    while (h->first) {
        struct iam_heap_block *b = h->first;
        h->first = b->next;
        OPENSSL_cleanse(b + 1, b->used);
        free(b);
    }
}
