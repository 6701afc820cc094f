/*
 * Input: a meta blob, as an engine would give it back.
 *
 * Invariants. What can be decoded can be encoded (unless it is too large), and the encoded form
 * decodes to the same: encoding that once more gives the same bytes. The shortcut for listings
 * agrees with the full decoder on blobs of our own.
 */
#include "s3/meta.h"

#include "fuzz.h"

enum { BLOCKS = 256, BLOB_BYTES_MAX = 1 << 16 };

static void check(struct view blob, struct region *R)
{
    static struct meta meta, again;
    struct view first, second;
    enum checksum_kind kind;
    enum checksum_type type;

    meta_checksum_kind(view_upto(blob, META_CHECKSUM_BYTES), &kind, &type);
    if (meta_decode(blob, R, &meta))
        return;
    MUST(meta.user_count <= META_USER_MAX && meta.part_count <= META_PARTS_MAX);
    if (meta_encode(&meta, R, &first))
        return;
    MUST(meta_decode(first, R, &again) == ERR_OK);
    MUST(meta_encode(&again, R, &second) == ERR_OK);
    MUST(view_eq(first, second));
    meta_checksum_kind(view_upto(first, META_CHECKSUM_BYTES), &kind, &type);
    MUST(kind == meta.checksum_kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct region_pool pool;
    struct region region;

    region_pool_init(&pool, BLOCKS);
    region_init(&region, &pool);
    check(view_of(data, MIN(size, BLOB_BYTES_MAX)), &region);
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}
