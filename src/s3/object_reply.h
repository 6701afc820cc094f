/*
 * What GetObject and HeadObject share: reading the request, deciding what of the object is asked
 * for, and the headers of the answer.
 */
#ifndef PENSTOCK_S3_OBJECT_REPLY_H
#define PENSTOCK_S3_OBJECT_REPLY_H

#include "s3/conditions.h"
#include "s3/meta.h"
#include "s3/range.h"
#include "s3/s3.h"

enum { OBJECT_REPLY_OVERRIDES_BYTES_MAX = 8192 };

struct object_reply {
    /* from the request: object_reply_read */
    struct s3_request *request;
    struct conditions conditions;
    struct view range_text, if_range;
    unsigned part_number; /* 0: none */
    bool wants_checksum;  /* x-amz-checksum-mode: ENABLED */

    /* from the object: object_reply_decide */
    const struct engine_info *info;
    const struct meta *meta;
    struct range range;
    bool is_part; /* 206: of a Range or a part number */
    unsigned part_index;
};

/* Into *o, which is zero but for request. S3_None, or the answer. */
enum s3_code object_reply_read(struct object_reply *o, const char **detail_out);
/*
 * Conditions, range, part; info and m live until the head is written. S3_None: range says which
 * bytes, is_part the status. NotModified: answer by object_reply_not_modified.
 */
enum s3_code
object_reply_decide(struct object_reply *o, const struct engine_info *info, const struct meta *m);
/* s3_reply(200 or 206) and every header but the length. */
void object_reply_head(struct object_reply *o);
/* s3_reply(304) and its headers; s3_finish_head sends it. */
void object_reply_not_modified(struct object_reply *o);

#endif
