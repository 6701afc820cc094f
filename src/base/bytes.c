#include "base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

int view_compare(struct view a, struct view b)
{
    size_t n = MIN(a.len, b.len);
    int order = n ? memcmp(a.at, b.at, n) : 0;

    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

bool view_eq_nocase(struct view a, struct view b)
{
    return a.len == b.len && view_starts_nocase(a, b);
}

bool view_starts_nocase(struct view a, struct view prefix)
{
    if (a.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        if (lower(a.at[i]) != lower(prefix.at[i]))
            return false;
    }
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct view view_trim(struct view v)
{
    while (v.len > 0 && is_blank(v.at[0]))
        v = view_of(v.at + 1, v.len - 1);
    while (v.len > 0 && is_blank(v.at[v.len - 1]))
        v.len--;
    return v;
}

size_t view_index(struct view v, uint8_t c)
{
    const uint8_t *found = v.len ? memchr(v.at, c, v.len) : NULL;

    return found ? (size_t)(found - v.at) : SIZE_MAX;
}

size_t view_find(struct view v, struct view what)
{
    if (what.len == 0)
        return 0;
    const uint8_t *found = v.len ? memmem(v.at, v.len, what.at, what.len) : NULL;

    return found ? (size_t)(found - v.at) : SIZE_MAX;
}

bool view_split(struct view *rest, uint8_t c, struct view *part_out)
{
    if (rest->len == 0)
        return false;
    size_t n = view_index(*rest, c);
    if (n == SIZE_MAX) {
        *part_out = *rest;
        *rest = view_of(rest->at + rest->len, 0);
    } else {
        *part_out = view_upto(*rest, n);
        *rest = view_from(*rest, n + 1);
    }
    return true;
}

bool view_same(struct view a, struct view b)
{
    /* volatile: the compiler may not leave the loop at the first difference. */
    volatile uint8_t differs = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        differs = (uint8_t)(differs | (a.at[i] ^ b.at[i]));
    return differs == 0;
}

/* Room for n more bytes, taken; NULL (and overflow) when they do not fit. */
static uint8_t *take_room(struct buf *b, size_t n)
{
    assert(b->len <= b->cap);
    if (b->overflow || n > b->cap - b->len) {
        b->overflow = true;
        return NULL;
    }
    uint8_t *to = b->at + b->len;
    b->len += n;
    return to;
}

void buf_put(struct buf *b, struct view v)
{
    uint8_t *to = take_room(b, v.len);

    if (to && v.len)
        memcpy(to, v.at, v.len);
}

void buf_put_str(struct buf *b, const char *s)
{
    buf_put(b, view_str(s));
}

void buf_put_byte(struct buf *b, uint8_t c)
{
    uint8_t *to = take_room(b, 1);

    if (to)
        *to = c;
}

void buf_put_u64(struct buf *b, uint64_t n)
{
    uint8_t digits[20];
    size_t first = sizeof digits;

    do {
        digits[--first] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n);
    buf_put(b, view_of(digits + first, sizeof digits - first));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    /* vsnprintf wants a byte for its NUL that b may not have: short texts go through `text`. */
    char text[1024];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    assert(n >= 0);
    size_t len = (size_t)n;
    if (len < sizeof text) {
        buf_put(b, view_of(text, len));
    } else if (b->overflow || len >= b->cap - b->len) {
        b->overflow = true;
    } else {
        va_start(args, fmt);
        (void)vsnprintf((char *)b->at + b->len, b->cap - b->len, fmt, args);
        va_end(args);
        b->len += len;
    }
}

static void put_le(struct buf *b, uint64_t n, size_t bytes)
{
    uint8_t *to = take_room(b, bytes);

    for (size_t i = 0; to && i < bytes; i++)
        to[i] = (uint8_t)(n >> (8 * i));
}

void buf_put_le16(struct buf *b, uint16_t n)
{
    put_le(b, n, 2);
}

void buf_put_le32(struct buf *b, uint32_t n)
{
    put_le(b, n, 4);
}

void buf_put_le64(struct buf *b, uint64_t n)
{
    put_le(b, n, 8);
}

void buf_put_lv(struct buf *b, struct view v)
{
    assert(v.len <= UINT32_MAX);
    buf_put_le32(b, (uint32_t)v.len);
    buf_put(b, v);
}

static enum err take_le(struct view *v, size_t bytes, uint64_t *n_out)
{
    uint64_t n = 0;

    if (v->len < bytes)
        return ERR_TRUNCATED;
    for (size_t i = 0; i < bytes; i++)
        n |= (uint64_t)v->at[i] << (8 * i);
    *v = view_from(*v, bytes);
    *n_out = n;
    return ERR_OK;
}

enum err view_take_le16(struct view *v, uint16_t *n_out)
{
    uint64_t n;

    TRY(take_le(v, 2, &n));
    *n_out = (uint16_t)n;
    return ERR_OK;
}

enum err view_take_le32(struct view *v, uint32_t *n_out)
{
    uint64_t n;

    TRY(take_le(v, 4, &n));
    *n_out = (uint32_t)n;
    return ERR_OK;
}

enum err view_take_le64(struct view *v, uint64_t *n_out)
{
    return take_le(v, 8, n_out);
}

enum err view_take_lv(struct view *v, struct view *part_out)
{
    struct view rest = *v;
    uint32_t len;

    TRY(view_take_le32(&rest, &len));
    TRY(view_take(&rest, len, part_out));
    *v = rest;
    return ERR_OK;
}

enum err view_take(struct view *v, size_t n, struct view *part_out)
{
    if (v->len < n)
        return ERR_TRUNCATED;
    *part_out = view_upto(*v, n);
    *v = view_from(*v, n);
    return ERR_OK;
}
