/*
 * Input: a size, then the value of a Range header.
 *
 * Invariants. A part lies within the representation and is not empty; written out as
 * "bytes=first-last" it means itself again. The strict form accepts only what the lenient one also
 * takes, with the same meaning.
 */
#include "s3/range.h"

#include "fuzz.h"

static void check_again(struct range part, uint64_t size)
{
    uint8_t text[64];
    struct buf b = buf_over(text, sizeof text);
    struct range again;

    buf_put(&b, VIEW("bytes="));
    buf_put_u64(&b, part.off);
    buf_put_byte(&b, '-');
    buf_put_u64(&b, part.off + part.len - 1);
    MUST(range_resolve(buf_view(&b), size, &again) == RANGE_PART);
    MUST(again.off == part.off && again.len == part.len);
    MUST(range_resolve_strict(buf_view(&b), size, &again) == ERR_OK);
    MUST(again.off == part.off && again.len == part.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, size);
    uint64_t object = fuzz_number(&v) >> (fuzz_byte(&v) % 64);
    struct range part = {0}, strict = {0};
    enum range_verdict verdict;

    object = MIN(object, (uint64_t)INT64_MAX);
    verdict = range_resolve(v, object, &part);
    if (verdict == RANGE_PART) {
        MUST(part.len >= 1 && part.off < object && part.len <= object - part.off);
        check_again(part, object);
    }
    if (range_resolve_strict(v, object, &strict) == ERR_OK) {
        MUST(verdict == RANGE_PART);
        MUST(strict.off == part.off && strict.len == part.len);
    }
    return 0;
}
