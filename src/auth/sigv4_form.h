/*
 * Signatures of POST forms, pure: what is signed is the policy, base64 as it stands in the form.
 * Source: Amazon S3 API reference, "Authenticating requests: browser-based uploads using POST".
 */
#ifndef PENSTOCK_AUTH_SIGV4_FORM_H
#define PENSTOCK_AUTH_SIGV4_FORM_H

#include "auth/sigv4.h"

/* Values of the form's fields; at == NULL: not there. */
struct sigv4_form_fields {
    struct view policy;
    struct view algorithm, credential, date, signature; /* x-amz-* */
    struct view v2_access_key, v2_signature;            /* AWSAccessKeyId, signature */
};

/* Fills form (SIGV4_POST), access_key, scope, signature, is_v2. The policy's own expiration is what
 * limits it in time, so that the date need only be that of the scope. */
enum sigv4_verdict sigv4_form_parse(const struct sigv4_form_fields *f, struct sigv4 *s) MUST_CHECK;
/* Compares in constant time. */
enum sigv4_verdict
sigv4_form_verify(const struct sigv4 *s, struct view policy, struct view secret) MUST_CHECK;

#endif
