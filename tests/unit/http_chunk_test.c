/* Chunked bodies: every split gives the same bytes; nothing sloppy is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/chunk.h"

static const char whole[] = "5\r\nhello\r\n1;a=b\r\n \r\n0005\r\nworld\r\n0\r\nX-T: 1\r\n\r\nREST";
static const char data[] = "hello world";

static enum err decode(const char *text, size_t len, size_t *got_out, bool *done_out)
{
    uint8_t to[256];
    struct view in = view_of(text, len);
    struct chunk C;
    enum err e;

    chunk_init(&C);
    *got_out = 0;
    e = chunk_feed(&C, &in, to, sizeof(to), got_out);
    *done_out = !e && chunk_is_done(&C);
    return e;
}

static void the_data_comes_out_and_the_rest_stays(void **state)
{
    uint8_t to[64];
    struct view in = view_str(whole);
    struct chunk C;
    size_t got;

    (void)state;
    chunk_init(&C);
    assert_int_equal(chunk_feed(&C, &in, to, sizeof(to), &got), ERR_OK);
    assert_true(chunk_is_done(&C));
    assert_int_equal(got, sizeof(data) - 1);
    assert_memory_equal(to, data, got);
    assert_int_equal(in.len, 4);
    assert_memory_equal(in.at, "REST", 4);
}

/* Input in pieces of `step` bytes, output in pieces of `cap`. */
static void in_pieces(size_t step, size_t cap)
{
    uint8_t to[64];
    size_t total = 0, at = 0, got;
    struct chunk C;

    chunk_init(&C);
    while (!chunk_is_done(&C)) {
        struct view in = view_upto(view_from(view_str(whole), at), step);
        size_t before = in.len;

        assert_true(before > 0);
        assert_int_equal(chunk_feed(&C, &in, to + total, cap, &got), ERR_OK);
        assert_true(got <= cap);
        total += got;
        at += before - in.len;
    }
    assert_int_equal(total, sizeof(data) - 1);
    assert_memory_equal(to, data, total);
    assert_string_equal(whole + at, "REST");
}

static void every_split_gives_the_same(void **state)
{
    (void)state;
    for (size_t step = 1; step < sizeof(whole); step++)
        for (size_t cap = 1; cap < sizeof(data) + 1; cap++)
            in_pieces(step, cap);
}

static void with_no_room_the_end_is_still_seen(void **state)
{
    static const char text[] = "3\r\nabc\r\n0\r\n\r\n";
    struct view in = view_str(text);
    uint8_t to[3];
    struct chunk C;
    size_t got;

    (void)state;
    chunk_init(&C);
    assert_int_equal(chunk_feed(&C, &in, to, 3, &got), ERR_OK);
    assert_int_equal(got, 3);
    assert_true(chunk_is_done(&C));
}

static void data_received_elsewhere_is_skipped(void **state)
{
    struct view in = view_str("a\r\nab");
    uint8_t to[16];
    struct chunk C;
    size_t got;

    (void)state;
    chunk_init(&C);
    assert_int_equal(chunk_data_left(&C), 0);
    assert_int_equal(chunk_feed(&C, &in, to, sizeof(to), &got), ERR_OK);
    assert_int_equal(got, 2);
    assert_int_equal(chunk_data_left(&C), 8);
    chunk_skip(&C, 8);
    in = view_str("\r\n0\r\n\r\n");
    assert_int_equal(chunk_feed(&C, &in, to, sizeof(to), &got), ERR_OK);
    assert_true(chunk_is_done(&C));
}

static void sloppy_framing_is_refused(void **state)
{
    static const char *const bad[] = {
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        " 1\r\n",
        "1 \r\n",
        "0x1\r\n",
        "1\n",
        "1\r\r\n",
        "1\rx",
        "1\r\nab",
        "1\r\na\n",
        "1\r\na\rx",
        "1\r\na\r\n\r\n",
        ";x\r\n",
        "1000000000000000\r\n",
        "ffffffffffffffffff\r\n",
        "1;a\nb\r\n",
        "1;a\x01\r\n",
        "0\r\n\n",
        "0\r\n\rx",
        "0\r\n folded\r\n",
        "0\r\n: x\r\n",
        "0\r\nA: \x01\r\n",
        "0\r\nA: b\n\r\n",
        "1,1\r\n",
    };
    size_t got;
    bool is_done;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        if (decode(bad[i], strlen(bad[i]), &got, &is_done) != ERR_MALFORMED)
            fail_msg("accepted: %s", bad[i]);
}

static void extensions_and_trailers_are_bounded(void **state)
{
    size_t cap = 4 * (size_t)CHUNK_EXTRA_BYTES_MAX, len, got;
    char *text = malloc(cap);
    bool is_done;

    (void)state;
    len = (size_t)sprintf(text, "1;");
    memset(text + len, 'x', CHUNK_EXTRA_BYTES_MAX);
    len += CHUNK_EXTRA_BYTES_MAX;
    assert_int_equal(decode(text, len, &got, &is_done), ERR_OK);
    text[len++] = 'x';
    assert_int_equal(decode(text, len, &got, &is_done), ERR_MALFORMED);

    len = (size_t)sprintf(text, "0\r\n");
    while (len < 3 * (size_t)CHUNK_EXTRA_BYTES_MAX)
        len += (size_t)sprintf(text + len, "A: b\r\n");
    assert_int_equal(decode(text, len, &got, &is_done), ERR_MALFORMED);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_comes_out_and_the_rest_stays),
        cmocka_unit_test(every_split_gives_the_same),
        cmocka_unit_test(with_no_room_the_end_is_still_seen),
        cmocka_unit_test(data_received_elsewhere_is_skipped),
        cmocka_unit_test(sloppy_framing_is_refused),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
