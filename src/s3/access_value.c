#include "s3/access_value.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "s3/s3.h"

enum { HEADER_NAME_BYTES_MAX = 80, DAY_MS = 24 * 60 * 60 * 1000 };

/* A key has one value (at == NULL: absent), but for the tag keys. */
typedef struct view get_fn(struct access_value *x);

/* --- who ---------------------------------------------------------------------------------- */

static struct view user_name(struct access_value *x)
{
    const struct iam_user *u = x->request->user;

    return u && !u->is_root ? u->name : VIEW_EMPTY;
}

/* Of an account's owner the account; people have no id but their name. */
static struct view user_id(struct access_value *x)
{
    const struct iam_user *u = x->request->user;

    if (!u)
        return VIEW("anonymous");
    return u->owns_account ? u->id : u->name;
}

static struct view principal_arn(struct access_value *x)
{
    return x->request->user ? x->request->user->arn : VIEW_EMPTY;
}

static struct view principal_account(struct access_value *x)
{
    return x->request->user ? x->request->user->id : VIEW_EMPTY;
}

static struct view principal_type(struct access_value *x)
{
    const struct iam_user *u = x->request->user;

    if (!u)
        return VIEW("Anonymous");
    return u->owns_account ? VIEW("Account") : VIEW("User");
}

static struct view no(struct access_value *x)
{
    (void)x;
    return VIEW("false");
}

/* --- how it came -------------------------------------------------------------------------- */

static struct view source_ip(struct access_value *x)
{
    return x->request->source_ip;
}

static struct view is_secure(struct access_value *x)
{
    return x->request->is_secure ? VIEW("true") : VIEW("false");
}

static struct view user_agent(struct access_value *x)
{
    return http_header(x->request->http, "user-agent");
}

static struct view referer(struct access_value *x)
{
    return http_header(x->request->http, "referer");
}

static struct view date_text(char to[ACCESS_VALUE_BYTES], int64_t ms)
{
    struct buf b = buf_over(to, ACCESS_VALUE_BYTES);

    text_put_iso_date(&b, ms);
    return buf_view(&b);
}

static struct view number_text(char to[ACCESS_VALUE_BYTES], int64_t n)
{
    int len = snprintf(to, ACCESS_VALUE_BYTES, "%" PRId64, n);

    return view_of(to, (size_t)len);
}

static struct view current_time(struct access_value *x)
{
    return date_text(x->date, x->request->now_ms);
}

static struct view epoch_time(struct access_value *x)
{
    return number_text(x->epoch, x->request->now_ms / 1000);
}

static struct view auth_type(struct access_value *x)
{
    const struct s3_request *r = x->request;

    if (!r->user)
        return VIEW_EMPTY;
    if (view_is(view_str(r->op->name), "PostObject"))
        return VIEW("POST");
    return r->auth.form == SIGV4_PRESIGNED ? VIEW("REST-QUERY-STRING") : VIEW("REST-HEADER");
}

static struct view signature_version(struct access_value *x)
{
    if (!x->request->user)
        return VIEW_EMPTY;
    return x->request->auth.is_v2 ? VIEW("AWS") : VIEW("AWS4-HMAC-SHA256");
}

static struct view signature_age(struct access_value *x)
{
    const struct s3_request *r = x->request;

    if (!r->user || r->auth.form == SIGV4_ANONYMOUS)
        return VIEW_EMPTY;
    return number_text(x->age, MAX(r->now_ms - r->auth.date_ms, 0));
}

/* --- what it is about --------------------------------------------------------------------- */

static struct view region(struct access_value *x)
{
    return x->request->service->region;
}

static struct view resource_account(struct access_value *x)
{
    return x->ask->bucket ? access_bucket_owner(x->request->service, x->ask->bucket) : VIEW_EMPTY;
}

static struct view version_id(struct access_value *x)
{
    return x->ask->version_id;
}

static struct view location(struct access_value *x)
{
    return x->ask->location;
}

static bool is_listing(const struct access_value *x)
{
    return x->request->op->level == S3_BUCKET && x->ask->key.len == 0;
}

static struct view list_param(struct access_value *x, const char *name)
{
    return is_listing(x) ? s3_param(x->request, name) : VIEW_EMPTY;
}

static struct view prefix(struct access_value *x)
{
    if (x->ask->prefix.at)
        return x->ask->prefix;
    return list_param(x, "prefix");
}

static struct view delimiter(struct access_value *x)
{
    return list_param(x, "delimiter");
}

static struct view max_keys(struct access_value *x)
{
    return list_param(x, "max-keys");
}

static struct view if_match(struct access_value *x)
{
    return http_header(x->request->http, "if-match");
}

static struct view if_none_match(struct access_value *x)
{
    return http_header(x->request->http, "if-none-match");
}

/* Does it make an object, and not a part of one? */
static struct view creates_object(struct access_value *x)
{
    static const char *const names[] = {
        "PutObject", "CopyObject", "CompleteMultipartUpload", "PostObject"};

    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(x->request->op->name, names[i]) == 0)
            return VIEW("true");
    return VIEW("false");
}

/* As policies write it: decoded, without a slash in front. Else another spelling of the same source
 * would pass. */
static struct view copy_source(struct access_value *x)
{
    struct view v = s3_header(x->request, "x-amz-copy-source");
    uint8_t *to = v.at ? region_take(x->request->region, v.len + 1) : NULL;
    size_t len = 0;

    if (!v.at)
        return VIEW_EMPTY;
    if (!to || text_from_uri(v, false, to, v.len, &len)) {
        x->failed |= !to;
        return v;
    }
    v = view_of(to, len);
    return view_starts(v, VIEW("/")) ? view_from(v, 1) : v;
}

/* --- locks: of the body where there is one, else of the headers ----------------------------- */

static struct view lock_mode(struct access_value *x)
{
    const struct lock *l = x->request->request_lock;

    if (!l)
        return s3_header(x->request, "x-amz-object-lock-mode");
    return l->mode ? view_str(lock_mode_name(l->mode)) : VIEW_EMPTY;
}

static struct view lock_hold(struct access_value *x)
{
    const struct lock *l = x->request->request_lock;

    if (!l)
        return s3_header(x->request, "x-amz-object-lock-legal-hold");
    if (!l->hold_was_set)
        return VIEW_EMPTY;
    return l->has_hold ? VIEW("ON") : VIEW("OFF");
}

static bool lock_until_ms(const struct access_value *x, int64_t *ms_out)
{
    const struct lock *l = x->request->request_lock;

    if (!l)
        return !text_to_iso_date(
            s3_header(x->request, "x-amz-object-lock-retain-until-date"), ms_out);
    *ms_out = l->until_ms;
    return l->mode != LOCK_NONE;
}

static struct view lock_until(struct access_value *x)
{
    int64_t ms;

    return lock_until_ms(x, &ms) ? date_text(x->until, ms) : VIEW_EMPTY;
}

static struct view lock_days(struct access_value *x)
{
    int64_t ms;

    if (!lock_until_ms(x, &ms))
        return VIEW_EMPTY;
    int64_t left_ms = ms - x->request->now_ms; /* a day that has begun counts */
    return number_text(x->days, left_ms > 0 ? (left_ms + DAY_MS - 1) / DAY_MS : 0);
}

/* --- tags --------------------------------------------------------------------------------- */

static const struct tags *request_tags(struct access_value *x)
{
    const struct s3_request *r = x->request;
    struct view header = s3_header(r, "x-amz-tagging");
    const char *detail;

    if (r->request_tags)
        return r->request_tags;
    if (!x->has_request_tags && header.at) {
        /* A broken header is refused by the operation, whatever is decided here. */
        enum s3_code code = tags_from_header(header, r->region, &x->request_tags, &detail);
        x->failed |= code == S3_SlowDown;
        if (code)
            x->request_tags.count = 0;
    }
    x->has_request_tags = true;
    return &x->request_tags;
}

static const struct tags *existing_tags(struct access_value *x)
{
    if (!x->has_existing_tags && x->ask->object &&
        tags_decode(x->ask->object->tags, x->request->region, &x->existing_tags)) {
        x->existing_tags.count = 0;
        x->failed = true;
    }
    x->has_existing_tags = true;
    return &x->existing_tags;
}

static bool tag_value(const struct tags *t, struct view key, struct view *value_out)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (!view_eq(t->at[i].key, key))
            continue;
        *value_out = t->at[i].value;
        if (!value_out->at)
            *value_out = VIEW("");
        return true;
    }
    return false;
}

static bool tag_key(const struct tags *t, unsigned index, struct view *value_out)
{
    if (index >= t->count)
        return false;
    *value_out = t->at[index].key;
    return true;
}

/* --- by key ------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    get_fn *get;
} keys[] = {
    {"aws:currenttime", current_time},
    {"aws:epochtime", epoch_time},
    {"aws:principalaccount", principal_account},
    {"aws:principalarn", principal_arn},
    {"aws:principalisawsservice", no},
    {"aws:principaltype", principal_type},
    {"aws:referer", referer},
    {"aws:requestedregion", region},
    {"aws:resourceaccount", resource_account},
    {"aws:securetransport", is_secure},
    {"aws:sourceip", source_ip},
    {"aws:useragent", user_agent},
    {"aws:userid", user_id},
    {"aws:username", user_name},
    {"aws:viaawsservice", no},
    {"s3:authtype", auth_type},
    {"s3:delimiter", delimiter},
    {"s3:if-match", if_match},
    {"s3:if-none-match", if_none_match},
    {"s3:locationconstraint", location},
    {"s3:max-keys", max_keys},
    {"s3:object-lock-legal-hold", lock_hold},
    {"s3:object-lock-mode", lock_mode},
    {"s3:object-lock-remaining-retention-days", lock_days},
    {"s3:object-lock-retain-until-date", lock_until},
    {"s3:objectcreationoperation", creates_object},
    {"s3:prefix", prefix},
    {"s3:resourceaccount", resource_account},
    {"s3:signatureage", signature_age},
    {"s3:signatureversion", signature_version},
    {"s3:versionid", version_id},
    {"s3:x-amz-copy-source", copy_source},
};

/* "s3:x-amz-acl" and all others are the headers of that name. */
static struct view header_value(const struct access_value *x, struct view key)
{
    char name[HEADER_NAME_BYTES_MAX];

    key = view_from(key, strlen("s3:"));
    if (!view_starts(key, VIEW("x-amz-")) || key.len >= sizeof name)
        return VIEW_EMPTY;
    memcpy(name, key.at, key.len);
    name[key.len] = 0;
    return s3_header(x->request, name);
}

static bool is_tag_key(struct view key, struct view prefix_text, struct view *name_out)
{
    *name_out = view_from(key, prefix_text.len);
    return view_starts(key, prefix_text);
}

bool access_value(
    const struct policy_request *q, struct view key, unsigned index, struct view *value_out)
{
    struct access_value *x = q->ctx;
    struct view name, v = VIEW_EMPTY;

    if (view_is(key, "s3:requestobjecttagkeys") || view_is(key, "aws:tagkeys"))
        return tag_key(request_tags(x), index, value_out);
    if (index > 0)
        return false;
    if (is_tag_key(key, VIEW("s3:existingobjecttag/"), &name))
        return tag_value(existing_tags(x), name, value_out);
    if (is_tag_key(key, VIEW("s3:requestobjecttag/"), &name) ||
        is_tag_key(key, VIEW("aws:requesttag/"), &name))
        return tag_value(request_tags(x), name, value_out);
    for (size_t i = 0; i < ARRAY_COUNT(keys) && !v.at; i++)
        if (view_is(key, keys[i].key))
            v = keys[i].get(x);
    if (!v.at && view_starts(key, VIEW("s3:x-amz-")))
        v = header_value(x, key);
    *value_out = v;
    return v.at != NULL;
}
