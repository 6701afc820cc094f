/* CRC-64/NVME on machines without a kernel of ours: the table twin under every name. */
#include "base/crc64_impl.h"

int crc64_has_clmul(void)
{
    return 0;
}

int crc64_has_wide(void)
{
    return 0;
}

uint64_t crc64_nvme_clmul(uint64_t crc, const void *at, size_t len)
{
    return crc64_nvme_table(crc, at, len);
}

uint64_t crc64_nvme_wide(uint64_t crc, const void *at, size_t len)
{
    return crc64_nvme_table(crc, at, len);
}
