#include "s3/conditions.h"

#include "base/text.h"

struct view conditions_unquote(struct view etag)
{
    etag = view_trim(etag);
    if (etag.len >= 2 && etag.at[0] == '"' && etag.at[etag.len - 1] == '"')
        return view_of(etag.at + 1, etag.len - 2);
    return etag;
}

bool conditions_names(struct view list, struct view etag, bool weak_counts)
{
    struct view part;

    if (view_is(view_trim(list), "*"))
        return true;
    while (view_split(&list, ',', &part)) {
        part = view_trim(part);
        if (view_starts(part, VIEW("W/"))) {
            if (!weak_counts)
                continue;
            part = view_from(part, 2);
        }
        if (view_eq(conditions_unquote(part), etag))
            return true;
    }
    return false;
}

/* HTTP dates have whole seconds: an object is not newer than the second it was written in. */
static bool is_newer(int64_t mtime_ms, int64_t date_ms)
{
    return mtime_ms / 1000 > date_ms / 1000;
}

static bool read_date(struct view v, int64_t *ms_out)
{
    return v.at && text_to_http_date(v, ms_out) == ERR_OK;
}

enum conditions_verdict
conditions_check(const struct conditions *c, struct view etag, int64_t mtime_ms)
{
    int64_t date_ms;

    if (c->if_match.at) {
        if (!conditions_names(c->if_match, etag, false))
            return CONDITIONS_FAILED;
    } else if (read_date(c->if_unmodified_since, &date_ms) && is_newer(mtime_ms, date_ms)) {
        return CONDITIONS_FAILED;
    }
    if (c->if_none_match.at)
        return conditions_names(c->if_none_match, etag, true) ? CONDITIONS_NOT_MODIFIED
                                                              : CONDITIONS_HOLD;
    if (read_date(c->if_modified_since, &date_ms) && !is_newer(mtime_ms, date_ms))
        return CONDITIONS_NOT_MODIFIED;
    return CONDITIONS_HOLD;
}

bool conditions_range_holds(struct view if_range, struct view etag, int64_t mtime_ms)
{
    int64_t date_ms;

    if (!if_range.at)
        return true;
    if (read_date(if_range, &date_ms))
        return mtime_ms / 1000 == date_ms / 1000;
    return conditions_names(if_range, etag, false) && !view_is(view_trim(if_range), "*");
}
