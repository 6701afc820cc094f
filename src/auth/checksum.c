/* The checksums of S3: one row per kind, CRCs by our own kernels, the rest by digest.h. */
#include "auth/checksum.h"

#include <assert.h>

#include "base/crc32.h"
#include "base/crc64.h"
#include "base/text.h"

static const struct {
    const char *name, *header, *element;
    size_t bytes;
    enum checksum_type by_default;
    bool composite, full_object;
} kinds[CHECKSUM_CRC64NVME + 1] = {
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
};

static bool is_kind(enum checksum_kind kind)
{
    return kind > CHECKSUM_NONE && kind <= CHECKSUM_CRC64NVME;
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

enum err checksum_start(struct checksum *c, enum checksum_kind kind)
{
    assert(is_kind(kind));
    c->kind = kind;
    c->crc = 0;
    if (is_crc(kind))
        return ERR_OK;
    return digest_start(&c->digest, kind == CHECKSUM_SHA1 ? DIGEST_SHA1 : DIGEST_SHA256);
}

void checksum_update(struct checksum *c, const void *at, size_t len)
{
    switch (c->kind) {
    case CHECKSUM_CRC32:
        c->crc = crc32_iso((uint32_t)c->crc, at, len);
        break;
    case CHECKSUM_CRC32C:
        c->crc = crc32_c((uint32_t)c->crc, at, len);
        break;
    case CHECKSUM_CRC64NVME:
        c->crc = crc64_nvme(c->crc, at, len);
        break;
    case CHECKSUM_SHA1:
    case CHECKSUM_SHA256:
        digest_update(&c->digest, at, len);
        break;
    case CHECKSUM_NONE:
        assert(c->kind != CHECKSUM_NONE);
    }
}

void checksum_finish(struct checksum *c, uint8_t *out)
{
    assert(is_kind(c->kind));
    if (is_crc(c->kind))
        put_big_endian(c->crc, out, kinds[c->kind].bytes);
    else
        digest_finish(&c->digest, out);
}

void checksum_done(struct checksum *c)
{
    digest_done(&c->digest);
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
    for (enum checksum_kind kind = CHECKSUM_CRC32; kind <= CHECKSUM_CRC64NVME; kind++)
        if (view_eq_nocase(v, view_str(kinds[kind].name)))
            return kind;
    return CHECKSUM_NONE;
}

enum checksum_kind checksum_from_header(struct view v)
{
    for (enum checksum_kind kind = CHECKSUM_CRC32; kind <= CHECKSUM_CRC64NVME; kind++)
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
