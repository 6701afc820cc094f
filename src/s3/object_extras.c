#include "s3/object_extras.h"

#include "base/text.h"
#include "s3/access.h"
#include "s3/object_lock.h"
#include "s3/tags.h"

static const char bad_mode[] = "Unknown wormMode directive.";
static const char bad_until[] = "The retain until date must be provided in ISO 8601 format";
static const char bad_hold[] = "Legal Hold must be either of 'ON' or 'OFF'";
static const char needs_both[] =
    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
static const char needs_digest[] = "Content-MD5 OR x-amz-checksum- HTTP header is required for "
                                   "Put Object requests with Object Lock parameters";

static bool may(struct s3_request *r, const char *action, enum acl_right right)
{
    struct access_ask ask = {
        .action = action,
        .right = right,
        .bucket = r->conf,
        .key = r->key,
        .object_is_known = true,
    };

    return access_decide(r, &ask) == ACCESS_YES;
}

/* --- writes ------------------------------------------------------------------------------- */

static enum s3_code take_tags(
    struct s3_request *r, const struct object_extras *x, struct meta *m, const char **detail_out)
{
    struct tags set = {0};
    enum s3_code code;

    if (!x->tags.at)
        return S3_None;
    code = x->tags_are_xml ? tags_from_xml(x->tags, TAGS_OBJECT_MAX, r->region, &set, detail_out)
                           : tags_from_header(x->tags, r->region, &set, detail_out);
    if (code)
        return code;
    /* Part of a write: who may write by ACL may also tag what it writes. */
    if (set.count > 0 && !may(r, "s3:PutObjectTagging", ACL_BUCKET_WRITE))
        return S3_AccessDenied;
    return tags_encode(&set, r->region, &m->tags) ? S3_SlowDown : S3_None;
}

static enum s3_code take_retention(
    struct s3_request *r, const struct object_extras *x, struct lock *l, const char **detail_out)
{
    if (!x->mode.at && !x->until.at)
        return S3_None;
    if (!x->mode.at || !x->until.at)
        *detail_out = needs_both;
    else if (!lock_read_mode(x->mode, &l->mode))
        *detail_out = bad_mode;
    else if (text_to_iso_date(x->until, &l->until_ms))
        *detail_out = bad_until;
    else if (!lock_check_until(l->until_ms, r->now_ms, detail_out))
        return may(r, "s3:PutObjectRetention", ACL_NO_RIGHT) ? S3_None : S3_AccessDenied;
    return S3_InvalidArgument;
}

static enum s3_code take_hold(
    struct s3_request *r, const struct object_extras *x, struct lock *l, const char **detail_out)
{
    if (!x->hold.at)
        return S3_None;
    if (!lock_read_hold(x->hold, l)) {
        *detail_out = bad_hold;
        return S3_InvalidArgument;
    }
    return may(r, "s3:PutObjectLegalHold", ACL_NO_RIGHT) ? S3_None : S3_AccessDenied;
}

enum s3_code object_extras_take(
    struct s3_request *r, const struct object_extras *x, struct meta *m, const char **detail_out)
{
    enum s3_code code = take_tags(r, x, m, detail_out);

    if (!code && (x->mode.at || x->until.at || x->hold.at))
        code = object_lock_needs_bucket(r, detail_out);
    if (!code)
        code = take_retention(r, x, &m->lock, detail_out);
    return code ? code : take_hold(r, x, &m->lock, detail_out);
}

enum s3_code object_extras_read(struct s3_request *r, struct meta *m, const char **detail_out)
{
    struct object_extras x = {
        .tags = s3_header(r, "x-amz-tagging"),
        .mode = s3_header(r, "x-amz-object-lock-mode"),
        .until = s3_header(r, "x-amz-object-lock-retain-until-date"),
        .hold = s3_header(r, "x-amz-object-lock-legal-hold"),
    };

    return object_extras_take(r, &x, m, detail_out);
}

void object_extras_default(const struct s3_request *r, struct meta *m)
{
    if (m->lock.mode == LOCK_NONE)
        lock_apply_default(&r->conf->meta.lock, r->now_ms, &m->lock);
}

static bool has_checksum(const struct s3_request *r)
{
    for (unsigned i = 0; i < r->http->header_count; i++)
        if (view_starts_nocase(r->http->headers[i].name, VIEW("x-amz-checksum-")))
            return true;
    return s3_header(r, "x-amz-trailer").at || s3_header(r, "content-md5").at;
}

enum s3_code object_extras_check_body(const struct s3_request *r, const char **detail_out)
{
    struct view digest = s3_header(r, "x-amz-content-sha256");
    bool has_lock = s3_header(r, "x-amz-object-lock-mode").at ||
                    s3_header(r, "x-amz-object-lock-legal-hold").at;

    if (!has_lock || has_checksum(r) || (digest.at && !view_is(digest, "UNSIGNED-PAYLOAD")))
        return S3_None;
    *detail_out = needs_digest;
    return S3_InvalidRequest;
}

/* --- reads -------------------------------------------------------------------------------- */

static bool may_know(struct s3_request *r, const char *action, const struct meta *m)
{
    struct access_ask ask = {
        .action = action,
        .bucket = r->conf,
        .key = r->key,
        .version_id = s3_param(r, "versionId"),
        .object_is_known = true,
        .object = m,
    };

    return access_decide(r, &ask) == ACCESS_YES;
}

static unsigned count_tags(struct view blob)
{
    struct view part;
    unsigned texts = 0;

    while (blob.len > 0 && !view_take_lv(&blob, &part))
        texts++;
    return texts / 2;
}

static void put_retention(struct s3_request *r, const struct lock *l)
{
    char date[40];
    struct buf b = buf_over(date, sizeof date);

    text_put_iso_date(&b, l->until_ms);
    http_reply_header(r->http, "x-amz-object-lock-mode", view_str(lock_mode_name(l->mode)));
    http_reply_header(r->http, "x-amz-object-lock-retain-until-date", buf_view(&b));
}

void object_extras_reply(struct s3_request *r, const struct meta *m)
{
    const char *tagging =
        s3_param(r, "versionId").at ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging";

    if (m->tags.len > 0 && may_know(r, tagging, m))
        http_reply_headerf(r->http, "x-amz-tagging-count", "%u", count_tags(m->tags));
    if (m->lock.mode != LOCK_NONE && may_know(r, "s3:GetObjectRetention", m))
        put_retention(r, &m->lock);
    if (m->lock.hold_was_set && may_know(r, "s3:GetObjectLegalHold", m))
        http_reply_header(
            r->http, "x-amz-object-lock-legal-hold", m->lock.has_hold ? VIEW("ON") : VIEW("OFF"));
}
