/* What handlers ask about a request. */
#include "http/request.h"

static unsigned find(const struct http_request *q, struct view name, struct view *first_out)
{
    unsigned count = 0;

    for (unsigned i = 0; i < q->header_count; i++) {
        if (!view_eq_nocase(q->headers[i].name, name))
            continue;
        if (count++ == 0)
            *first_out = q->headers[i].value;
    }
    return count;
}

struct view http_header(const struct http_request *q, const char *name)
{
    struct view value = VIEW_EMPTY;

    (void)find(q, view_str(name), &value);
    return value;
}

unsigned http_header_count(const struct http_request *q, const char *name)
{
    struct view value;

    return find(q, view_str(name), &value);
}

bool http_has_body(const struct http_request *q)
{
    return q->is_chunked || (q->has_content_length && q->content_length > 0);
}
