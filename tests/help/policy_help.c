#include "policy_help.h"

#include <stdio.h>
#include <stdlib.h>

char policy_help_why[256];

struct policy *policy_help_parse(const char *json, enum policy_kind kind)
{
    struct buf why = buf_over(policy_help_why, sizeof policy_help_why - 1);
    struct policy *p = NULL;
    enum err e = policy_parse(view_str(json), kind, VIEW("photos"), &p, &why);

    policy_help_why[why.len] = 0;
    return e ? NULL : p;
}

static bool value(const struct policy_request *q, struct view key, unsigned index, struct view *out)
{
    const struct policy_ask *ask = q->ctx;

    for (const char *const *at = ask->values; at && *at; at++) {
        struct view v = view_str(*at);
        size_t sign = view_index(v, '=');

        if (!view_eq(view_upto(v, sign), key) || index-- > 0)
            continue;
        *out = view_from(v, sign + 1);
        return true;
    }
    return false;
}

enum policy_effect policy_help_evaluate(const struct policy *p, const struct policy_ask *ask)
{
    char resource[1200], arn[256];
    struct policy_principal who = {.is_anonymous = !ask->account};

    snprintf(
        resource, sizeof resource, "arn:aws:s3:::%s",
        ask->resource ? ask->resource : "photos/cat.jpg");
    snprintf(
        arn, sizeof arn, "arn:aws:iam::%s:%s", ask->account ? ask->account : "",
        ask->user ? ask->user : "root");
    if (ask->account) {
        who.account = view_str(ask->account);
        who.canonical_id = who.account;
        who.user_arn = view_str(arn);
    }
    const struct policy_request q = {
        .action = view_str(ask->action ? ask->action : "s3:GetObject"),
        .resource = view_str(resource),
        .principal = &who,
        .value = value,
        .ctx = (void *)(uintptr_t)ask};
    return policy_evaluate(p, &q);
}

enum policy_effect
policy_help_decide(const char *json, enum policy_kind kind, const struct policy_ask *ask)
{
    struct policy *p = policy_help_parse(json, kind);

    if (!p) {
        fprintf(stderr, "%s\n%s\n", policy_help_why, json);
        abort();
    }
    enum policy_effect effect = policy_help_evaluate(p, ask);
    policy_free(p);
    return effect;
}
