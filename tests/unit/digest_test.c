#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    static const char digits[] = "0123456789abcdef";

    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(hex[2 * i], digits[bytes[i] >> 4]);
        assert_int_equal(hex[2 * i + 1], digits[bytes[i] & 15]);
    }
}

static void published_values_hold(void **state)
{
    static const struct {
        enum digest_kind kind;
        const char *empty, *abc;
    } want[] = {
        {DIGEST_MD5, "d41d8cd98f00b204e9800998ecf8427e", "900150983cd24fb0d6963f7d28e17f72"},
        {DIGEST_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
         "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {DIGEST_SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {DIGEST_SHA512,
         "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
         "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    };
    struct digest d = {0};
    uint8_t out[DIGEST_BYTES_MAX];

    /* one context for all three kinds: a digest may be started again as another one */
    for (size_t i = 0; i < ARRAY_COUNT(want); i++) {
        assert_int_equal(digest_start(&d, want[i].kind), ERR_OK);
        digest_finish(&d, out);
        assert_hex(out, digest_bytes(want[i].kind), want[i].empty);
        assert_int_equal(digest_start(&d, want[i].kind), ERR_OK);
        digest_update(&d, "a", 1);
        digest_update(&d, NULL, 0);
        digest_update(&d, "bc", 2);
        digest_finish(&d, out);
        assert_hex(out, digest_bytes(want[i].kind), want[i].abc);
    }
    digest_done(&d);
    digest_done(&d);
    assert_int_equal(digest_start(&d, DIGEST_MD5), ERR_OK);
    digest_done(&d);
}

static void a_digest_started_in_the_middle_forgets(void **state)
{
    struct digest d = {0};
    uint8_t out[DIGEST_BYTES_MAX];

    assert_int_equal(digest_start(&d, DIGEST_SHA256), ERR_OK);
    digest_update(&d, "half", 4);
    assert_int_equal(digest_start(&d, DIGEST_MD5), ERR_OK);
    digest_finish(&d, out);
    assert_hex(out, 16, "d41d8cd98f00b204e9800998ecf8427e");
    digest_done(&d);
}

static void one_shots_equal_streams(void **state)
{
    uint8_t out[32];

    digest_sha256(VIEW("abc"), out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_md5(VIEW("abc"), out);
    assert_hex(out, 16, "900150983cd24fb0d6963f7d28e17f72");
    digest_md5(VIEW_EMPTY, out);
    assert_hex(out, 16, "d41d8cd98f00b204e9800998ecf8427e");
}

/* RFC 4231, sections 4.2, 4.3 and 4.7 */
static void hmac_follows_the_rfc(void **state)
{
    uint8_t key[131], out[32];

    memset(key, 0x0b, 20);
    digest_hmac_sha256(view_of(key, 20), VIEW("Hi There"), out);
    assert_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    digest_hmac_sha256(VIEW("Jefe"), VIEW("what do ya want for nothing?"), out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    digest_hmac_sha256(
        view_of(key, sizeof key), VIEW("Test Using Larger Than Block-Size Key - Hash Key First"),
        out);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    digest_hmac_sha256(VIEW_EMPTY, VIEW_EMPTY, out);
    assert_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void *hash_much(void *arg)
{
    uint8_t first[32], out[32];

    digest_hmac_sha256(VIEW("key"), VIEW("data"), first);
    for (int i = 0; i < 200; i++) {
        digest_hmac_sha256(VIEW("key"), VIEW("data"), out);
        if (memcmp(first, out, sizeof out) != 0)
            return arg;
    }
    return NULL;
}

static void threads_do_not_share_contexts(void **state)
{
    static char differs[] = "differs";
    pthread_t thread[4];

    for (size_t i = 0; i < ARRAY_COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hash_much, differs), 0);
    for (size_t i = 0; i < ARRAY_COUNT(thread); i++) {
        void *result;

        assert_int_equal(pthread_join(thread[i], &result), 0);
        assert_null(result);
    }
}

static void random_bytes_differ(void **state)
{
    uint8_t a[600], b[600];

    digest_random(a, sizeof a);
    digest_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + 584, b + 584, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values_hold),
        cmocka_unit_test(a_digest_started_in_the_middle_forgets),
        cmocka_unit_test(one_shots_equal_streams),
        cmocka_unit_test(hmac_follows_the_rfc),
        cmocka_unit_test(threads_do_not_share_contexts),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
