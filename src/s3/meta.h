/*
 * The meta blob of an object, an upload and a part: what S3 knows of it beyond size, etag and time.
 *
 * Versioned TLV, little-endian: u8 version (1), then { u16 tag, u32 length, bytes }*. Unknown tags
 * are kept out of the way, never an error: newer writers may add. docs/formats/meta.md lists the
 * tags.
 */
#ifndef PENSTOCK_S3_META_H
#define PENSTOCK_S3_META_H

#include "auth/checksum.h"
#include "base/region.h"
#include "s3/lock.h"

enum { META_USER_MAX = 128, META_USER_BYTES_MAX = 2048, META_PARTS_MAX = 10000 };

struct meta_pair {
    struct view name, value; /* name without "x-amz-meta-", lower case */
};

struct meta_part {
    uint64_t size;
    uint16_t number;
    uint8_t checksum[CHECKSUM_BYTES_MAX]; /* checksum_bytes(kind) used; none when kind is NONE */
};

struct meta {
    /* Empty views: absent. */
    struct view content_type, content_encoding, content_disposition, content_language,
        cache_control, expires, website_redirect, storage_class;
    struct meta_pair user[META_USER_MAX];
    unsigned user_count;
    /* NONE: the client named none; info.crc64 is then the checksum (CRC64NVME, FULL_OBJECT). */
    enum checksum_kind checksum_kind;
    enum checksum_type checksum_type;
    uint8_t checksum[CHECKSUM_BYTES_MAX];
    struct meta_part *parts; /* completed multipart uploads: in order; for partNumber reads */
    unsigned part_count;
    struct view upload_key; /* uploads and parts: reserved */
    struct view owner_id;   /* canonical id; empty: root's */
    struct view initiator;  /* uploads: canonical id of who began it; empty: the owner */
    struct view acl;        /* stored form, acl.h; empty: the owner alone */
    struct view tags;       /* stored form, tags.h */
    struct lock lock;
};

/* Decodes into views of `blob` and the region. ERR_CORRUPT; ERR_BUSY when the region is exhausted.
 */
enum err meta_decode(struct view blob, struct region *R, struct meta *m_out) MUST_CHECK;
/*
 * What listings show, from the first META_LISTING_BYTES of a blob: checksum and owner are encoded
 * first for that. NONE and FULL_OBJECT when there is no checksum; an empty owner is root.
 */
enum { META_LISTING_BYTES = 256 };
void meta_listing(
    struct view blob, enum checksum_kind *kind_out, enum checksum_type *type_out,
    struct view *owner_id_out);
/* The canonical id of who began an upload, from the first META_UPLOAD_BYTES of its blob; empty:
 * root. */
enum { META_UPLOAD_BYTES = 384 };
struct view meta_initiator(struct view blob);
/* Kind and type of the checksum from the first META_CHECKSUM_BYTES of a blob: for listings. NONE
 * and FULL_OBJECT when there is none. */
enum { META_CHECKSUM_BYTES = 80 };
void meta_checksum_kind(
    struct view blob, enum checksum_kind *kind_out, enum checksum_type *type_out);
/* Encodes into region memory. ERR_TOO_LARGE over ENGINE_META_BYTES_MAX. */
enum err meta_encode(const struct meta *m, struct region *R, struct view *blob_out) MUST_CHECK;

#endif
