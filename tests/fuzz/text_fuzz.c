/*
 * Input: which form, then text.
 *
 * Invariant: what is read can be written again. Strict forms (amz dates, base64) give the very text
 * back; lenient ones (hex in either case, HTTP dates, percent-encoding) the same value when read
 * once more. Whatever bytes are written, reading gives them back.
 */
#include "base/text.h"

#include "fuzz.h"

enum { TEXT_BYTES_MAX = 4096, ROOM_BYTES = 4 * TEXT_BYTES_MAX };
static uint8_t room[ROOM_BYTES], back[ROOM_BYTES];

static void check_amz_date(struct view v)
{
    struct buf b = buf_over(room, sizeof room);
    int64_t ms;

    if (text_to_amz_date(v, &ms))
        return;
    text_put_amz_date(&b, ms);
    MUST(view_eq(buf_view(&b), v));
}

static void check_iso_date(struct view v)
{
    struct buf b = buf_over(room, sizeof room);
    int64_t ms, again;

    if (text_to_iso_date(v, &ms))
        return;
    text_put_iso_date(&b, ms);
    MUST(!b.overflow && !text_to_iso_date(buf_view(&b), &again) && again == ms);
}

static void check_http_date(struct view v)
{
    struct buf b = buf_over(room, sizeof room);
    int64_t ms, again;

    if (text_to_http_date(v, &ms))
        return;
    text_put_http_date(&b, ms);
    MUST(!b.overflow && !text_to_http_date(buf_view(&b), &again) && again == ms);
}

static void check_uri(struct view v, bool plus_is_space, bool keep_slash)
{
    struct buf b = buf_over(room, sizeof room);
    size_t len, again;

    text_put_uri(&b, v, keep_slash);
    MUST(!b.overflow);
    MUST(!text_from_uri(buf_view(&b), plus_is_space, back, sizeof back, &len));
    MUST(view_eq(view_of(back, len), v));

    if (text_from_uri(v, plus_is_space, back, sizeof back, &len))
        return;
    MUST(len <= v.len);
    b = buf_over(room, sizeof room);
    text_put_uri(&b, view_of(back, len), keep_slash);
    MUST(!text_from_uri(buf_view(&b), plus_is_space, room + b.len, sizeof room - b.len, &again));
    MUST(view_eq(view_of(room + b.len, again), view_of(back, len)));
    if (len > 0)
        MUST(text_from_uri(v, plus_is_space, room, len - 1, &again) == ERR_TOO_LARGE);
}

static void check_base64(struct view v)
{
    struct buf b = buf_over(room, sizeof room);
    size_t len;

    text_put_base64(&b, v);
    MUST(!b.overflow && !text_from_base64(buf_view(&b), back, sizeof back, &len));
    MUST(view_eq(view_of(back, len), v));
    if (text_from_base64(v, back, sizeof back, &len))
        return;
    b = buf_over(room, sizeof room);
    text_put_base64(&b, view_of(back, len));
    MUST(view_eq(buf_view(&b), v));
}

static void check_hex(struct view v)
{
    struct buf b = buf_over(room, sizeof room);
    size_t len;

    text_put_hex(&b, v);
    MUST(!b.overflow && !text_from_hex(buf_view(&b), back, sizeof back, &len));
    MUST(view_eq(view_of(back, len), v));
    if (text_from_hex(v, back, sizeof back, &len))
        return;
    b = buf_over(room, sizeof room);
    text_put_hex(&b, view_of(back, len));
    MUST(view_eq_nocase(buf_view(&b), v));
}

static void check_numbers(struct view v)
{
    struct buf b = buf_over(room, sizeof room);
    struct view digits = v;
    uint64_t n, bytes, hex;

    if (!text_to_u64(v, &n)) {
        while (digits.len > 1 && digits.at[0] == '0')
            digits = view_from(digits, 1);
        buf_put_u64(&b, n);
        MUST(view_eq(buf_view(&b), digits));
        MUST(!text_to_bytes(v, &bytes) && bytes == n);
        MUST(text_hex_to_u64(v, &hex) || hex >= n); /* the same digits weigh more */
    }
    if (!text_to_bytes(v, &bytes))
        MUST(v.len > 0 && v.at[0] >= '0' && v.at[0] <= '9');
}

/* RFC 3629 section 4, the grammar written down once more. */
static size_t utf8_step(struct view v)
{
    uint8_t a = v.at[0], b = v.len > 1 ? v.at[1] : 0;
    size_t len = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;

    if (len == 0 || len > v.len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if (v.at[i] >> 6 != 2)
            return 0;
    if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) || (a == 0xf0 && b < 0x90) ||
        (a == 0xf4 && b > 0x8f))
        return 0;
    return len;
}

static void check_utf8(struct view v)
{
    struct view rest = v;

    while (rest.len > 0 && utf8_step(rest) > 0)
        rest = view_from(rest, utf8_step(rest));
    MUST(text_is_utf8(v) == (rest.len == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, MIN(size, TEXT_BYTES_MAX));
    uint8_t which = fuzz_byte(&v);

    switch (which % 8) {
    case 0:
        check_amz_date(v);
        break;
    case 1:
        check_iso_date(v);
        break;
    case 2:
        check_http_date(v);
        break;
    case 3:
        check_uri(v, which & 8, which & 16);
        break;
    case 4:
        check_base64(v);
        break;
    case 5:
        check_hex(v);
        break;
    case 6:
        check_numbers(v);
        break;
    default:
        check_utf8(v);
    }
    return 0;
}
