/*
 * Input: kind, cut, then text or data.
 *
 * Invariants. Checksum text that is read is written back the same. A name that is a kind's is that
 * name, in some case. The checksum of the whole is the combination of its parts' and does not
 * depend on how the data was split; all CRC-64 kernels agree.
 */
#include "auth/checksum.h"

#include "base/crc64.h"
#include "fuzz.h"

static void check_text(enum checksum_kind kind, struct view v)
{
    uint8_t bytes[CHECKSUM_BYTES_MAX], text[CHECKSUM_TEXT_MAX];
    struct buf b = buf_over(text, sizeof text);

    if (checksum_from_text(kind, v, bytes))
        return;
    checksum_put_text(&b, kind, bytes);
    MUST(view_eq(buf_view(&b), v));
}

static void check_names(struct view v)
{
    enum checksum_kind name = checksum_from_name(v), header = checksum_from_header(v);

    MUST(name == CHECKSUM_NONE || view_eq_nocase(v, view_str(checksum_name(name))));
    MUST(header == CHECKSUM_NONE || view_eq_nocase(v, view_str(checksum_header(header))));
}

static void take(enum checksum_kind kind, struct view a, struct view b, uint8_t *out)
{
    struct checksum c = {0};

    MUST(checksum_start(&c, kind) == ERR_OK);
    checksum_update(&c, a.at, a.len);
    checksum_update(&c, b.at, b.len);
    checksum_finish(&c, out);
    checksum_done(&c);
}

static void check_parts(enum checksum_kind kind, struct view v, size_t cut)
{
    uint8_t whole[CHECKSUM_BYTES_MAX], split[CHECKSUM_BYTES_MAX], tail[CHECKSUM_BYTES_MAX];
    struct view a = view_upto(v, cut), b = view_from(v, cut);

    take(kind, v, VIEW_EMPTY, whole);
    take(kind, a, b, split);
    MUST(memcmp(whole, split, checksum_bytes(kind)) == 0);
    if (!checksum_type_allowed(kind, CHECKSUM_FULL_OBJECT))
        return;
    take(kind, a, VIEW_EMPTY, split);
    take(kind, b, VIEW_EMPTY, tail);
    checksum_combine(kind, split, tail, b.len);
    MUST(memcmp(whole, split, checksum_bytes(kind)) == 0);
}

static void check_kernels(struct view v)
{
    uint64_t crc = crc64_nvme_table(0, v.at, v.len);

    MUST(crc64_nvme(0, v.at, v.len) == crc);
    MUST(!crc64_has_clmul() || crc64_nvme_clmul(0, v.at, v.len) == crc);
    MUST(!crc64_has_wide() || crc64_nvme_wide(0, v.at, v.len) == crc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, size);
    enum checksum_kind kind = (enum checksum_kind)(1 + fuzz_byte(&v) % CHECKSUM_KIND_MAX);
    size_t cut = fuzz_byte(&v);

    check_text(kind, v);
    check_names(v);
    check_parts(kind, v, cut * v.len / 255);
    check_kernels(v);
    return 0;
}
