#include "auth_help.h"

void auth_help_add(struct auth_help *r, const char *name, struct view value)
{
    if (r->q.header_count < AUTH_HELP_HEADERS_MAX)
        r->headers[r->q.header_count++] = (struct sigv4_header){view_str(name), value};
}

static void add_line(struct auth_help *r, struct view line)
{
    size_t colon = view_index(line, ':');

    if (line.len > 0 && r->q.header_count < AUTH_HELP_HEADERS_MAX)
        r->headers[r->q.header_count++] = (struct sigv4_header){
            view_upto(line, colon),
            colon == SIZE_MAX ? view_from(line, line.len) : view_trim(view_from(line, colon + 1))};
}

void auth_help_read(struct auth_help *r, struct view text, int64_t now_ms)
{
    struct view line = VIEW_EMPTY, target;
    size_t space, mark;

    r->q = (struct sigv4_request){.headers = r->headers, .now_ms = now_ms};
    (void)view_split(&text, '\n', &line);
    space = view_index(line, ' ');
    r->q.method = view_upto(line, space);
    target = space == SIZE_MAX ? view_from(line, line.len) : view_from(line, space + 1);
    mark = view_index(target, '?');
    r->q.path = view_upto(target, mark);
    r->q.query = mark == SIZE_MAX ? view_from(target, target.len) : view_from(target, mark + 1);
    while (view_split(&text, '\n', &line))
        add_line(r, line);
}
