/*
 * Input: which headers are there, a time, then their values, one a line.
 *
 * Invariants. If-Match decides without a look at If-Unmodified-Since, If-None-Match without one at
 * If-Modified-Since. A false If-Match always fails, and what If-None-Match names never holds. Weak
 * comparison names more. The tag itself, put at the end of any list, is named.
 */
#include "s3/conditions.h"

#include "fuzz.h"

enum { TEXT_BYTES_MAX = 2048 };
static const struct view etag = VIEW("0123456789abcdef-2");

static enum conditions_verdict check(struct conditions c, int64_t mtime_ms)
{
    enum conditions_verdict verdict = conditions_check(&c, etag, mtime_ms);

    MUST(verdict == conditions_check(&c, etag, mtime_ms));
    return verdict;
}

static void check_dates_do_not_matter(struct conditions c, int64_t mtime_ms)
{
    struct conditions bare = c;

    if (c.if_match.at)
        bare.if_unmodified_since = VIEW_EMPTY;
    if (c.if_none_match.at)
        bare.if_modified_since = VIEW_EMPTY;
    MUST(check(bare, mtime_ms) == check(c, mtime_ms));
}

static void check_lists(struct view list)
{
    static uint8_t text[TEXT_BYTES_MAX + 64];
    struct buf b = buf_over(text, sizeof text);
    bool strong = conditions_names(list, etag, false), weak = conditions_names(list, etag, true);

    MUST(weak || !strong); /* weak comparison accepts more */
    buf_put(&b, list);
    buf_put_str(&b, ", \"0123456789abcdef-2\"");
    MUST(conditions_names(buf_view(&b), etag, false));
    struct view inner = conditions_unquote(list);
    MUST(inner.len <= list.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = view_of(data, MIN(size, TEXT_BYTES_MAX)), line[4] = {{0}};
    uint8_t which = fuzz_byte(&v);
    int64_t mtime_ms = (int64_t)(fuzz_number(&v) % 4102444800000u);

    for (unsigned i = 0; i < 4; i++)
        (void)view_split(&v, '\n', &line[i]);
    for (unsigned i = 0; i < 4; i++)
        line[i] =
            which >> i & 1 ? view_of(line[i].at ? line[i].at : data, line[i].len) : VIEW_EMPTY;
    const struct conditions c = {
        .if_match = line[0],
        .if_none_match = line[1],
        .if_modified_since = line[2],
        .if_unmodified_since = line[3],
    };
    check_dates_do_not_matter(c, mtime_ms);
    if (c.if_match.at && !conditions_names(c.if_match, etag, false))
        MUST(check(c, mtime_ms) == CONDITIONS_FAILED);
    else if (c.if_none_match.at && conditions_names(c.if_none_match, etag, true))
        MUST(check(c, mtime_ms) != CONDITIONS_HOLD);
    check_lists(line[0].at ? line[0] : VIEW(""));
    (void)conditions_range_holds(line[1], etag, mtime_ms);
    return 0;
}
