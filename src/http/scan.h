/*
 * The one place that knows llhttp: a whole head, cut into method, target, version and fields.
 *
 * Apart from the rest because llhttp.h and request.h both name HTTP_GET. Pure. What it lets through
 * is not yet trusted: head.c has the rules.
 */
#ifndef PENSTOCK_HTTP_SCAN_H
#define PENSTOCK_HTTP_SCAN_H

#include "base/bytes.h"

enum { SCAN_FIELDS_MAX = 128 };

struct scan_field {
    struct view name, value; /* into the head; the value is not trimmed */
};

struct scan {
    struct view method, target;
    unsigned major, minor;
    unsigned field_count;
    struct scan_field fields[SCAN_FIELDS_MAX];
};

enum scan_verdict {
    SCAN_FITS,
    SCAN_UNKNOWN_METHOD,
    SCAN_WRONG_VERSION,
    SCAN_TOO_MANY_FIELDS,
    SCAN_MALFORMED
};

/* scan_head(head, scan): head ends with the empty line. fields beyond field_count are not set. */
enum scan_verdict scan_head(struct view head, struct scan *scan) MUST_CHECK;

#endif
