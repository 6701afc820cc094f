/* Messages and tokens of transport `local`: what is written is read, nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "direct/local/local_token.h"
#include "direct/local/local_wire.h"

static struct local_message sample(enum local_message_type type)
{
    struct local_message m = {
        .type = type,
        .sequence = 0x1234,
        .version = 1,
        .regions_max = 7,
        .mapped_bytes_max = 1ull << 40,
        .at = 0x7f0011223344,
        .bytes = 0xffffffffffff,
        .region = 9,
        .nonce = UINT64_MAX,
        .expiry_ms = 1700000000000,
        .refusal = LOCAL_REFUSAL_DENIED,
        .text = VIEW("why not")};

    memset(m.session_id, 0xa1, sizeof(m.session_id));
    memset(m.session_key, 0xb2, sizeof(m.session_key));
    memset(m.server_id, 'c', LOCAL_SERVER_ID_LEN);
    return m;
}

static struct view encoded(enum local_message_type type, uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX])
{
    struct local_message m = sample(type);
    struct buf b = buf_over(bytes, LOCAL_MESSAGE_BYTES_MAX);

    local_wire_encode(&m, &b);
    assert_false(b.overflow);
    return buf_view(&b);
}

static void every_message_reads_back(void **state)
{
    uint8_t first[LOCAL_MESSAGE_BYTES_MAX], second[LOCAL_MESSAGE_BYTES_MAX];

    (void)state;
    for (int type = LOCAL_HELLO; type < LOCAL_MESSAGE_TYPES; type++) {
        struct view v = encoded((enum local_message_type)type, first);
        struct local_message m;
        struct buf again = buf_over(second, sizeof(second));

        assert_int_equal(local_wire_decode(v, &m), ERR_OK);
        assert_int_equal(m.type, type);
        assert_int_equal(m.sequence, 0x1234);
        local_wire_encode(&m, &again);
        assert_true(view_eq(v, buf_view(&again)));
    }
}

static void every_field_arrives(void **state)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];
    struct local_message m, s = sample(LOCAL_WELCOME);

    (void)state;
    assert_int_equal(local_wire_decode(encoded(LOCAL_WELCOME, bytes), &m), ERR_OK);
    assert_memory_equal(m.session_id, s.session_id, sizeof(s.session_id));
    assert_memory_equal(m.session_key, s.session_key, sizeof(s.session_key));
    assert_string_equal(m.server_id, s.server_id);
    assert_int_equal(m.regions_max, 7);
    assert_true(m.mapped_bytes_max == s.mapped_bytes_max);
    assert_int_equal(local_wire_decode(encoded(LOCAL_RANGE, bytes), &m), ERR_OK);
    assert_true(m.at == s.at && m.bytes == s.bytes);
    assert_int_equal(local_wire_decode(encoded(LOCAL_REVOKE, bytes), &m), ERR_OK);
    assert_true(m.nonce == s.nonce && m.expiry_ms == s.expiry_ms);
    assert_int_equal(local_wire_decode(encoded(LOCAL_REFUSED, bytes), &m), ERR_OK);
    assert_int_equal(m.refusal, LOCAL_REFUSAL_DENIED);
    assert_true(view_is(m.text, "why not"));
}

static void other_lengths_are_malformed(void **state)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX + 1] = {0};
    struct local_message m;

    (void)state;
    for (int type = LOCAL_HELLO; type < LOCAL_MESSAGE_TYPES; type++) {
        struct view v = encoded((enum local_message_type)type, bytes);

        for (size_t len = 0; len < v.len; len++)
            assert_int_equal(local_wire_decode(view_upto(v, len), &m), ERR_MALFORMED);
        assert_int_equal(local_wire_decode(view_of(v.at, v.len + 1), &m), ERR_MALFORMED);
    }
}

static void other_heads_are_malformed(void **state)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX];
    struct local_message m;

    (void)state;
    struct view v = encoded(LOCAL_HELLO, bytes);
    bytes[0] ^= 1;
    assert_int_equal(local_wire_decode(v, &m), ERR_MALFORMED);
    bytes[0] ^= 1;
    bytes[4] = 0;
    assert_int_equal(local_wire_decode(v, &m), ERR_MALFORMED);
    bytes[4] = LOCAL_MESSAGE_TYPES;
    assert_int_equal(local_wire_decode(v, &m), ERR_MALFORMED);
    bytes[5] = 1;
    assert_int_equal(local_wire_decode(v, &m), ERR_MALFORMED);
}

static void a_long_refusal_is_cut_and_a_longer_one_refused(void **state)
{
    uint8_t text[LOCAL_TEXT_MAX + 1], bytes[LOCAL_MESSAGE_BYTES_MAX];
    struct local_message m = {.type = LOCAL_REFUSED, .text = view_of(text, sizeof(text))};
    struct buf b = buf_over(bytes, sizeof(bytes));

    (void)state;
    memset(text, 'x', sizeof(text));
    local_wire_encode(&m, &b);
    assert_int_equal(local_wire_decode(buf_view(&b), &m), ERR_OK);
    assert_int_equal(m.text.len, LOCAL_TEXT_MAX);
    bytes[12]++; /* the text's length */
    bytes[b.len++] = 'x';
    assert_int_equal(local_wire_decode(buf_view(&b), &m), ERR_MALFORMED);
}

static void refusals_keep_their_meaning(void **state)
{
    static const enum err errs[] = {ERR_BUSY, ERR_INVALID, ERR_UNSUPPORTED, ERR_DENIED, ERR_SYSTEM};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(errs); i++)
        assert_int_equal(local_wire_err(local_wire_refusal(errs[i])), errs[i]);
    assert_int_equal(local_wire_err(0), ERR_SYSTEM);
    assert_int_equal(local_wire_err(4711), ERR_SYSTEM);
}

/* --- tokens --- */

static const uint8_t key[LOCAL_KEY_BYTES] = "0123456789abcdef0123456789abcde";

static struct view token(uint8_t bytes[LOCAL_TOKEN_BYTES])
{
    struct local_token t = {
        .region = 0xdeadbeef,
        .offset = 0x123456789abcdef0,
        .bytes = 42,
        .is_write = true,
        .expiry_ms = 0xfedcba987654,
        .nonce = 0x0fedcba987654321};
    struct buf b = buf_over(bytes, LOCAL_TOKEN_BYTES);

    memset(t.session_id, 0x5a, sizeof(t.session_id));
    local_token_write(&t, key, &b);
    assert_false(b.overflow);
    return buf_view(&b);
}

static void a_token_reads_back(void **state)
{
    uint8_t bytes[LOCAL_TOKEN_BYTES];
    struct view v = token(bytes);
    struct local_token t;

    (void)state;
    assert_int_equal(v.len, LOCAL_TOKEN_BYTES);
    assert_true(local_token_is_ours(v));
    assert_int_equal(local_token_parse(v, &t), ERR_OK);
    assert_true(t.session_id[0] == 0x5a && t.session_id[15] == 0x5a);
    assert_true(t.region == 0xdeadbeef && t.offset == 0x123456789abcdef0 && t.bytes == 42);
    assert_true(t.is_write && t.expiry_ms == 0xfedcba987654 && t.nonce == 0x0fedcba987654321);
    assert_true(local_token_holds(v, key));
}

static void the_text_is_the_documented_one(void **state)
{
    uint8_t bytes[LOCAL_TOKEN_BYTES];
    struct view v = token(bytes);

    (void)state;
    assert_true(view_starts(
        v, VIEW("local1:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a:deadbeef:123456789abcdef0:"
                "000000000000002a:w:fedcba987654:0fedcba987654321:")));
}

/* Any character changed: another shape, or a mac that does not hold. */
static void no_character_can_be_changed(void **state)
{
    uint8_t bytes[LOCAL_TOKEN_BYTES];
    struct view v = token(bytes);
    struct local_token t;

    (void)state;
    for (size_t i = 0; i < v.len; i++) {
        static const uint8_t others[] = {'0', 'f', 'r', 'w', ':', 'A', 0, ' '};
        uint8_t before = bytes[i];

        for (size_t j = 0; j < sizeof(others); j++) {
            if (others[j] == before)
                continue;
            bytes[i] = others[j];
            assert_false(local_token_parse(v, &t) == ERR_OK && local_token_holds(v, key));
        }
        bytes[i] = before;
    }
    assert_true(local_token_holds(v, key));
}

static void another_length_is_broken(void **state)
{
    uint8_t bytes[LOCAL_TOKEN_BYTES + 1];
    struct local_token t;

    (void)state;
    struct view v = token(bytes);
    bytes[LOCAL_TOKEN_BYTES] = '0';
    for (size_t len = 7; len <= sizeof(bytes); len++) {
        assert_true(local_token_is_ours(view_of(v.at, len)));
        if (len != LOCAL_TOKEN_BYTES)
            assert_int_equal(local_token_parse(view_of(v.at, len), &t), ERR_MALFORMED);
    }
    assert_false(local_token_is_ours(VIEW("local1")));
    assert_false(local_token_is_ours(VIEW("")));
}

static void another_key_does_not_open_it(void **state)
{
    uint8_t bytes[LOCAL_TOKEN_BYTES], other[LOCAL_KEY_BYTES];

    (void)state;
    memcpy(other, key, sizeof(other));
    other[31] ^= 1;
    assert_false(local_token_holds(token(bytes), other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_reads_back),
        cmocka_unit_test(every_field_arrives),
        cmocka_unit_test(other_lengths_are_malformed),
        cmocka_unit_test(other_heads_are_malformed),
        cmocka_unit_test(a_long_refusal_is_cut_and_a_longer_one_refused),
        cmocka_unit_test(refusals_keep_their_meaning),
        cmocka_unit_test(a_token_reads_back),
        cmocka_unit_test(the_text_is_the_documented_one),
        cmocka_unit_test(no_character_can_be_changed),
        cmocka_unit_test(another_length_is_broken),
        cmocka_unit_test(another_key_does_not_open_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
