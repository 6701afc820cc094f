/*
 * Policies in AWS's JSON grammar: parsed once, evaluated many times. Pure: no engine, no HTTP.
 *
 * Both kinds: bucket policies (with Principal or NotPrincipal) and identity policies (without).
 * Version 2008-10-17 and 2012-10-17 (variables in the latter only). Effect, Action/NotAction,
 * Resource/NotResource, Condition with every operator of the reference (String*, Numeric*, Date*,
 * Bool, BinaryEquals, IpAddress, Arn*, Null; ...IfExists; ForAllValues:, ForAnyValue:), wildcards *
 * and ?, policy variables ${aws:username} and ${*} ${?} ${$}.
 * Source: AWS IAM user guide, "IAM JSON policy elements reference", "Policy evaluation logic";
 * Amazon S3 user guide, "Policies and permissions", "The meaning of public".
 */
#ifndef PENSTOCK_POLICY_POLICY_H
#define PENSTOCK_POLICY_POLICY_H

#include "base/bytes.h"

struct policy;

enum policy_kind { POLICY_BUCKET, POLICY_IDENTITY };
enum policy_effect { POLICY_NONE, POLICY_ALLOW, POLICY_DENY };
enum { POLICY_BYTES_MAX = 20480 };

/*
 * policy_parse(json, kind, bucket, p_out, why): allocates (control path: when a policy is set or
 * first read, never per request). POLICY_BUCKET: every resource must be `bucket` or in it, every
 * action an s3 action that fits its resource. `why`: one sentence, for the MalformedPolicy answer.
 * Errors   ERR_MALFORMED, ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
enum err policy_parse(
    struct view json, enum policy_kind kind, struct view bucket, struct policy **p_out,
    struct buf *why) MUST_CHECK;
void policy_free(struct policy *p); /* NULL is fine */

/* Who asks, as bucket policies name people. */
struct policy_principal {
    bool is_anonymous;
    /* One of an account's people whom no policy of its own allows this: what is given to the
     * account is then not given to it ("Principal", IAM user guide: the account decides who of it
     * may). */
    bool needs_own_name;
    struct view account;      /* "arn:aws:iam::ACCOUNT:root", or ACCOUNT alone, names all of it */
    struct view user_arn;     /* "arn:aws:iam::ACCOUNT:user/NAME" */
    struct view canonical_id; /* {"CanonicalUser": ID} */
};

struct policy_request;
/*
 * A value of a condition key ("aws:sourceip", "s3:prefix", "s3:existingobjecttag/colour"; the part
 * before '/' in lower case). index 0, 1, ... until false: keys may have several values.
 */
typedef bool policy_value_fn(
    const struct policy_request *q, struct view key, unsigned index, struct view *value_out);

struct policy_request {
    struct view action;                       /* "s3:GetObject" */
    struct view resource;                     /* "arn:aws:s3:::bucket/key", "arn:aws:s3:::bucket" */
    const struct policy_principal *principal; /* bucket policies */
    policy_value_fn *value;
    void *ctx;
};

/* Deny wins over allow; NONE: no statement fits. p may be NULL: NONE. No allocation, and no more
 * than milliseconds: a policy made to take longer denies. */
enum policy_effect policy_evaluate(const struct policy *p, const struct policy_request *q);
/* Does a statement that may fit `action` have a condition on this key (or key prefix, ending in
 * '/')? Then a decision without that value is worth nothing. */
bool policy_asks(const struct policy *p, struct view action, struct view key);
/* "The meaning of public": an Allow for everybody that no condition narrows to fixed values. */
bool policy_is_public(const struct policy *p);

#endif
