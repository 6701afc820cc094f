/*
 * Input: split seed, then bytes of a connection.
 *
 * Invariants. head_find gives the same answer byte by byte as at once, and never past the input. An
 * accepted head has exactly one Host (HTTP/1.0: at most one), a target that is its path, '?' and
 * query, names that are tokens, values without line ends or blanks around, and one framing.
 */
#include "http/head.h"

#include "fuzz.h"

enum { HEAD_MAX = HTTP_HEAD_BYTES_MAX, BLOCKS = 64 };

/* The verdict on growing prefixes, as a connection would ask. */
static enum err find_growing(struct view v, struct fuzz_dice *dice, size_t *len_out)
{
    size_t have = 0, scanned = 0;
    enum err e = ERR_TRUNCATED;

    while (e == ERR_TRUNCATED && have < v.len) {
        have += fuzz_roll(dice, v.len - have);
        e = head_find(view_upto(v, have), &scanned, len_out);
        MUST(scanned <= have);
    }
    return e;
}

static bool is_token(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] <= ' ' || v.at[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", v.at[i]))
            return false;
    return v.len > 0;
}

static void check_fields(const struct http_request *q)
{
    MUST(q->header_count <= HTTP_HEADERS_MAX);
    for (unsigned i = 0; i < q->header_count; i++) {
        struct view value = q->headers[i].value;

        MUST(is_token(q->headers[i].name));
        MUST(view_index(value, '\r') == SIZE_MAX && view_index(value, '\n') == SIZE_MAX);
        MUST(view_index(value, 0) == SIZE_MAX);
        MUST(view_trim(value).len == value.len);
    }
}

static void check_target(const struct http_request *q)
{
    struct view whole = q->target;

    if (view_starts(whole, VIEW("?"))) { /* "http://host?query": the path "/" is understood */
        MUST(view_is(q->path, "/"));
    } else {
        MUST(view_starts(whole, q->path));
        whole = view_from(whole, q->path.len);
    }
    MUST(whole.len == 0 ? q->query.len == 0 : whole.at[0] == '?');
    if (whole.len > 0)
        MUST(view_eq(view_from(whole, 1), q->query));
    for (size_t i = 0; i < q->target.len; i++)
        MUST(q->target.at[i] > ' ');
}

static void check_accepted(const struct http_request *q, const struct head_framing *framing)
{
    MUST(is_token(q->method_text));
    check_fields(q);
    check_target(q);
    MUST(http_header_count(q, "host") <= 1);
    MUST(framing->is_http10 || http_header_count(q, "host") == 1);
    MUST(http_header_count(q, "content-length") <= 1);
    if (q->is_chunked && http_header_count(q, "content-length"))
        MUST(framing->is_close_demanded);
    MUST(!q->is_chunked || !framing->is_http10);
}

static void parse(struct view head)
{
    struct region_pool pool;
    struct region region;
    struct http_request q;
    struct head_framing framing;
    struct head_refusal refusal = {0};

    memset(&q, 0, sizeof q);
    region_pool_init(&pool, BLOCKS);
    region_init(&region, &pool);
    if (head_parse(head, &region, &q, &framing, &refusal))
        MUST(refusal.status >= 400 && refusal.code && refusal.text);
    else
        check_accepted(&q, &framing);
    region_done(&region);
    region_pool_done(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, MIN(size, HEAD_MAX));
    struct fuzz_dice dice = fuzz_dice(fuzz_byte(&v));
    size_t scanned = 0, len = 0, grown_len = 0;
    enum err e = head_find(v, &scanned, &len), grown = find_growing(v, &dice, &grown_len);

    if (v.len > 0)
        MUST(e == grown);
    if (e)
        return 0;
    MUST(len == grown_len && len <= v.len);
    parse(view_upto(v, len));
    return 0;
}
