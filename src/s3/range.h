/* The Range header, pure. RFC 9110 14.2; what AWS does with what it leaves open. */
#ifndef PENSTOCK_S3_RANGE_H
#define PENSTOCK_S3_RANGE_H

#include "base/bytes.h"

enum range_verdict {
    RANGE_WHOLE,        /* absent, malformed, another unit, several ranges: the whole, 200 */
    RANGE_PART,         /* 206: [off, off + len), len >= 1, within size */
    RANGE_UNSATISFIABLE /* 416 */
};

struct range {
    uint64_t off, len;
};

/* "bytes=0-499", "bytes=500-", "bytes=-500" on a representation of `size` bytes. */
enum range_verdict range_resolve(struct view text, uint64_t size, struct range *range_out);
/* x-amz-copy-source-range: "bytes=first-last", both given, within size; ERR_MALFORMED (form),
 * ERR_INVALID (beyond the end). */
enum err range_resolve_strict(struct view text, uint64_t size, struct range *range_out) MUST_CHECK;

#endif
