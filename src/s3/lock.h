/*
 * Object lock, pure: retention and legal hold of a version, the bucket's default, and what they
 * forbid. Source: Amazon S3 user guide, "Using S3 Object Lock"; API reference, PutObjectRetention.
 */
#ifndef PENSTOCK_S3_LOCK_H
#define PENSTOCK_S3_LOCK_H

#include "base/bytes.h"
#include "s3/errors.h"

enum lock_mode { LOCK_NONE, LOCK_GOVERNANCE, LOCK_COMPLIANCE }; /* the numbers are stored */

struct lock { /* of a version */
    enum lock_mode mode;
    int64_t until_ms;
    bool has_hold; /* legal hold is on */
    bool hold_was_set;
};
struct lock_default { /* of a bucket */
    bool is_enabled;
    enum lock_mode mode; /* NONE: no default retention */
    unsigned days, years;
};

/* May the version be removed for good now? S3_None or S3_AccessDenied. may_bypass: the request asks
 * for bypass and s3:BypassGovernanceRetention is allowed. */
enum s3_code lock_check_remove(const struct lock *l, int64_t now_ms, bool may_bypass);
/* May its retention become `to`? Longer: always. Shorter, weaker or none: as removal. */
enum s3_code
lock_check_change(const struct lock *from, const struct lock *to, int64_t now_ms, bool may_bypass);
/* What the default makes of a version written now. */
void lock_apply_default(const struct lock_default *d, int64_t now_ms, struct lock *l_out);

#endif
