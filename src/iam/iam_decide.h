/*
 * One call of the admin API, decided: from a snapshot and a request to the next snapshot, the one
 * record to write or remove, and the answer. Pure but for random bytes and the clock it is given;
 * runs on a helper thread.
 */
#ifndef PENSTOCK_IAM_IAM_DECIDE_H
#define PENSTOCK_IAM_IAM_DECIDE_H

#include <jansson.h>

#include "iam/iam_snapshot.h"

struct iam_decision {
    const struct iam_config *config;
    const struct iam_snapshot *from;
    const struct iam_call *call;
    struct view request;
    int64_t now_ms;

    /* What the verbs set. */
    json_t *in, *out;
    struct iam_doc *made; /* a reference: what is to be stored; NULL: nothing */
    struct iam_doc *gone; /* of `from`: what `made` takes the place of, or what is removed */

    /* out */
    struct iam_snapshot *next; /* a reference; NULL: nothing changes */
    struct view record, blob;  /* to be committed; record.at == NULL: nothing */
    struct view old_record;    /* to be removed, with the commit or alone */
    bool is_new;               /* the record must not exist yet */
    struct view answer;        /* JSON */
    char why[320];
    struct buf why_buf;
    struct iam_heap heap; /* of all this */
};

/* All but the inputs zero. iam_decide_done frees, whatever the outcome. */
enum err iam_decide(struct iam_decision *d) MUST_CHECK;
void iam_decide_done(struct iam_decision *d);

/* The verbs. */
typedef enum err iam_decide_fn(struct iam_decision *d);
iam_decide_fn iam_users_add, iam_users_list, iam_users_show, iam_users_set, iam_users_remove;
iam_decide_fn iam_keys_add, iam_keys_list, iam_keys_set, iam_keys_remove;
iam_decide_fn iam_groups_add, iam_groups_list, iam_groups_show, iam_groups_remove;
iam_decide_fn iam_groups_join, iam_groups_leave;
iam_decide_fn iam_policies_add, iam_policies_list, iam_policies_show, iam_policies_remove;
iam_decide_fn iam_policies_attach, iam_policies_detach;

#endif
