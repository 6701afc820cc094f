/*
 * The text is hex of a and c: c is a mix of seq, a is seq hidden under a mix of c. So it is read
 * back without a table, and a guess passes for an id once in 2^64. The mixes are part of what
 * clients keep: they never change.
 */
#include "s3/version.h"

#include <inttypes.h>

#include "base/text.h"

/* The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
 * generators")
 */
static uint64_t mix(uint64_t n)
{
    n += 0x9e3779b97f4a7c15u;
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9u;
    n = (n ^ n >> 27) * 0x94d049bb133111ebu;
    return n ^ n >> 31;
}

static uint64_t check_of(uint64_t seq)
{
    return mix(seq ^ 0x70656e73746f636bu); /* any constant would do */
}

void version_text(uint64_t seq, unsigned flags, char to[VERSION_TEXT_BYTES])
{
    struct buf b = buf_over(to, VERSION_TEXT_BYTES);
    uint64_t check = check_of(seq);

    if (flags & ENGINE_VERSION_NAMED)
        buf_printf(&b, "%016" PRIx64 "%016" PRIx64, seq ^ mix(check), check);
    else
        buf_put_str(&b, "null");
    to[b.len] = '\0';
}

static uint64_t big_endian(const uint8_t *at)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < 8; i++)
        n = n << 8 | at[i];
    return n;
}

/* One form only: what is equal as a version is equal as text. */
static bool is_lower_hex(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!(text.at[i] >= '0' && text.at[i] <= '9') && !(text.at[i] >= 'a' && text.at[i] <= 'f'))
            return false;
    return true;
}

enum s3_code version_read(struct view text, struct engine_version *v_out)
{
    uint8_t bytes[16];
    size_t len = 0;

    *v_out = (struct engine_version){.kind = VERSION_LATEST};
    if (!text.at)
        return S3_None;
    if (view_is(text, "null")) {
        v_out->kind = VERSION_NULL;
        return S3_None;
    }
    if (!is_lower_hex(text) || text_from_hex(text, bytes, sizeof bytes, &len) ||
        len != sizeof bytes)
        return S3_InvalidArgument;
    uint64_t check = big_endian(&bytes[8]), seq = big_endian(bytes) ^ mix(check);
    if (check_of(seq) != check)
        return S3_InvalidArgument;
    v_out->kind = VERSION_SEQ;
    v_out->seq = seq;
    return S3_None;
}
