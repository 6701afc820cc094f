/* How the answers of s3.h's s3_finish_* are written; private to src/s3. */
#ifndef PENSTOCK_S3_FINISH_H
#define PENSTOCK_S3_FINISH_H

#include "s3/s3.h"

/* XML character data: markup escaped, control characters as references or '?'. */
void finish_put_text(struct buf *b, struct view text);
/* An upper bound for what finish_put_text appends. */
static inline size_t finish_text_bytes(struct view text)
{
    return 6 * text.len;
}

#endif
