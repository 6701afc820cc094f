/*
 * AWS Signature Version 4, pure: no I/O, no clock, no allocation. Verifies what clients sent and
 * signs what our client sends. Source: AWS General Reference, "Signature Version 4 signing
 * process", and "Authenticating Requests (AWS Signature Version 4)" of the Amazon S3 API reference.
 *
 *   sigv4_parse (which key, which scope, which form)  ->  the caller looks the secret up
 *   ->  sigv4_verify  ->  payload form says how the body must be checked
 */
#ifndef PENSTOCK_AUTH_SIGV4_H
#define PENSTOCK_AUTH_SIGV4_H

#include "base/bytes.h"

enum {
    SIGV4_SKEW_MS = 15 * 60 * 1000,
    SIGV4_EXPIRES_SECONDS_MAX = 604800,
    SIGV4_SECRET_BYTES_MAX = 256 /* a longer one verifies nothing and signs nothing */
};

struct sigv4_header {
    struct view name, value;
};

/* The request as it came. `path` and `query` are raw, as in the request line. */
struct sigv4_request {
    struct view method, path, query;
    const struct sigv4_header
        *headers; /* same layout as struct http_header (static_assert in s3) */
    unsigned header_count;
    int64_t now_ms;
    /* A request without a body needs no x-amz-content-sha256 to say so: curl before 8 sends none.
     */
    bool has_no_body;
};

enum sigv4_form { SIGV4_ANONYMOUS, SIGV4_HEADER, SIGV4_PRESIGNED, SIGV4_POST };

/* How the payload is protected; from x-amz-content-sha256. */
enum sigv4_payload {
    SIGV4_PAYLOAD_NONE_GIVEN,        /* header absent, anonymous or presigned: as unsigned */
    SIGV4_PAYLOAD_SHA256,            /* hex of the whole body */
    SIGV4_PAYLOAD_UNSIGNED,          /* UNSIGNED-PAYLOAD */
    SIGV4_PAYLOAD_STREAMING,         /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    SIGV4_PAYLOAD_STREAMING_TRAILER, /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER */
    SIGV4_PAYLOAD_UNSIGNED_TRAILER   /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

/* Verdicts, one per S3 error: src/s3/errors.c maps them. */
enum sigv4_verdict {
    SIGV4_OK,
    SIGV4_MALFORMED_HEADER, /* AuthorizationHeaderMalformed 400 */
    SIGV4_MALFORMED_QUERY,  /* AuthorizationQueryParametersError 400 */
    SIGV4_BOTH,             /* InvalidArgument 400: header and query at once */
    SIGV4_UNSUPPORTED,      /* InvalidRequest 400: another algorithm, SigV2 */
    SIGV4_NO_DATE,          /* AccessDenied 403 */
    SIGV4_SKEWED,           /* RequestTimeTooSkewed 403 */
    SIGV4_EXPIRED,          /* AccessDenied 403 "Request has expired" */
    SIGV4_NOT_YET,          /* AccessDenied 403 "Request is not valid yet" */
    SIGV4_UNSIGNED_HEADER,  /* AccessDenied 403: an x-amz-* header or Host that is not signed */
    SIGV4_NO_PAYLOAD_HASH,  /* InvalidRequest 400: header form, a body, no x-amz-content-sha256 */
    SIGV4_V2_MALFORMED_HEADER, /* InvalidArgument 400: sigv2.h */
    SIGV4_V2_MALFORMED_QUERY,  /* AccessDenied 403: sigv2.h */
    SIGV4_MALFORMED_FORM,      /* InvalidArgument 400: sigv4_form.h */
    SIGV4_BAD_PAYLOAD_HASH,    /* InvalidArgument 400: x-amz-content-sha256 is no known form */
    SIGV4_MISMATCH             /* SignatureDoesNotMatch 403 */
};

enum { SIGV4_DECODED_BYTES_MAX = 2048 };

/* Must not be copied: views may point into `decoded`. */
struct sigv4 {
    enum sigv4_form form;
    enum sigv4_payload payload;
    struct view access_key;
    struct view scope; /* "20260102/us-east-1/s3/aws4_request" */
    struct view scope_date, region, service;
    struct view signed_headers; /* "host;x-amz-date" */
    struct view signature;      /* 64 hex */
    struct view payload_hash;   /* value of x-amz-content-sha256, or "UNSIGNED-PAYLOAD" */
    uint8_t payload_sha256[32]; /* SIGV4_PAYLOAD_SHA256 only */
    int64_t date_ms;
    char amz_date[17];
    int64_t expires_s;       /* presigned */
    bool is_v2;              /* read by sigv2.h: no scope, no signed headers, no seed */
    struct view v2_expires;  /* presigned by it, as signed */
    uint8_t signing_key[32]; /* after sigv4_verify: for streaming bodies */
    uint8_t seed[32]; /* after sigv4_verify: the request's signature, first link of the chain */
    /* private: what came percent-encoded in a presigned query */
    uint8_t decoded[SIGV4_DECODED_BYTES_MAX];
};

/*
 * sigv4_parse(q, s): reads the Authorization header or the X-Amz-* query. Views in *s point into q
 * (header form) or into *s (presigned).
 * Checks form, date, skew, expiry, that Host and every x-amz-* header present are signed (header
 * form; in the presigned form x-amz-* headers must be signed too). SIGV4_OK with form
 * SIGV4_ANONYMOUS when there is neither.
 */
enum sigv4_verdict sigv4_parse(const struct sigv4_request *q, struct sigv4 *s) MUST_CHECK;

/*
 * sigv4_verify(q, s, secret, scratch): compare in constant time. scratch is where the canonical
 * request and the string to sign are built (64 KiB is enough for heads within http/request.h's
 * limits, unless most of a huge query needs escaping: then the verdict is SIGV4_MALFORMED_*); on
 * SIGV4_MISMATCH, *s stays and canonical_out/to_sign_out view them, for the error body AWS gives.
 * The signing key of the day is cached per thread, so that a request costs one HMAC. A signed
 * header that is not there is a mismatch.
 */
enum sigv4_verdict sigv4_verify(
    const struct sigv4_request *q, struct sigv4 *s, struct view secret, struct buf *scratch,
    struct view *canonical_out, struct view *to_sign_out) MUST_CHECK;

/*
 * Signing, for our client: writes the Authorization header's value. headers must include host,
 * x-amz-date, x-amz-content-sha256 and everything else that shall be signed; they may be in any
 * order. `path` is already percent-encoded.
 */
struct sigv4_signing {
    struct view access_key, secret, region;
    struct view payload_hash; /* "UNSIGNED-PAYLOAD" or 64 hex */
    int64_t now_ms;
};
enum err sigv4_sign(
    const struct sigv4_request *q, const struct sigv4_signing *with, struct buf *scratch,
    struct buf *authorization_out) MUST_CHECK;
/* The query string of a presigned URL (everything behind '?'), Host the only signed header. */
enum err sigv4_presign(
    const struct sigv4_request *q, const struct sigv4_signing *with, int64_t expires_s,
    struct buf *scratch, struct buf *query_out) MUST_CHECK;

#endif
