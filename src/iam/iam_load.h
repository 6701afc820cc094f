/*
 * Everything from the engine: page by page, decoded, linked to a snapshot. Runs and completes on
 * the calling reactor. At start, and when the outcome of a change is not known.
 *
 *   LOAD_LISTING a page -> its documents -> the next page, the next kind -> snapshot
 */
#ifndef PENSTOCK_IAM_IAM_LOAD_H
#define PENSTOCK_IAM_IAM_LOAD_H

#include "iam/iam_snapshot.h"

struct iam_load {
    struct op op;
    const struct iam_config *config;
    struct iam_snapshot *snapshot; /* out: the caller's reference */
    char why[320];                 /* out, with an error: a sentence, or empty */
    struct buf why_buf;
    struct engine_list list;
    struct region_pool pool; /* of its own: a page may be larger than what requests may take */
    struct region region;
    unsigned kind; /* of the page */
    struct iam_doc_set docs[IAM_KINDS];
    unsigned caps[IAM_KINDS]; /* room in docs[].list */
};
void iam_load(struct iam_load *l);

#endif
