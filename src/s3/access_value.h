/*
 * What a request is to the conditions of policies: the values of the condition keys that AWS
 * documents for S3 and that a server can know. A key that is absent here is absent from the request
 * (then only ...IfExists, Null and the negated operators hold).
 */
#ifndef PENSTOCK_S3_ACCESS_VALUE_H
#define PENSTOCK_S3_ACCESS_VALUE_H

#include "s3/access.h"
#include "s3/tags.h"

enum { ACCESS_VALUE_BYTES = 40 };

struct access_value {
    /* in */
    const struct s3_request *request;
    const struct access_ask *ask;
    /* out: memory was short; the decision is worth nothing */
    bool failed;

    /* private */
    bool has_request_tags, has_existing_tags;
    struct tags request_tags, existing_tags;
    /* One place each: a condition may look at several at once. */
    char date[ACCESS_VALUE_BYTES], epoch[ACCESS_VALUE_BYTES], age[ACCESS_VALUE_BYTES],
        until[ACCESS_VALUE_BYTES], days[ACCESS_VALUE_BYTES];
};

/* policy_value_fn; q->ctx is the struct access_value. */
bool access_value(
    const struct policy_request *q, struct view key, unsigned index, struct view *value_out);

#endif
