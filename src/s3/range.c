#include "s3/range.h"

#include "base/text.h"

struct spec {
    bool has_first, has_last;
    uint64_t first, last; /* without first: last is the length of the suffix */
};

/* A number too large to hold is still a number: it lies behind every end. */
static enum err take_number(struct view v, uint64_t *n_out)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] < '0' || v.at[i] > '9')
            return ERR_MALFORMED;
    if (v.len == 0)
        return ERR_MALFORMED;
    if (text_to_u64(v, n_out))
        *n_out = UINT64_MAX;
    return ERR_OK;
}

static enum err take_spec(struct view text, struct spec *out)
{
    struct view first, last;

    *out = (struct spec){0};
    text = view_trim(text);
    if (!view_starts_nocase(text, VIEW("bytes=")))
        return ERR_MALFORMED;
    text = view_trim(view_from(text, 6));
    size_t dash = view_index(text, '-');
    if (dash == SIZE_MAX)
        return ERR_MALFORMED;
    first = view_trim(view_upto(text, dash));
    last = view_trim(view_from(text, dash + 1));
    out->has_first = first.len > 0;
    out->has_last = last.len > 0;
    if (!out->has_first && !out->has_last)
        return ERR_MALFORMED;
    if (out->has_first)
        TRY(take_number(first, &out->first));
    if (out->has_last)
        TRY(take_number(last, &out->last));
    return out->has_first && out->has_last && out->first > out->last ? ERR_MALFORMED : ERR_OK;
}

enum range_verdict range_resolve(struct view text, uint64_t size, struct range *range_out)
{
    struct spec s;

    *range_out = (struct range){0, size};
    if (!text.at || take_spec(text, &s)) /* a list of ranges has a comma, which is no digit */
        return RANGE_WHOLE;
    if (!s.has_first) {
        uint64_t len = MIN(s.last, size);

        if (len == 0)
            return RANGE_UNSATISFIABLE;
        *range_out = (struct range){size - len, len};
        return RANGE_PART;
    }
    if (s.first >= size)
        return RANGE_UNSATISFIABLE;
    uint64_t last = s.has_last ? MIN(s.last, size - 1) : size - 1;
    *range_out = (struct range){s.first, last - s.first + 1};
    return RANGE_PART;
}

enum err range_resolve_strict(struct view text, uint64_t size, struct range *range_out)
{
    struct spec s;

    TRY(take_spec(text, &s));
    if (!s.has_first || !s.has_last)
        return ERR_MALFORMED;
    if (s.last >= size)
        return ERR_INVALID;
    *range_out = (struct range){s.first, s.last - s.first + 1};
    return ERR_OK;
}
