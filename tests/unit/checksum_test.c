#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "auth/checksum.h"

#define KINDS 10
#define TEXT "The quick brown fox jumps over the lazy dog"

/* base64 of TEXT's checksums: by Python's zlib, hashlib and xxhash, awscrt's crc32c, CRC64 bit
 * by bit */
static const struct {
    enum checksum_kind kind;
    const char *name, *header, *element, *nothing, *text;
} known[KINDS] = {
    {CHECKSUM_CRC32, "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", "AAAAAA==", "QU+jOQ=="},
    {CHECKSUM_CRC32C, "CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", "AAAAAA==", "ImIEBA=="},
    {CHECKSUM_SHA1, "SHA1", "x-amz-checksum-sha1", "ChecksumSHA1",
     "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "L9ThxnotKPzthJ7hu3bnORuT6xI="},
    {CHECKSUM_SHA256, "SHA256", "x-amz-checksum-sha256", "ChecksumSHA256",
     "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
     "16j7swfXgJRpypq8sAguT41WUeRtPNt2LQLQvzfJ5ZI="},
    {CHECKSUM_CRC64NVME, "CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME",
     "AAAAAAAAAAA=", "12xUBUlUwUM="},
    {CHECKSUM_MD5, "MD5", "x-amz-checksum-md5", "ChecksumMD5",
     "1B2M2Y8AsgTpgAmY7PhCfg==", "nhB9nTcrtoJr2B01QqQZ1g=="},
    {CHECKSUM_SHA512, "SHA512", "x-amz-checksum-sha512", "ChecksumSHA512",
     "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
     "B+VH2VhvanP3P7rAQ17XaVEhj7fQyNeIownXhUNru2Quk6JSqVTyORJUfR6KO17W4b/XCXghIz+gU489uFT+5g=="},
    {CHECKSUM_XXHASH64, "XXHASH64", "x-amz-checksum-xxhash64", "ChecksumXXHASH64",
     "70bbN1HY6Zk=", "CyQtNh/acbw="},
    {CHECKSUM_XXHASH3, "XXHASH3", "x-amz-checksum-xxhash3", "ChecksumXXHASH3",
     "LQaABTjTlMI=", "zn0ZpUGPs2U="},
    {CHECKSUM_XXHASH128, "XXHASH128", "x-amz-checksum-xxhash128", "ChecksumXXHASH128",
     "maoG0wFHmNhgAcMkRo1Jfw==", "3dZQIFyj5/okocwuOop2UQ=="},
};

static void take(enum checksum_kind kind, const char *text, uint8_t *out)
{
    struct checksum c = {0};

    assert_int_equal(checksum_start(&c, kind), ERR_OK);
    /* in pieces: a checksum continues */
    for (size_t i = 0; i < strlen(text); i += 10)
        checksum_update(&c, text + i, strlen(text + i) < 10 ? strlen(text + i) : 10);
    checksum_finish(&c, out);
    checksum_done(&c);
}

static void values_are_those_of_other_implementations(void **state)
{
    uint8_t bytes[CHECKSUM_BYTES_MAX], text[CHECKSUM_TEXT_MAX];

    for (size_t i = 0; i < KINDS; i++)
        for (int full = 0; full < 2; full++) {
            struct buf b = buf_over(text, sizeof text);

            take(known[i].kind, full ? TEXT : "", bytes);
            checksum_put_text(&b, known[i].kind, bytes);
            assert_false(b.overflow);
            if (!view_is(buf_view(&b), full ? known[i].text : known[i].nothing))
                fail_msg("%s: %.*s", known[i].name, VIEW_FMT(buf_view(&b)));
        }
}

static void names_lead_to_kinds_and_back(void **state)
{
    for (size_t i = 0; i < KINDS; i++) {
        assert_string_equal(checksum_name(known[i].kind), known[i].name);
        assert_string_equal(checksum_header(known[i].kind), known[i].header);
        assert_string_equal(checksum_element(known[i].kind), known[i].element);
        assert_int_equal(checksum_from_name(view_str(known[i].name)), known[i].kind);
        assert_int_equal(checksum_from_header(view_str(known[i].header)), known[i].kind);
    }
    assert_int_equal(checksum_from_name(VIEW("crc64nvme")), CHECKSUM_CRC64NVME);
    assert_int_equal(checksum_from_header(VIEW("X-Amz-Checksum-SHA1")), CHECKSUM_SHA1);
    assert_int_equal(checksum_from_name(VIEW("MD4")), CHECKSUM_NONE);
    assert_int_equal(checksum_from_name(VIEW("")), CHECKSUM_NONE);
    assert_int_equal(checksum_from_header(VIEW("x-amz-checksum-")), CHECKSUM_NONE);
    assert_int_equal(checksum_from_header(VIEW("x-amz-checksum-type")), CHECKSUM_NONE);
    assert_null(checksum_name(CHECKSUM_NONE));
    assert_int_equal(checksum_bytes(CHECKSUM_NONE), 0);
}

static void text_must_have_the_right_length(void **state)
{
    uint8_t bytes[CHECKSUM_BYTES_MAX], back[CHECKSUM_TEXT_MAX];

    for (size_t i = 0; i < KINDS; i++)
        for (size_t k = 0; k < KINDS; k++) {
            bool fits = checksum_bytes(known[i].kind) == checksum_bytes(known[k].kind);
            struct buf b = buf_over(back, sizeof back);

            assert_int_equal(
                checksum_from_text(known[i].kind, view_str(known[k].text), bytes),
                fits ? ERR_OK : ERR_MALFORMED);
            if (!fits)
                continue;
            checksum_put_text(&b, known[i].kind, bytes);
            assert_true(view_is(buf_view(&b), known[k].text));
        }
    assert_int_equal(checksum_from_text(CHECKSUM_CRC32, VIEW(""), bytes), ERR_MALFORMED);
    assert_int_equal(checksum_from_text(CHECKSUM_CRC32, VIEW("AAAAAA="), bytes), ERR_MALFORMED);
    assert_int_equal(checksum_from_text(CHECKSUM_CRC32, VIEW("AAAAAA==-2"), bytes), ERR_MALFORMED);
    assert_int_equal(checksum_from_text(CHECKSUM_CRC32, VIEW("AAA*AA=="), bytes), ERR_MALFORMED);
}

/* shared reference s3-features.md, section 2.3, "Checksum truth table" */
static void types_follow_the_truth_table(void **state)
{
    static const struct {
        enum checksum_kind kind;
        bool composite, full;
        enum checksum_type by_default;
    } table[KINDS] = {
        {CHECKSUM_CRC32, true, true, CHECKSUM_COMPOSITE},
        {CHECKSUM_CRC32C, true, true, CHECKSUM_COMPOSITE},
        {CHECKSUM_CRC64NVME, false, true, CHECKSUM_FULL_OBJECT},
        {CHECKSUM_SHA1, true, false, CHECKSUM_COMPOSITE},
        {CHECKSUM_SHA256, true, false, CHECKSUM_COMPOSITE},
        {CHECKSUM_MD5, true, false, CHECKSUM_COMPOSITE},
        {CHECKSUM_SHA512, true, false, CHECKSUM_COMPOSITE},
        {CHECKSUM_XXHASH64, true, false, CHECKSUM_COMPOSITE},
        {CHECKSUM_XXHASH3, true, false, CHECKSUM_COMPOSITE},
        {CHECKSUM_XXHASH128, true, false, CHECKSUM_COMPOSITE},
    };

    for (size_t i = 0; i < KINDS; i++) {
        assert_int_equal(
            checksum_type_allowed(table[i].kind, CHECKSUM_COMPOSITE), table[i].composite);
        assert_int_equal(checksum_type_allowed(table[i].kind, CHECKSUM_FULL_OBJECT), table[i].full);
        assert_int_equal(checksum_type_default(table[i].kind), table[i].by_default);
    }
    assert_false(checksum_type_allowed(CHECKSUM_NONE, CHECKSUM_COMPOSITE));
}

static void parts_combine_to_the_whole(void **state)
{
    static const enum checksum_kind crcs[] = {CHECKSUM_CRC32, CHECKSUM_CRC32C, CHECKSUM_CRC64NVME};
    uint8_t a[CHECKSUM_BYTES_MAX], b[CHECKSUM_BYTES_MAX], whole[CHECKSUM_BYTES_MAX];

    for (size_t i = 0; i < ARRAY_COUNT(crcs); i++)
        for (size_t cut = 0; cut <= strlen(TEXT); cut++) {
            char head[64] = "";

            memcpy(head, TEXT, cut);
            take(crcs[i], head, a);
            take(crcs[i], &TEXT[cut], b);
            take(crcs[i], TEXT, whole);
            checksum_combine(crcs[i], a, b, strlen(TEXT) - cut);
            assert_memory_equal(a, whole, checksum_bytes(crcs[i]));
        }
}

static void a_checksum_may_be_started_again_as_another_kind(void **state)
{
    struct checksum c = {0};
    uint8_t bytes[CHECKSUM_BYTES_MAX], fresh[CHECKSUM_BYTES_MAX];

    for (size_t i = 0; i < KINDS; i++) {
        assert_int_equal(checksum_start(&c, known[i].kind), ERR_OK);
        checksum_update(&c, "noise", 5);
        assert_int_equal(checksum_start(&c, known[i].kind), ERR_OK);
        checksum_update(&c, TEXT, strlen(TEXT));
        checksum_finish(&c, bytes);
        take(known[i].kind, TEXT, fresh);
        assert_memory_equal(bytes, fresh, checksum_bytes(known[i].kind));
    }
    checksum_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_other_implementations),
        cmocka_unit_test(names_lead_to_kinds_and_back),
        cmocka_unit_test(text_must_have_the_right_length),
        cmocka_unit_test(types_follow_the_truth_table),
        cmocka_unit_test(parts_combine_to_the_whole),
        cmocka_unit_test(a_checksum_may_be_started_again_as_another_kind),
    };
    return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
