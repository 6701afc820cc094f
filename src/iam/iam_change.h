/* Calls of the admin API, one at a time on the reactor that owns what is stored (iam.h). */
#ifndef PENSTOCK_IAM_IAM_CHANGE_H
#define PENSTOCK_IAM_IAM_CHANGE_H

#include "iam/iam_decide.h"
#include "iam/iam_load.h"

/* One per struct iam: on owners[0] only. */
struct iam_queue {
    struct list waiting; /* struct iam_run.link */
    struct iam_run *active;
    bool
        is_doubtful; /* a commit's outcome is not known: read everything before the next decision */
};

#endif
