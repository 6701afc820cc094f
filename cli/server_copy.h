/* Object to object, inside the store; blocking. */
#ifndef PENSTOCK_CLI_SERVER_COPY_H
#define PENSTOCK_CLI_SERVER_COPY_H

#include "cli/session.h"

/* One request up to 5 GiB, the limit of CopyObject; parts above. Reported or complained about. */
void server_copy(
    struct session *S, const char *from_bucket, const char *from_key, uint64_t bytes,
    const struct url *to);

#endif
