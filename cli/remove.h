/* Removes many objects, a thousand a request (DeleteObjects). */
#ifndef PENSTOCK_CLI_REMOVE_H
#define PENSTOCK_CLI_REMOVE_H

#include "cli/session.h"

/* All keys of the bucket that begin with prefix; how many there were. Reported one by one as
 * "rm", or complained about. */
uint64_t remove_prefix(struct session *S, const char *bucket, const char *prefix);

#endif
