#include "s3/xml.h"

#include <expat.h>

#include "base/text.h"
#include "s3/finish.h"

/* --- reader ------------------------------------------------------------------------------- */

struct parse {
    XML_Parser expat;
    struct region *region;
    struct xml_node *stack[XML_DEPTH_MAX + 1];
    struct xml_node *last_child[XML_DEPTH_MAX + 1];
    unsigned depth, nodes;
    enum err err;
};

static void stop(struct parse *p, enum err e)
{
    if (!p->err)
        p->err = e;
    (void)XML_StopParser(p->expat, XML_FALSE);
}

static struct view local_name(const char *name)
{
    const char *colon = strchr(name, ':');

    return view_str(colon ? colon + 1 : name);
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct parse *p = user;

    (void)attributes;
    if (p->depth == XML_DEPTH_MAX || ++p->nodes > XML_NODES_MAX) {
        stop(p, ERR_MALFORMED);
        return;
    }
    struct xml_node *n = region_take_zero(p->region, sizeof *n);
    struct view copy = n ? region_copy(p->region, local_name(name)) : VIEW_EMPTY;
    if (!n || !copy.at) {
        stop(p, ERR_BUSY);
        return;
    }
    n->name = copy;
    if (p->depth > 0) {
        if (p->last_child[p->depth])
            p->last_child[p->depth]->next = n;
        else
            p->stack[p->depth]->first = n;
        p->last_child[p->depth] = n;
    }
    p->depth++;
    p->stack[p->depth] = n;
    p->last_child[p->depth] = NULL;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct parse *p = user;

    (void)name;
    /* The root stays in stack[1]. */
    p->depth--;
}

/* Room behind a text of that length: powers of two, so that joining many pieces stays linear. */
static size_t text_capacity(size_t len)
{
    size_t cap = 32;

    while (cap < len)
        cap *= 2;
    return len ? cap : 0;
}

/* Expat may split a text anywhere, and does at every entity. */
static void XMLCALL on_text(void *user, const XML_Char *at, int len)
{
    struct parse *p = user;
    struct xml_node *n = p->stack[p->depth];
    size_t joined = p->depth ? n->text.len + (size_t)len : 0;

    if (p->depth == 0)
        return;
    if (joined > XML_TEXT_BYTES_MAX && !n->first) {
        stop(p, ERR_MALFORMED);
        return;
    }
    if (joined > text_capacity(n->text.len)) {
        uint8_t *grown = region_take(p->region, text_capacity(joined));
        if (!grown) {
            stop(p, ERR_BUSY);
            return;
        }
        if (n->text.len)
            memcpy(grown, n->text.at, n->text.len);
        n->text.at = grown;
    }
    memcpy((uint8_t *)(uintptr_t)n->text.at + n->text.len, at, (size_t)len);
    n->text.len = joined;
}

static void XMLCALL on_doctype(
    void *user, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    stop(user, ERR_MALFORMED);
}

enum err xml_parse(struct view body, struct region *R, struct xml_node **root_out)
{
    struct parse p = {.region = R};

    if (body.len == 0 || body.len > INT32_MAX)
        return ERR_MALFORMED;
    p.expat = XML_ParserCreate(NULL);
    if (!p.expat)
        return ERR_NO_MEMORY;
    XML_SetUserData(p.expat, &p);
    XML_SetElementHandler(p.expat, on_start, on_end);
    XML_SetCharacterDataHandler(p.expat, on_text);
    XML_SetStartDoctypeDeclHandler(p.expat, on_doctype);
    if (XML_Parse(p.expat, (const char *)body.at, (int)body.len, 1) != XML_STATUS_OK && !p.err)
        p.err = ERR_MALFORMED;
    XML_ParserFree(p.expat);
    if (!p.err)
        *root_out = p.stack[1];
    return p.err;
}

const struct xml_node *xml_child(const struct xml_node *n, const char *name)
{
    for (const struct xml_node *c = n->first; c; c = c->next)
        if (view_is(c->name, name))
            return c;
    return NULL;
}

struct view xml_child_text(const struct xml_node *n, const char *name)
{
    const struct xml_node *c = xml_child(n, name);

    if (!c)
        return VIEW_EMPTY;
    return c->text.at ? c->text : VIEW("");
}

/* --- writer ------------------------------------------------------------------------------- */

const char xml_prolog[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

void xml_open(struct buf *b, const char *name)
{
    buf_put_byte(b, '<');
    buf_put_str(b, name);
    buf_put_byte(b, '>');
}

void xml_open_root(struct buf *b, const char *name)
{
    buf_put_str(b, xml_prolog);
    buf_put_byte(b, '<');
    buf_put_str(b, name);
    buf_put_str(b, " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
}

void xml_close(struct buf *b, const char *name)
{
    buf_put_str(b, "</");
    buf_put_str(b, name);
    buf_put_byte(b, '>');
}

void xml_text(struct buf *b, const char *name, struct view text)
{
    xml_open(b, name);
    finish_put_text(b, text);
    xml_close(b, name);
}

void xml_u64(struct buf *b, const char *name, uint64_t n)
{
    xml_open(b, name);
    buf_put_u64(b, n);
    xml_close(b, name);
}

void xml_bool(struct buf *b, const char *name, bool is_true)
{
    xml_text(b, name, is_true ? VIEW("true") : VIEW("false"));
}

void xml_date(struct buf *b, const char *name, int64_t ms)
{
    xml_open(b, name);
    text_put_iso_date(b, ms);
    xml_close(b, name);
}

void xml_etag(struct buf *b, struct view etag)
{
    buf_put_str(b, "<ETag>&quot;");
    finish_put_text(b, etag);
    buf_put_str(b, "&quot;</ETag>");
}
