/*
 * The rules of completing a multipart upload, pure but for the region: which parts, in which order,
 * how large, what ETag and checksum the object gets. complete_upload.c does the waiting.
 *
 *   complete_open -> complete_take* (the body, part by part) -> complete_begin (the upload)
 *   -> complete_part* (each pinned part) -> complete_fold* -> complete_finish (ETag, checksum,
 * meta)
 *   -> complete_xml; complete_done at any point
 *
 * With 10,000 parts nothing here takes long but folding, which is cut into steps (invariant 7).
 *
 * Source: Amazon S3 API reference, CompleteMultipartUpload; "Checking object integrity".
 */
#ifndef PENSTOCK_S3_COMPLETE_H
#define PENSTOCK_S3_COMPLETE_H

#include "s3/meta.h"
#include "s3/upload.h"
#include "s3/xml.h"

enum { COMPLETE_FOLD_PARTS = 256 };

struct complete_named { /* a part as the client names it */
    uint16_t number;
    uint8_t etag_len; /* COMPLETE_ETAG_ALIEN: none of ours is that long */
    char etag[ENGINE_ETAG_BYTES_MAX];
    uint8_t checksum_kind; /* enum checksum_kind; NONE: not given */
    uint8_t checksum[CHECKSUM_BYTES_MAX];
};
enum { COMPLETE_ETAG_ALIEN = 255 };

struct complete {
    struct view id;
    struct complete_named *parts;
    struct engine_object **objects; /* pinned; NULL while not */
    unsigned part_count, part_cap;
    uint64_t size;
    struct meta meta; /* of the object */
    char etag[ENGINE_ETAG_BYTES_MAX + 1];
    uint64_t crc64; /* of the whole, set after the commit */
    uint64_t crc64_expected;
    bool has_crc64_expected;
    const char *detail; /* with an error; static or NULL */
    unsigned folded;    /* parts that are in these two */
    struct digest etag_run;
    struct checksum composite_run;
};

/* Memory for as many parts as a body of that length can name. */
enum s3_code complete_open(struct complete *c, struct s3_request *r, size_t body_bytes);
/* One child of the root. After the last: complete_taken. */
enum s3_code complete_take(struct complete *c, const struct xml_node *n);
enum s3_code complete_taken(const struct complete *c);
enum s3_code
complete_begin(struct complete *c, struct s3_request *r, const struct engine_object *upload);
/* objects[index] is there: is it the one that was named? */
enum s3_code complete_part(struct complete *c, struct s3_request *r, unsigned index);
/* The next COMPLETE_FOLD_PARTS parts into ETag and checksum; until folded == part_count. */
enum s3_code complete_fold(struct complete *c);
enum s3_code complete_finish(struct complete *c, struct s3_request *r);
/* Did this object come from upload c->id? Then etag and meta are filled for the answer. */
bool complete_was_done(
    struct complete *c, struct s3_request *r, const struct engine_object *object);
enum err
complete_xml(const struct complete *c, struct s3_request *r, struct view *xml_out) MUST_CHECK;
/* Frees what folding has begun. */
void complete_done(struct complete *c);

#endif
