/* What operations share about object lock; its rules are in lock.h. */
#ifndef PENSTOCK_S3_OBJECT_LOCK_H
#define PENSTOCK_S3_OBJECT_LOCK_H

#include "s3/access.h"
#include "s3/s3.h"

/* InvalidRequest in a bucket without object lock. */
enum s3_code object_lock_needs_bucket(const struct s3_request *r, const char **detail_out);
/* Does the request ask to go past GOVERNANCE, and may it with this object? (`of` but its action) */
bool object_lock_may_bypass(struct s3_request *r, const struct access_ask *of);

#endif
