/*
 * CRC-64/NVME: the table twin (slicing by 8), the choice of kernel, and combination.
 *
 * Tables and fold constants are computed before main from the polynomial alone (a few
 * microseconds), rather than written down: nothing to mistype, and both twins have the same
 * origin. Table k holds the register after a byte and then k zero bytes.
 */
#include "base/crc64.h"

#include <string.h>

#include "base/crc64_impl.h"
#include "base/gf2.h"

/* 0xad93d23594c93659 with its bits reversed */
static const struct gf2_field field = {0x9a6c9329ac4bc9b5, 64};

struct crc64_folds crc64_folds;
static uint64_t tables[8][256];
static uint64_t (*chosen)(uint64_t crc, const void *at, size_t len) = crc64_nvme_table;

static void make_tables(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t reg = i;

        for (unsigned bit = 0; bit < 8; bit++)
            reg = reg & 1 ? reg >> 1 ^ field.poly : reg >> 1;
        tables[0][i] = reg;
    }
    for (unsigned k = 1; k < 8; k++)
        for (unsigned i = 0; i < 256; i++)
            tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 255];
}

static void make_fold(uint64_t fold[2], unsigned bits)
{
    fold[0] = gf2_power(field, bits + 63);
    fold[1] = gf2_power(field, bits - 1);
}

/* Before every other constructor of ours: some may hash. */
__attribute__((constructor(101))) static void prepare(void)
{
    make_tables();
    make_fold(crc64_folds.by_16, 128);
    make_fold(crc64_folds.by_64, 512);
    make_fold(crc64_folds.by_256, 2048);
    if (crc64_has_wide())
        chosen = crc64_nvme_wide;
    else if (crc64_has_clmul())
        chosen = crc64_nvme_clmul;
}

uint64_t crc64_register(uint64_t reg, const uint8_t *at, size_t len)
{
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;

        memcpy(&word, at, 8); /* little-endian machines only, as the rest of the store */
        reg ^= word;
        reg = tables[7][reg & 255] ^ tables[6][reg >> 8 & 255] ^ tables[5][reg >> 16 & 255] ^
              tables[4][reg >> 24 & 255] ^ tables[3][reg >> 32 & 255] ^ tables[2][reg >> 40 & 255] ^
              tables[1][reg >> 48 & 255] ^ tables[0][reg >> 56];
    }
    for (; len > 0; at++, len--)
        reg = tables[0][(reg ^ *at) & 255] ^ reg >> 8;
    return reg;
}

uint64_t crc64_nvme_table(uint64_t crc, const void *at, size_t len)
{
    return ~crc64_register(~crc, at, len);
}

uint64_t crc64_nvme(uint64_t crc, const void *at, size_t len)
{
    return chosen(crc, at, len);
}

uint64_t crc64_nvme_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b)
{
    /* Parts of an upload are as long as each other, and there may be 10,000 of them. */
    static _Thread_local uint64_t last_len, power; /* power == 0: none yet */

    if (len_b != last_len || power == 0) {
        power = gf2_combine(field, gf2_power(field, 0), 0, len_b); /* x^(8 len_b) */
        last_len = len_b;
    }
    return gf2_multiply(field, crc_a, power) ^ crc_b;
}
