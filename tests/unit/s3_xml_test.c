/* The XML reader: what it gives, what it refuses, and that long documents give way to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "help/loop_help.h"
#include "s3/xml.h"

static struct region_pool pool;
static struct region region;

static int open_all(void **state)
{
    loop_open(RING_EPOLL);
    region_pool_init(&pool, 64);
    region_init(&region, &pool);
    return 0;
}

static int close_all(void **state)
{
    region_done(&region);
    region_pool_done(&pool);
    loop_close();
    return 0;
}

static enum err parse(const char *text, struct xml_node **root_out)
{
    return xml_parse(view_str(text), &region, root_out);
}

static void texts_are_kept_as_they_are(void **state)
{
    struct xml_node *root;

    assert_int_equal(
        parse(
            "<?xml version='1.0'?><a:R xmlns:a='u'> \n<a:Key> a&amp;b&#x20;<![CDATA[<c>]]>\n"
            "</a:Key><E/><Key>2</Key></a:R>",
            &root),
        ERR_OK);
    assert_true(view_is(root->name, "R"));
    assert_true(view_is(xml_child_text(root, "Key"), " a&b <c>\n"));
    assert_true(view_is(xml_child_text(root, "E"), ""));
    assert_null(xml_child_text(root, "Nothing").at);
    assert_int_equal(root->text.len, 0);
    assert_false(xml_has_only(root, "Key E"));
    assert_int_equal(parse("<R><Key/><E/></R>", &root), ERR_OK);
    assert_true(xml_has_only(root, "Key E F"));
    assert_false(xml_has_only(root, "Key F"));
}

static void what_is_no_document_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "x",
        "<R>",
        "<R></S>",
        "<R/><S/>",
        "<R>&nothing;</R>",
        "<R>&#1;</R>",
        "<R>\xff</R>",
        "<!DOCTYPE R><R/>",
        "<!DOCTYPE R [<!ENTITY a 'b'>]><R>&a;</R>",
        "<!DOCTYPE R SYSTEM 'file:///etc/passwd'><R/>",
        "<?xml version='1.0' encoding='unheard-of'?><R/>",
        "<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>",
    };
    struct xml_node *root;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        assert_int_equal(parse(bad[i], &root), ERR_MALFORMED);
    assert_int_equal(parse("<a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a>", &root), ERR_OK);
}

/* --- long documents ----------------------------------------------------------------------- */

static struct {
    struct xml_read x;
    unsigned children, stop_at;
    struct view last;
    uint8_t last_bytes[64];
} got;

static enum err child(struct xml_read *x, const struct xml_node *n)
{
    struct view text = xml_child_text(n, "Key");

    got.children++;
    if (text.len)
        memcpy(got.last_bytes, text.at, MIN(text.len, sizeof got.last_bytes));
    got.last = view_of(got.last_bytes, MIN(text.len, sizeof got.last_bytes));
    return got.children == got.stop_at ? ERR_DENIED : ERR_OK;
}

static void start_read(struct view body)
{
    got.children = 0;
    got.x.body = body;
    got.x.region = &region;
    got.x.root = "R";
    got.x.child = child;
    op_init(&got.x.op, loop_nothing);
    xml_read(&got.x);
}

static enum err read_all(struct view body)
{
    start_read(body);
    return loop_wait(&got.x.op);
}

/* `count` times `each` between `head` and `tail`; the caller frees it. */
static struct view long_document(const char *head, const char *each, size_t count, const char *tail)
{
    size_t cap = strlen(head) + count * strlen(each) + strlen(tail);
    struct buf b = buf_over(malloc(cap), cap);

    buf_put_str(&b, head);
    for (size_t i = 0; i < count; i++)
        buf_put_str(&b, each);
    buf_put_str(&b, tail);
    return buf_view(&b);
}

static enum err read_long(const char *head, const char *each, size_t count, const char *tail)
{
    struct view v = long_document(head, each, count, tail);
    enum err e = read_all(v);

    free((void *)(uintptr_t)v.at);
    return e;
}

static void children_are_given_one_by_one(void **state)
{
    assert_int_equal(read_all(VIEW("<R><O><Key> 1 </Key></O> <P/>\n</R>")), ERR_OK);
    assert_int_equal(got.children, 2);
    assert_int_equal(read_all(VIEW("<R/>")), ERR_OK);
    assert_int_equal(got.children, 0);
    assert_int_equal(read_all(VIEW("<S><O/></S>")), ERR_MALFORMED);
    assert_int_equal(got.children, 0);
    assert_int_equal(read_all(VIEW("")), ERR_MALFORMED);
    assert_int_equal(read_all(VIEW("<R><O/></R")), ERR_MALFORMED);
    got.stop_at = 3;
    assert_int_equal(read_long("<R>", "<O><Key>k</Key></O>", 5, "</R>"), ERR_DENIED);
    assert_int_equal(got.children, 3);
    got.stop_at = 0;
}

/* 20,000 children in a pool of 1 MiB: memory is that of one child. */
static void memory_does_not_grow_with_the_document(void **state)
{
    size_t used = pool.blocks_used;

    assert_int_equal(read_long("<R>", "<O><Key>a &amp; b</Key></O>\n  ", 20000, "</R>"), ERR_OK);
    assert_int_equal(got.children, 20000);
    assert_true(view_is(got.last, "a & b"));
    assert_true(pool.blocks_used <= used + 1);
}

static void long_documents_give_way(void **state)
{
    struct view v = long_document("<R>", "<O><Key>k</Key></O>", 20000, "</R>");

    start_read(v);
    assert_int_equal(got.children, 0);
    loop_turns(1);
    assert_false(op_is_idle(&got.x.op));
    assert_int_equal(loop_wait(&got.x.op), ERR_OK);
    assert_int_equal(got.children, 20000);
    free((void *)(uintptr_t)v.at);
}

static void limits_hold_in_long_documents(void **state)
{
    assert_int_equal(read_long("<R>", "<O/>", XML_NODES_MAX - 1, "</R>"), ERR_OK);
    assert_int_equal(read_long("<R>", "<O/>", XML_NODES_MAX, "</R>"), ERR_MALFORMED);
    assert_int_equal(read_long("<R><O>", "x", XML_TEXT_BYTES_MAX, "</O></R>"), ERR_OK);
    assert_int_equal(read_long("<R><O>", "x", XML_TEXT_BYTES_MAX + 1, "</O></R>"), ERR_MALFORMED);
    assert_int_equal(read_long("<R><O a='", "x", 1 << 20, "'/></R>"), ERR_MALFORMED);
    assert_int_equal(read_long("<R><!--", "x", 1 << 20, "--></R>"), ERR_MALFORMED);
    assert_int_equal(read_long("<R><O/>", " ", 7000, "</R>"), ERR_OK);
    assert_int_equal(read_long("<!DOCTYPE R><R>", "<O/>", 10, "</R>"), ERR_MALFORMED);
}

static void an_empty_pool_is_busy(void **state)
{
    struct region_pool small;
    struct region R;

    region_pool_init(&small, 1);
    region_init(&R, &small);
    op_init(&got.x.op, loop_nothing);
    got.x = (struct xml_read){.body = VIEW("<R><O/></R>"), .region = &R, .root = "R"};
    got.x.child = child;
    op_init(&got.x.op, loop_nothing);
    xml_read(&got.x);
    assert_int_equal(loop_wait(&got.x.op), ERR_BUSY);
    region_done(&R);
    region_pool_done(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)
    const struct CMUnitTest tests[] = {
        TEST(texts_are_kept_as_they_are),    TEST(what_is_no_document_is_refused),
        TEST(children_are_given_one_by_one), TEST(memory_does_not_grow_with_the_document),
        TEST(long_documents_give_way),       TEST(limits_hold_in_long_documents),
        TEST(an_empty_pool_is_busy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
