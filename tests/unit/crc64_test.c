#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc64.h"

enum { ROOM_BYTES = 1 << 20 };
static uint8_t room[ROOM_BYTES + 64];
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int fill(void **state)
{
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = (uint8_t)next();
    return 0;
}

/* Straight from the definition, bit by bit: shares no code and no table with the twins. */
static uint64_t by_definition(const uint8_t *at, size_t len)
{
    uint64_t reg = UINT64_MAX;

    for (size_t i = 0; i < len; i++) {
        reg ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            reg = reg >> 1 ^ (reg & 1 ? 0x9a6c9329ac4bc9b5 : 0);
    }
    return ~reg;
}

typedef uint64_t crc_fn(uint64_t crc, const void *at, size_t len);

static unsigned kernels(crc_fn *to[4])
{
    unsigned n = 0;

    to[n++] = crc64_nvme;
    to[n++] = crc64_nvme_table;
    if (crc64_has_clmul())
        to[n++] = crc64_nvme_clmul;
    if (crc64_has_wide())
        to[n++] = crc64_nvme_wide;
    return n;
}

static void published_values_hold(void **state)
{
    static uint8_t block[4096];
    crc_fn *fn[4];

    for (unsigned k = kernels(fn); k-- > 0;) {
        assert_int_equal(fn[k](0, "123456789", 9), 0xae8b14860a799888);
        assert_int_equal(fn[k](0, "", 0), 0);
        /* NVM Command Set specification 1.0, "64b CRC test cases": blocks of 4 KiB */
        memset(block, 0, sizeof block);
        assert_int_equal(fn[k](0, block, sizeof block), 0x6482d367eb22b64e);
        memset(block, 0xff, sizeof block);
        assert_int_equal(fn[k](0, block, sizeof block), 0xc0ddba7302eca3ac);
    }
}

static void every_kernel_follows_the_definition_at_short_lengths(void **state)
{
    crc_fn *fn[4];

    for (unsigned k = kernels(fn); k-- > 0;)
        for (size_t len = 0; len <= 700; len++)
            assert_int_equal(fn[k](0, room + len % 64, len), by_definition(room + len % 64, len));
}

static void kernels_agree_on_random_pieces(void **state)
{
    crc_fn *fn[4];
    unsigned count = kernels(fn);

    for (unsigned round = 0; round < 300; round++) {
        size_t off = next() % 64, len = next() % (round % 10 ? 20000 : ROOM_BYTES);
        uint64_t start = next(), want = crc64_nvme_table(start, room + off, len);

        for (unsigned k = 0; k < count; k++)
            assert_int_equal(fn[k](start, room + off, len), want);
    }
}

static void pieces_continue(void **state)
{
    crc_fn *fn[4];

    for (unsigned k = kernels(fn); k-- > 0;) {
        size_t len = 100000, off = 0;
        uint64_t crc = 0;

        while (off < len) {
            size_t n = next() % 1500;

            n = n < len - off ? n : len - off;
            crc = fn[k](crc, room + off, n);
            off += n;
        }
        assert_int_equal(crc, crc64_nvme_table(0, room, len));
    }
}

/* malloc'ed to size: the address sanitizer watches both ends */
static void kernels_read_nothing_outside_their_piece(void **state)
{
    crc_fn *fn[4];

    for (unsigned k = kernels(fn); k-- > 0;)
        for (size_t len = 1; len < 1200; len += 7) {
            uint8_t *piece = malloc(len);

            assert_non_null(piece);
            memcpy(piece, room, len);
            assert_int_equal(fn[k](0, piece, len), crc64_nvme_table(0, room, len));
            free(piece);
        }
}

static void combining_equals_the_whole(void **state)
{
    for (unsigned round = 0; round < 200; round++) {
        size_t len = next() % 50000, cut = next() % (len + 1);
        uint64_t a = crc64_nvme(0, room, cut), b = crc64_nvme(0, room + cut, len - cut);

        assert_int_equal(crc64_nvme_combine(a, b, len - cut), crc64_nvme(0, room, len));
    }
    assert_int_equal(crc64_nvme_combine(0x1234, 0, 0), 0x1234);
}

static void combining_reaches_lengths_beyond_memory(void **state)
{
    static const uint8_t zeros[1024];
    uint64_t crc = crc64_nvme(0, zeros, 1), len = 1;

    for (; len < sizeof zeros; len *= 2)
        crc = crc64_nvme_combine(crc, crc, len);
    assert_int_equal(crc, crc64_nvme(0, zeros, sizeof zeros));
    for (; len < (uint64_t)1 << 62; len *= 2)
        crc = crc64_nvme_combine(crc, crc, len);

    /* (A B) C = A (B C), B being 4 EiB of zeros */
    uint64_t a = 0x1122334455667788, c = 0x99aabbccddeeff00, len_c = 12345;
    uint64_t left = crc64_nvme_combine(crc64_nvme_combine(a, crc, len), c, len_c);
    uint64_t right = crc64_nvme_combine(a, crc64_nvme_combine(crc, c, len_c), len + len_c);
    assert_int_equal(left, right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values_hold),
        cmocka_unit_test(every_kernel_follows_the_definition_at_short_lengths),
        cmocka_unit_test(kernels_agree_on_random_pieces),
        cmocka_unit_test(pieces_continue),
        cmocka_unit_test(kernels_read_nothing_outside_their_piece),
        cmocka_unit_test(combining_equals_the_whole),
        cmocka_unit_test(combining_reaches_lengths_beyond_memory),
    };
    return cmocka_run_group_tests_name("crc64", tests, fill, NULL);
}
