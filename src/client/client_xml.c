#include "client/client_xml.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

enum { XML_PATH_MAX = 512, XML_TEXT_MAX = 8192 };

struct reader {
    XML_Parser parser;
    client_xml_fn *fn;
    void *ctx;
    char path[XML_PATH_MAX];
    size_t path_len;
    struct buf text; /* of the innermost element, since its last child */
    uint8_t text_bytes[XML_TEXT_MAX];
};

static void stop(struct reader *r)
{
    XML_StopParser(r->parser, XML_FALSE);
}

static void on_start(void *data, const char *name, const char **attributes)
{
    struct reader *r = data;
    size_t len = strlen(name);

    (void)attributes;
    if (r->path_len + 1 + len + 1 > sizeof(r->path)) {
        stop(r);
        return;
    }
    if (r->path_len > 0)
        r->path[r->path_len++] = '/';
    memcpy(r->path + r->path_len, name, len + 1);
    r->path_len += len;
    r->text.len = 0;
}

static void on_end(void *data, const char *name)
{
    struct reader *r = data;
    size_t len = strlen(name);

    r->fn(r->ctx, r->path, buf_view(&r->text));
    r->path_len -= len;
    if (r->path_len > 0)
        r->path_len--;
    r->path[r->path_len] = '\0';
    r->text.len = 0;
}

static void on_text(void *data, const char *at, int len)
{
    struct reader *r = data;

    buf_put(&r->text, view_of(at, (size_t)len));
    if (r->text.overflow)
        stop(r);
}

static void on_doctype(void *data, const char *a, const char *b, const char *c, int d)
{
    (void)a, (void)b, (void)c, (void)d;
    stop(data);
}

bool client_xml_read(struct view xml, client_xml_fn *fn, void *ctx)
{
    struct reader *r = malloc(sizeof(*r));
    bool is_good = false;

    if (!r)
        return false;
    r->parser = XML_ParserCreate("UTF-8");
    r->fn = fn;
    r->ctx = ctx;
    r->path[0] = '\0';
    r->path_len = 0;
    r->text = buf_over(r->text_bytes, sizeof(r->text_bytes));
    if (r->parser && xml.len <= INT32_MAX) {
        XML_SetUserData(r->parser, r);
        XML_SetElementHandler(r->parser, on_start, on_end);
        XML_SetCharacterDataHandler(r->parser, on_text);
        XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
        is_good = XML_Parse(r->parser, (const char *)xml.at, (int)xml.len, 1) == XML_STATUS_OK;
    }
    if (r->parser)
        XML_ParserFree(r->parser);
    free(r);
    return is_good;
}

struct wanted {
    const char *path;
    char *to;
    size_t cap;
    bool is_found;
};

static void take_wanted(void *ctx, const char *path, struct view text)
{
    struct wanted *w = ctx;

    if (w->is_found || strcmp(path, w->path) != 0)
        return;
    w->is_found = true;
    snprintf(w->to, w->cap, "%.*s", VIEW_FMT(text));
}

bool client_xml_text(struct view xml, const char *path, char *to, size_t cap)
{
    struct wanted w = {.path = path, .to = to, .cap = cap};

    (void)client_xml_read(xml, take_wanted, &w);
    return w.is_found;
}

void client_xml_put(struct buf *b, struct view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '&')
            buf_put_str(b, "&amp;");
        else if (text.at[i] == '<')
            buf_put_str(b, "&lt;");
        else if (text.at[i] == '>')
            buf_put_str(b, "&gt;");
        else
            buf_put_byte(b, text.at[i]);
    }
}
