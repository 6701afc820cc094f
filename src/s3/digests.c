#include "s3/digests.h"

#include <assert.h>

#include "base/text.h"

static const char checksum_prefix[] = "x-amz-checksum-";

static const char *const mismatches[CHECKSUM_KIND_MAX + 1] = {
#define MISMATCH(kind)                                                                             \
    [CHECKSUM_##kind] = "The " #kind " you specified did not match the calculated checksum."
    MISMATCH(CRC32), MISMATCH(CRC32C), MISMATCH(SHA1),     MISMATCH(SHA256),  MISMATCH(CRC64NVME),
    MISMATCH(MD5),   MISMATCH(SHA512), MISMATCH(XXHASH64), MISMATCH(XXHASH3), MISMATCH(XXHASH128),
#undef MISMATCH
};

static const char *const invalid_values[CHECKSUM_KIND_MAX + 1] = {
#define INVALID(kind, name)                                                                        \
    [CHECKSUM_##kind] = "Value for x-amz-checksum-" name " header is invalid."
    INVALID(CRC32, "crc32"),         INVALID(CRC32C, "crc32c"),       INVALID(SHA1, "sha1"),
    INVALID(SHA256, "sha256"),       INVALID(CRC64NVME, "crc64nvme"), INVALID(MD5, "md5"),
    INVALID(SHA512, "sha512"),       INVALID(XXHASH64, "xxhash64"),   INVALID(XXHASH3, "xxhash3"),
    INVALID(XXHASH128, "xxhash128"),
#undef INVALID
};

/* --- headers ------------------------------------------------------------------------------ */

static enum s3_code read_md5(const struct s3_request *r, struct digests *d)
{
    struct view text = s3_header(r, "content-md5");
    size_t len = 0;

    if (!text.at)
        return S3_None;
    if (text_from_base64(text, d->md5, sizeof d->md5, &len) || len != sizeof d->md5)
        return S3_InvalidDigest;
    d->has_md5 = true;
    return S3_None;
}

/* Names below x-amz-checksum- that are no digests. */
static bool is_about_checksums(struct view name)
{
    return view_eq_nocase(name, VIEW("x-amz-checksum-mode")) ||
           view_eq_nocase(name, VIEW("x-amz-checksum-algorithm")) ||
           view_eq_nocase(name, VIEW("x-amz-checksum-type"));
}

static enum s3_code
take_checksum(struct digests *d, struct view name, struct view value, const char **detail_out)
{
    if (!view_starts_nocase(name, view_str(checksum_prefix)) || is_about_checksums(name))
        return S3_None;
    if (d->kind != CHECKSUM_NONE) {
        *detail_out = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                      "allowed.";
        return S3_InvalidRequest;
    }
    d->kind = checksum_from_header(name);
    if (d->kind == CHECKSUM_NONE)
        return S3_NotImplemented; /* a digest we cannot verify is not one to store under */
    if (checksum_from_text(d->kind, value, d->checksum)) {
        *detail_out = invalid_values[d->kind];
        return S3_BadDigest;
    }
    d->has_checksum = true;
    return S3_None;
}

static enum s3_code
read_checksum(const struct s3_request *r, struct digests *d, const char **detail_out)
{
    enum s3_code code = S3_None;

    for (unsigned i = 0; i < r->http->header_count && !code; i++)
        code = take_checksum(d, r->http->headers[i].name, r->http->headers[i].value, detail_out);
    for (unsigned i = 0; i < r->param_count && !code; i++)
        code = take_checksum(d, r->params[i].name, r->params[i].value, detail_out);
    return code;
}

static enum s3_code
read_trailer_header(const struct s3_request *r, struct digests *d, const char **detail_out)
{
    struct view name = s3_header(r, "x-amz-trailer");

    if (name.len == 0)
        return S3_None;
    if (d->kind != CHECKSUM_NONE) {
        *detail_out = "Expecting a single x-amz-checksum- header";
        return S3_InvalidRequest;
    }
    d->kind = checksum_from_header(view_trim(name));
    if (d->kind == CHECKSUM_NONE || (r->auth.payload != SIGV4_PAYLOAD_STREAMING_TRAILER &&
                                     r->auth.payload != SIGV4_PAYLOAD_UNSIGNED_TRAILER)) {
        *detail_out = "The value specified in the x-amz-trailer header is not supported";
        return S3_InvalidRequest;
    }
    d->awaits_trailer = true;
    return S3_None;
}

static enum s3_code
check_algorithm(const struct s3_request *r, const struct digests *d, const char **detail_out)
{
    struct view name = s3_header(r, "x-amz-sdk-checksum-algorithm");

    if (name.len == 0)
        return S3_None;
    if (d->kind == CHECKSUM_NONE) {
        *detail_out = "x-amz-sdk-checksum-algorithm specified, but no corresponding "
                      "x-amz-checksum-* or x-amz-trailer headers were found.";
        return S3_InvalidRequest;
    }
    if (checksum_from_name(name) != d->kind) {
        *detail_out = "Value for x-amz-sdk-checksum-algorithm header is invalid.";
        return S3_InvalidRequest;
    }
    return S3_None;
}

enum s3_code digests_read_body(const struct s3_request *r, struct digests *d)
{
    memset(d, 0, sizeof *d);
    if (r->auth.payload == SIGV4_PAYLOAD_SHA256) {
        d->has_sha256 = true;
        memcpy(d->sha256, r->auth.payload_sha256, sizeof d->sha256);
    }
    return read_md5(r, d);
}

enum s3_code digests_read(const struct s3_request *r, struct digests *d, const char **detail_out)
{
    enum s3_code code = digests_read_body(r, d);

    *detail_out = NULL;
    if (!code)
        code = read_checksum(r, d, detail_out);
    if (!code)
        code = read_trailer_header(r, d, detail_out);
    return code ? code : check_algorithm(r, d, detail_out);
}

/* --- running ------------------------------------------------------------------------------ */

static bool computes_checksum(const struct digests *d)
{
    return d->kind != CHECKSUM_NONE && !(d->kind == CHECKSUM_CRC64NVME && d->crc64_is_elsewhere);
}

enum err digests_start(struct digests *d)
{
    assert(!d->is_started);
    d->wants_md5 |= d->has_md5;
    d->is_started = true; /* digests_done copes with what was not started */
    if (d->wants_md5)
        TRY(digest_start(&d->md5_run, DIGEST_MD5));
    if (d->has_sha256)
        TRY(digest_start(&d->sha256_run, DIGEST_SHA256));
    if (computes_checksum(d))
        TRY(checksum_start(&d->checksum_run, d->kind));
    return ERR_OK;
}

bool digests_cost(const struct digests *d)
{
    return d->wants_md5 || d->has_sha256 || computes_checksum(d);
}

void digests_update(struct digests *d, const void *at, size_t len)
{
    assert(d->is_started);
    if (d->wants_md5)
        digest_update(&d->md5_run, at, len);
    if (d->has_sha256)
        digest_update(&d->sha256_run, at, len);
    if (computes_checksum(d))
        checksum_update(&d->checksum_run, at, len);
}

enum s3_code digests_trailer(struct digests *d, const struct chunked *c, const char **detail_out)
{
    if (!d->awaits_trailer)
        return S3_None;
    d->awaits_trailer = false;
    for (unsigned i = 0; i < c->trailer_count; i++) {
        if (!view_is(c->trailers[i].name, checksum_header(d->kind)))
            continue;
        if (checksum_from_text(d->kind, view_trim(c->trailers[i].value), d->checksum)) {
            *detail_out = invalid_values[d->kind];
            return S3_InvalidRequest;
        }
        d->has_checksum = true;
        return S3_None;
    }
    *detail_out = "The request contained trailing data that was not well-formed or did not conform "
                  "to our published schema.";
    return S3_InvalidRequest;
}

static enum s3_code finish_checksum(struct digests *d, const char **detail_out)
{
    uint8_t got[CHECKSUM_BYTES_MAX];

    if (!computes_checksum(d))
        return S3_None;
    checksum_finish(&d->checksum_run, got);
    if (d->has_checksum && memcmp(got, d->checksum, checksum_bytes(d->kind)) != 0) {
        *detail_out = mismatches[d->kind];
        return S3_BadDigest;
    }
    memcpy(d->checksum, got, checksum_bytes(d->kind));
    return S3_None;
}

enum s3_code digests_finish(struct digests *d, const char **detail_out)
{
    uint8_t sha256[DIGEST_BYTES_MAX];

    assert(d->is_started && !d->awaits_trailer);
    if (d->has_sha256) {
        digest_finish(&d->sha256_run, sha256);
        if (memcmp(sha256, d->sha256, sizeof d->sha256) != 0)
            return S3_XAmzContentSHA256Mismatch;
    }
    if (d->wants_md5)
        digest_finish(&d->md5_run, d->md5_got);
    if (d->has_md5 && memcmp(d->md5_got, d->md5, sizeof d->md5) != 0)
        return S3_BadDigest;
    return finish_checksum(d, detail_out);
}

void digests_done(struct digests *d)
{
    if (!d->is_started)
        return;
    digest_done(&d->md5_run);
    digest_done(&d->sha256_run);
    checksum_done(&d->checksum_run);
    d->is_started = false;
}
