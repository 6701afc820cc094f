#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32.h"

static uint8_t room[40000];

static int fill(void **state)
{
    uint32_t x = 1;

    for (size_t i = 0; i < sizeof room; i++) {
        x = x * 1664525 + 1013904223;
        room[i] = (uint8_t)(x >> 24);
    }
    return 0;
}

static uint32_t by_definition(uint32_t poly, const uint8_t *at, size_t len)
{
    uint32_t reg = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        reg ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            reg = reg >> 1 ^ (reg & 1 ? poly : 0);
    }
    return ~reg;
}

static void published_values_hold(void **state)
{
    static const uint8_t zeros[32];

    assert_int_equal(crc32_iso(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(crc32_c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32_c(0, zeros, sizeof zeros), 0x8a9136aa); /* RFC 3720 B.4 */
    assert_int_equal(crc32_iso(0, "", 0), 0);
    assert_int_equal(crc32_c(0, "", 0), 0);
    assert_int_equal(crc32_iso(0x12345678, NULL, 0), 0x12345678);
    assert_int_equal(crc32_c(0x12345678, NULL, 0), 0x12345678);
}

static void lengths_follow_the_definition(void **state)
{
    for (size_t len = 0; len < 600; len++) {
        const uint8_t *at = room + len % 17;

        assert_int_equal(crc32_iso(0, at, len), by_definition(0xedb88320, at, len));
        assert_int_equal(crc32_c(0, at, len), by_definition(0x82f63b78, at, len));
    }
}

static void pieces_continue(void **state)
{
    for (size_t cut = 0; cut < sizeof room; cut += 997) {
        size_t rest = sizeof room - cut;

        assert_int_equal(
            crc32_iso(crc32_iso(0, room, cut), room + cut, rest), crc32_iso(0, room, sizeof room));
        assert_int_equal(
            crc32_c(crc32_c(0, room, cut), room + cut, rest), crc32_c(0, room, sizeof room));
    }
}

static void combining_equals_the_whole(void **state)
{
    for (size_t cut = 0; cut <= sizeof room; cut += 487) {
        size_t rest = sizeof room - cut;

        assert_int_equal(
            crc32_iso_combine(crc32_iso(0, room, cut), crc32_iso(0, room + cut, rest), rest),
            crc32_iso(0, room, sizeof room));
        assert_int_equal(
            crc32_c_combine(crc32_c(0, room, cut), crc32_c(0, room + cut, rest), rest),
            crc32_c(0, room, sizeof room));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values_hold),
        cmocka_unit_test(lengths_follow_the_definition),
        cmocka_unit_test(pieces_continue),
        cmocka_unit_test(combining_equals_the_whole),
    };
    return cmocka_run_group_tests_name("crc32", tests, fill, NULL);
}
