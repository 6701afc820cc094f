/*
 * "The meaning of public" (Amazon S3 user guide, "Blocking public access"): a policy that allows
 * everybody something is public, unless a condition grants only to fixed values (no wildcard, no
 * variable) of what names an owner. Denials are not weighed against it.
 */
#include "policy/policy_impl.h"

static const char *const owners[] = {
    "aws:principalaccount",  "aws:principalarn",
    "aws:principalorgid",    "aws:principalorgpaths",
    "aws:sourceaccount",     "aws:sourcearn",
    "aws:sourceorgid",       "aws:sourceowner",
    "aws:sourcevpc",         "aws:sourcevpcarn",
    "aws:sourcevpce",        "aws:userid",
    "aws:username",          "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn", "s3:x-amz-server-side-encryption-aws-kms-key-id",
};

static bool is_fixed(const struct policy_text *t)
{
    return !t->has_variables && view_index(t->text, '*') == SIZE_MAX &&
           view_index(t->text, '?') == SIZE_MAX;
}

/* Not wider than /8, /32 of IPv6. */
static bool is_narrow(const struct policy_text *t)
{
    unsigned bits;
    bool is_v6;

    return policy_value_network(t->text, &bits, &is_v6) && bits >= (is_v6 ? 32u : 8u);
}

static bool narrows(const struct policy_condition *c)
{
    enum policy_type type = c->how->type;
    bool is_source_ip = view_is(c->key, "aws:sourceip"), is_owner = false;

    /* These hold for who has no such value at all. */
    if (c->how->is_negated || c->if_exists || c->set == POLICY_FOR_ALL)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(owners); i++)
        is_owner = is_owner || view_is(c->key, owners[i]);
    if (is_source_ip ? type != POLICY_IP
                     : !is_owner || (type != POLICY_STRING && type != POLICY_STRING_NOCASE &&
                                     type != POLICY_STRING_LIKE && type != POLICY_ARN))
        return false;
    for (unsigned i = 0; i < c->values.count; i++)
        if (is_source_ip ? !is_narrow(&c->values.at[i]) : !is_fixed(&c->values.at[i]))
            return false;
    return true;
}

static bool is_for_everybody(const struct policy_statement *s)
{
    for (unsigned i = 0; i < s->people.count; i++)
        if (s->people.at[i].kind == POLICY_EVERYBODY)
            return true;
    return false;
}

bool policy_is_public(const struct policy *p)
{
    for (unsigned i = 0; p && i < p->count; i++) {
        const struct policy_statement *s = &p->statements[i];
        bool is_narrowed = false;

        for (unsigned k = 0; k < s->condition_count; k++)
            is_narrowed = is_narrowed || narrows(&s->conditions[k]);
        if (s->effect == POLICY_ALLOW && is_for_everybody(s) && !is_narrowed)
            return true;
    }
    return false;
}
