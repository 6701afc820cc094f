/*
 * Input: the body of CompleteMultipartUpload.
 *
 * Invariants. Parts that are taken have numbers from 1 to 10,000 in ascending order, an ETag and at
 * most one checksum; there are never more than there is memory for. Written out from what was
 * taken, the list is taken again and means the same.
 */
#include "s3/complete.h"

#include "base/text.h"
#include "fuzz.h"

enum { BLOCKS = 2048, BODY_BYTES_MAX = 1 << 14, WRITTEN_BYTES = 1 << 17 };
static uint8_t written[WRITTEN_BYTES];

static enum s3_code take_all(struct view body, struct region *R, struct complete *c)
{
    struct s3_request r = {.region = R};
    struct xml_node *root = NULL;

    memset(c, 0, sizeof *c);
    if (xml_parse(body, R, &root))
        return S3_MalformedXML;
    MUST(complete_open(c, &r, body.len) == S3_None);
    for (const struct xml_node *n = root->first; n; n = n->next) {
        enum s3_code code = complete_take(c, n);
        if (code)
            return code;
    }
    return complete_taken(c);
}

static bool is_xml_safe(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < 0x20 || v.at[i] > 0x7e || v.at[i] == '"')
            return false;
    return !view_starts(v, VIEW(" ")) && !view_ends(v, VIEW(" "));
}

static void put_part(struct buf *b, const struct complete_named *p)
{
    enum checksum_kind kind = (enum checksum_kind)p->checksum_kind;
    uint8_t text[CHECKSUM_TEXT_MAX];
    struct buf sum = buf_over(text, sizeof text);

    xml_open(b, "Part");
    xml_u64(b, "PartNumber", p->number);
    xml_etag(b, view_of(p->etag, p->etag_len));
    if (kind != CHECKSUM_NONE) {
        checksum_put_text(&sum, kind, p->checksum);
        xml_text(b, checksum_element(kind), buf_view(&sum));
    }
    xml_close(b, "Part");
}

static void check_again(const struct complete *c, struct region *R)
{
    static struct complete again;
    struct buf b = buf_over(written, sizeof written);

    xml_open_root(&b, "CompleteMultipartUpload");
    for (unsigned i = 0; i < c->part_count; i++) {
        const struct complete_named *p = &c->parts[i];
        if (p->etag_len > sizeof p->etag || !is_xml_safe(view_of(p->etag, p->etag_len)))
            return;
        put_part(&b, p);
    }
    xml_close(&b, "CompleteMultipartUpload");
    MUST(!b.overflow && take_all(buf_view(&b), R, &again) == S3_None);
    MUST(again.part_count == c->part_count);
    for (unsigned i = 0; i < c->part_count; i++)
        MUST(memcmp(&again.parts[i], &c->parts[i], sizeof c->parts[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct complete c;
    struct region_pool pool;
    struct region region;

    region_pool_init(&pool, BLOCKS);
    region_init(&region, &pool);
    enum s3_code code = take_all(view_of(data, MIN(size, BODY_BYTES_MAX)), &region, &c);
    MUST(c.part_count <= c.part_cap);
    if (!code) {
        for (unsigned i = 0; i < c.part_count; i++) {
            MUST(c.parts[i].number >= 1 && c.parts[i].number <= UPLOAD_PARTS_MAX);
            MUST(i == 0 || c.parts[i - 1].number < c.parts[i].number);
            MUST(c.parts[i].etag_len > 0 && c.parts[i].checksum_kind <= CHECKSUM_KIND_MAX);
        }
        check_again(&c, &region);
    }
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}
