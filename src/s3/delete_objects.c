/*
 * DeleteObjects: up to 1,000 keys, a result for each.
 *
 *   READING_BODY --body.c--> READING_XML --xml.c--> REMOVING (REMOVALS_MAX at once) --engine-->
 * answer
 *
 * Each removal is a commit of its own. What one key meets is said in its own result; a bucket that
 * is not there ends the whole request.
 */
#include "s3/access.h"
#include "s3/conditions.h"
#include "s3/finish.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/xml.h"

enum { DELETE_KEYS_MAX = 1000, DELETE_BODY_BYTES_MAX = 2 << 20, REMOVALS_MAX = 16 };

struct deletion {
    struct view key, etag;
    enum s3_code code; /* S3_None: deleted */
};

struct removal {
    struct delete_objects *owner;
    struct deletion *deletion;
    struct engine_remove remove;
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

static void put_deletion(struct buf *x, const struct deletion *d)
{
    const char *element = d->code ? "Error" : "Deleted";

    xml_open(x, element);
    xml_text(x, "Key", d->key);
    if (d->code) {
        xml_text(x, "Code", view_str(s3_code_name(d->code)));
        xml_text(x, "Message", view_str(s3_code_text(d->code)));
    }
    xml_close(x, element);
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
        cap += 512 + finish_text_bytes(d->deletions[i].key);
    struct buf x = buf_over(region_take(r->region, cap), cap);
    if (!x.at) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    xml_open_root(&x, "DeleteResult");
    for (unsigned i = 0; i < d->count; i++)
        if (d->deletions[i].code || !d->is_quiet)
            put_deletion(&x, &d->deletions[i]);
    xml_close(&x, "DeleteResult");
    s3_finish_xml(r, 200, buf_view(&x));
}

static void remove_next(struct delete_objects *d, struct removal *m);

/* Woken by the engine. */
static void on_removed(struct op *op)
{
    struct removal *m = container_of(op, struct removal, remove.op);
    struct delete_objects *d = m->owner;

    /* What is not there counts as deleted, also under a condition. */
    if (op->err && op->err != ERR_NOT_FOUND)
        m->deletion->code = s3_code_from_err(op->err, true);
    if (op->err == ERR_NO_BUCKET)
        d->code = S3_NoSuchBucket;
    d->in_flight--;
    remove_next(d, m);
    if (d->in_flight == 0)
        answer(d);
}

static void remove_next(struct delete_objects *d, struct removal *m)
{
    while (d->next < d->count && d->deletions[d->next].code)
        d->next++;
    if (d->next == d->count || d->code)
        return;
    m->deletion = &d->deletions[d->next++];
    m->owner = d;
    memset(&m->remove, 0, sizeof m->remove);
    op_init(&m->remove.op, on_removed);
    m->remove.key = (struct engine_key){
        .space = SPACE_OBJECT, .bucket = d->request->bucket, .name = m->deletion->key};
    if (m->deletion->etag.at) {
        m->remove.condition.kind = view_is(m->deletion->etag, "*") ? IF_EXISTS : IF_ETAG;
        m->remove.condition.etag = m->deletion->etag;
    }
    d->in_flight++;
    engine_remove(d->request->service->engine, &m->remove);
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

/* Whatever else is inside may be a condition: to delete without it would be wrong. */
static enum s3_code read_object(struct delete_objects *d, const struct xml_node *n)
{
    struct region *R = d->request->region;
    struct deletion *out = &d->deletions[d->count];
    struct view key = xml_child_text(n, "Key"), version = xml_child_text(n, "VersionId");

    if (d->count == DELETE_KEYS_MAX || key.len == 0 ||
        !xml_has_only(n, "Key VersionId ETag LastModifiedTime Size"))
        return S3_MalformedXML;
    d->count++;
    out->key = region_copy(R, key);
    if (!out->key.at)
        return S3_SlowDown;
    if (xml_child(n, "ETag")) {
        out->etag = region_copy(R, conditions_unquote(xml_child_text(n, "ETag")));
        if (!out->etag.at)
            return S3_SlowDown;
    }
    if (key.len > 1024)
        out->code = S3_KeyTooLongError;
    else if (version.len && !view_is(version, "null"))
        out->code = S3_NoSuchVersion;
    else if (xml_child(n, "LastModifiedTime") || xml_child(n, "Size"))
        out->code = S3_NotImplemented;
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

    enum s3_code code = d ? access_also(r, "s3:DeleteObject") : S3_SlowDown;

    if (!code)
        code = object_headers_refused(r);
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
