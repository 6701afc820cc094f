/* What users/add shares with keys/...: access keys of a user. */
#ifndef PENSTOCK_IAM_IAM_KEYS_H
#define PENSTOCK_IAM_IAM_KEYS_H

#include "iam/iam_decide.h"

/*
 * Adds the key of the request (access_key, secret_key; each made when it is not given) to d->made,
 * which has room for it. A secret that was made goes into the answer: this is the only time.
 */
enum err iam_keys_make(struct iam_decision *d) MUST_CHECK;
/* Without secrets. */
json_t *iam_keys_json(const struct iam_doc *user);

#endif
