/*
 * The admin API: POST /-/admin/v1/CALL, JSON there and back (docs/wire/admin.md). Signed by root,
 * or by a user whose policies allow the call's action; the body is covered by the signature. Each
 * change is one line in the log: who, what, never a secret.
 */
#ifndef PENSTOCK_SERVER_ADMIN_API_H
#define PENSTOCK_SERVER_ADMIN_API_H

#include "server/core.h"

bool admin_api_owns(const struct http_request *q);
void admin_api_handle(struct http_request *q, struct core *c);

#endif
