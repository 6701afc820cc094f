/* What the files of this room share of struct iam. */
#ifndef PENSTOCK_IAM_IAM_IMPL_H
#define PENSTOCK_IAM_IAM_IMPL_H

#include <pthread.h>

#include "iam/iam_change.h"

struct iam {
    struct iam_config config;
    /* Held for a pointer and a count: a holder must not take a count of what is just being freed.
     */
    pthread_mutex_t lock;
    struct iam_snapshot *current;
    struct iam_queue queue; /* on owners[0] */
};

/* Takes over s; what was current lives until its last holder lets go. */
void iam_swap(struct iam *I, struct iam_snapshot *s);

#endif
