/*
 * What a body must digest to, and what it does: Content-MD5, x-amz-content-sha256 and
 * x-amz-checksum-* as header or trailer, against the bytes as they pass.
 *
 *   digests_read (headers) -> digests_start -> digests_update* -> [digests_trailer]
 *   -> digests_finish (verdict, values) ; digests_done frees, at any point after digests_read
 */
#ifndef PENSTOCK_S3_DIGESTS_H
#define PENSTOCK_S3_DIGESTS_H

#include "auth/checksum.h"
#include "auth/chunked.h"
#include "s3/s3.h"

struct digests {
    /* What the request says; digests_read. */
    bool has_md5, has_sha256;
    bool has_checksum;       /* the value is known: from a header, or the trailer has come */
    bool awaits_trailer;     /* declared by x-amz-trailer, not here yet */
    enum checksum_kind kind; /* NONE: the client named none. The caller may set one to compute */
    uint8_t md5[16], sha256[32], checksum[CHECKSUM_BYTES_MAX];

    /*
     * Set by the caller between digests_read and digests_start. crc64_is_elsewhere: the engine
     * compares CRC64NVME at commit, it is not computed here.
     */
    bool wants_md5, crc64_is_elsewhere;

    /* What the bytes gave; digests_finish. */
    uint8_t md5_got[16];

    /* private */
    bool is_started;
    struct digest md5_run, sha256_run;
    struct checksum checksum_run;
};

/* *d is overwritten. S3_None, or the answer; *detail_out is static text or NULL. */
enum s3_code digests_read(const struct s3_request *r, struct digests *d, const char **detail_out);
/* The same where x-amz-checksum-* speaks of something else than the body. */
enum s3_code digests_read_body(const struct s3_request *r, struct digests *d);
enum err digests_start(struct digests *d) MUST_CHECK;
/* Does digests_update compute anything? */
bool digests_cost(const struct digests *d);
void digests_update(struct digests *d, const void *at, size_t len);
/* The trailers of an aws-chunked body have come. */
enum s3_code digests_trailer(struct digests *d, const struct chunked *c, const char **detail_out);
/*
 * Compare. S3_None: md5_got is there when wanted, checksum holds the value of `kind` (computed when
 * the client gave none), unless crc64_is_elsewhere.
 */
enum s3_code digests_finish(struct digests *d, const char **detail_out);
void digests_done(struct digests *d);

/* Is the body aws-chunked? What x-amz-content-sha256 says counts, not Content-Encoding. */
static inline bool digests_body_is_framed(const struct s3_request *r)
{
    return r->auth.payload == SIGV4_PAYLOAD_STREAMING ||
           r->auth.payload == SIGV4_PAYLOAD_STREAMING_TRAILER ||
           r->auth.payload == SIGV4_PAYLOAD_UNSIGNED_TRAILER;
}

/* Is the body protected by a value the client sent? */
static inline bool digests_protect(const struct digests *d)
{
    return d->has_md5 || d->has_sha256 || d->has_checksum || d->awaits_trailer;
}

#endif
