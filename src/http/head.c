/*
 * head_find looks at line ends only and remembers how far it came, so that a client that sends byte
 * by byte costs no more than one that does not. head_parse lets scan.c (llhttp) cut the head, then
 * applies our rules one after the other; each returns the refusal or NULL.
 */
#include "http/head.h"

#include <assert.h>

#include "base/text.h"
#include "http/scan.h"

static_assert((int)SCAN_FIELDS_MAX == (int)HTTP_HEADERS_MAX, "one limit, two names");

enum { HEAD_EMPTY_LINES_MAX = 4 };

const struct head_refusal head_too_slow = {
    408, "RequestTimeout", "Your request head was not received within the timeout period."};

#define REFUSAL(name, status, code, text)                                                          \
    static const struct head_refusal name = {status, code, text}

const struct head_refusal head_malformed = {400, "BadRequest", "The request is malformed."};
const struct head_refusal head_too_large = {
    431, "RequestHeaderSectionTooLarge", "Your request header section exceeds the maximum size."};

REFUSAL(bad_method, 501, "NotImplemented", "The request method is not implemented.");
REFUSAL(bad_version, 505, "HTTPVersionNotSupported", "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
REFUSAL(bad_target, 400, "InvalidURI", "Couldn't parse the specified URI.");
REFUSAL(bad_name, 400, "BadRequest", "A header name contains a character that is not allowed.");
REFUSAL(bad_host, 400, "BadRequest", "Exactly one valid Host header is required.");
REFUSAL(bad_length, 400, "BadRequest", "The Content-Length header is not a single number.");
REFUSAL(bad_coding, 400, "BadRequest", "The Transfer-Encoding header is not valid.");
REFUSAL(
    both_lengths, 400, "BadRequest", "Content-Length and Transfer-Encoding exclude each other.");
REFUSAL(unknown_coding, 501, "NotImplemented", "The transfer coding is not implemented.");
REFUSAL(no_memory, 503, "SlowDown", "Please reduce your request rate.");

/* RFC 9110 section 5.6.2. */
static bool is_token_char(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (!is_token_char(v.at[i]))
            return false;
    return v.len > 0;
}

/* Line [at, lf) of bytes, lf at its LF. */
static enum err line_check(struct view bytes, size_t at, size_t lf)
{
    const uint8_t *line = bytes.at + at;
    size_t len = lf - at; /* with the CR, if it is there */

    if (!len || line[len - 1] != '\r')
        return ERR_MALFORMED;
    if (memchr(line, '\r', len - 1) || memchr(line, 0, len))
        return ERR_MALFORMED;
    if (line[0] == ' ' || line[0] == '\t')
        return ERR_MALFORMED;
    return ERR_OK;
}

static size_t empty_lines_in_front(struct view bytes)
{
    size_t at = 0;

    while (at < 2 * HEAD_EMPTY_LINES_MAX && at + 1 < bytes.len && bytes.at[at] == '\r' &&
           bytes.at[at + 1] == '\n')
        at += 2;
    return at;
}

enum err head_find(struct view bytes, size_t *scanned, size_t *len_out)
{
    size_t front = empty_lines_in_front(bytes);
    size_t at = MAX(*scanned, front); /* always the start of a line */

    if (at == front && at < bytes.len && !is_token_char(bytes.at[at]))
        return bytes.at[at] == '\r' && at + 1 == bytes.len ? ERR_TRUNCATED : ERR_MALFORMED;
    while (at < bytes.len) {
        const uint8_t *lf = memchr(bytes.at + at, '\n', bytes.len - at);
        size_t next;

        if (!lf)
            break;
        next = (size_t)(lf - bytes.at) + 1;
        TRY(line_check(bytes, at, next - 1));
        if (next - at == 2) {
            *len_out = next;
            return ERR_OK;
        }
        at = next;
    }
    *scanned = at;
    return ERR_TRUNCATED;
}

static enum http_method method_of(struct view v)
{
    static const struct {
        const char *name;
        enum http_method method;
    } table[] = {
        {"GET", HTTP_GET},   {"HEAD", HTTP_HEAD},     {"PUT", HTTP_PUT},
        {"POST", HTTP_POST}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS},
    };

    for (size_t i = 0; i < ARRAY_COUNT(table); i++)
        if (view_is(v, table[i].name))
            return table[i].method;
    return HTTP_METHOD_OTHER;
}

/* The request line "METHOD SP target SP HTTP/d.d": is it only the version that is strange? */
static bool has_other_version(struct view head)
{
    struct view line = view_upto(head, view_index(head, '\r'));
    const uint8_t *v;

    if (line.len < 9)
        return false;
    v = line.at + line.len - 9;
    return memcmp(v, " HTTP/", 6) == 0 && v[6] >= '0' && v[6] <= '9' && v[7] == '.' &&
           v[8] >= '0' && v[8] <= '9';
}

/* "METHOD SP target SP HTTP/1.1" and nothing else; llhttp skips further spaces. */
static bool is_line_exact(struct view head, const struct scan *scan)
{
    return view_index(head, '\r') == scan->method.len + 1 + scan->target.len + strlen(" HTTP/1.1");
}

static const struct head_refusal *refusal_of(enum scan_verdict verdict, struct view head)
{
    switch (verdict) {
    case SCAN_FITS:
        return NULL;
    case SCAN_UNKNOWN_METHOD:
        if (is_token(view_upto(head, view_index(head, ' '))) && has_other_version(head))
            return &bad_method;
        return &head_malformed;
    case SCAN_WRONG_VERSION:
        return has_other_version(head) ? &bad_version : &head_malformed;
    case SCAN_TOO_MANY_FIELDS:
        return &head_too_large;
    case SCAN_MALFORMED:
        break;
    }
    /* The preface of HTTP/2, which llhttp knows and waits to see more of. */
    return view_starts(head, VIEW("PRI * HTTP/2.0\r\n")) ? &bad_version : &head_malformed;
}

static const struct head_refusal *
fields_take(const struct scan *scan, struct region *region, struct http_request *q)
{
    struct http_header *headers =
        region_take(region, sizeof(*headers) * MAX(scan->field_count, 1u));

    if (!headers)
        return &no_memory;
    for (unsigned i = 0; i < scan->field_count; i++) {
        if (!is_token(scan->fields[i].name))
            return &bad_name;
        headers[i].name = scan->fields[i].name;
        headers[i].value = view_trim(scan->fields[i].value);
    }
    q->headers = headers;
    q->header_count = scan->field_count;
    return NULL;
}

static bool is_authority(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i];

        if (c <= ' ' || c >= 0x7f || strchr("/?#@,\\\"<>", c))
            return false;
    }
    return true;
}

static const struct head_refusal *host_take(struct http_request *q, bool is_http10)
{
    unsigned count = http_header_count(q, "host");

    if (count > 1 || (count == 0 && !is_http10))
        return &bad_host;
    q->host = count ? http_header(q, "host") : view_of(q->target.at, 0);
    return is_authority(q->host) ? NULL : &bad_host;
}

/*
 * "http://host/path" (RFC 9112 section 3.2.2): the authority in the target counts. One that differs
 * from Host is not worth guessing about.
 */
static const struct head_refusal *absolute_take(struct http_request *q)
{
    struct view rest = q->target;
    struct view authority;
    size_t end = 0;

    if (view_starts_nocase(rest, VIEW("http://")))
        rest = view_from(rest, 7);
    else if (view_starts_nocase(rest, VIEW("https://")))
        rest = view_from(rest, 8);
    else
        return &bad_target;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    authority = view_upto(rest, end);
    if (!authority.len || !is_authority(authority))
        return &bad_target;
    if (q->host.len && !view_eq_nocase(authority, q->host))
        return &bad_host;
    q->host = authority;
    q->target = view_from(rest, end);
    return NULL;
}

static const struct head_refusal *target_take(struct http_request *q)
{
    size_t mark;

    for (size_t i = 0; i < q->target.len; i++)
        if (q->target.at[i] <= ' ' || q->target.at[i] == 0x7f || q->target.at[i] == '#')
            return &bad_target;
    if (!q->target.len)
        return &bad_target;
    if (view_is(q->target, "*")) {
        if (q->method != HTTP_OPTIONS)
            return &bad_target;
    } else if (q->target.at[0] != '/') {
        const struct head_refusal *no = absolute_take(q);

        if (no)
            return no;
    }
    mark = view_index(q->target, '?');
    q->path = view_upto(q->target, mark);
    q->query = mark == SIZE_MAX ? view_of(q->target.at + q->target.len, 0)
                                : view_from(q->target, mark + 1);
    if (!q->path.len) /* "http://host" and "http://host?query": RFC 9110 section 4.2.3 */
        q->path = VIEW("/");
    if (!q->target.len)
        q->target = VIEW("/");
    return NULL;
}

static const struct head_refusal *length_take(struct http_request *q)
{
    unsigned count = http_header_count(q, "content-length");

    q->has_content_length = count > 0;
    q->content_length = 0;
    if (count == 0)
        return NULL;
    if (count > 1 || text_to_u64(http_header(q, "content-length"), &q->content_length))
        return &bad_length;
    return q->content_length > INT64_MAX ? &bad_length : NULL;
}

/* A list of codings: chunked must be there once, as the last (RFC 9112 section 6.3). */
static const struct head_refusal *coding_check(struct view list)
{
    unsigned count = 0, chunked = 0;
    bool is_last = false;
    struct view part;

    while (view_split(&list, ',', &part)) {
        is_last = view_eq_nocase(view_trim(part), VIEW("chunked"));
        chunked += is_last;
        count++;
    }
    if (chunked > 1 || (chunked && !is_last) || !count)
        return &bad_coding;
    return chunked && count == 1 ? NULL : &unknown_coding;
}

static const struct head_refusal *coding_take(struct http_request *q, struct head_framing *framing)
{
    unsigned count = http_header_count(q, "transfer-encoding");
    const struct head_refusal *no;
    struct view list;

    q->is_chunked = false;
    if (count == 0)
        return NULL;
    list = http_header(q, "transfer-encoding");
    if (count > 1 || framing->is_http10 || view_index(list, ',') == list.len - 1)
        return &bad_coding;
    no = coding_check(list);
    if (no)
        return no;
    q->is_chunked = true;
    if (!q->has_content_length)
        return NULL;
    /* The one exception; see request.h. */
    if (!view_starts(http_header(q, "x-amz-content-sha256"), VIEW("STREAMING-")) ||
        http_header_count(q, "x-amz-content-sha256") != 1)
        return &both_lengths;
    q->has_content_length = false;
    q->content_length = 0;
    framing->is_close_demanded = true;
    return NULL;
}

static void expect_take(struct http_request *q, const struct head_framing *framing)
{
    unsigned count = http_header_count(q, "expect");

    q->expects_continue = false;
    if (count == 0 || framing->is_http10)
        return;
    /* Another expectation may be refused (RFC 9110 section 10.1.1); S3 passes it over. */
    q->expects_continue =
        count == 1 && view_eq_nocase(http_header(q, "expect"), VIEW("100-continue"));
}

static void connection_take(const struct http_request *q, struct head_framing *framing)
{
    bool has_close = false, has_keep = false;

    for (unsigned i = 0; i < q->header_count; i++) {
        struct view list = q->headers[i].value, part;

        if (!view_eq_nocase(q->headers[i].name, VIEW("connection")))
            continue;
        while (view_split(&list, ',', &part)) {
            has_close |= view_eq_nocase(view_trim(part), VIEW("close"));
            has_keep |= view_eq_nocase(view_trim(part), VIEW("keep-alive"));
        }
    }
    framing->is_keep_alive = !has_close && (has_keep || !framing->is_http10);
}

static const struct head_refusal *fill(
    const struct scan *scan, struct region *region, struct http_request *q,
    struct head_framing *framing)
{
    const struct head_refusal *no;

    *framing = (struct head_framing){.is_http10 = scan->minor == 0};
    if (scan->major != 1 || scan->minor > 1)
        return &bad_version;
    q->method = method_of(scan->method);
    q->method_text = scan->method;
    q->target = scan->target;
    if ((no = fields_take(scan, region, q)) || (no = host_take(q, framing->is_http10)) ||
        (no = target_take(q)) || (no = length_take(q)) || (no = coding_take(q, framing)))
        return no;
    expect_take(q, framing);
    connection_take(q, framing);
    return NULL;
}

enum err head_parse(
    struct view head, struct region *region, struct http_request *q, struct head_framing *framing,
    struct head_refusal *refusal_out)
{
    const struct head_refusal *no;
    struct view copy;
    struct scan scan;

    assert(head.len <= HTTP_HEAD_BYTES_MAX);
    copy = region_copy(region, view_from(head, empty_lines_in_front(head)));
    if (!copy.at) {
        *refusal_out = no_memory;
        return ERR_BUSY;
    }
    no = refusal_of(scan_head(copy, &scan), copy);
    if (!no && !is_line_exact(copy, &scan))
        no = scan.major == 0 ? &bad_version : &head_malformed;
    if (!no)
        no = fill(&scan, region, q, framing);
    if (!no)
        return ERR_OK;
    *refusal_out = *no;
    return no == &no_memory ? ERR_BUSY : ERR_MALFORMED;
}
