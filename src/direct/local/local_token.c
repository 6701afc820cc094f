/* See the header for the form. Offsets of the fields: after each ':' comes a field of known length.
 */
#include "direct/local/local_token.h"

#include <assert.h>

#include "base/digest.h"
#include "base/text.h"

#define PREFIX VIEW("local1:")

enum {
    SESSION_AT = 7,
    REGION_AT = SESSION_AT + 32 + 1,
    OFFSET_AT = REGION_AT + 8 + 1,
    BYTES_AT = OFFSET_AT + 16 + 1,
    DIRECTION_AT = BYTES_AT + 16 + 1,
    EXPIRY_AT = DIRECTION_AT + 1 + 1,
    NONCE_AT = EXPIRY_AT + 12 + 1,
    MAC_AT = NONCE_AT + 16 + 1
};
_Static_assert(MAC_AT + 2 * LOCAL_TOKEN_MAC_BYTES == LOCAL_TOKEN_BYTES, "the token's length");

bool local_token_is_ours(struct view token)
{
    return view_starts(token, PREFIX);
}

/* Colons where they belong, and lower-case hex everywhere else: one text per token. */
static bool token_is_shaped(struct view token)
{
    static const uint8_t colons[] = {REGION_AT, OFFSET_AT, BYTES_AT, DIRECTION_AT,
                                     EXPIRY_AT, NONCE_AT,  MAC_AT};
    unsigned next = 0;

    if (token.len != LOCAL_TOKEN_BYTES || !local_token_is_ours(token))
        return false;
    for (size_t i = SESSION_AT; i < token.len; i++) {
        uint8_t c = token.at[i];

        if (next < ARRAY_COUNT(colons) && i == (size_t)colons[next] - 1) {
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

enum err local_token_parse(struct view token, struct local_token *t_out)
{
    struct local_token t;
    uint64_t region;
    size_t len;

    if (!token_is_shaped(token))
        return ERR_MALFORMED;
    TRY(text_from_hex(
        view_of(token.at + SESSION_AT, 32), t.session_id, sizeof(t.session_id), &len));
    TRY(hex_at(token, REGION_AT, 8, &region));
    TRY(hex_at(token, OFFSET_AT, 16, &t.offset));
    TRY(hex_at(token, BYTES_AT, 16, &t.bytes));
    TRY(hex_at(token, EXPIRY_AT, 12, &t.expiry_ms));
    TRY(hex_at(token, NONCE_AT, 16, &t.nonce));
    t.region = (uint32_t)region;
    t.is_write = token.at[DIRECTION_AT] == 'w';
    *t_out = t;
    return ERR_OK;
}

static void token_mac(struct view head, const uint8_t *key, struct buf *to)
{
    uint8_t mac[32];

    digest_hmac_sha256(view_of(key, LOCAL_KEY_BYTES), head, mac);
    text_put_hex(to, view_of(mac, LOCAL_TOKEN_MAC_BYTES));
}

bool local_token_holds(struct view token, const uint8_t key[LOCAL_KEY_BYTES])
{
    uint8_t text[2 * LOCAL_TOKEN_MAC_BYTES];
    struct buf expected = buf_over(text, sizeof(text));

    assert(token.len == LOCAL_TOKEN_BYTES);
    token_mac(view_upto(token, MAC_AT), key, &expected);
    return view_same(buf_view(&expected), view_from(token, MAC_AT));
}

void local_token_write(
    const struct local_token *t, const uint8_t key[LOCAL_KEY_BYTES], struct buf *to)
{
    uint8_t text[LOCAL_TOKEN_BYTES + 1]; /* buf_printf may want room for a NUL */
    struct buf b = buf_over(text, sizeof(text));

    assert(t->expiry_ms < (uint64_t)1 << 48);
    buf_put(&b, PREFIX);
    text_put_hex(&b, view_of(t->session_id, sizeof(t->session_id)));
    buf_printf(
        &b, ":%08x:%016llx:%016llx:%c:%012llx:%016llx:", t->region, (unsigned long long)t->offset,
        (unsigned long long)t->bytes, t->is_write ? 'w' : 'r', (unsigned long long)t->expiry_ms,
        (unsigned long long)t->nonce);
    token_mac(buf_view(&b), key, &b);
    assert(b.len == LOCAL_TOKEN_BYTES && !b.overflow);
    buf_put(to, buf_view(&b));
}
