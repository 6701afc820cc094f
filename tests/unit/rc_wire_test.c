/* Messages and token of transport `rc`: what is written is read, what is altered is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "direct/rc/rc_token.h"

static const struct rc_wire_end end = {
    .gid = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, 1},
    .qpn = 0x123456,
    .psn = 0xfedcba,
    .mtu = 4096,
    .lid = 0x1122,
    .reads = 16,
    .lease_ms = 60000,
};

static struct buf request_of(struct rc_wire_end e, uint8_t *bytes)
{
    struct buf b = buf_over(bytes, RC_ANSWER_BYTES);

    rc_wire_put_request(&e, &b);
    assert_int_equal(b.len, RC_REQUEST_BYTES);
    return b;
}

static enum err taken(struct rc_wire_end e)
{
    uint8_t bytes[RC_ANSWER_BYTES];
    struct buf b = request_of(e, bytes);
    struct rc_wire_end out;

    return rc_wire_take_request(buf_view(&b), &out);
}

static void a_request_has_the_bytes_of_the_document(void **state)
{
    static const uint8_t want[RC_REQUEST_BYTES] = {
        'P', 'S',  'R',  '1',  1,    0,    1,  0, 0,    0,    0,    0, 0,    0,    0,    0,
        0,   0,    0xff, 0xff, 10,   77,   0,  1, 0x56, 0x34, 0x12, 0, 0xba, 0xdc, 0xfe, 0,
        0,   0x10, 0,    0,    0x22, 0x11, 16, 0, 0x60, 0xea, 0,    0, 0,    0,    0,    0};
    uint8_t bytes[RC_ANSWER_BYTES];
    struct buf b = request_of(end, bytes);
    struct rc_wire_end out;

    (void)state;
    assert_memory_equal(b.at, want, sizeof(want));
    assert_int_equal(rc_wire_take_request(buf_view(&b), &out), ERR_OK);
    assert_memory_equal(out.gid, end.gid, RC_GID_BYTES);
    assert_true(out.qpn == end.qpn && out.psn == end.psn && out.mtu == end.mtu);
    assert_true(out.lid == end.lid && out.reads == end.reads && out.lease_ms == end.lease_ms);
}

static void fields_out_of_range_are_malformed(void **state)
{
    struct rc_wire_end e[8];

    (void)state;
    for (unsigned i = 0; i < ARRAY_COUNT(e); i++)
        e[i] = end;
    e[0].qpn = 0;
    e[1].qpn = 1 << 24;
    e[2].psn = 1 << 24;
    e[3].mtu = 128;
    e[4].mtu = 8192;
    e[5].mtu = 1500;
    e[6].reads = 0;
    e[7].lease_ms = 0;
    for (unsigned i = 0; i < ARRAY_COUNT(e); i++)
        assert_int_equal(taken(e[i]), ERR_MALFORMED);
    memset(e[0].gid, 0, RC_GID_BYTES);
    e[0].qpn = 1;
    assert_int_equal(taken(e[0]), ERR_MALFORMED);
    assert_int_equal(taken(end), ERR_OK);
}

static void only_the_whole_message_of_this_version_is_one(void **state)
{
    uint8_t bytes[RC_ANSWER_BYTES] = {0};
    struct buf b = request_of(end, bytes);
    struct rc_wire_end out;
    struct rc_wire_answer answer;

    (void)state;
    for (size_t n = 0; n < RC_REQUEST_BYTES; n++)
        assert_int_equal(rc_wire_take_request(view_of(bytes, n), &out), ERR_MALFORMED);
    assert_int_equal(
        rc_wire_take_request(view_of(bytes, RC_REQUEST_BYTES + 1), &out), ERR_MALFORMED);
    assert_int_equal(rc_wire_take_answer(view_of(bytes, RC_ANSWER_BYTES), &answer), ERR_MALFORMED);
    bytes[4] = 2;
    assert_int_equal(rc_wire_take_request(buf_view(&b), &out), ERR_UNSUPPORTED);
    bytes[4] = 1;
    bytes[44] = 1; /* reserved */
    assert_int_equal(rc_wire_take_request(buf_view(&b), &out), ERR_MALFORMED);
}

static void an_answer_brings_the_session(void **state)
{
    struct rc_wire_answer a = {.end = end, .session_id = {1, 2}, .session_key = {3, 4}}, out;
    uint8_t bytes[RC_ANSWER_BYTES];
    struct buf b = buf_over(bytes, sizeof(bytes));

    (void)state;
    rc_wire_put_answer(&a, &b);
    assert_int_equal(b.len, RC_ANSWER_BYTES);
    assert_int_equal(rc_wire_take_answer(buf_view(&b), &out), ERR_OK);
    assert_memory_equal(out.session_id, a.session_id, RC_ID_BYTES);
    assert_memory_equal(out.session_key, a.session_key, RC_KEY_BYTES);
    assert_true(out.end.qpn == end.qpn);
}

static const struct rc_token token = {
    .session_id = {0xab, 1},
    .rkey = 0x11223344,
    .base = 0x7f0000000000,
    .bytes = 1 << 20,
    .offset = 4096,
    .length = 100,
    .is_write = true,
    .expiry_ms = 0x123456789abc,
    .fence = 7,
};
static const uint8_t key[RC_KEY_BYTES] = {9, 8, 7};

static void a_token_is_read_back_and_holds_under_its_key_only(void **state)
{
    uint8_t text[RC_TOKEN_BYTES], other[RC_KEY_BYTES] = {9, 8, 6};
    struct buf b = buf_over(text, sizeof(text));
    struct rc_token t;

    (void)state;
    rc_token_write(&token, key, &b);
    assert_int_equal(b.len, RC_TOKEN_BYTES);
    assert_int_equal(rc_token_parse(buf_view(&b), &t), ERR_OK);
    assert_memory_equal(t.session_id, token.session_id, RC_ID_BYTES);
    assert_true(t.rkey == token.rkey && t.base == token.base && t.bytes == token.bytes);
    assert_true(t.offset == token.offset && t.length == token.length && t.is_write);
    assert_true(t.expiry_ms == token.expiry_ms && t.fence == token.fence);
    assert_true(rc_token_holds(buf_view(&b), key));
    assert_false(rc_token_holds(buf_view(&b), other));
}

static void every_altered_byte_of_a_token_is_noticed(void **state)
{
    uint8_t text[RC_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof(text));
    struct rc_token t;

    (void)state;
    rc_token_write(&token, key, &b);
    for (size_t i = 0; i < RC_TOKEN_BYTES; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            text[i] ^= (uint8_t)(1 << bit);
            assert_true(rc_token_parse(buf_view(&b), &t) || !rc_token_holds(buf_view(&b), key));
            text[i] ^= (uint8_t)(1 << bit);
        }
    }
}

static bool sound(uint32_t rkey, uint64_t base, uint64_t bytes, uint64_t offset, uint64_t length)
{
    struct rc_token t = {
        .rkey = rkey, .base = base, .bytes = bytes, .offset = offset, .length = length};

    return rc_token_is_sound(&t);
}

static void a_window_lies_within_what_was_registered(void **state)
{
    (void)state;
    assert_true(sound(1, 0, 100, 0, 100));
    assert_true(sound(1, 4096, 100, 100, 0));
    assert_true(sound(1, UINT64_MAX - 100, 100, 0, 100));
    assert_false(sound(0, 0, 100, 0, 100));
    assert_false(sound(1, 0, 100, 1, 100));
    assert_false(sound(1, 0, 100, 101, 0));
    assert_false(sound(1, 0, 100, UINT64_MAX, 2));
    assert_false(sound(1, 0, 100, 2, UINT64_MAX));
    assert_false(sound(1, UINT64_MAX - 99, 100, 0, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_the_bytes_of_the_document),
        cmocka_unit_test(fields_out_of_range_are_malformed),
        cmocka_unit_test(only_the_whole_message_of_this_version_is_one),
        cmocka_unit_test(an_answer_brings_the_session),
        cmocka_unit_test(a_token_is_read_back_and_holds_under_its_key_only),
        cmocka_unit_test(every_altered_byte_of_a_token_is_noticed),
        cmocka_unit_test(a_window_lies_within_what_was_registered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
