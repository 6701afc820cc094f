#include "s3/xml.h"

#include <expat.h>

#include "base/text.h"
#include "s3/finish.h"

/* --- reader ------------------------------------------------------------------------------- */

/* READ_BYTES: what one turn reads of a long body, well under a millisecond. */
enum { READ_BYTES = 32768, SILENT_PIECES_MAX = 2, SCRATCH_BYTES_MAX = REGION_BLOCK_BYTES / 2 };

struct xml_parser {
    XML_Parser expat;
    struct region *region;
    struct xml_read *read; /* NULL: the whole tree is kept */
    struct xml_node *stack[XML_DEPTH_MAX + 1];
    struct xml_node *last_child[XML_DEPTH_MAX + 1];
    unsigned depth, nodes;
    size_t fed;
    unsigned silent_pieces;
    enum err err;
};

static void stop(struct xml_parser *p, enum err e)
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

static struct xml_node *new_node(struct region *R, struct view name)
{
    struct xml_node *n = region_take_zero(R, sizeof *n);

    if (!n)
        return NULL;
    n->name = region_copy(R, name);
    return n->name.at ? n : NULL;
}

/* Below its parent, unless that is the root of a long document, which keeps none. */
static void hang_in(struct xml_parser *p, struct xml_node *n)
{
    struct xml_node *parent = p->stack[p->depth], **last = &p->last_child[p->depth];

    parent->text = VIEW_EMPTY;
    if (!(p->read && p->depth == 1)) {
        if (*last)
            (*last)->next = n;
        else
            parent->first = n;
    }
    *last = n;
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct xml_parser *p = user;
    struct region *R = p->read && p->depth > 0 ? &p->read->scratch : p->region;

    (void)attributes;
    p->silent_pieces = 0;
    if (p->err)
        return;
    if (p->depth == XML_DEPTH_MAX || ++p->nodes > XML_NODES_MAX) {
        stop(p, ERR_MALFORMED);
        return;
    }
    struct xml_node *n = new_node(R, local_name(name));
    if (!n) {
        stop(p, ERR_BUSY);
        return;
    }
    if (p->depth > 0)
        hang_in(p, n);
    else if (p->read && !view_is(n->name, p->read->root))
        stop(p, ERR_MALFORMED);
    p->depth++;
    p->stack[p->depth] = n;
    p->last_child[p->depth] = NULL;
}

static void XMLCALL on_end(void *user, const XML_Char *name)
{
    struct xml_parser *p = user;
    struct xml_read *x = p->read;

    (void)name;
    p->silent_pieces = 0;
    if (p->err)
        return;
    /* The root stays in stack[1]. */
    p->depth--;
    if (!x || p->depth != 1)
        return;
    enum err e = x->child(x, p->stack[2]);
    if (e)
        stop(p, e);
    if (x->scratch.bytes_used > SCRATCH_BYTES_MAX) {
        region_done(&x->scratch);
        region_init(&x->scratch, p->region->pool);
    }
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
    struct xml_parser *p = user;

    p->silent_pieces = 0;
    if (p->err || p->depth == 0 || p->last_child[p->depth])
        return;
    struct xml_node *n = p->stack[p->depth];
    size_t joined = n->text.len + (size_t)len;
    if (joined > XML_TEXT_BYTES_MAX) {
        stop(p, ERR_MALFORMED);
        return;
    }
    if (joined > text_capacity(n->text.len)) {
        struct region *R = p->read && p->depth > 1 ? &p->read->scratch : p->region;
        uint8_t *grown = region_take(R, text_capacity(joined));
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

static enum err open_parser(struct xml_parser *p)
{
    p->expat = XML_ParserCreate(NULL);
    if (!p->expat)
        return ERR_NO_MEMORY;
    XML_SetUserData(p->expat, p);
    XML_SetElementHandler(p->expat, on_start, on_end);
    XML_SetCharacterDataHandler(p->expat, on_text);
    XML_SetStartDoctypeDeclHandler(p->expat, on_doctype);
    return ERR_OK;
}

static void feed(struct xml_parser *p, struct view piece, bool is_last)
{
    enum XML_Status status = XML_Parse(p->expat, (const char *)piece.at, (int)piece.len, is_last);

    if (status != XML_STATUS_OK && !p->err)
        p->err = ERR_MALFORMED;
    p->fed += piece.len;
}

enum err xml_parse(struct view body, struct region *R, struct xml_node **root_out)
{
    struct xml_parser p = {.region = R};

    if (body.len == 0 || body.len > INT32_MAX)
        return ERR_MALFORMED;
    TRY(open_parser(&p));
    feed(&p, body, true);
    XML_ParserFree(p.expat);
    if (!p.err)
        *root_out = p.stack[1];
    return p.err;
}

static void end_read(struct xml_read *x, enum err e)
{
    if (x->parser && x->parser->expat)
        XML_ParserFree(x->parser->expat);
    region_done(&x->scratch);
    op_complete(&x->op, e);
}

static void next_step(struct xml_read *x)
{
    op_start(&x->step);
    op_complete(&x->step, ERR_OK);
}

/*
 * Woken by next_step, a turn later. A token longer than two pieces (an attribute, a comment) would
 * be looked at again with every piece; nobody needs one.
 */
static void on_step(struct op *op)
{
    struct xml_read *x = container_of(op, struct xml_read, step);
    struct xml_parser *p = x->parser;
    struct view piece = view_upto(view_from(x->body, p->fed), READ_BYTES);
    bool is_last = p->fed + piece.len == x->body.len;

    p->silent_pieces++;
    feed(p, piece, is_last);
    if (!p->err && p->silent_pieces > SILENT_PIECES_MAX)
        p->err = ERR_MALFORMED;
    if (p->err || is_last)
        end_read(x, p->err);
    else
        next_step(x);
}

void xml_read(struct xml_read *x)
{
    op_start(&x->op);
    op_init(&x->step, on_step);
    region_init(&x->scratch, x->region->pool);
    x->parser = region_take_zero(x->region, sizeof *x->parser);
    if (!x->parser) {
        end_read(x, ERR_BUSY);
        return;
    }
    x->parser->region = x->region;
    x->parser->read = x;
    enum err e = x->body.len == 0 ? ERR_MALFORMED : open_parser(x->parser);
    if (e)
        end_read(x, e);
    else
        next_step(x);
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

static unsigned count_of(const struct xml_node *n, struct view name)
{
    unsigned count = 0;

    for (const struct xml_node *c = n->first; c; c = c->next)
        count += view_eq(c->name, name);
    return count;
}

bool xml_has_only(const struct xml_node *n, const char *names)
{
    struct view rest = view_str(names), name;
    unsigned known = 0, all = 0;

    while (view_split(&rest, ' ', &name)) {
        unsigned count = count_of(n, name);
        if (count > 1)
            return false;
        known += count;
    }
    for (const struct xml_node *c = n->first; c; c = c->next)
        all++;
    return known == all;
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
