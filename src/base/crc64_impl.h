/* What crc64.c and its kernels share. Set before main by crc64.c, constant from then on. */
#ifndef PENSTOCK_BASE_CRC64_IMPL_H
#define PENSTOCK_BASE_CRC64_IMPL_H

#include "base/crc64.h"

/*
 * Constants that move a 128-bit block up by D bits, see crc64_clmul.c: [0] is x^(D+63) mod P for
 * the block's low quadword, [1] is x^(D-1) mod P for its high one.
 */
struct crc64_folds {
    uint64_t by_16[2];  /* D = 128 */
    uint64_t by_64[2];  /* D = 512 */
    uint64_t by_256[2]; /* D = 2048 */
};
extern struct crc64_folds crc64_folds;

/* The table twin on the bare register: no initial value, no final xor. */
uint64_t crc64_register(uint64_t reg, const uint8_t *at, size_t len);

#endif
