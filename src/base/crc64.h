/*
 * CRC-64/NVME (also "rocksoft"): reflected, polynomial 0xad93d23594c93659, initial value and final
 * xor all ones; check value of "123456789" is 0xae8b14860a799888. Source: NVM Express NVM Command
 * Set specification 1.0, 5.2.1.3.4; AWS names it CRC64NVME.
 *
 * A PCLMULQDQ kernel (VPCLMULQDQ where present) and a table twin; chosen once, by cpuid.
 */
#ifndef PENSTOCK_BASE_CRC64_H
#define PENSTOCK_BASE_CRC64_H

#include <stddef.h>
#include <stdint.h>

/* crc64_nvme(crc, at, len): continue crc (0 at the start) over len bytes. */
uint64_t crc64_nvme(uint64_t crc, const void *at, size_t len);
/*
 * The twins, for cross-tests. crc64_nvme_clmul may be called only when crc64_has_clmul(),
 * crc64_nvme_wide (512-bit VPCLMULQDQ) only when crc64_has_wide().
 */
uint64_t crc64_nvme_table(uint64_t crc, const void *at, size_t len);
uint64_t crc64_nvme_clmul(uint64_t crc, const void *at, size_t len);
uint64_t crc64_nvme_wide(uint64_t crc, const void *at, size_t len);
int crc64_has_clmul(void);
int crc64_has_wide(void);
/* The CRC of A followed by B, from the CRC of A, the CRC of B and the length of B. O(log len). */
uint64_t crc64_nvme_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b);

#endif
