/* See the header for the form. Offsets of the fields: after each ':' comes one of known length. */
#include "direct/rc/rc_token.h"

#include <assert.h>

#include "base/digest.h"
#include "base/text.h"

#define PREFIX VIEW("rc1:")

enum {
    SESSION_AT = 4,
    RKEY_AT = SESSION_AT + 32 + 1,
    BASE_AT = RKEY_AT + 8 + 1,
    BYTES_AT = BASE_AT + 16 + 1,
    OFFSET_AT = BYTES_AT + 16 + 1,
    LENGTH_AT = OFFSET_AT + 16 + 1,
    DIRECTION_AT = LENGTH_AT + 16 + 1,
    EXPIRY_AT = DIRECTION_AT + 1 + 1,
    FENCE_AT = EXPIRY_AT + 12 + 1,
    MAC_AT = FENCE_AT + 16 + 1
};
_Static_assert(MAC_AT + 2 * RC_TOKEN_MAC_BYTES == RC_TOKEN_BYTES, "the token's length");

bool rc_token_is_ours(struct view token)
{
    return view_starts(token, PREFIX);
}

/* Colons where they belong, and lower-case hex everywhere else: one text per token. */
static bool token_is_shaped(struct view token)
{
    static const uint8_t fields[] = {RKEY_AT,      BASE_AT,   BYTES_AT, OFFSET_AT, LENGTH_AT,
                                     DIRECTION_AT, EXPIRY_AT, FENCE_AT, MAC_AT};
    unsigned next = 0;

    if (token.len != RC_TOKEN_BYTES || !rc_token_is_ours(token))
        return false;
    for (size_t i = SESSION_AT; i < token.len; i++) {
        uint8_t c = token.at[i];

        if (next < ARRAY_COUNT(fields) && i == (size_t)fields[next] - 1) {
            next++;
            if (c != ':')
                return false;
        } else if (i == DIRECTION_AT) {
            if (c != 'r' && c != 'w')
                return false;
        } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}

static enum err hex_at(struct view token, size_t at, size_t len, uint64_t *n_out)
{
    return text_hex_to_u64(view_of(token.at + at, len), n_out);
}

enum err rc_token_parse(struct view token, struct rc_token *t_out)
{
    struct rc_token t;
    uint64_t rkey;
    size_t len;

    if (!token_is_shaped(token))
        return ERR_MALFORMED;
    TRY(text_from_hex(view_of(token.at + SESSION_AT, 32), t.session_id, RC_ID_BYTES, &len));
    TRY(hex_at(token, RKEY_AT, 8, &rkey));
    TRY(hex_at(token, BASE_AT, 16, &t.base));
    TRY(hex_at(token, BYTES_AT, 16, &t.bytes));
    TRY(hex_at(token, OFFSET_AT, 16, &t.offset));
    TRY(hex_at(token, LENGTH_AT, 16, &t.length));
    TRY(hex_at(token, EXPIRY_AT, 12, &t.expiry_ms));
    TRY(hex_at(token, FENCE_AT, 16, &t.fence));
    t.rkey = (uint32_t)rkey;
    t.is_write = token.at[DIRECTION_AT] == 'w';
    *t_out = t;
    return ERR_OK;
}

bool rc_token_is_sound(const struct rc_token *t)
{
    if (t->rkey == 0 || t->bytes > UINT64_MAX - t->base)
        return false;
    return t->offset <= t->bytes && t->length <= t->bytes - t->offset;
}

static void token_mac(struct view head, const uint8_t *key, struct buf *to)
{
    uint8_t mac[32];

    digest_hmac_sha256(view_of(key, RC_KEY_BYTES), head, mac);
    text_put_hex(to, view_of(mac, RC_TOKEN_MAC_BYTES));
}

bool rc_token_holds(struct view token, const uint8_t key[RC_KEY_BYTES])
{
    uint8_t text[2 * RC_TOKEN_MAC_BYTES];
    struct buf expected = buf_over(text, sizeof(text));

    assert(token.len == RC_TOKEN_BYTES);
    token_mac(view_upto(token, MAC_AT), key, &expected);
    return view_same(buf_view(&expected), view_from(token, MAC_AT));
}

static void put_number(struct buf *to, uint64_t n)
{
    buf_printf(to, ":%016llx", (unsigned long long)n);
}

void rc_token_write(const struct rc_token *t, const uint8_t key[RC_KEY_BYTES], struct buf *to)
{
    uint8_t text[RC_TOKEN_BYTES + 1]; /* buf_printf may want room for a NUL */
    struct buf b = buf_over(text, sizeof(text));

    assert(t->expiry_ms < (uint64_t)1 << 48);
    buf_put(&b, PREFIX);
    text_put_hex(&b, view_of(t->session_id, RC_ID_BYTES));
    buf_printf(&b, ":%08x", t->rkey);
    put_number(&b, t->base);
    put_number(&b, t->bytes);
    put_number(&b, t->offset);
    put_number(&b, t->length);
    buf_printf(&b, ":%c:%012llx", t->is_write ? 'w' : 'r', (unsigned long long)t->expiry_ms);
    put_number(&b, t->fence);
    buf_put_byte(&b, ':');
    token_mac(buf_view(&b), key, &b);
    assert(b.len == RC_TOKEN_BYTES && !b.overflow);
    buf_put(to, buf_view(&b));
}
