#include "s3/object_edit.h"

/* Each failed try is somebody else's success: so many editors at once all come through. Not more,
 * as each takes memory of the request. */
enum { TRIES_MAX = 32 };

static void look(struct object_edit *e);

static void finish(struct object_edit *e, enum s3_code code)
{
    find_done(&e->find);
    e->code = code;
    op_complete(&e->op, code ? ERR_INVALID : ERR_OK);
}

/* Woken by the engine. What came between may have replaced or removed the object: find.c says. */
static void on_amended(struct op *op)
{
    struct object_edit *e = container_of(op, struct object_edit, amend.op);

    if ((op->err == ERR_CHANGED || op->err == ERR_NOT_FOUND) && e->tries < TRIES_MAX)
        look(e);
    else
        finish(e, s3_code_from_err(op->err, true));
}

/* Exactly the version that was found, whatever is the latest by then. */
static struct engine_version version_of(const struct engine_info *info)
{
    if (info->flags & ENGINE_VERSION_NAMED)
        return (struct engine_version){VERSION_SEQ, info->seq};
    return (struct engine_version){VERSION_NULL, 0};
}

static void amend(struct object_edit *e, struct view meta)
{
    struct s3_request *r = e->request;
    const struct engine_info *info = &e->find.object->info;

    memset(&e->amend, 0, sizeof e->amend);
    op_init(&e->amend.op, on_amended);
    e->amend.key = (struct engine_key){SPACE_OBJECT, r->bucket, r->key};
    e->amend.version = version_of(info);
    e->amend.condition.rev = info->rev;
    e->amend.condition.bucket_seq = r->conf->seq;
    e->amend.meta = meta;
    find_done(&e->find);
    engine_amend(r->service->engine, &e->amend);
}

/* Woken by find.c. */
static void on_found(struct op *op)
{
    struct object_edit *e = container_of(op, struct object_edit, find.op);
    struct view meta;

    if (op->err) {
        e->detail = e->find.detail;
        finish(e, e->find.code);
        return;
    }
    enum s3_code code = e->edit(e, &e->find.meta);
    if (!code)
        code = s3_code_from_err(meta_encode(&e->find.meta, e->request->region, &meta), true);
    if (code)
        finish(e, code);
    else
        amend(e, meta);
}

static void look(struct object_edit *e)
{
    e->tries++;
    find_init(&e->find, e->request, on_found);
    find_start(&e->find);
}

void object_edit_start(struct object_edit *e)
{
    op_start(&e->op);
    e->tries = 0;
    look(e);
}
