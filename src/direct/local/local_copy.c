#include "direct/local/local_copy.h"

#include <stdint.h>
#include <string.h>

enum { COPY_STREAM_BYTES_MIN = 256 * 1024, COPY_LINE = 64 };

#ifdef __SSE2__
#include <emmintrin.h>

/* to is aligned to 16, len a multiple of a line. */
static void copy_lines(uint8_t *to, const uint8_t *from, size_t len)
{
    for (size_t i = 0; i < len; i += COPY_LINE) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(from + i + 16));
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(from + i + 32));
        __m128i d = _mm_loadu_si128((const __m128i *)(const void *)(from + i + 48));

        _mm_stream_si128((__m128i *)(void *)(to + i), a);
        _mm_stream_si128((__m128i *)(void *)(to + i + 16), b);
        _mm_stream_si128((__m128i *)(void *)(to + i + 32), c);
        _mm_stream_si128((__m128i *)(void *)(to + i + 48), d);
    }
    _mm_sfence(); /* before anybody is told that the bytes are there */
}
#else
static void copy_lines(uint8_t *to, const uint8_t *from, size_t len)
{
    memcpy(to, from, len);
}
#endif

void local_copy_out(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (len < COPY_STREAM_BYTES_MIN) {
        memcpy(t, f, len);
        return;
    }
    size_t head = (size_t)(-(uintptr_t)t & (COPY_LINE - 1));
    size_t lines = (len - head) / COPY_LINE * COPY_LINE;
    memcpy(t, f, head);
    copy_lines(t + head, f + head, lines);
    memcpy(t + head + lines, f + head + lines, len - head - lines);
}
