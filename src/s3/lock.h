/*
 * Object lock, pure: retention and legal hold of a version, the bucket's default, and what they
 * forbid. Source: Amazon S3 user guide, "Using S3 Object Lock"; API reference, PutObjectRetention.
 */
#ifndef PENSTOCK_S3_LOCK_H
#define PENSTOCK_S3_LOCK_H

#include "base/bytes.h"
#include "s3/errors.h"

struct xml_node;

enum { LOCK_DAYS_MAX = 36500, LOCK_YEARS_MAX = 100 };
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
/* May its retention become `to`? Longer in the same mode: always. Shorter, none or in another mode:
 * as removal. */
enum s3_code
lock_check_change(const struct lock *from, const struct lock *to, int64_t now_ms, bool may_bypass);
/* What the default makes of a version written now. */
void lock_apply_default(const struct lock_default *d, int64_t now_ms, struct lock *l_out);

/* Texts of headers and of XML. False: none of the two. */
const char *lock_mode_name(enum lock_mode mode); /* not of LOCK_NONE */
bool lock_read_mode(struct view text, enum lock_mode *mode_out);
bool lock_read_hold(struct view text, struct lock *l); /* "ON", "OFF": sets the hold */
/* InvalidArgument when a date to retain until has passed. */
enum s3_code lock_check_until(int64_t until_ms, int64_t now_ms, const char **detail_out);

/* The bodies <Retention> (an empty one: no retention; the hold is left alone) and
 * <ObjectLockConfiguration>. */
enum s3_code lock_read_retention(
    const struct xml_node *root, int64_t now_ms, struct lock *l, const char **detail_out);
enum s3_code lock_read_default(const struct xml_node *root, struct lock_default *d_out);

#endif
