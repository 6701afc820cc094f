/*
 * Tags and locks in the headers of writes and reads. PutObject, CopyObject, CreateMultipartUpload,
 * CompleteMultipartUpload and PostObject share it.
 */
#ifndef PENSTOCK_S3_OBJECT_EXTRAS_H
#define PENSTOCK_S3_OBJECT_EXTRAS_H

#include "s3/meta.h"
#include "s3/s3.h"

/* The same of a form's fields; at == NULL: not there. */
struct object_extras {
    struct view tags; /* x-amz-tagging; of a form: XML */
    bool tags_are_xml;
    struct view mode, until, hold; /* x-amz-object-lock-* */
};

/* Into m->tags and m->lock: what the headers of the request say, if it may: s3:PutObjectTagging,
 * s3:PutObjectRetention, s3:PutObjectLegalHold. S3_None, or the answer. */
enum s3_code object_extras_read(struct s3_request *r, struct meta *m, const char **detail_out);
enum s3_code object_extras_take(
    struct s3_request *r, const struct object_extras *x, struct meta *m, const char **detail_out);
/* For a version that becomes visible now: the bucket's default retention, unless it has one. */
void object_extras_default(const struct s3_request *r, struct meta *m);
/* AWS wants a body with lock headers to be protected: Content-MD5, a checksum, or a signed digest.
 */
enum s3_code object_extras_check_body(const struct s3_request *r, const char **detail_out);
/* After s3_reply of a read: x-amz-tagging-count and x-amz-object-lock-*, to whom may know. */
void object_extras_reply(struct s3_request *r, const struct meta *m);

#endif
