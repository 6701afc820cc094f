/*
 * The seals: F_SEAL_SHRINK is what the server insists on. F_SEAL_GROW and F_SEAL_SEAL keep the file
 * as it is, for both sides.
 */
#include "client/local_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages now, so that neither side faults later, and so that they count as ours. */
static enum err populate(uint8_t *at, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    (void)madvise(at, bytes, MADV_HUGEPAGE); /* costs only speed */
    if (madvise(at, bytes, MADV_POPULATE_WRITE) == 0)
        return ERR_OK;
    if (errno != EINVAL) /* EINVAL: before Linux 5.14 */
        return ERR_NO_MEMORY;
    for (size_t off = 0; off < bytes; off += page)
        ((volatile uint8_t *)at)[off] = 0;
    return ERR_OK;
}

static enum err memory_fill(struct local_memory *m)
{
    void *at;

    if (ftruncate(m->fd, (off_t)m->bytes) != 0)
        return ERR_NO_MEMORY;
    at = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
    if (at == MAP_FAILED)
        return ERR_NO_MEMORY;
    m->at = at;
    TRY(populate(m->at, m->bytes));
    if (fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return ERR_SYSTEM;
    return ERR_OK;
}

enum err local_memory_new(size_t bytes, struct local_memory *m_out)
{
    struct local_memory m = {.bytes = bytes, .fd = -1};

    if (bytes == 0 || bytes > INT64_MAX)
        return ERR_INVALID;
    m.fd = memfd_create("penstock", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (m.fd < 0)
        return ERR_SYSTEM;
    enum err e = memory_fill(&m);
    if (e)
        local_memory_free(&m);
    else
        *m_out = m;
    return e;
}

void local_memory_free(struct local_memory *m)
{
    if (m->fd < 0)
        return;
    if (m->at)
        munmap(m->at, m->bytes);
    close(m->fd);
    m->at = NULL;
    m->fd = -1;
}
