/* May this caller make that call of the admin API? By policy, and by the wire it comes on. */
#ifndef PENSTOCK_S3_ADMIN_ACCESS_H
#define PENSTOCK_S3_ADMIN_ACCESS_H

#include "s3/s3.h"

/* What a request to the admin API is to those who ask for r->op; not in the table of S3's. */
extern const struct s3_op admin_access_op;

/*
 * Root may; others when an attached policy allows `action` ("admin:CreateUser", on the resource
 * "arn:aws:s3:::*") and none denies it. r->op is admin_access_op, proxy_read was called.
 */
bool admin_access_allows(const struct s3_request *r, const char *action);
/* Can nobody on the wire read along: TLS or the same host, from the client on? */
bool admin_access_is_private(const struct s3_request *r);

#endif
