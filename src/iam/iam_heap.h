/*
 * Memory that grows piece by piece and is freed, and wiped, at once: documents and snapshots, which
 * hold secrets. A heap is zero at first.
 */
#ifndef PENSTOCK_IAM_IAM_HEAP_H
#define PENSTOCK_IAM_IAM_HEAP_H

#include "base/bytes.h"

struct iam_heap_block;

struct iam_heap {
    struct iam_heap_block *first; /* the one that pieces are taken from */
};

/* Cleared, aligned to 16; NULL when memory is short. bytes may be 0. */
void *iam_heap_take(struct iam_heap *h, size_t bytes) MUST_CHECK;
/* With a NUL behind it; at == NULL when memory is short. */
struct view iam_heap_copy(struct iam_heap *h, struct view v) MUST_CHECK;
void iam_heap_done(struct iam_heap *h);

#endif
