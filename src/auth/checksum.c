/* The checksums of S3: one row per kind, CRCs by our own kernels, XXHASHes by libxxhash, the rest
 * by digest.h. */
#include "auth/checksum.h"

#include <assert.h>
#include <xxhash.h>

#include "base/crc32.h"
#include "base/crc64.h"
#include "base/text.h"

static const struct {
    const char *name, *header, *element;
    size_t bytes;
    enum checksum_type by_default;
    bool composite, full_object;
} kinds[CHECKSUM_KIND_MAX + 1] = {
    [CHECKSUM_CRC32] =
        {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", 4, CHECKSUM_COMPOSITE, true, true},
    [CHECKSUM_CRC32C] =
        {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", 4, CHECKSUM_COMPOSITE, true, true},
    [CHECKSUM_SHA1] =
        {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", 20, CHECKSUM_COMPOSITE, true, false},
    [CHECKSUM_SHA256] =
        {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", 32, CHECKSUM_COMPOSITE, true, false},
    [CHECKSUM_CRC64NVME] =
        {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", 8, CHECKSUM_FULL_OBJECT,
         false, true},
    [CHECKSUM_MD5] =
        {"MD5", "x-amz-checksum-md5", "ChecksumMD5", 16, CHECKSUM_COMPOSITE, true, false},
    [CHECKSUM_SHA512] =
        {"SHA512", "x-amz-checksum-sha512", "ChecksumSHA512", 64, CHECKSUM_COMPOSITE, true, false},
    [CHECKSUM_XXHASH64] =
        {"XXHASH64", "x-amz-checksum-xxhash64", "ChecksumXXHASH64", 8, CHECKSUM_COMPOSITE, true,
         false},
    [CHECKSUM_XXHASH3] =
        {"XXHASH3", "x-amz-checksum-xxhash3", "ChecksumXXHASH3", 8, CHECKSUM_COMPOSITE, true,
         false},
    [CHECKSUM_XXHASH128] =
        {"XXHASH128", "x-amz-checksum-xxhash128", "ChecksumXXHASH128", 16, CHECKSUM_COMPOSITE, true,
         false},
};

static bool is_kind(enum checksum_kind kind)
{
    return kind > CHECKSUM_NONE && kind <= CHECKSUM_KIND_MAX;
}

static bool is_crc(enum checksum_kind kind)
{
    return kind == CHECKSUM_CRC32 || kind == CHECKSUM_CRC32C || kind == CHECKSUM_CRC64NVME;
}

static void put_big_endian(uint64_t n, uint8_t *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
}

static uint64_t big_endian(const uint8_t *at, size_t bytes)
{
    uint64_t n = 0;

    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | at[i];
    return n;
}

static bool is_xxh(enum checksum_kind kind)
{
    return kind >= CHECKSUM_XXHASH64 && kind <= CHECKSUM_XXHASH128;
}

/* --- libxxhash ---------------------------------------------------------------------------- */

static void xxh_free(struct checksum *c)
{
    if (c->xxh && c->xxh_kind == CHECKSUM_XXHASH64)
        XXH64_freeState(c->xxh);
    else if (c->xxh)
        XXH3_freeState(c->xxh);
    c->xxh = NULL;
}

static enum err xxh_start(struct checksum *c)
{
    if (c->xxh && (c->xxh_kind == CHECKSUM_XXHASH64) != (c->kind == CHECKSUM_XXHASH64))
        xxh_free(c);
    if (!c->xxh)
        c->xxh = c->kind == CHECKSUM_XXHASH64 ? (void *)XXH64_createState() : XXH3_createState();
    if (!c->xxh)
        return ERR_NO_MEMORY;
    c->xxh_kind = c->kind;
    XXH_errorcode e = c->kind == CHECKSUM_XXHASH64  ? XXH64_reset(c->xxh, 0)
                      : c->kind == CHECKSUM_XXHASH3 ? XXH3_64bits_reset(c->xxh)
                                                    : XXH3_128bits_reset(c->xxh);
    assert(e == XXH_OK);
    (void)e;
    return ERR_OK;
}

static void xxh_update(struct checksum *c, const void *at, size_t len)
{
    if (len == 0)
        return;
    XXH_errorcode e = c->kind == CHECKSUM_XXHASH64  ? XXH64_update(c->xxh, at, len)
                      : c->kind == CHECKSUM_XXHASH3 ? XXH3_64bits_update(c->xxh, at, len)
                                                    : XXH3_128bits_update(c->xxh, at, len);
    assert(e == XXH_OK);
    (void)e;
}

static void xxh_finish(struct checksum *c, uint8_t *out)
{
    if (c->kind == CHECKSUM_XXHASH128) {
        XXH128_hash_t h = XXH3_128bits_digest(c->xxh);

        put_big_endian(h.high64, out, 8);
        put_big_endian(h.low64, out + 8, 8);
    } else {
        put_big_endian(
            c->kind == CHECKSUM_XXHASH64 ? XXH64_digest(c->xxh) : XXH3_64bits_digest(c->xxh), out,
            8);
    }
}

/* --- any kind ----------------------------------------------------------------------------- */

static enum digest_kind digest_of(enum checksum_kind kind)
{
    return kind == CHECKSUM_MD5      ? DIGEST_MD5
           : kind == CHECKSUM_SHA1   ? DIGEST_SHA1
           : kind == CHECKSUM_SHA256 ? DIGEST_SHA256
                                     : DIGEST_SHA512;
}

enum err checksum_start(struct checksum *c, enum checksum_kind kind)
{
    assert(is_kind(kind));
    c->kind = kind;
    c->crc = 0;
    if (is_crc(kind))
        return ERR_OK;
    return is_xxh(kind) ? xxh_start(c) : digest_start(&c->digest, digest_of(kind));
}

void checksum_update(struct checksum *c, const void *at, size_t len)
{
    assert(is_kind(c->kind));
    if (c->kind == CHECKSUM_CRC32)
        c->crc = crc32_iso((uint32_t)c->crc, at, len);
    else if (c->kind == CHECKSUM_CRC32C)
        c->crc = crc32_c((uint32_t)c->crc, at, len);
    else if (c->kind == CHECKSUM_CRC64NVME)
        c->crc = crc64_nvme(c->crc, at, len);
    else if (is_xxh(c->kind))
        xxh_update(c, at, len);
    else
        digest_update(&c->digest, at, len);
}

void checksum_finish(struct checksum *c, uint8_t *out)
{
    assert(is_kind(c->kind));
    if (is_crc(c->kind))
        put_big_endian(c->crc, out, kinds[c->kind].bytes);
    else if (is_xxh(c->kind))
        xxh_finish(c, out);
    else
        digest_finish(&c->digest, out);
}

void checksum_done(struct checksum *c)
{
    digest_done(&c->digest);
    xxh_free(c);
    c->kind = CHECKSUM_NONE;
}

size_t checksum_bytes(enum checksum_kind kind)
{
    return is_kind(kind) ? kinds[kind].bytes : 0;
}

const char *checksum_name(enum checksum_kind kind)
{
    return is_kind(kind) ? kinds[kind].name : NULL;
}

const char *checksum_header(enum checksum_kind kind)
{
    return is_kind(kind) ? kinds[kind].header : NULL;
}

const char *checksum_element(enum checksum_kind kind)
{
    return is_kind(kind) ? kinds[kind].element : NULL;
}

enum checksum_kind checksum_from_name(struct view v)
{
    for (enum checksum_kind kind = CHECKSUM_CRC32; kind <= CHECKSUM_KIND_MAX; kind++)
        if (view_eq_nocase(v, view_str(kinds[kind].name)))
            return kind;
    return CHECKSUM_NONE;
}

enum checksum_kind checksum_from_header(struct view v)
{
    for (enum checksum_kind kind = CHECKSUM_CRC32; kind <= CHECKSUM_KIND_MAX; kind++)
        if (view_eq_nocase(v, view_str(kinds[kind].header)))
            return kind;
    return CHECKSUM_NONE;
}

enum err checksum_from_text(enum checksum_kind kind, struct view text, uint8_t *out)
{
    uint8_t bytes[CHECKSUM_BYTES_MAX];
    size_t len;

    assert(is_kind(kind));
    if (text_from_base64(text, bytes, sizeof bytes, &len) || len != kinds[kind].bytes)
        return ERR_MALFORMED;
    memcpy(out, bytes, len);
    return ERR_OK;
}

void checksum_put_text(struct buf *b, enum checksum_kind kind, const uint8_t *bytes)
{
    assert(is_kind(kind));
    text_put_base64(b, view_of(bytes, kinds[kind].bytes));
}

bool checksum_type_allowed(enum checksum_kind kind, enum checksum_type type)
{
    if (!is_kind(kind))
        return false;
    return type == CHECKSUM_COMPOSITE     ? kinds[kind].composite
           : type == CHECKSUM_FULL_OBJECT ? kinds[kind].full_object
                                          : false;
}

enum checksum_type checksum_type_default(enum checksum_kind kind)
{
    assert(is_kind(kind));
    return kinds[kind].by_default;
}

void checksum_combine(enum checksum_kind kind, uint8_t *a, const uint8_t *b, uint64_t len_b)
{
    assert(is_crc(kind));
    size_t bytes = kinds[kind].bytes;
    uint64_t crc_a = big_endian(a, bytes), crc_b = big_endian(b, bytes), whole;

    if (kind == CHECKSUM_CRC64NVME)
        whole = crc64_nvme_combine(crc_a, crc_b, len_b);
    else if (kind == CHECKSUM_CRC32)
        whole = crc32_iso_combine((uint32_t)crc_a, (uint32_t)crc_b, len_b);
    else
        whole = crc32_c_combine((uint32_t)crc_a, (uint32_t)crc_b, len_b);
    put_big_endian(whole, a, bytes);
}
