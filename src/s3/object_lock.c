/*
 * GetObjectRetention, PutObjectRetention, GetObjectLegalHold, PutObjectLegalHold: of a version in a
 * bucket with object lock.
 */
#include "s3/object_lock.h"

#include "base/text.h"
#include "s3/object_setting.h"
#include "s3/ops.h"

enum { ANSWER_BYTES = 1024 };

static const char no_lock[] = "Bucket is missing Object Lock Configuration";
static const char is_retained[] = "Access Denied because object protected by object lock.";

enum s3_code object_lock_needs_bucket(const struct s3_request *r, const char **detail_out)
{
    if (r->conf->meta.lock.is_enabled)
        return S3_None;
    *detail_out = no_lock;
    return S3_InvalidRequest;
}

bool object_lock_may_bypass(struct s3_request *r, const struct access_ask *of)
{
    struct access_ask ask = *of;

    ask.action = "s3:BypassGovernanceRetention";
    ask.right = ACL_NO_RIGHT;
    return view_eq_nocase(s3_header(r, "x-amz-bypass-governance-retention"), VIEW("true")) &&
           access_decide(r, &ask) == ACCESS_YES;
}

/* --- reading ------------------------------------------------------------------------------ */

struct object_lock {
    struct s3_request *request;
    /* False: the version has none. */
    bool (*put)(struct buf *x, const struct lock *l);
    struct find find;
};

static bool put_retention(struct buf *x, const struct lock *l)
{
    if (l->mode == LOCK_NONE)
        return false;
    xml_open_root(x, "Retention");
    xml_text(x, "Mode", view_str(lock_mode_name(l->mode)));
    xml_date(x, "RetainUntilDate", l->until_ms);
    xml_close(x, "Retention");
    return true;
}

static bool put_hold(struct buf *x, const struct lock *l)
{
    if (!l->hold_was_set)
        return false;
    xml_open_root(x, "LegalHold");
    xml_text(x, "Status", l->has_hold ? VIEW("ON") : VIEW("OFF"));
    xml_close(x, "LegalHold");
    return true;
}

/* Woken by find.c. */
static void on_found(struct op *op)
{
    struct object_lock *o = container_of(op, struct object_lock, find.op);
    struct s3_request *r = o->request;

    if (op->err) {
        s3_finish_error(r, o->find.code, o->find.detail);
        return;
    }
    struct buf x = buf_over(region_take(r->region, ANSWER_BYTES), ANSWER_BYTES);
    bool has_any = x.at && o->put(&x, &o->find.meta.lock);
    find_done(&o->find);
    if (!has_any)
        s3_finish_error(r, x.at ? S3_NoSuchObjectLockConfiguration : S3_SlowDown, NULL);
    else
        s3_finish_xml(r, 200, buf_view(&x));
}

static void
start_get(struct s3_request *r, bool (*put)(struct buf *x, const struct lock *l), const char *wait)
{
    struct object_lock *o = region_take_zero(r->region, sizeof *o);
    const char *detail = NULL;
    enum s3_code code = o ? object_lock_needs_bucket(r, &detail) : S3_SlowDown;

    if (code) {
        s3_finish_error(r, code, detail);
        return;
    }
    o->request = r;
    o->put = put;
    s3_wait(r, wait);
    find_init(&o->find, r, on_found);
    find_start(&o->find);
}

void object_lock_get_retention_start(struct s3_request *r)
{
    start_get(r, put_retention, "GetObjectRetention.finding");
}

void object_lock_get_hold_start(struct s3_request *r)
{
    start_get(r, put_hold, "GetObjectLegalHold.finding");
}

/* --- changing ----------------------------------------------------------------------------- */

static enum s3_code parse(struct object_setting *s, struct view body, struct xml_node **root_out)
{
    enum s3_code code = object_lock_needs_bucket(s->request, &s->detail);

    if (code)
        return code;
    enum err e = xml_parse(body, s->request->region, root_out);
    return !e ? S3_None : e == ERR_BUSY ? S3_SlowDown : S3_MalformedXML;
}

static enum s3_code read_retention(struct object_setting *s, struct view body)
{
    struct xml_node *root;
    enum s3_code code = parse(s, body, &root);

    if (!code)
        code = lock_read_retention(root, s->request->now_ms, &s->lock, &s->detail);
    s->request->request_lock = &s->lock;
    return code;
}

static enum s3_code apply_retention(struct object_setting *s, struct meta *m)
{
    struct s3_request *r = s->request;
    struct access_ask ask = {
        .bucket = r->conf,
        .key = r->key,
        .version_id = s3_param(r, "versionId"),
        .object_is_known = true,
        .object = m,
    };
    enum s3_code code = lock_check_change(&m->lock, &s->lock, r->now_ms, false);

    if (code && !lock_check_change(&m->lock, &s->lock, r->now_ms, true) &&
        object_lock_may_bypass(r, &ask))
        code = S3_None;
    if (code) {
        s->detail = is_retained;
        return code;
    }
    m->lock.mode = s->lock.mode;
    m->lock.until_ms = s->lock.until_ms;
    return S3_None;
}

void object_lock_put_retention_start(struct s3_request *r)
{
    static const struct object_setting_rule rule = {
        .wait = "PutObjectRetention.waiting",
        .status = 200,
        .needs_digest = true,
        .read = read_retention,
        .apply = apply_retention,
    };

    object_setting_start(r, &rule);
}

static enum s3_code read_hold(struct object_setting *s, struct view body)
{
    struct xml_node *root;
    enum s3_code code = parse(s, body, &root);

    if (code)
        return code;
    if (!view_is(root->name, "LegalHold") || !xml_has_only(root, "Status") ||
        !lock_read_hold(xml_child_text(root, "Status"), &s->lock))
        return S3_MalformedXML;
    s->request->request_lock = &s->lock;
    return S3_None;
}

static enum s3_code apply_hold(struct object_setting *s, struct meta *m)
{
    m->lock.hold_was_set = true;
    m->lock.has_hold = s->lock.has_hold;
    return S3_None;
}

void object_lock_put_hold_start(struct s3_request *r)
{
    static const struct object_setting_rule rule = {
        .wait = "PutObjectLegalHold.waiting",
        .status = 200,
        .needs_digest = true,
        .read = read_hold,
        .apply = apply_hold,
    };

    object_setting_start(r, &rule);
}
