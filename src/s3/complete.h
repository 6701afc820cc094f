/*
 * The rules of completing a multipart upload, pure but for the region: which parts, in which order,
 * how large, what ETag and checksum the object gets. complete_upload.c does the waiting.
 *
 *   complete_read (the body) -> complete_begin (the upload) -> complete_part* (each pinned part)
 *   -> complete_finish (ETag, checksum, meta) -> complete_xml
 *
 * Source: Amazon S3 API reference, CompleteMultipartUpload; "Checking object integrity".
 */
#ifndef PENSTOCK_S3_COMPLETE_H
#define PENSTOCK_S3_COMPLETE_H

#include "s3/meta.h"
#include "s3/upload.h"

struct complete_named { /* a part as the client names it */
    unsigned number;
    struct view etag;
    enum checksum_kind checksum_kind; /* NONE: not given */
    uint8_t checksum[CHECKSUM_BYTES_MAX];
};

struct complete {
    struct view id;
    struct complete_named *parts;
    struct engine_object **objects; /* pinned; NULL while not */
    unsigned part_count;
    uint64_t size;
    struct meta meta; /* of the object */
    char etag[ENGINE_ETAG_BYTES_MAX];
    uint64_t crc64; /* of the whole, set after the commit */
    uint64_t crc64_expected;
    bool has_crc64_expected;
    const char *detail; /* with an error; static or NULL */
};

enum s3_code complete_read(struct complete *c, struct s3_request *r, struct view body);
enum s3_code
complete_begin(struct complete *c, struct s3_request *r, const struct engine_object *upload);
/* objects[index] is there: is it the one that was named? */
enum s3_code complete_part(struct complete *c, struct s3_request *r, unsigned index);
enum s3_code complete_finish(struct complete *c, struct s3_request *r);
/* Did this object come from upload c->id? Then etag and meta are filled for the answer. */
bool complete_was_done(
    struct complete *c, struct s3_request *r, const struct engine_object *object);
enum err
complete_xml(const struct complete *c, struct s3_request *r, struct view *xml_out) MUST_CHECK;

#endif
