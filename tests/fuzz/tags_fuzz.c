/*
 * Input: a byte that chooses the form, then a tag set as header, as XML or as stored.
 *
 * Invariants. What is taken from a client is within the limits and in the order of keys, without
 * repetition. It survives being stored, and being written as XML and read again.
 */
#include "s3/tags.h"

#include "base/text.h"
#include "fuzz.h"

enum { BLOCKS = 512, TEXT_BYTES_MAX = 1 << 15 };
static uint8_t written[1 << 20];

static void check_same(const struct tags *a, const struct tags *b)
{
    MUST(a->count == b->count);
    for (unsigned i = 0; i < a->count; i++)
        MUST(view_eq(a->at[i].key, b->at[i].key) && view_eq(a->at[i].value, b->at[i].value));
}

static void check_set(const struct tags *set, unsigned max, struct region *R)
{
    struct buf b = buf_over(written, sizeof written);
    struct tags again;
    struct view blob;
    const char *detail;

    MUST(set->count <= max);
    for (unsigned i = 0; i < set->count; i++) {
        MUST(set->at[i].key.len > 0 && text_is_utf8(set->at[i].key));
        MUST(text_is_utf8(set->at[i].value));
        MUST(i == 0 || view_compare(set->at[i - 1].key, set->at[i].key) < 0);
    }
    MUST(tags_encode(set, R, &blob) == ERR_OK);
    MUST(tags_decode(blob, R, &again) == ERR_OK);
    check_same(set, &again);
    tags_put_xml(&b, set);
    MUST(!b.overflow && b.len <= tags_xml_bytes(set));
    MUST(tags_from_xml(buf_view(&b), max, R, &again, &detail) == S3_None);
    check_same(set, &again);
}

static void check(uint8_t form, struct view text, struct region *R)
{
    unsigned max = form & 4 ? TAGS_BUCKET_MAX : TAGS_OBJECT_MAX;
    const char *detail;
    struct tags set;
    struct view blob;

    switch (form & 3) {
    case 0:
        if (tags_from_header(text, R, &set, &detail) == S3_None)
            check_set(&set, TAGS_OBJECT_MAX, R);
        break;
    case 1:
        if (tags_from_xml(text, max, R, &set, &detail) == S3_None)
            check_set(&set, max, R);
        break;
    default:
        if (tags_decode(text, R, &set))
            break;
        MUST(tags_encode(&set, R, &blob) == ERR_OK);
        MUST(view_eq(text, blob));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, MIN(size, TEXT_BYTES_MAX));
    uint8_t form = fuzz_byte(&v);
    struct region_pool pool;
    struct region region;

    region_pool_init(&pool, BLOCKS);
    region_init(&region, &pool);
    check(form, v, &region);
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}
