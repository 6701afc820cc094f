/*
 * Editing what a bucket is set to.
 *
 *   LOOKING_UP --engine--> edited --> AMENDING --engine--> done
 *        ^                                  | another change came between (ERR_CHANGED)
 *        +----------------------------------+ TRIES times at most
 */
#include <assert.h>

#include "s3/bucket.h"
#include "s3/s3.h"

/* Each failed try is somebody else's success: so many editors at once all come through. */
enum { TRIES = 256 };

enum edit_wait { EDIT_LOOKING_UP, EDIT_AMENDING };

struct edit {
    struct bucket_edit *edit;
    enum edit_wait wait;
    unsigned tries;
    struct region region; /* of one try */
    struct engine_lookup lookup;
    struct engine_amend amend;
};

static void finish(struct edit *x, enum s3_code code, const char *detail)
{
    struct bucket_edit *e = x->edit;

    region_done(&x->region);
    e->code = code;
    e->detail = detail;
    op_complete(&e->op, code ? ERR_INVALID : ERR_OK);
}

static void edit_advance(struct edit *x, enum err err);

static void on_looked_up(struct op *op)
{
    edit_advance(container_of(op, struct edit, lookup.op), op->err);
}

static void on_amended(struct op *op)
{
    edit_advance(container_of(op, struct edit, amend.op), op->err);
}

static void look_up(struct edit *x)
{
    struct s3_request *r = x->edit->request;

    region_done(&x->region);
    region_init(&x->region, r->region->pool);
    op_init(&x->lookup.op, on_looked_up);
    x->lookup.key = (struct engine_key){.space = SPACE_BUCKET, .bucket = r->bucket};
    x->wait = EDIT_LOOKING_UP;
    s3_wait(r, "BucketEdit.looking-up");
    engine_lookup(r->service->engine, &x->lookup);
}

/* The meta as it shall be, in x's region; the object may be released then. */
static enum s3_code apply(struct edit *x, const struct engine_info *info)
{
    struct bucket_edit *e = x->edit;
    struct bucket_meta meta;
    unsigned flags = info->flags;
    enum err err = bucket_meta_decode(info->meta, &meta);

    if (err)
        return s3_code_from_err(err, false);
    enum s3_code code = e->edit(e, &meta, &flags);
    if (code)
        return code;
    err = bucket_meta_encode(&meta, &x->region, &x->amend.meta);
    if (!err && x->amend.meta.len > ENGINE_META_BYTES_MAX)
        err = ERR_TOO_LARGE;
    x->amend.sets_flags = flags != info->flags;
    x->amend.flags = flags;
    x->amend.condition = (struct engine_condition){.kind = IF_EXISTS, .rev = info->rev};
    return s3_code_from_err(err, false);
}

/* It was decided about the bucket of r->conf; another one that has its name by now is nobody's to
 * change here. */
static void amend(struct edit *x)
{
    struct s3_request *r = x->edit->request;
    struct engine_object *object = x->lookup.object;
    bool is_another = object->info.seq != r->conf->seq;
    enum s3_code code = is_another ? S3_NoSuchBucket : apply(x, &object->info);

    engine_release(object);
    if (code) {
        finish(x, code == S3_NotModified ? S3_None : code, x->edit->detail);
        return;
    }
    op_init(&x->amend.op, on_amended);
    x->amend.key = (struct engine_key){.space = SPACE_BUCKET, .bucket = r->bucket};
    x->wait = EDIT_AMENDING;
    s3_wait(r, "BucketEdit.amending");
    engine_amend(r->service->engine, &x->amend);
}

static enum s3_code code_of(enum err err)
{
    /* An entry that is gone is the bucket. */
    return s3_code_from_err(err == ERR_NOT_FOUND ? ERR_NO_BUCKET : err, false);
}

static void edit_advance(struct edit *x, enum err err)
{
    struct s3_request *r = x->edit->request;

    switch (x->wait) {
    case EDIT_LOOKING_UP: /* woken by the engine */
        if (err)
            finish(x, code_of(err), NULL);
        else
            amend(x);
        break;
    case EDIT_AMENDING: /* woken by the engine */
        /* Also after an error: its outcome may not be known. */
        bucket_changed(r->service, r->bucket);
        if (err == ERR_CHANGED && ++x->tries < TRIES)
            look_up(x);
        else
            finish(x, code_of(err), NULL);
        break;
    }
}

void bucket_edit(struct bucket_edit *e)
{
    struct edit *x = region_take_zero(e->request->region, sizeof *x);

    assert(e->edit && e->request->bucket.len > 0);
    op_start(&e->op);
    e->detail = NULL;
    if (!x) {
        e->code = S3_SlowDown;
        op_complete(&e->op, ERR_BUSY);
        return;
    }
    x->edit = e;
    e->state = x;
    region_init(&x->region, e->request->region->pool);
    look_up(x);
}
