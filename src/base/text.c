#include "base/text.h"

#include <assert.h>

/* The value of a hexadecimal digit, or 16. */
static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A' + 10);
    return 16;
}

static enum err digits_to_u64(struct view v, unsigned base, uint64_t *n_out)
{
    uint64_t n = 0;

    if (v.len == 0)
        return ERR_MALFORMED;
    for (size_t i = 0; i < v.len; i++) {
        unsigned digit = hex_value(v.at[i]);
        if (digit >= base || __builtin_mul_overflow(n, base, &n) ||
            __builtin_add_overflow(n, digit, &n))
            return ERR_MALFORMED;
    }
    *n_out = n;
    return ERR_OK;
}

enum err text_to_u64(struct view v, uint64_t *n_out)
{
    return digits_to_u64(v, 10, n_out);
}

enum err text_hex_to_u64(struct view v, uint64_t *n_out)
{
    return digits_to_u64(v, 16, n_out);
}

enum err text_to_bytes(struct view v, uint64_t *bytes_out)
{
    static const char units[] = "KMGTPE";
    unsigned shift = 0;
    uint64_t n;

    if (v.len > 2 && view_ends(v, VIEW("iB")) &&
        view_index(VIEW("0123456789"), v.at[v.len - 3]) > 9)
        v.len -= 2;
    if (v.len > 1) {
        uint8_t upper = v.at[v.len - 1] & 0xdf;
        size_t unit = view_index(view_str(units), upper);
        if (unit != SIZE_MAX) {
            shift = 10 * ((unsigned)unit + 1);
            v.len--;
        }
    }
    TRY(text_to_u64(v, &n));
    if (n > UINT64_MAX >> shift)
        return ERR_MALFORMED;
    *bytes_out = n << shift;
    return ERR_OK;
}

void text_put_hex(struct buf *b, struct view bytes)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        buf_put_byte(b, (uint8_t)digits[bytes.at[i] >> 4]);
        buf_put_byte(b, (uint8_t)digits[bytes.at[i] & 15]);
    }
}

enum err text_from_hex(struct view v, uint8_t *to, size_t cap, size_t *len_out)
{
    if (v.len % 2)
        return ERR_MALFORMED;
    if (v.len / 2 > cap)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < v.len; i += 2) {
        unsigned high = hex_value(v.at[i]), low = hex_value(v.at[i + 1]);
        if (high > 15 || low > 15)
            return ERR_MALFORMED;
        to[i / 2] = (uint8_t)(high << 4 | low);
    }
    *len_out = v.len / 2;
    return ERR_OK;
}

void text_put_base64(struct buf *b, struct view bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = MIN(bytes.len - i, 3);
        uint32_t bits = (uint32_t)bytes.at[i] << 16;
        if (n > 1)
            bits |= (uint32_t)bytes.at[i + 1] << 8;
        if (n > 2)
            bits |= bytes.at[i + 2];
        for (size_t k = 0; k < 4; k++)
            buf_put_byte(b, k <= n ? (uint8_t)digits[bits >> (18 - 6 * k) & 63] : '=');
    }
}

/* The value of a base64 digit, or 64. */
static uint32_t base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0' + 52);
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Four digits, of which the last `pads` are '=': 3 - pads bytes. */
static enum err base64_quad(const uint8_t *at, size_t pads, uint8_t *to)
{
    uint32_t bits = 0;

    for (size_t k = 0; k < 4; k++) {
        uint32_t value = k < 4 - pads ? base64_value(at[k]) : 0;
        if (value > 63)
            return ERR_MALFORMED;
        bits = bits << 6 | value;
    }
    /* Bits that reach no byte must be zero, or two texts would mean the same bytes. */
    if (bits & ((1u << 8 * pads) - 1))
        return ERR_MALFORMED;
    for (size_t k = 0; k < 3 - pads; k++)
        to[k] = (uint8_t)(bits >> (16 - 8 * k));
    return ERR_OK;
}

enum err text_from_base64(struct view v, uint8_t *to, size_t cap, size_t *len_out)
{
    size_t pads = 0;

    if (v.len % 4)
        return ERR_MALFORMED;
    while (pads < 2 && pads < v.len && v.at[v.len - 1 - pads] == '=')
        pads++;
    size_t len = v.len / 4 * 3 - pads;
    if (len > cap)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < v.len; i += 4)
        TRY(base64_quad(v.at + i, i + 4 == v.len ? pads : 0, to + i / 4 * 3));
    *len_out = len;
    return ERR_OK;
}

static bool is_unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void text_put_uri(struct buf *b, struct view v, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i];
        if (is_unreserved(c) || (c == '/' && keep_slash)) {
            buf_put_byte(b, c);
        } else {
            uint8_t escape[3] = {'%', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15]};
            buf_put(b, view_of(escape, sizeof escape));
        }
    }
}

enum err text_from_uri(struct view v, bool plus_is_space, uint8_t *to, size_t cap, size_t *len_out)
{
    size_t len = 0;

    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i];
        if (c == '%') {
            unsigned high = v.len - i > 2 ? hex_value(v.at[i + 1]) : 16;
            unsigned low = v.len - i > 2 ? hex_value(v.at[i + 2]) : 16;
            if (high > 15 || low > 15)
                return ERR_MALFORMED;
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (len == cap)
            return ERR_TOO_LARGE;
        to[len++] = c;
    }
    *len_out = len;
    return ERR_OK;
}

/* The length of the UTF-8 sequence at the front of v, or 0 when there is none (RFC 3629, 4). */
size_t text_utf8_bytes(struct view v)
{
    uint8_t lead = v.at[0];
    uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t len;

    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        len = 2;
    else if (lead >= 0xe0 && lead <= 0xef)
        len = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
        len = 4;
    else
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (v.len < len || v.at[1] < low || v.at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((v.at[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

bool text_is_utf8(struct view v)
{
    while (v.len > 0) {
        size_t n = text_utf8_bytes(v);
        if (n == 0)
            return false;
        v = view_from(v, n);
    }
    return true;
}
