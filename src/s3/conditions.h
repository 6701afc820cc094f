/*
 * Conditional requests, pure. Precedence of RFC 9110 13.2.2, which is also what the API reference
 * of GetObject says: a true If-Match beats a false If-Unmodified-Since, a false If-None-Match beats
 * a true If-Modified-Since. Dates that do not parse are ignored (RFC 9110 13.1.3, 13.1.4).
 */
#ifndef PENSTOCK_S3_CONDITIONS_H
#define PENSTOCK_S3_CONDITIONS_H

#include "base/bytes.h"

/* at == NULL: not given. */
struct conditions {
    struct view if_match, if_none_match, if_modified_since, if_unmodified_since;
};

enum conditions_verdict {
    CONDITIONS_HOLD,
    CONDITIONS_NOT_MODIFIED, /* 304 to a read; for other uses: a precondition failed */
    CONDITIONS_FAILED        /* 412 */
};

/* For an entry that exists: its etag (without quotes) and time. */
enum conditions_verdict
conditions_check(const struct conditions *c, struct view etag, int64_t mtime_ms);
/* Does the list `"a", W/"b", c` (or `*`) name etag? Weak tags count when weak_counts. */
bool conditions_names(struct view list, struct view etag, bool weak_counts);
/* If-Range: does the Range still apply? An etag (strong) or a date. at == NULL: yes. */
bool conditions_range_holds(struct view if_range, struct view etag, int64_t mtime_ms);
/* `"abc"` -> `abc`; unquoted text stays. */
struct view conditions_unquote(struct view etag);

#endif
