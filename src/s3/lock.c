#include "s3/lock.h"

#include <assert.h>

#include "base/text.h"
#include "s3/xml.h"

static const int64_t DAY_MS = 86400000;

static const char not_future[] = "The retain until date must be in the future!";

/* --- what is forbidden -------------------------------------------------------------------- */

static bool retains(const struct lock *l, int64_t now_ms)
{
    return l->mode != LOCK_NONE && l->until_ms > now_ms;
}

static enum s3_code check_retention(const struct lock *l, int64_t now_ms, bool may_bypass)
{
    if (!retains(l, now_ms))
        return S3_None;
    return l->mode == LOCK_GOVERNANCE && may_bypass ? S3_None : S3_AccessDenied;
}

enum s3_code lock_check_remove(const struct lock *l, int64_t now_ms, bool may_bypass)
{
    return l->has_hold ? S3_AccessDenied : check_retention(l, now_ms, may_bypass);
}

enum s3_code
lock_check_change(const struct lock *from, const struct lock *to, int64_t now_ms, bool may_bypass)
{
    if (to->mode == from->mode && to->until_ms >= from->until_ms)
        return S3_None;
    return check_retention(from, now_ms, may_bypass);
}

void lock_apply_default(const struct lock_default *d, int64_t now_ms, struct lock *l_out)
{
    if (!d->is_enabled || d->mode == LOCK_NONE)
        return;
    assert(d->days <= LOCK_DAYS_MAX && d->years <= LOCK_YEARS_MAX);
    l_out->mode = d->mode;
    l_out->until_ms = now_ms + ((int64_t)d->days + (int64_t)d->years * 365) * DAY_MS;
}

/* --- texts -------------------------------------------------------------------------------- */

const char *lock_mode_name(enum lock_mode mode)
{
    assert(mode == LOCK_GOVERNANCE || mode == LOCK_COMPLIANCE);
    return mode == LOCK_GOVERNANCE ? "GOVERNANCE" : "COMPLIANCE";
}

bool lock_read_mode(struct view text, enum lock_mode *mode_out)
{
    if (view_is(text, "GOVERNANCE"))
        *mode_out = LOCK_GOVERNANCE;
    else if (view_is(text, "COMPLIANCE"))
        *mode_out = LOCK_COMPLIANCE;
    else
        return false;
    return true;
}

bool lock_read_hold(struct view text, struct lock *l)
{
    if (!view_is(text, "ON") && !view_is(text, "OFF"))
        return false;
    l->hold_was_set = true;
    l->has_hold = view_is(text, "ON");
    return true;
}

enum s3_code lock_check_until(int64_t until_ms, int64_t now_ms, const char **detail_out)
{
    if (until_ms > now_ms)
        return S3_None;
    *detail_out = not_future;
    return S3_InvalidArgument;
}

/* --- XML ---------------------------------------------------------------------------------- */

enum s3_code lock_read_retention(
    const struct xml_node *root, int64_t now_ms, struct lock *l, const char **detail_out)
{
    struct view mode = xml_child_text(root, "Mode");
    struct view until = xml_child_text(root, "RetainUntilDate");

    l->mode = LOCK_NONE;
    l->until_ms = 0;
    if (!view_is(root->name, "Retention") || !xml_has_only(root, "Mode RetainUntilDate"))
        return S3_MalformedXML;
    if (!mode.at && !until.at) /* none any more */
        return S3_None;
    if (!lock_read_mode(mode, &l->mode) || text_to_iso_date(until, &l->until_ms))
        return S3_MalformedXML;
    return lock_check_until(l->until_ms, now_ms, detail_out);
}

/* A number of a schema that has negative ones: they are numbers, but no periods. */
static enum s3_code read_period(struct view text, unsigned max, unsigned *n_out)
{
    bool is_negative = view_starts(text, VIEW("-"));
    uint64_t n;

    if (text_to_u64(view_from(text, is_negative), &n))
        return S3_MalformedXML;
    if (is_negative || n == 0 || n > max)
        return S3_InvalidRetentionPeriod;
    *n_out = (unsigned)n;
    return S3_None;
}

static enum s3_code read_rule(const struct xml_node *rule, struct lock_default *d)
{
    const struct xml_node *retention = xml_child(rule, "DefaultRetention");

    if (!xml_has_only(rule, "DefaultRetention") || !retention ||
        !xml_has_only(retention, "Mode Days Years") ||
        !lock_read_mode(xml_child_text(retention, "Mode"), &d->mode))
        return S3_MalformedXML;
    struct view days = xml_child_text(retention, "Days");
    struct view years = xml_child_text(retention, "Years");
    if (!days.at == !years.at) /* one of them */
        return S3_MalformedXML;
    return days.at ? read_period(days, LOCK_DAYS_MAX, &d->days)
                   : read_period(years, LOCK_YEARS_MAX, &d->years);
}

enum s3_code lock_read_default(const struct xml_node *root, struct lock_default *d_out)
{
    struct lock_default d = {.is_enabled = true};
    const struct xml_node *rule = xml_child(root, "Rule");
    enum s3_code code = S3_None;

    if (!view_is(root->name, "ObjectLockConfiguration") ||
        !xml_has_only(root, "ObjectLockEnabled Rule") ||
        !view_is(xml_child_text(root, "ObjectLockEnabled"), "Enabled"))
        return S3_MalformedXML;
    if (rule)
        code = read_rule(rule, &d);
    if (!code)
        *d_out = d;
    return code;
}
