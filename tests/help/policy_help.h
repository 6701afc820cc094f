/* Policies in tests: a request is a few words, what it knows a list of "key=value". */
#ifndef PENSTOCK_TESTS_HELP_POLICY_HELP_H
#define PENSTOCK_TESTS_HELP_POLICY_HELP_H

#include "policy/policy.h"

struct policy_ask {
    const char *action;        /* NULL: "s3:GetObject" */
    const char *resource;      /* behind "arn:aws:s3:::"; NULL: "photos/cat.jpg" */
    const char *account;       /* NULL: anonymous */
    const char *user;          /* the rest of the ARN, "user/bob"; NULL: "root" */
    const char *const *values; /* "key=value", NULL at the end; several of one key in a row */
};

/* The policy, or NULL with the sentence in policy_help_why. */
struct policy *policy_help_parse(const char *json, enum policy_kind kind);
extern char policy_help_why[256];
enum policy_effect policy_help_evaluate(const struct policy *p, const struct policy_ask *ask);
/* Parses, evaluates, frees; the policy must be good. */
enum policy_effect
policy_help_decide(const char *json, enum policy_kind kind, const struct policy_ask *ask);

#endif
