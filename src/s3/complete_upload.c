/*
 * CompleteMultipartUpload: pin every part that is named, check it, and move all of them into one
 * object in one commit that also removes the upload.
 *
 *   READING_BODY -> READING_XML -> LOOKING_UP (the upload) -> PINNING (parts, PINS_MAX at once)
 *   -> FOLDING (ETag, checksum) -> COMMITTING -> answer
 *
 * Whenever upload or part is gone, somebody may have completed the upload meanwhile, perhaps this
 * client, who lost our answer: LOOKING_UP_DONE looks whether the object came from it, and answers
 * the same again.
 *
 * READING_XML and FOLDING are work, cut into steps (invariant 7). Pinned parts are released on
 * every way out (release_parts).
 */
#include "s3/complete.h"

#include <assert.h>

#include "base/clock.h"
#include "s3/find.h"
#include "s3/object_extras.h"
#include "s3/object_headers.h"
#include "s3/ops.h"

enum { COMPLETE_BODY_BYTES_MAX = 4 << 20, PINS_MAX = 16 };

enum complete_wait {
    COMPLETE_READING_BODY,
    COMPLETE_READING_XML,
    COMPLETE_LOOKING_UP,
    COMPLETE_PINNING,
    COMPLETE_FOLDING,
    COMPLETE_LOOKING_UP_DONE,
    COMPLETE_COMMITTING
};

struct pin {
    struct complete_upload *owner;
    unsigned index;
    struct engine_lookup lookup;
    uint8_t name[UPLOAD_NAME_PART_BYTES_MAX];
};

struct complete_upload {
    struct s3_request *request;
    enum complete_wait wait;
    struct s3_small_body body;
    struct xml_read xml;
    struct engine_lookup lookup;
    struct engine_key upload;
    struct complete complete; /* what is being put together: complete.h */
    struct pin pins[PINS_MAX];
    unsigned next_pin, in_flight;
    enum s3_code code; /* the first failure */
    bool is_gone;      /* the failure is that the upload or a part is not there */
    struct op fold;
    struct engine_put put;
};

static void look_up(struct complete_upload *u, struct engine_key key, enum complete_wait wait);

static void release_parts(struct complete_upload *u)
{
    for (unsigned i = 0; i < u->complete.part_count; i++)
        engine_release(u->complete.objects[i]);
    u->complete.part_count = 0;
    complete_done(&u->complete);
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

/* The upload or a part is gone. Has the upload become the object? */
static void look_for_object(struct complete_upload *u, enum s3_code code)
{
    const struct s3_request *r = u->request;

    release_parts(u);
    u->code = code;
    look_up(
        u, (struct engine_key){.space = SPACE_OBJECT, .bucket = r->bucket, .name = r->key},
        COMPLETE_LOOKING_UP_DONE);
}

/* --- the commit --------------------------------------------------------------------------- */

/* Woken by the engine. */
static void on_committed(struct op *op)
{
    struct complete_upload *u = container_of(op, struct complete_upload, put.op);

    if (op->err == ERR_NO_UPLOAD) {
        look_for_object(u, S3_NoSuchUpload);
        return;
    }
    if (op->err) {
        release_parts(u);
        s3_finish_err(u->request, op->err);
        return;
    }
    u->complete.crc64 = u->put.info.crc64;
    find_say_written(u->request, &u->put.info);
    answer(u);
}

/* What can fail before there is a put to end. */
static enum s3_code prepare(
    struct complete_upload *u, struct engine_condition *condition_out, struct view *meta_out,
    struct view *purge_out)
{
    struct s3_request *r = u->request;
    struct complete *c = &u->complete;
    enum s3_code code = complete_finish(c, r);

    if (!code)
        code = object_headers_condition(r, condition_out);
    object_extras_default(r, &c->meta);
    if (!code)
        code = s3_code_from_err(meta_encode(&c->meta, r->region, meta_out), true);
    *purge_out = upload_parts_prefix(r->region, c->id);
    return code || purge_out->at ? code : S3_SlowDown;
}

static void commit(struct complete_upload *u)
{
    struct s3_request *r = u->request;
    struct complete *c = &u->complete;
    struct engine_key key = {.space = SPACE_OBJECT, .bucket = r->bucket, .name = r->key};
    struct engine_condition condition;
    struct view meta, purge;
    enum s3_code code = prepare(u, &condition, &meta, &purge);

    if (code) {
        fail(u, code);
        return;
    }
    engine_put_init(r->service->engine, &u->put, key, c->size);
    op_init(&u->put.op, on_committed);
    u->put.condition = condition;
    u->put.condition.bucket_seq = r->conf->seq;
    u->put.meta = meta;
    u->put.purge_parts = purge;
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

static void fold_next(struct complete_upload *u)
{
    u->wait = COMPLETE_FOLDING;
    s3_wait(u->request, "CompleteMultipartUpload.folding");
    op_start(&u->fold);
    op_complete(&u->fold, ERR_OK);
}

/* Woken by fold_next, a step later. */
static void on_fold(struct op *op)
{
    struct complete_upload *u = container_of(op, struct complete_upload, fold);
    enum s3_code code = complete_fold(&u->complete);

    if (code)
        fail(u, code);
    else if (u->complete.folded < u->complete.part_count)
        fold_next(u);
    else
        commit(u);
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
    u->is_gone |= op->err == ERR_NOT_FOUND;
    if (op->err && !u->code)
        u->code = op->err == ERR_NOT_FOUND ? S3_InvalidPart : s3_code_from_err(op->err, false);
    if (!op->err && !u->code)
        u->code = complete_part(&u->complete, u->request, p->index);
    pin_next(u, p);
    if (u->in_flight > 0)
        return;
    if (u->code == S3_InvalidPart && u->is_gone)
        look_for_object(u, S3_InvalidPart);
    else if (u->code)
        fail(u, u->code);
    else
        fold_next(u);
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
        .name = upload_name_part_over(p->name, c->id, c->parts[p->index].number),
    };
    u->in_flight++;
    engine_lookup(r->service->engine, &p->lookup);
}

static void pin_all(struct complete_upload *u)
{
    u->wait = COMPLETE_PINNING;
    s3_wait(u->request, "CompleteMultipartUpload.pinning");
    for (unsigned i = 0; i < PINS_MAX; i++)
        pin_next(u, &u->pins[i]);
    assert(u->in_flight > 0);
}

/* --- the upload --------------------------------------------------------------------------- */

static void looked_up(struct complete_upload *u, enum err e)
{
    if (e == ERR_NOT_FOUND) {
        look_for_object(u, S3_NoSuchUpload);
        return;
    }
    if (e) {
        release_parts(u);
        s3_finish_err(u->request, e);
        return;
    }
    enum s3_code code = upload_check_writer(u->request, u->lookup.object->info.meta);

    if (!code)
        code = complete_begin(&u->complete, u->request, u->lookup.object);
    engine_release(u->lookup.object);
    if (code)
        fail(u, code);
    else
        pin_all(u);
}

static void looked_up_done(struct complete_upload *u, enum err e)
{
    bool is_ours = false;

    if (!e) {
        is_ours = complete_was_done(&u->complete, u->request, u->lookup.object);
        if (is_ours)
            find_say_written(u->request, &u->lookup.object->info);
        engine_release(u->lookup.object);
    }
    if (is_ours)
        answer(u);
    else if (!e || e == ERR_NOT_FOUND)
        fail(u, u->code);
    else
        s3_finish_err(u->request, e);
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

static enum err take_child(struct xml_read *x, const struct xml_node *n)
{
    struct complete_upload *u = container_of(x, struct complete_upload, xml);

    u->code = complete_take(&u->complete, n);
    return u->code ? ERR_INVALID : ERR_OK;
}

/* Woken by the reader. Nothing is pinned yet. */
static void on_xml(struct op *op)
{
    struct complete_upload *u = container_of(op, struct complete_upload, xml.op);

    if (op->err && !u->code)
        u->code = op->err == ERR_MALFORMED ? S3_MalformedXML : s3_code_from_err(op->err, true);
    if (!u->code)
        u->code = complete_taken(&u->complete);
    if (u->code)
        fail(u, u->code);
    else
        look_up(u, u->upload, COMPLETE_LOOKING_UP);
}

/* Woken by body.c. */
static void on_body(struct op *op)
{
    struct complete_upload *u = container_of(op, struct complete_upload, body.op);
    enum s3_code code = op->err ? u->body.code : S3_None;

    u->complete.detail = op->err ? u->body.detail : NULL;
    if (!code)
        code = complete_open(&u->complete, u->request, u->body.body.len);
    if (code) {
        fail(u, code);
        return;
    }
    u->wait = COMPLETE_READING_XML;
    op_init(&u->xml.op, on_xml);
    u->xml.body = u->body.body;
    u->xml.region = u->request->region;
    u->xml.root = "CompleteMultipartUpload";
    u->xml.child = take_child;
    s3_wait(u->request, "CompleteMultipartUpload.reading-xml");
    xml_read(&u->xml);
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
    op_init(&u->fold, on_fold);
    u->wait = COMPLETE_READING_BODY;
    op_init(&u->body.op, on_body);
    u->body.request = r;
    u->body.bytes_max = COMPLETE_BODY_BYTES_MAX;
    u->body.ignores_checksums = true; /* x-amz-checksum-* speaks of the object here */
    s3_wait(r, "CompleteMultipartUpload.reading-body");
    s3_small_body(&u->body);
}
