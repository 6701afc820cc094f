/*
 * What names, ids, addresses and keys may look like. Each answers NULL when it is fine, else the
 * rest of the sentence "NAME must ...".
 */
#ifndef PENSTOCK_IAM_IAM_CHECK_H
#define PENSTOCK_IAM_IAM_CHECK_H

#include "base/bytes.h"

const char *iam_check_user_name(struct view v);
const char *iam_check_id(struct view v);
const char *iam_check_email(struct view v); /* empty is fine */
const char *iam_check_access(struct view v);
const char *iam_check_secret(struct view v);
const char *iam_check_name(struct view v); /* of a group, of a policy */

#endif
