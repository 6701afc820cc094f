/*
 * What is not S3: /minio/health/{live,ready,cluster}, /-/health/{live,ready}, /-/metrics,
 * /-/direct. Health and metrics are open; /-/direct needs a signed request and tells how to reach
 * the direct path; /-/admin/ is admin_api.h's.
 */
#ifndef PENSTOCK_SERVER_ADMIN_H
#define PENSTOCK_SERVER_ADMIN_H

#include "server/core.h"

/* Paths under /-/ and /minio/health/: no bucket can have these names. */
bool admin_owns(const struct http_request *q);
void admin_handle(struct http_request *q, struct core *c);

#endif
