/*
 * CRC-32 and CRC-32C by ISA-L, whose two functions differ in habits: crc32_gzip_refl inverts before
 * and after and takes the finished CRC; crc32_iscsi does neither, and counts bytes in an int.
 */
#include "base/crc32.h"

#include <isa-l/crc.h>

#include "base/gf2.h"

/* 0x04c11db7 and 0x1edc6f41 with their bits reversed */
static const struct gf2_field iso_field = {0xedb88320, 32}, c_field = {0x82f63b78, 32};

enum { ISCSI_BYTES_MAX = 1 << 30 };

uint32_t crc32_iso(uint32_t crc, const void *at, size_t len)
{
    return len == 0 ? crc : crc32_gzip_refl(crc, at, len);
}

uint32_t crc32_c(uint32_t crc, const void *at, size_t len)
{
    /* ISA-L's prototype lacks the const; the function only reads. */
    unsigned char *from = (unsigned char *)(uintptr_t)at;
    uint32_t reg = ~crc;

    while (len > 0) {
        int n = len < ISCSI_BYTES_MAX ? (int)len : ISCSI_BYTES_MAX;

        reg = crc32_iscsi(from, n, reg);
        from += n;
        len -= (size_t)n;
    }
    return ~reg;
}

uint32_t crc32_iso_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b)
{
    return (uint32_t)gf2_combine(iso_field, crc_a, crc_b, len_b);
}

uint32_t crc32_c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b)
{
    return (uint32_t)gf2_combine(c_field, crc_a, crc_b, len_b);
}
