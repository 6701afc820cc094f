/*
 * Input: size of the region pool, then a document (and, once more, a text).
 *
 * Invariants. A tree has at most XML_DEPTH_MAX levels and XML_NODES_MAX nodes, its texts are UTF-8
 * within their limit. Written by our writer and read again it is the same tree. Any text that XML
 * can hold survives being written and read. Too small a region is ERR_BUSY, nothing else.
 */
#include "s3/xml.h"

#include "base/text.h"
#include "fuzz.h"

enum { BLOCKS_MAX = 2048, DOCUMENT_BYTES_MAX = 1 << 15, WRITTEN_BYTES = 8 * DOCUMENT_BYTES_MAX };
static uint8_t written[WRITTEN_BYTES];

static unsigned check_tree(const struct xml_node *n, unsigned depth)
{
    unsigned nodes = 1;

    MUST(depth <= XML_DEPTH_MAX);
    MUST(text_is_utf8(n->text) && text_is_utf8(n->name));
    MUST(n->first || n->text.len <= XML_TEXT_BYTES_MAX);
    for (const struct xml_node *c = n->first; c; c = c->next)
        nodes += check_tree(c, depth + 1);
    return nodes;
}

static bool is_plain_name(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!is_letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.')))
            return false;
    }
    return v.len > 0 && v.len < 64;
}

/* False when a name is one that our writer is never asked to write. */
static bool put_tree(struct buf *b, const struct xml_node *n)
{
    char name[64] = "";

    if (!is_plain_name(n->name))
        return false;
    memcpy(name, n->name.at, n->name.len);
    if (!n->first) {
        xml_text(b, name, n->text);
        return true;
    }
    xml_open(b, name);
    for (const struct xml_node *c = n->first; c; c = c->next)
        if (!put_tree(b, c))
            return false;
    xml_close(b, name);
    return true;
}

static bool is_same(const struct xml_node *a, const struct xml_node *b)
{
    const struct xml_node *x = a->first, *y = b->first;

    if (!view_eq(a->name, b->name) || (!a->first && !view_eq(a->text, b->text)))
        return false;
    for (; x && y; x = x->next, y = y->next)
        if (!is_same(x, y))
            return false;
    return !x && !y;
}

static void check_again(const struct xml_node *root, struct region *R)
{
    struct buf b = buf_over(written, sizeof written);
    struct xml_node *again = NULL;

    buf_put_str(&b, xml_prolog);
    if (!put_tree(&b, root) || b.overflow)
        return;
    enum err e = xml_parse(buf_view(&b), R, &again);
    if (e != ERR_BUSY)
        MUST(e == ERR_OK && is_same(root, again));
}

static bool is_xml_text(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.at[i] < ' ' && v.at[i] != '\t' && v.at[i] != '\n' && v.at[i] != '\r')
            return false;
        /* U+FFFE and U+FFFF are no characters of XML */
        if (v.at[i] == 0xef && v.len - i >= 3 && v.at[i + 1] == 0xbf && v.at[i + 2] >= 0xbe)
            return false;
    }
    return text_is_utf8(v) && v.len <= XML_TEXT_BYTES_MAX;
}

static void check_text(struct view v, struct region *R)
{
    struct buf b = buf_over(written, sizeof written);
    struct xml_node *root = NULL;

    if (!is_xml_text(v))
        return;
    xml_open_root(&b, "Root");
    xml_text(&b, "Key", v);
    xml_close(&b, "Root");
    MUST(!b.overflow);
    enum err e = xml_parse(buf_view(&b), R, &root);
    if (e != ERR_BUSY)
        MUST(e == ERR_OK && view_eq(xml_child_text(root, "Key"), v));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, MIN(size, DOCUMENT_BYTES_MAX));
    uint8_t choice = fuzz_byte(&v);
    struct region_pool pool;
    struct region region;
    struct xml_node *root = NULL;

    region_pool_init(&pool, choice < 128 ? BLOCKS_MAX : choice % 8u);
    region_init(&region, &pool);
    enum err e = xml_parse(v, &region, &root);
    MUST(e == ERR_OK || e == ERR_MALFORMED || (e == ERR_BUSY && choice >= 128));
    if (e == ERR_OK) {
        MUST(check_tree(root, 1) <= XML_NODES_MAX);
        check_again(root, &region);
    }
    check_text(v, &region);
    region_done(&region);
    region_pool_done(&pool);
    return 0;
}
