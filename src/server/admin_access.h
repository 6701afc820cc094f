/* May this caller make that call of the admin API? By policy, and by the wire it comes on. */
#ifndef PENSTOCK_SERVER_ADMIN_ACCESS_H
#define PENSTOCK_SERVER_ADMIN_ACCESS_H

#include "s3/s3.h"

/*
 * Root may; others when an attached policy allows `action` ("admin:CreateUser", on the resource
 * "arn:aws:s3:::*") and none denies it.
 */
bool admin_access_allows(const struct s3_request *r, const char *action);
/* Is nobody on the wire between: TLS, or the same host? */
bool admin_access_is_private(const struct http_request *q);

#endif
