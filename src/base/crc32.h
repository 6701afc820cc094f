/*
 * CRC-32 (ISO-HDLC, the one of zlib) and CRC-32C (Castagnoli), both by ISA-L, and their
 * combination, which ISA-L lacks. Values are the plain finished CRC; 0 starts.
 */
#ifndef PENSTOCK_BASE_CRC32_H
#define PENSTOCK_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_iso(uint32_t crc, const void *at, size_t len);
uint32_t crc32_c(uint32_t crc, const void *at, size_t len);
uint32_t crc32_iso_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);
uint32_t crc32_c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);

#endif
