/* Memory made for transport `local`: a populated, sealed memfd, in huge pages where there are any.
 */
#ifndef PENSTOCK_CLIENT_LOCAL_MEMORY_H
#define PENSTOCK_CLIENT_LOCAL_MEMORY_H

#include "base/bytes.h"

/* fd -1: a range of memory that is somebody else's. */
struct local_memory {
    uint8_t *at;
    size_t bytes;
    int fd;
};

/* Zeroed. ERR_NO_MEMORY, ERR_SYSTEM (descriptors). Takes as long as filling the memory takes. */
enum err local_memory_new(size_t bytes, struct local_memory *m_out) MUST_CHECK;
/* Unmaps and closes; nothing for a range. */
void local_memory_free(struct local_memory *m);

#endif
