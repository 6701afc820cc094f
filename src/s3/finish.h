/* How the answers of s3.h's s3_finish_* are written; private to src/s3. */
#ifndef PENSTOCK_S3_FINISH_H
#define PENSTOCK_S3_FINISH_H

#include "s3/s3.h"

/* XML character data: markup escaped; what no XML document may have, control characters and bytes
 * that are no UTF-8 among them, as '?'. */
void finish_put_text(struct buf *b, struct view text);
/* An upper bound for what finish_put_text appends. */
static inline size_t finish_text_bytes(struct view text)
{
    return 6 * text.len;
}

/* U+FFFE and U+FFFF: UTF-8, but no characters of XML. */
static inline bool finish_is_noncharacter(struct view v)
{
    return v.len >= 3 && v.at[0] == 0xef && v.at[1] == 0xbf && v.at[2] >= 0xbe;
}

#endif
