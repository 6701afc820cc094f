/*
 * DeleteObjects: up to 1,000 keys, a result for each.
 *
 *   READING_BODY --body.c--> REMOVING (one key) --engine--> REMOVING ... -> answer
 *
 * Keys are removed one after the other: each is a commit of its own, and group commit of the engine
 * serves other requests meanwhile. REMOVALS_MAX of them are in flight at once.
 */
#include "s3/finish.h"
#include "s3/ops.h"
#include "s3/xml.h"

enum { DELETE_KEYS_MAX = 1000, DELETE_BODY_BYTES_MAX = 2 << 20, REMOVALS_MAX = 16 };

struct deletion {
    struct view key, etag;
    enum s3_code code; /* S3_None: deleted */
    const char *detail;
};

struct removal {
    struct delete_objects *owner;
    struct deletion *deletion;
    struct engine_remove remove;
};

struct delete_objects {
    struct s3_request *request;
    struct s3_small_body body;
    struct deletion *deletions;
    unsigned count, next, in_flight;
    bool is_quiet;
    struct removal removals[REMOVALS_MAX];
};

static void put_deletion(struct buf *x, const struct deletion *d)
{
    const char *element = d->code ? "Error" : "Deleted";

    xml_open(x, element);
    xml_text(x, "Key", d->key);
    if (d->code) {
        xml_text(x, "Code", view_str(s3_code_name(d->code)));
        xml_text(x, "Message", view_str(d->detail ? d->detail : s3_code_text(d->code)));
    }
    xml_close(x, element);
}

static void answer(struct delete_objects *d)
{
    struct s3_request *r = d->request;
    size_t cap = 512;

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

    /* What is not there counts as deleted. */
    if (op->err && (op->err != ERR_NOT_FOUND || m->deletion->etag.at))
        m->deletion->code = s3_code_from_err(op->err, true);
    d->in_flight--;
    remove_next(d, m);
    if (d->in_flight == 0)
        answer(d);
}

static void remove_next(struct delete_objects *d, struct removal *m)
{
    while (d->next < d->count && d->deletions[d->next].code)
        d->next++;
    if (d->next == d->count)
        return;
    m->deletion = &d->deletions[d->next++];
    m->owner = d;
    memset(&m->remove, 0, sizeof m->remove);
    op_init(&m->remove.op, on_removed);
    m->remove.key = (struct engine_key){
        .space = SPACE_OBJECT, .bucket = d->request->bucket, .name = m->deletion->key};
    if (m->deletion->etag.at) {
        m->remove.condition.kind = IF_ETAG;
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

static struct view unquoted(struct view etag)
{
    etag = view_trim(etag);
    if (etag.len >= 2 && etag.at[0] == '"' && etag.at[etag.len - 1] == '"')
        return view_of(etag.at + 1, etag.len - 2);
    return etag;
}

static enum s3_code read_object(const struct xml_node *n, struct deletion *out)
{
    struct view version = xml_child_text(n, "VersionId");

    out->key = xml_child_text(n, "Key");
    if (out->key.len == 0)
        return S3_MalformedXML;
    if (xml_child(n, "ETag"))
        out->etag = unquoted(xml_child_text(n, "ETag"));
    if (out->key.len > 1024)
        out->code = S3_KeyTooLongError;
    else if (version.at && version.len && !view_is(version, "null"))
        out->code = S3_NoSuchVersion;
    else if (xml_child(n, "LastModifiedTime") || xml_child(n, "Size"))
        out->code = S3_NotImplemented;
    return S3_None;
}

static enum s3_code read_body(struct delete_objects *d)
{
    struct s3_request *r = d->request;
    struct xml_node *root = NULL;
    enum err e = xml_parse(d->body.body, r->region, &root);

    if (e)
        return e == ERR_BUSY ? S3_SlowDown : S3_MalformedXML;
    if (!view_is(root->name, "Delete"))
        return S3_MalformedXML;
    d->is_quiet = view_is(view_trim(xml_child_text(root, "Quiet")), "true");
    d->deletions = region_take_zero(r->region, DELETE_KEYS_MAX * sizeof *d->deletions);
    if (!d->deletions)
        return S3_SlowDown;
    for (const struct xml_node *n = root->first; n; n = n->next) {
        if (!view_is(n->name, "Object"))
            continue;
        if (d->count == DELETE_KEYS_MAX)
            return S3_MalformedXML;
        enum s3_code code = read_object(n, &d->deletions[d->count++]);
        if (code)
            return code;
    }
    return d->count ? S3_None : S3_MalformedXML;
}

/* Woken by body.c. */
static void delete_objects_advance(struct op *op)
{
    struct delete_objects *d = container_of(op, struct delete_objects, body.op);
    enum s3_code code = op->err ? d->body.code : read_body(d);

    if (code) {
        s3_finish_error(d->request, code, op->err ? d->body.detail : NULL);
        return;
    }
    if (!d->body.was_protected) {
        /* The one operation for which AWS insists. */
        s3_finish_error(
            d->request, S3_InvalidRequest, "Missing required header: Content-MD5 or a checksum");
        return;
    }
    remove_all(d);
}

void delete_objects_start(struct s3_request *r)
{
    struct delete_objects *d = region_take_zero(r->region, sizeof *d);

    if (!d) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    d->request = r;
    op_init(&d->body.op, delete_objects_advance);
    d->body.request = r;
    d->body.bytes_max = DELETE_BODY_BYTES_MAX;
    s3_wait(r, "DeleteObjects.reading-body");
    s3_small_body(&d->body);
}
