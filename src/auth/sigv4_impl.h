/* What the files of sigv4 share: the canonical request, the string to sign, the signing key. */
#ifndef PENSTOCK_AUTH_SIGV4_IMPL_H
#define PENSTOCK_AUTH_SIGV4_IMPL_H

#include "auth/sigv4.h"

enum { SIGV4_PARAMS_MAX = 128, SIGV4_SIGNATURE_TEXT = 64 };

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

/* Everything that is signed. Of q only method, path, query and headers are used. */
struct sigv4_canonical {
    const struct sigv4_request *q;
    struct view signed_headers; /* lower case, with ';' between */
    struct view payload_hash;
    bool drops_signature; /* X-Amz-Signature is left out of the query: the presigned form */
};

/*
 * sigv4_canonical_request(c, scratch, out): appended to scratch. ERR_TOO_LARGE: scratch is full or
 * there are more than SIGV4_PARAMS_MAX parameters.
 */
enum err sigv4_canonical_request(
    const struct sigv4_canonical *c, struct buf *scratch, struct view *out) MUST_CHECK;
/* The same for the string to sign. */
enum err sigv4_canonical_to_sign(
    struct view amz_date, struct view scope, struct view canonical, struct buf *scratch,
    struct view *out) MUST_CHECK;

/* The first header of that name, any case; at == NULL when absent. */
struct view
sigv4_canonical_header(const struct sigv4_request *q, struct view name, unsigned *count);

/* The Date header: an HTTP date, whose zone may be written the ways of e-mail (+0000, -0000, UTC),
 * or the basic ISO form. */
enum err sigv4_read_time(struct view v, int64_t *ms_out) MUST_CHECK;

/* KEY/day/region/s3/aws4_request into s->access_key, scope and its parts. */
bool sigv4_read_credential(struct sigv4 *s, struct view v);

/* x-amz-content-sha256 of a request that was not signed by version 4, into s->payload. */
enum sigv4_verdict sigv4_find_payload(const struct sigv4_request *q, struct sigv4 *s);

/* sigv4_key(secret, scope, out): the key of scope's day, region and service; cached per thread. */
void sigv4_key(struct view secret, struct view scope, uint8_t out[32]);

/* Percent-decodes *v into s->decoded, behind *used bytes; '+' stays. False: malformed, or no room.
 */
bool sigv4_decode(struct sigv4 *s, size_t *used, struct view *v) MUST_CHECK;

#endif
