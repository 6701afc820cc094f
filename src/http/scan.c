/*
 * llhttp's own framing rules (Content-Length, Transfer-Encoding) are switched to lenient here:
 * head.c decides those, with all fields in view, and has an exception llhttp does not know. The
 * parser is stopped at the end of the head, so it never acts on its own idea of a body.
 */
#include "http/scan.h"

#include <llhttp.h>

struct scan_run {
    llhttp_t parser; /* first: the callbacks get it */
    struct scan *scan;
    bool has_too_many;
};

static struct scan_run *run_of(llhttp_t *parser)
{
    return container_of(parser, struct scan_run, parser);
}

/* llhttp may give one span in pieces; the head is one buffer, so the pieces touch. */
static void span_grow(struct view *v, const char *at, size_t len)
{
    const uint8_t *from = (const uint8_t *)at;

    if (!v->at)
        v->at = from;
    v->len = (size_t)(from + len - v->at);
}

static int on_method(llhttp_t *parser, const char *at, size_t len)
{
    span_grow(&run_of(parser)->scan->method, at, len);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    span_grow(&run_of(parser)->scan->target, at, len);
    return 0;
}

/* A name after a value, or the very first one, opens a new field. */
static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct scan_run *run = run_of(parser);
    struct scan *scan = run->scan;
    struct scan_field *last = scan->field_count ? &scan->fields[scan->field_count - 1] : NULL;

    if (!last || last->value.at) {
        if (scan->field_count == SCAN_FIELDS_MAX) {
            run->has_too_many = true;
            return -1;
        }
        last = &scan->fields[scan->field_count++];
        *last = (struct scan_field){0};
    }
    span_grow(&last->name, at, len);
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct scan *scan = run_of(parser)->scan;

    if (!scan->field_count)
        return -1;
    span_grow(&scan->fields[scan->field_count - 1].value, at, len);
    return 0;
}

/* An empty value may come without a span: close the field all the same. */
static int on_header_value_complete(llhttp_t *parser)
{
    struct scan *scan = run_of(parser)->scan;
    struct scan_field *last;

    if (!scan->field_count)
        return -1;
    last = &scan->fields[scan->field_count - 1];
    if (!last->value.at)
        last->value = view_of(last->name.at + last->name.len, 0);
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct scan *scan = run_of(parser)->scan;

    scan->major = llhttp_get_http_major(parser);
    scan->minor = llhttp_get_http_minor(parser);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
};

static enum scan_verdict verdict_of(const struct scan_run *run, llhttp_errno_t e)
{
    if (run->has_too_many)
        return SCAN_TOO_MANY_FIELDS;
    if (e == HPE_PAUSED)
        return SCAN_FITS;
    if (e == HPE_INVALID_METHOD)
        return SCAN_UNKNOWN_METHOD;
    if (e == HPE_INVALID_VERSION || e == HPE_PAUSED_H2_UPGRADE)
        return SCAN_WRONG_VERSION;
    return SCAN_MALFORMED;
}

enum scan_verdict scan_head(struct view head, struct scan *scan)
{
    struct scan_run run = {.scan = scan};

    scan->method = scan->target = VIEW_EMPTY;
    scan->major = scan->minor = scan->field_count = 0;
    llhttp_init(&run.parser, HTTP_REQUEST, &settings);
    llhttp_set_lenient_chunked_length(&run.parser, 1);
    llhttp_set_lenient_transfer_encoding(&run.parser, 1);
    return verdict_of(&run, llhttp_execute(&run.parser, (const char *)head.at, head.len));
}
