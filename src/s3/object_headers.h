/*
 * What the headers of a write say about the object: Content-*, user metadata, storage class; and
 * the headers that ask for what this store does not do. PutObject, CopyObject (REPLACE) and
 * CreateMultipartUpload share it.
 */
#ifndef PENSTOCK_S3_OBJECT_HEADERS_H
#define PENSTOCK_S3_OBJECT_HEADERS_H

#include "s3/meta.h"
#include "s3/s3.h"

enum { OBJECT_HEADERS_SYSTEM_BYTES_MAX = 4096 };

/*
 * S3_None, or the answer to a header that must not be ignored: encryption, write offsets. For reads
 * and writes.
 */
enum s3_code object_headers_refused(const struct s3_request *r);
/* Fills the text and user fields of *m (the rest is left alone); views of headers or the region. */
enum s3_code object_headers_meta(struct s3_request *r, struct meta *m);
/*
 * If-Match and If-None-Match of a write as an engine condition; no lists. Dates are not supported
 * on writes, as at AWS.
 */
enum s3_code object_headers_condition(const struct s3_request *r, struct engine_condition *out);

#endif
