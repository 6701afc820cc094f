/*
 * Numbers, hex, base64, percent-encoding: text forms of bytes, all strict, none allocating.
 */
#ifndef PENSTOCK_BASE_TEXT_H
#define PENSTOCK_BASE_TEXT_H

#include "base/bytes.h"

/* Whole view must be digits; no sign, no space, no overflow. ERR_MALFORMED otherwise. */
enum err text_to_u64(struct view v, uint64_t *n_out) MUST_CHECK;
enum err text_hex_to_u64(struct view v, uint64_t *n_out) MUST_CHECK;
/* "64", "64K", "64KiB", "1M", "5GiB": powers of 1024, for options. */
enum err text_to_bytes(struct view v, uint64_t *bytes_out) MUST_CHECK;

/* Lower case, 2 digits a byte, appended to b. */
void text_put_hex(struct buf *b, struct view bytes);
/* Decodes v.len / 2 bytes into to (either case). ERR_MALFORMED on odd length or other characters.
 */
enum err text_from_hex(struct view v, uint8_t *to, size_t cap, size_t *len_out) MUST_CHECK;

/* Standard alphabet with padding (RFC 4648 section 4). */
void text_put_base64(struct buf *b, struct view bytes);
enum err text_from_base64(struct view v, uint8_t *to, size_t cap, size_t *len_out) MUST_CHECK;

/*
 * text_put_uri(b, v, keep_slash): percent-encode as SigV4 wants it: A-Z a-z 0-9 - . _ ~ stay, and
 * '/' when keep_slash; all else %XX in upper case.
 */
void text_put_uri(struct buf *b, struct view v, bool keep_slash);
/*
 * text_from_uri(v, to, cap, len_out): decode %XX; '+' becomes a space when plus_is_space.
 * ERR_MALFORMED on a broken escape, ERR_TOO_LARGE when cap is short.
 */
enum err text_from_uri(struct view v, bool plus_is_space, uint8_t *to, size_t cap, size_t *len_out)
    MUST_CHECK;
/* How many bytes of v (not empty) its first character has; 0: it begins with none. */
size_t text_utf8_bytes(struct view v);
/* Is v well-formed UTF-8 (no surrogates, no overlong forms)? */
bool text_is_utf8(struct view v);

/* Times. ISO 8601 basic "20260102T030405Z", extended with ms "2026-01-02T03:04:05.678Z", and HTTP
 * dates (RFC 9110 5.6.7; all three forms are read, IMF-fixdate is written). ms since 1970. */
enum err text_to_amz_date(struct view v, int64_t *ms_out) MUST_CHECK;
void text_put_amz_date(struct buf *b, int64_t ms);
void text_put_iso_date(struct buf *b, int64_t ms);
enum err text_to_iso_date(struct view v, int64_t *ms_out) MUST_CHECK;
enum err text_to_http_date(struct view v, int64_t *ms_out) MUST_CHECK;
void text_put_http_date(struct buf *b, int64_t ms);

#endif
