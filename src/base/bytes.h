/*
 * Byte views and bounded buffers: how bytes travel inside Penstock.
 *
 * A view does not own; a buf is a cursor over memory that somebody else owns. C strings appear only
 * at the edges. Writing past the end of a buf sets `overflow` and writes nothing more, so that a
 * chain of appends is checked once, at its end.
 */
#ifndef PENSTOCK_BASE_BYTES_H
#define PENSTOCK_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

struct view {
    const uint8_t *at;
    size_t len;
};

#define VIEW(literal) ((struct view){(const uint8_t *)("" literal), sizeof(literal) - 1})
#define VIEW_EMPTY ((struct view){NULL, 0})
/* For printf("%.*s", VIEW_FMT(v)). */
#define VIEW_FMT(v) (int)(v).len, (const char *)(v).at

static inline struct view view_of(const void *at, size_t len)
{
    return (struct view){at, len};
}

static inline struct view view_str(const char *s)
{
    return (struct view){(const uint8_t *)s, s ? strlen(s) : 0};
}

static inline bool view_eq(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool view_is(struct view a, const char *s)
{
    return view_eq(a, view_str(s));
}

static inline bool view_starts(struct view a, struct view prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.at, prefix.at, prefix.len) == 0);
}

static inline bool view_ends(struct view a, struct view suffix)
{
    return a.len >= suffix.len &&
           (suffix.len == 0 || memcmp(a.at + a.len - suffix.len, suffix.at, suffix.len) == 0);
}

/* view_from(v, n): v without its first n bytes; empty when n >= v.len. */
static inline struct view view_from(struct view v, size_t n)
{
    n = MIN(n, v.len);
    return view_of(n ? v.at + n : v.at, v.len - n); /* NULL + 0 is undefined */
}

/* view_upto(v, n): the first n bytes at most. */
static inline struct view view_upto(struct view v, size_t n)
{
    return view_of(v.at, MIN(n, v.len));
}

/* Order of unsigned bytes, the shorter first: the order of S3 keys. */
int view_compare(struct view a, struct view b);
/* ASCII letters compare equal in either case. */
bool view_eq_nocase(struct view a, struct view b);
bool view_starts_nocase(struct view a, struct view prefix);
/* Without spaces and tabs at both ends. */
struct view view_trim(struct view v);
/* view_index(v, c), view_find(v, what): offset of the first occurrence, or SIZE_MAX. */
size_t view_index(struct view v, uint8_t c);
size_t view_find(struct view v, struct view what);
/*
 * view_split(rest, c, part_out): take the bytes before the next c off *rest into *part_out.
 * False when *rest is exhausted. "a,,b" gives "a", "", "b"; "a," gives "a"; "" gives nothing.
 */
bool view_split(struct view *rest, uint8_t c, struct view *part_out);
/* view_same(a, b): equal, in time that depends on the lengths only. For secrets. */
bool view_same(struct view a, struct view b);

struct buf {
    uint8_t *at;
    size_t len;
    size_t cap;
    bool overflow;
};

static inline struct buf buf_over(void *at, size_t cap)
{
    return (struct buf){at, 0, cap, false};
}

static inline struct view buf_view(const struct buf *b)
{
    return view_of(b->at, b->len);
}

void buf_put(struct buf *b, struct view v);
void buf_put_str(struct buf *b, const char *s);
void buf_put_byte(struct buf *b, uint8_t c);
void buf_put_u64(struct buf *b, uint64_t n); /* decimal */
/* A text of 1 KiB or more needs one spare byte behind it. */
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *fmt, ...);

/*
 * Little-endian integers, for formats. The getters take from the front of *v; when it is too short
 * they answer ERR_TRUNCATED and leave *v alone.
 */
void buf_put_le16(struct buf *b, uint16_t n);
void buf_put_le32(struct buf *b, uint32_t n);
void buf_put_le64(struct buf *b, uint64_t n);
/* A length as le32, then the bytes. */
void buf_put_lv(struct buf *b, struct view v);
enum err view_take_le16(struct view *v, uint16_t *n_out) MUST_CHECK;
enum err view_take_le32(struct view *v, uint32_t *n_out) MUST_CHECK;
enum err view_take_le64(struct view *v, uint64_t *n_out) MUST_CHECK;
enum err view_take_lv(struct view *v, struct view *part_out) MUST_CHECK;
enum err view_take(struct view *v, size_t n, struct view *part_out) MUST_CHECK;

#endif
