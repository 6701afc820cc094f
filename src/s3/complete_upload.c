/*
 * CompleteMultipartUpload: pin every part that is named, check it, and move all of them into one
 * object in one commit that also removes the upload.
 *
 *   READING_BODY -> LOOKING_UP (the upload) -> PINNING (parts, PINS_MAX at once) -> COMMITTING ->
 * answer
 *                        `-- gone? -> LOOKING_UP_DONE (the object): completed by an earlier try:
 * the same answer
 *
 * Pinned parts are released on every way out (finish).
 */
#include "s3/complete.h"

#include <assert.h>

#include "base/clock.h"
#include "s3/object_headers.h"
#include "s3/ops.h"
#include "s3/xml.h"

enum { COMPLETE_BODY_BYTES_MAX = 4 << 20, PINS_MAX = 16 };

enum complete_wait {
    COMPLETE_READING_BODY,
    COMPLETE_LOOKING_UP,
    COMPLETE_LOOKING_UP_DONE,
    COMPLETE_PINNING,
    COMPLETE_COMMITTING
};

struct pin {
    struct complete_upload *owner;
    unsigned index;
    struct engine_lookup lookup;
};

struct complete_upload {
    struct s3_request *request;
    enum complete_wait wait;
    struct s3_small_body body;
    struct engine_lookup lookup;
    struct engine_key upload;
    struct complete complete; /* what is being put together: complete.h */
    struct pin pins[PINS_MAX];
    unsigned next_pin, in_flight;
    enum s3_code code; /* the first failure */
    struct engine_put put;
};

static void release_parts(struct complete_upload *u)
{
    for (unsigned i = 0; i < u->complete.part_count; i++)
        engine_release(u->complete.objects[i]);
    u->complete.part_count = 0;
}

static void fail(struct complete_upload *u, enum s3_code code)
{
    const char *detail = u->complete.detail;

    assert(u->in_flight == 0);
    release_parts(u);
    s3_finish_error(u->request, code, detail);
}

static void answer(struct complete_upload *u)
{
    struct s3_request *r = u->request;
    struct view xml;

    release_parts(u);
    if (complete_xml(&u->complete, r, &xml))
        s3_finish_error(r, S3_SlowDown, NULL);
    else
        s3_finish_xml(r, 200, xml);
}

/* --- the commit --------------------------------------------------------------------------- */

/* Woken by the engine. */
static void on_committed(struct op *op)
{
    struct complete_upload *u = container_of(op, struct complete_upload, put.op);

    if (op->err) {
        release_parts(u);
        s3_finish_err(u->request, op->err);
        return;
    }
    u->complete.crc64 = u->put.info.crc64;
    answer(u);
}

static void commit(struct complete_upload *u)
{
    struct s3_request *r = u->request;
    struct complete *c = &u->complete;
    struct engine_key key = {.space = SPACE_OBJECT, .bucket = r->bucket, .name = r->key};
    enum s3_code code = complete_finish(c, r);

    engine_put_init(r->service->engine, &u->put, key, c->size);
    op_init(&u->put.op, on_committed);
    if (!code)
        code = object_headers_condition(r, &u->put.condition);
    if (!code && meta_encode(&c->meta, r->region, &u->put.meta))
        code = S3_SlowDown;
    u->put.purge_parts = upload_parts_prefix(r->region, c->id);
    if (!code && !u->put.purge_parts.at)
        code = S3_SlowDown;
    if (code) {
        fail(u, code);
        return;
    }
    u->put.mtime_ms = clock_wall_ms();
    u->put.etag = view_str(c->etag);
    u->put.require = u->upload;
    u->put.also_remove = u->upload;
    u->put.parts = c->objects;
    u->put.part_count = c->part_count;
    u->put.has_crc64_expected = c->has_crc64_expected;
    u->put.crc64_expected = c->crc64_expected;
    u->wait = COMPLETE_COMMITTING;
    s3_wait(r, "CompleteMultipartUpload.committing");
    engine_commit(&u->put);
}

/* --- the parts ---------------------------------------------------------------------------- */

static void pin_next(struct complete_upload *u, struct pin *p);

/* Woken by the engine, once per part. */
static void on_pinned(struct op *op)
{
    struct pin *p = container_of(op, struct pin, lookup.op);
    struct complete_upload *u = p->owner;

    u->in_flight--;
    u->complete.objects[p->index] = op->err ? NULL : p->lookup.object;
    if (op->err && !u->code)
        u->code = op->err == ERR_NOT_FOUND ? S3_InvalidPart : s3_code_from_err(op->err, false);
    if (!op->err && !u->code)
        u->code = complete_part(&u->complete, u->request, p->index);
    pin_next(u, p);
    if (u->in_flight > 0)
        return;
    if (u->code)
        fail(u, u->code);
    else
        commit(u);
}

static void pin_next(struct complete_upload *u, struct pin *p)
{
    struct s3_request *r = u->request;
    struct complete *c = &u->complete;

    if (u->code || u->next_pin == c->part_count)
        return;
    p->owner = u;
    p->index = u->next_pin++;
    memset(&p->lookup, 0, sizeof p->lookup);
    op_init(&p->lookup.op, on_pinned);
    p->lookup.key = (struct engine_key){
        .space = SPACE_PART,
        .bucket = r->bucket,
        .name = upload_name_part(r->region, c->id, c->parts[p->index].number),
    };
    if (!p->lookup.key.name.at) {
        u->code = S3_SlowDown;
        return;
    }
    u->in_flight++;
    engine_lookup(r->service->engine, &p->lookup);
}

static void pin_all(struct complete_upload *u)
{
    u->wait = COMPLETE_PINNING;
    s3_wait(u->request, "CompleteMultipartUpload.pinning");
    for (unsigned i = 0; i < PINS_MAX; i++)
        pin_next(u, &u->pins[i]);
    if (u->in_flight == 0)
        fail(u, u->code ? u->code : S3_MalformedXML);
}

/* --- the upload --------------------------------------------------------------------------- */

static void look_up(struct complete_upload *u, struct engine_key key, enum complete_wait wait);

static void looked_up(struct complete_upload *u, enum err e)
{
    struct s3_request *r = u->request;
    struct engine_key object = {.space = SPACE_OBJECT, .bucket = r->bucket, .name = r->key};

    if (e == ERR_NOT_FOUND) {
        look_up(u, object, COMPLETE_LOOKING_UP_DONE);
        return;
    }
    if (e) {
        s3_finish_err(r, e);
        return;
    }
    enum s3_code code = complete_begin(&u->complete, r, u->lookup.object);
    engine_release(u->lookup.object);
    if (code)
        fail(u, code);
    else
        pin_all(u);
}

/* A client that lost our answer tries again: the object says which upload it came from. */
static void looked_up_done(struct complete_upload *u, enum err e)
{
    struct s3_request *r = u->request;
    bool is_ours = false;

    if (!e) {
        is_ours = complete_was_done(&u->complete, r, u->lookup.object);
        engine_release(u->lookup.object);
    }
    if (is_ours)
        answer(u);
    else
        s3_finish_err(r, !e || e == ERR_NOT_FOUND ? ERR_NO_UPLOAD : e);
}

/* Woken by the engine. */
static void on_looked_up(struct op *op)
{
    struct complete_upload *u = container_of(op, struct complete_upload, lookup.op);

    if (u->wait == COMPLETE_LOOKING_UP)
        looked_up(u, op->err);
    else
        looked_up_done(u, op->err);
}

static void look_up(struct complete_upload *u, struct engine_key key, enum complete_wait wait)
{
    u->wait = wait;
    memset(&u->lookup, 0, sizeof u->lookup);
    op_init(&u->lookup.op, on_looked_up);
    u->lookup.key = key;
    s3_wait(u->request, "CompleteMultipartUpload.looking-up");
    engine_lookup(u->request->service->engine, &u->lookup);
}

/* --- the request -------------------------------------------------------------------------- */

/* Woken by body.c. */
static void on_body(struct op *op)
{
    struct complete_upload *u = container_of(op, struct complete_upload, body.op);
    struct complete *c = &u->complete;
    enum s3_code code = op->err ? u->body.code : complete_read(c, u->request, u->body.body);

    if (code) {
        c->detail = op->err ? u->body.detail : c->detail;
        c->part_count = 0;
        fail(u, code);
        return;
    }
    look_up(u, u->upload, COMPLETE_LOOKING_UP);
}

void complete_upload_start(struct s3_request *r)
{
    struct complete_upload *u = region_take_zero(r->region, sizeof *u);

    if (!u) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    u->request = r;
    enum s3_code code = object_headers_refused(r);
    enum err e = code ? ERR_OK : upload_entry(r, &u->upload, &u->complete.id);
    if (code || e) {
        if (code)
            s3_finish_error(r, code, NULL);
        else
            s3_finish_err(r, e);
        return;
    }
    u->wait = COMPLETE_READING_BODY;
    op_init(&u->body.op, on_body);
    u->body.request = r;
    u->body.bytes_max = COMPLETE_BODY_BYTES_MAX;
    u->body.ignores_checksums = true; /* x-amz-checksum-* speaks of the object here */
    s3_wait(r, "CompleteMultipartUpload.reading-body");
    s3_small_body(&u->body);
}
