/*
 * The checksums S3 stores and verifies, pure. Value text is base64 of the big-endian digest.
 * Multipart rules: COMPOSITE = digest over the parts' digests, with "-N" behind it; FULL_OBJECT =
 * digest of the whole (CRCs only; CRC64NVME always). XXHASHes: seed 0, canonical form.
 */
#ifndef PENSTOCK_AUTH_CHECKSUM_H
#define PENSTOCK_AUTH_CHECKSUM_H

#include "base/digest.h"

/* The numbers are part of the stored object metadata. */
enum checksum_kind {
    CHECKSUM_NONE = 0,
    CHECKSUM_CRC32 = 1,
    CHECKSUM_CRC32C = 2,
    CHECKSUM_SHA1 = 3,
    CHECKSUM_SHA256 = 4,
    CHECKSUM_CRC64NVME = 5,
    CHECKSUM_MD5 = 6,
    CHECKSUM_SHA512 = 7,
    CHECKSUM_XXHASH64 = 8,
    CHECKSUM_XXHASH3 = 9, /* of 64 bits */
    CHECKSUM_XXHASH128 = 10,
    CHECKSUM_KIND_MAX = CHECKSUM_XXHASH128
};
enum { CHECKSUM_BYTES_MAX = 64, CHECKSUM_TEXT_MAX = 96 };
enum checksum_type { CHECKSUM_COMPOSITE = 1, CHECKSUM_FULL_OBJECT = 2 };

/* Begins zeroed; see struct digest. */
struct checksum {
    enum checksum_kind kind;
    uint64_t crc;
    struct digest digest;
    void *xxh; /* a state of libxxhash */
    enum checksum_kind xxh_kind;
};

enum err checksum_start(struct checksum *c, enum checksum_kind kind) MUST_CHECK;
void checksum_update(struct checksum *c, const void *at, size_t len);
/* Writes checksum_bytes(kind) bytes, big-endian. */
void checksum_finish(struct checksum *c, uint8_t *out);
void checksum_done(struct checksum *c);

/* A CRC-64 as the eight bytes of a CHECKSUM_CRC64NVME value, and back. */
static inline void checksum_put_crc64(uint64_t crc64, uint8_t *to)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(crc64 >> (56 - 8 * i));
}

static inline uint64_t checksum_get_crc64(const uint8_t *from)
{
    uint64_t crc64 = 0;

    for (unsigned i = 0; i < 8; i++)
        crc64 = crc64 << 8 | from[i];
    return crc64;
}

size_t checksum_bytes(enum checksum_kind kind);
/* "CRC32", "x-amz-checksum-crc32" and "ChecksumCRC32". NULL for NONE. */
const char *checksum_name(enum checksum_kind kind);
const char *checksum_header(enum checksum_kind kind);
const char *checksum_element(enum checksum_kind kind);
/* From "CRC32" or "x-amz-checksum-crc32", any case. CHECKSUM_NONE when it is none of them. */
enum checksum_kind checksum_from_name(struct view v);
enum checksum_kind checksum_from_header(struct view v);
/* Decode base64 text of the right length. */
enum err checksum_from_text(enum checksum_kind kind, struct view text, uint8_t *out) MUST_CHECK;
void checksum_put_text(struct buf *b, enum checksum_kind kind, const uint8_t *bytes);

/* Which types a multipart upload of that kind may have, and the default. */
bool checksum_type_allowed(enum checksum_kind kind, enum checksum_type type);
enum checksum_type checksum_type_default(enum checksum_kind kind);
/* FULL_OBJECT: a := the checksum of A followed by B (big-endian bytes, len_b bytes long). CRCs
 * only. */
void checksum_combine(enum checksum_kind kind, uint8_t *a, const uint8_t *b, uint64_t len_b);

#endif
