/*
 * CRC-64/NVME by carry-less multiplication (x86-64): 64 bytes a step with PCLMULQDQ, 256 with
 * 512-bit VPCLMULQDQ.
 *
 * Derivation. The polynomial is reflected, so bit i of a 128-bit block is the coefficient of
 * x^(127-i): block = L * x^64 + H, L being the low quadword. Moving the block up by D bits, onto
 * the block that follows D bits later, is L * x^(D+64) + H * x^D, and modulo P each power may be
 * replaced by its remainder, of degree below 64. The instruction multiplies integers: the product
 * of two reflected quadwords has x^(126-k) in bit k, one less than a block has there, so that it
 * yields A * B * x. Hence the constants x^(D+63) and x^(D-1) modulo P (crc64_folds).
 *
 * Four independent accumulators hide the latency of the multiplication. At the end they are folded
 * into one block, which stands for the whole message; the table twin, started with zero, reduces
 * it to the register, and takes the last bytes. The old register goes into the first 8 bytes, as
 * the definition of a CRC has it.
 *
 * Idea of folding: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction", Intel 2009.
 */
#include <immintrin.h>

#include "base/crc64_impl.h"

enum { BLOCK_BYTES = 16, STEP_BYTES = 4 * 16, WIDE_STEP_BYTES = 4 * 64 };

#define NARROW __attribute__((target("pclmul,sse4.1")))
#define WIDE __attribute__((target("pclmul,sse4.1,avx512f,avx512vl,avx512dq,vpclmulqdq")))
#define INLINE __attribute__((always_inline)) static inline

int crc64_has_clmul(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

int crc64_has_wide(void)
{
    return crc64_has_clmul() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("vpclmulqdq");
}

NARROW INLINE __m128i load(const void *at)
{
    return _mm_loadu_si128(at);
}

NARROW INLINE __m128i fold(__m128i x, __m128i k, __m128i onto)
{
    __m128i low = _mm_clmulepi64_si128(x, k, 0x00), high = _mm_clmulepi64_si128(x, k, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

/* One block that stands for everything before `at`, and the rest of the message. */
NARROW INLINE uint64_t finish(__m128i x, const uint8_t *at, size_t len)
{
    const __m128i k = load(crc64_folds.by_16);
    uint8_t block[BLOCK_BYTES];

    for (; len >= BLOCK_BYTES; at += BLOCK_BYTES, len -= BLOCK_BYTES)
        x = fold(x, k, load(at));
    _mm_storeu_si128((__m128i *)(void *)block, x);
    return ~crc64_register(crc64_register(0, block, sizeof block), at, len);
}

NARROW uint64_t crc64_nvme_clmul(uint64_t crc, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    if (len < STEP_BYTES)
        return ~crc64_register(~crc, at, len);

    const __m128i k = load(crc64_folds.by_64), k16 = load(crc64_folds.by_16);
    __m128i a = load(at), b = load(at + 16), c = load(at + 32), d = load(at + 48);

    a = _mm_xor_si128(a, _mm_cvtsi64_si128((long long)~crc));
    for (at += STEP_BYTES, len -= STEP_BYTES; len >= STEP_BYTES;
         at += STEP_BYTES, len -= STEP_BYTES) {
        a = fold(a, k, load(at));
        b = fold(b, k, load(at + 16));
        c = fold(c, k, load(at + 32));
        d = fold(d, k, load(at + 48));
    }
    return finish(fold(fold(fold(a, k16, b), k16, c), k16, d), at, len);
}

WIDE INLINE __m512i wide_load(const void *at)
{
    return _mm512_loadu_si512(at);
}

WIDE INLINE __m512i wide_constant(const uint64_t k[2])
{
    return _mm512_broadcast_i64x2(_mm_loadu_si128((const __m128i *)(const void *)k));
}

WIDE INLINE __m512i wide_fold(__m512i x, __m512i k, __m512i onto)
{
    __m512i low = _mm512_clmulepi64_epi128(x, k, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(x, k, 0x11);

    return _mm512_ternarylogic_epi64(low, high, onto, 0x96); /* xor of all three */
}

/* The four blocks of x into one. */
WIDE INLINE __m128i wide_narrow(__m512i x)
{
    const __m128i k = load(crc64_folds.by_16);
    __m128i one = _mm512_extracti64x2_epi64(x, 0);

    one = fold(one, k, _mm512_extracti64x2_epi64(x, 1));
    one = fold(one, k, _mm512_extracti64x2_epi64(x, 2));
    return fold(one, k, _mm512_extracti64x2_epi64(x, 3));
}

WIDE uint64_t crc64_nvme_wide(uint64_t crc, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    if (len < WIDE_STEP_BYTES)
        return crc64_nvme_clmul(crc, bytes, len);

    const __m512i k = wide_constant(crc64_folds.by_256), k64 = wide_constant(crc64_folds.by_64);
    __m512i a = wide_load(at), b = wide_load(at + 64);
    __m512i c = wide_load(at + 128), d = wide_load(at + 192);

    a = _mm512_xor_si512(a, _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)~crc)));
    for (at += WIDE_STEP_BYTES, len -= WIDE_STEP_BYTES; len >= WIDE_STEP_BYTES;
         at += WIDE_STEP_BYTES, len -= WIDE_STEP_BYTES) {
        a = wide_fold(a, k, wide_load(at));
        b = wide_fold(b, k, wide_load(at + 64));
        c = wide_fold(c, k, wide_load(at + 128));
        d = wide_fold(d, k, wide_load(at + 192));
    }
    a = wide_fold(wide_fold(wide_fold(a, k64, b), k64, c), k64, d);
    for (; len >= 64; at += 64, len -= 64)
        a = wide_fold(a, k64, wide_load(at));
    return finish(wide_narrow(a), at, len);
}
