/*
 * AWS Signature Version 2, pure: what clients of before 2014 send, and what boto3 still presigns
 * with on endpoints of one's own. HMAC-SHA1 over method, Content-MD5, Content-Type, date, x-amz-*
 * headers and the resource; the body is not covered. Source: Amazon S3 user guide, "Signing and
 * authenticating REST requests (AWS Signature Version 2)".
 *
 *     string to sign   METHOD \n md5 \n type \n date \n (name:value \n)* resource
 *     date             Date; empty beside x-amz-date; presigned: Expires, seconds since 1970
 *     resource         /bucket/path as on the wire, then ?sub=value&... in order, values decoded
 *
 * It fills the same struct sigv4 as its successor, is_v2 set, so that what comes after the
 * signature need not know the difference. No signed chunks: there is nothing to chain them to.
 */
#ifndef PENSTOCK_AUTH_SIGV2_H
#define PENSTOCK_AUTH_SIGV2_H

#include "auth/sigv4.h"

enum { SIGV2_TEXT_BYTES = 28 };

/* Does the request carry a signature of this version? */
bool sigv2_is(const struct sigv4_request *q);
/* As sigv4_parse: form, date, skew, expiry, payload. */
enum sigv4_verdict sigv2_parse(const struct sigv4_request *q, struct sigv4 *s) MUST_CHECK;
/*
 * sigv2_verify(q, s, host_bucket, secret, scratch, to_sign_out): compares in constant time.
 * host_bucket: the bucket, when Host names it. Where clients differ in what they sign, every form
 * that means this very request is accepted: a bucket with or without '/' behind it, `acl=` as
 * `acl`; and in the header form subresources that are younger than this signature may be left out.
 * *to_sign_out views the usual form, in scratch, also on SIGV4_MISMATCH.
 */
enum sigv4_verdict sigv2_verify(
    const struct sigv4_request *q, const struct sigv4 *s, struct view host_bucket,
    struct view secret, struct buf *scratch, struct view *to_sign_out) MUST_CHECK;
/* Appends base64(HMAC-SHA1(secret, text)), SIGV2_TEXT_BYTES. */
void sigv2_sign(struct view secret, struct view text, struct buf *b);
/* Is that query parameter part of the resource? */
bool sigv2_signs(struct view param);

#endif
