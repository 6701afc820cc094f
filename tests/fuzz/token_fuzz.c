/*
 * Input: which of the two (token of transport `local`, message on its socket), then bytes.
 *
 * Invariants. A token that parses is written back with the same fields; our token holds under its
 * key, under no other, and in no altered form. A message that decodes is encoded to the same bytes.
 */
#include "direct/local/local_token.h"

#include "fuzz.h"

static void check_forged(struct view token, const uint8_t *key, size_t at, uint8_t bit)
{
    uint8_t forged[LOCAL_TOKEN_BYTES];
    struct view v = view_of(forged, sizeof forged);
    struct local_token t;

    memcpy(forged, token.at, sizeof forged);
    forged[at % sizeof forged] ^= (uint8_t)(1 << bit % 8);
    MUST(local_token_parse(v, &t) || !local_token_holds(v, key));
}

static void check_token(struct view v, uint8_t choice)
{
    uint8_t key[LOCAL_KEY_BYTES] = {1, 2, 3}, other[LOCAL_KEY_BYTES] = {1, 2, 4};
    uint8_t text[LOCAL_TOKEN_BYTES];
    struct buf b = buf_over(text, sizeof text);
    struct local_token t;

    if (local_token_parse(v, &t))
        return;
    MUST(local_token_is_ours(v));
    local_token_write(&t, key, &b);
    MUST(!b.overflow && b.len == LOCAL_TOKEN_BYTES);
    MUST(memcmp(text, v.at, LOCAL_TOKEN_BYTES - 2 * LOCAL_TOKEN_MAC_BYTES) == 0);
    MUST(local_token_holds(buf_view(&b), key) && !local_token_holds(buf_view(&b), other));
    check_forged(buf_view(&b), key, choice, choice >> 5);
    check_forged(buf_view(&b), key, choice + 73u, choice >> 3);
}

static void check_message(struct view v)
{
    uint8_t bytes[LOCAL_MESSAGE_BYTES_MAX], more[LOCAL_MESSAGE_BYTES_MAX];
    struct buf b = buf_over(bytes, sizeof bytes), c = buf_over(more, sizeof more);
    struct local_message m, again;

    memset(&m, 0, sizeof m);
    memset(&again, 0, sizeof again);
    if (local_wire_decode(v, &m))
        return;
    local_wire_encode(&m, &b);
    MUST(!b.overflow && view_eq(buf_view(&b), v));
    MUST(local_wire_decode(buf_view(&b), &again) == ERR_OK);
    local_wire_encode(&again, &c);
    MUST(view_eq(buf_view(&b), buf_view(&c)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, size);
    uint8_t which = fuzz_byte(&v);

    if (which & 1)
        check_message(v);
    else
        check_token(v, which);
    return 0;
}
