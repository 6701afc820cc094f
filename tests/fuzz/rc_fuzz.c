/*
 * Input: which of the two (token of transport `rc`, message of its set-up), then bytes.
 *
 * Invariants. A token that parses is written back with the same fields, holds under its key and
 * under no other; a sound one names nothing outside what was registered. A message that is taken is
 * put back as the same bytes.
 */
#include "direct/rc/rc_token.h"

#include "fuzz.h"

static void check_token(struct view v)
{
    uint8_t key[RC_KEY_BYTES] = {1, 2, 3}, other[RC_KEY_BYTES] = {1, 2, 4};
    uint8_t text[RC_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof text);
    struct rc_token t;

    if (rc_token_parse(v, &t))
        return;
    MUST(rc_token_is_ours(v));
    if (rc_token_is_sound(&t)) {
        MUST(t.rkey != 0 && t.base + t.offset + t.length >= t.base);
        MUST(t.base + t.offset + t.length <= t.base + t.bytes);
    }
    rc_token_write(&t, key, &b);
    MUST(!b.overflow && b.len == RC_TOKEN_BYTES);
    MUST(memcmp(text, v.at, RC_TOKEN_BYTES - 2 * RC_TOKEN_MAC_BYTES) == 0);
    MUST(rc_token_holds(buf_view(&b), key) && !rc_token_holds(buf_view(&b), other));
}

static void check_message(struct view v)
{
    uint8_t bytes[RC_ANSWER_BYTES];
    struct buf b = buf_over(bytes, sizeof bytes);
    struct rc_wire_end end;
    struct rc_wire_answer answer;

    if (rc_wire_take_request(v, &end) == ERR_OK) {
        rc_wire_put_request(&end, &b);
        MUST(view_eq(buf_view(&b), v));
    } else if (rc_wire_take_answer(v, &answer) == ERR_OK) {
        rc_wire_put_answer(&answer, &b);
        MUST(view_eq(buf_view(&b), v));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, size);
    uint8_t which = fuzz_byte(&v);

    if (which & 1)
        check_message(v);
    else
        check_token(v);
    return 0;
}
