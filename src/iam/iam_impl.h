/* What the files of this room share of struct iam. */
#ifndef PENSTOCK_IAM_IAM_IMPL_H
#define PENSTOCK_IAM_IAM_IMPL_H

#include <pthread.h>

#include "iam/iam_change.h"

/*
 * A reactor's own count of the snapshot it saw last. The seat has one of the snapshot's refs;
 * holding and letting go touch nothing that another reactor writes. When the seat takes a newer
 * snapshot, its holds of the old one become refs: each is let go by the count it is in,
 * so the two together are always the holders there are.
 */
struct iam_seat { /* that reactor only */
    struct iam_snapshot *snapshot;
    uint64_t generation;
    unsigned holds;
} __attribute__((aligned(64)));

enum { IAM_SEATS = 256 }; /* reactors beyond, and other threads, count in refs */

struct iam {
    struct iam_config config;
    struct iam_seat *seats;
    _Atomic uint64_t generation; /* of current; changes under the lock */
    /* Held for a pointer and a count: a holder must not take a count of what is just being freed.
     */
    pthread_mutex_t lock;
    struct iam_snapshot *current;
    struct iam_queue queue; /* on owners[0] */
};

/* For who lets go on another reactor: iam_snapshot_unref. */
struct iam_snapshot *iam_hold_anywhere(struct iam *I);
/* Takes over s; what was current lives until its last holder lets go. */
void iam_swap(struct iam *I, struct iam_snapshot *s);

#endif
