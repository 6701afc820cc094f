/* What PutObject and PostObject share: a POST form's fields become the headers of its request. */
#ifndef PENSTOCK_S3_PUT_OBJECT_H
#define PENSTOCK_S3_PUT_OBJECT_H

#include "s3/meta.h"
#include "s3/s3.h"

/* What the headers of a write say about the object and ask for, if it may be asked for: *m (zeroed)
 * and the condition. S3_None, or the answer. */
enum s3_code put_object_read(
    struct s3_request *r, struct meta *m, struct engine_condition *condition_out,
    const char **detail_out);

#endif
