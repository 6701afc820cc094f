/*
 * DeleteObjects: up to 1,000 keys, a result for each.
 *
 *   READING_BODY --body.c--> READING_XML --xml.c--> REMOVING (REMOVALS_MAX at once)
 *   --remove_version.c--> answer
 *
 * Each removal is a commit of its own, and is decided about for its own key. What one key meets is
 * said in its own result; a bucket that is not there ends the whole request.
 */
#include "base/text.h"
#include "s3/access.h"
#include "s3/conditions.h"
#include "s3/finish.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/remove_version.h"
#include "s3/version.h"
#include "s3/xml.h"

enum { DELETE_KEYS_MAX = 1000, DELETE_BODY_BYTES_MAX = 2 << 20, REMOVALS_MAX = 16 };

struct deletion {
    struct view key, etag, version_id; /* etag, version_id: at == NULL: none */
    struct engine_version version;
    struct remove_wants wants;
    enum s3_code code; /* S3_None: deleted */
    const char *detail;
    bool is_marker; /* what was removed is one, or what was made */
    char marker_id[VERSION_TEXT_BYTES];
};

struct removal {
    struct delete_objects *owner;
    struct deletion *deletion;
    struct op turn;
    struct remove_version run;
};

struct delete_objects {
    struct s3_request *request;
    struct s3_small_body body;
    struct xml_read xml;
    struct deletion *deletions;
    unsigned count, next, in_flight;
    bool is_quiet, has_quiet;
    enum s3_code code; /* of the whole request */
    struct removal removals[REMOVALS_MAX];
};

static void put_error(struct buf *x, const struct deletion *d)
{
    xml_open(x, "Error");
    xml_text(x, "Key", d->key);
    if (d->version_id.at)
        xml_text(x, "VersionId", d->version_id);
    xml_text(x, "Code", view_str(s3_code_name(d->code)));
    xml_text(x, "Message", view_str(d->detail ? d->detail : s3_code_text(d->code)));
    xml_close(x, "Error");
}

static void put_deleted(struct buf *x, const struct deletion *d)
{
    xml_open(x, "Deleted");
    xml_text(x, "Key", d->key);
    if (d->version_id.at)
        xml_text(x, "VersionId", d->version_id);
    if (d->is_marker) {
        xml_bool(x, "DeleteMarker", true);
        xml_text(x, "DeleteMarkerVersionId", view_str(d->marker_id));
    }
    xml_close(x, "Deleted");
}

static void answer(struct delete_objects *d)
{
    struct s3_request *r = d->request;
    size_t cap = 512;

    if (d->code) {
        s3_finish_error(r, d->code, NULL);
        return;
    }
    for (unsigned i = 0; i < d->count; i++)
        cap += 640 + finish_text_bytes(d->deletions[i].key) +
               finish_text_bytes(d->deletions[i].version_id);
    struct buf x = buf_over(region_take(r->region, cap), cap);
    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "DeleteResult");
    for (unsigned i = 0; i < d->count; i++) {
        if (d->deletions[i].code)
            put_error(&x, &d->deletions[i]);
        else if (!d->is_quiet)
            put_deleted(&x, &d->deletions[i]);
    }
    xml_close(&x, "DeleteResult");
    s3_finish_xml(r, 200, buf_view(&x));
}

static void remove_next(struct delete_objects *d, struct removal *m);

static void over(struct removal *m)
{
    struct delete_objects *d = m->owner;

    d->in_flight--;
    remove_next(d, m);
    if (d->in_flight == 0)
        answer(d);
}

/* Woken by remove_version. */
static void on_removed(struct op *op)
{
    struct removal *m = container_of(op, struct removal, run.op);
    struct delete_objects *d = m->owner;
    struct deletion *one = m->deletion;

    /* What is not there counts as deleted, also under a condition. */
    if (op->err && op->err != ERR_NOT_FOUND) {
        one->code = m->run.code;
        one->detail = m->run.detail;
    } else if (!op->err && (m->run.info.flags & ENGINE_MARKER)) {
        one->is_marker = true;
        version_text(m->run.info.seq, m->run.info.flags, one->marker_id);
    }
    if (op->err == ERR_NO_BUCKET)
        d->code = S3_NoSuchBucket;
    over(m);
}

static bool may_remove(const struct delete_objects *d, const struct deletion *one)
{
    const struct access_ask ask = {
        .action = one->version_id.at ? "s3:DeleteObjectVersion" : "s3:DeleteObject",
        .right = ACL_BUCKET_WRITE,
        .bucket = d->request->conf,
        .key = one->key,
        .version_id = one->version_id,
        .object_is_known = true,
    };

    return access_decide(d->request, &ask) == ACCESS_YES;
}

static void start_removal(struct removal *m)
{
    const struct deletion *one = m->deletion;

    memset(&m->run, 0, sizeof m->run);
    op_init(&m->run.op, on_removed);
    m->run.request = m->owner->request;
    m->run.key = one->key;
    m->run.version = one->version;
    m->run.version_id = one->version_id;
    m->run.wants = one->wants;
    if (one->etag.at) {
        m->run.condition.kind = view_is(one->etag, "*") ? IF_EXISTS : IF_ETAG;
        m->run.condition.etag = one->etag;
    }
    remove_version_start(&m->run);
}

/* Woken by remove_next, a step later. */
static void on_turn(struct op *op)
{
    struct removal *m = container_of(op, struct removal, turn);
    struct delete_objects *d = m->owner;
    struct deletion *one = m->deletion;

    if (!d->code && !one->code && !may_remove(d, one))
        one->code = S3_AccessDenied;
    if (d->code || one->code)
        over(m);
    else
        start_removal(m);
}

/* Policies may take their time to decide: every key has a step of its own (invariant 7). */
static void remove_next(struct delete_objects *d, struct removal *m)
{
    if (d->next == d->count || d->code)
        return;
    m->owner = d;
    m->deletion = &d->deletions[d->next++];
    d->in_flight++;
    op_init(&m->turn, on_turn);
    op_start(&m->turn);
    op_complete(&m->turn, ERR_OK);
}

static void remove_all(struct delete_objects *d)
{
    s3_wait(d->request, "DeleteObjects.removing");
    for (unsigned i = 0; i < REMOVALS_MAX; i++)
        remove_next(d, &d->removals[i]);
    if (d->in_flight == 0)
        answer(d);
}

/* --- the request -------------------------------------------------------------------------- */

static enum s3_code read_quiet(struct delete_objects *d, struct view text)
{
    text = view_trim(text);
    if (d->has_quiet)
        return S3_MalformedXML;
    d->has_quiet = true;
    d->is_quiet = view_is(text, "true") || view_is(text, "1");
    return d->is_quiet || view_is(text, "false") || view_is(text, "0") ? S3_None : S3_MalformedXML;
}

static enum s3_code read_wants(struct deletion *out, const struct xml_node *n)
{
    struct view size = view_trim(xml_child_text(n, "Size"));
    struct view time = view_trim(xml_child_text(n, "LastModifiedTime"));

    out->wants.has_size = size.len > 0;
    out->wants.has_mtime = time.len > 0;
    if (size.len && text_to_u64(size, &out->wants.size))
        return S3_MalformedXML;
    if (time.len && text_to_http_date(time, &out->wants.mtime_ms) &&
        text_to_iso_date(time, &out->wants.mtime_ms))
        return S3_MalformedXML;
    return S3_None;
}

/* at == NULL: there is no such child. */
static enum err
copy_child(struct region *R, const struct xml_node *n, const char *name, struct view *to)
{
    if (!xml_child(n, name))
        return ERR_OK;
    *to = region_copy(R, xml_child_text(n, name));
    return to->at ? ERR_OK : ERR_BUSY;
}

/* Whatever else is inside may be a condition: to delete without it would be wrong. */
static enum s3_code read_object(struct delete_objects *d, const struct xml_node *n)
{
    struct region *R = d->request->region;
    struct deletion *out = &d->deletions[d->count];
    struct view key = xml_child_text(n, "Key");

    if (d->count == DELETE_KEYS_MAX || key.len == 0 ||
        !xml_has_only(n, "Key VersionId ETag LastModifiedTime Size"))
        return S3_MalformedXML;
    d->count++;
    if (copy_child(R, n, "Key", &out->key) || copy_child(R, n, "ETag", &out->etag) ||
        copy_child(R, n, "VersionId", &out->version_id))
        return S3_SlowDown;
    if (out->etag.at)
        out->etag = conditions_unquote(out->etag);
    if (out->version_id.len == 0) /* SDKs say <VersionId/> for none */
        out->version_id = VIEW_EMPTY;
    enum s3_code code = read_wants(out, n);
    if (code)
        return code;
    if (key.len > 1024)
        out->code = S3_KeyTooLongError;
    else if (version_read(out->version_id, &out->version))
        out->code = S3_NoSuchVersion;
    return S3_None;
}

static enum err take_child(struct xml_read *x, const struct xml_node *n)
{
    struct delete_objects *d = container_of(x, struct delete_objects, xml);

    if (view_is(n->name, "Object"))
        d->code = read_object(d, n);
    else if (view_is(n->name, "Quiet"))
        d->code = read_quiet(d, n->text);
    else
        d->code = S3_MalformedXML;
    return d->code ? ERR_INVALID : ERR_OK;
}

/* Woken by the reader. */
static void on_xml(struct op *op)
{
    struct delete_objects *d = container_of(op, struct delete_objects, xml.op);

    if (op->err && !d->code)
        d->code = op->err == ERR_MALFORMED ? S3_MalformedXML : s3_code_from_err(op->err, false);
    if (!d->code && d->count == 0)
        d->code = S3_MalformedXML;
    if (d->code)
        s3_finish_error(d->request, d->code, NULL);
    else
        remove_all(d);
}

/* Woken by body.c. */
static void on_body(struct op *op)
{
    struct delete_objects *d = container_of(op, struct delete_objects, body.op);
    struct s3_request *r = d->request;

    if (op->err) {
        s3_finish_error(r, d->body.code, d->body.detail);
        return;
    }
    if (!d->body.was_protected) {
        /* The one operation for which AWS insists. */
        s3_finish_error(r, S3_InvalidRequest, "Missing required header: Content-MD5 or a checksum");
        return;
    }
    d->deletions = region_take_zero(r->region, DELETE_KEYS_MAX * sizeof *d->deletions);
    if (!d->deletions) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    op_init(&d->xml.op, on_xml);
    d->xml.body = d->body.body;
    d->xml.region = r->region;
    d->xml.root = "Delete";
    d->xml.child = take_child;
    s3_wait(r, "DeleteObjects.reading-xml");
    xml_read(&d->xml);
}

void delete_objects_start(struct s3_request *r)
{
    struct delete_objects *d = region_take_zero(r->region, sizeof *d);

    enum s3_code code = d ? object_headers_refused(r) : S3_SlowDown;

    if (code) {
        s3_finish_error(r, code, NULL);
        return;
    }
    d->request = r;
    op_init(&d->body.op, on_body);
    d->body.request = r;
    d->body.bytes_max = DELETE_BODY_BYTES_MAX;
    s3_wait(r, "DeleteObjects.reading-body");
    s3_small_body(&d->body);
}
