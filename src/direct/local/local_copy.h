/* Copying into a client's mapped memory. */
#ifndef PENSTOCK_DIRECT_LOCAL_COPY_H
#define PENSTOCK_DIRECT_LOCAL_COPY_H

#include <stddef.h>

/*
 * local_copy_out(to, from, len): as memcpy. Large copies go past the caches: the server does not
 * read them again, and its cache is better used for what it sends next. Measured on an EPYC with 32
 * MiB of L3: 1 MiB copies 1.3 to 1.5 times as fast.
 */
void local_copy_out(void *to, const void *from, size_t len);

#endif
