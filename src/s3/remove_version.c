#include "s3/remove_version.h"

#include "s3/acl_request.h"
#include "s3/lock.h"
#include "s3/meta.h"
#include "s3/object_lock.h"

enum { TRIES_MAX = 8 };

static const char is_protected[] = "Access Denied because object protected by object lock.";

static void look(struct remove_version *v);

static void finish(struct remove_version *v, enum err e, enum s3_code code)
{
    v->code = code;
    op_complete(&v->op, e);
}

static void fail(struct remove_version *v, enum err e)
{
    bool is_version = v->version.kind != VERSION_LATEST;

    finish(v, e, e == ERR_NOT_FOUND && is_version ? S3_NoSuchVersion : s3_code_from_err(e, true));
}

/* --- removing ----------------------------------------------------------------------------- */

/* Woken by the engine. */
static void on_removed(struct op *op)
{
    struct remove_version *v = container_of(op, struct remove_version, remove.op);

    if (op->err == ERR_CHANGED && v->tries < TRIES_MAX) {
        look(v); /* it may be locked now */
        return;
    }
    if (op->err) {
        fail(v, op->err);
        return;
    }
    v->made_marker = v->remove.made_marker;
    v->info = v->remove.info;
    finish(v, ERR_OK, S3_None);
}

static void start_remove(struct remove_version *v, uint64_t rev)
{
    struct s3_request *r = v->request;

    op_init(&v->remove.op, on_removed);
    v->remove.key = (struct engine_key){SPACE_OBJECT, r->bucket, v->key};
    v->remove.version = v->version;
    v->remove.condition = v->condition;
    v->remove.condition.rev = rev;
    v->remove.condition.bucket_seq = r->conf->seq;
    v->remove.mtime_ms = r->now_ms;
    engine_remove(r->service->engine, &v->remove);
}

/* Of a marker S3 knows who made it. */
static void remove_latest(struct remove_version *v, uint64_t rev)
{
    static _Thread_local struct meta m; /* large; encoded and forgotten */
    struct s3_request *r = v->request;

    memset(&m, 0, sizeof m);
    m.owner_id = acl_request_account(r);
    if (meta_encode(&m, r->region, &v->remove.meta))
        fail(v, ERR_BUSY);
    else
        start_remove(v, rev);
}

/* --- deciding ----------------------------------------------------------------------------- */

static bool may_bypass(struct remove_version *v, const struct meta *m)
{
    struct access_ask ask = {
        .bucket = v->request->conf,
        .key = v->key,
        .version_id = v->version_id,
        .object_is_known = true,
        .object = m,
    };

    return object_lock_may_bypass(v->request, &ask);
}

static bool is_wanted(const struct remove_wants *w, const struct engine_info *info)
{
    if (w->has_size && w->size != info->size)
        return false;
    return !w->has_mtime || w->mtime_ms / 1000 == info->mtime_ms / 1000;
}

/* Memory of this one decision: there may be a thousand in a request. */
static enum err decide_lock(struct remove_version *v, enum s3_code *code_out)
{
    const struct engine_info *info = &v->lookup.object->info;
    struct region scratch;
    struct meta m;

    region_init(&scratch, v->request->region->pool);
    enum err e = meta_decode(info->meta, &scratch, &m);
    if (!e)
        *code_out = lock_check_remove(&m.lock, v->request->now_ms, false);
    if (!e && *code_out && !lock_check_remove(&m.lock, v->request->now_ms, true) &&
        may_bypass(v, &m))
        *code_out = S3_None;
    region_done(&scratch);
    return e;
}

/* The latest only gets a marker before it: what is locked stays. */
static enum err decide(struct remove_version *v, enum s3_code *code_out)
{
    *code_out = S3_None;
    if (v->version.kind != VERSION_LATEST)
        TRY(decide_lock(v, code_out));
    if (!*code_out && !is_wanted(&v->wants, &v->lookup.object->info))
        *code_out = S3_PreconditionFailed;
    return ERR_OK;
}

/* Woken by the engine. */
static void on_looked_up(struct op *op)
{
    struct remove_version *v = container_of(op, struct remove_version, lookup.op);
    enum s3_code code = S3_None;
    enum err e = op->err;
    uint64_t rev = 0;

    if (!e) {
        e = decide(v, &code);
        rev = v->lookup.object->info.rev;
        engine_release(v->lookup.object);
        v->lookup.object = NULL;
    }
    if (e) {
        fail(v, e);
    } else if (code == S3_PreconditionFailed) {
        finish(v, ERR_PRECONDITION, code);
    } else if (code) {
        v->detail = is_protected;
        finish(v, ERR_DENIED, code);
    } else if (v->version.kind == VERSION_LATEST) {
        remove_latest(v, rev);
    } else {
        start_remove(v, rev);
    }
}

static void look(struct remove_version *v)
{
    struct s3_request *r = v->request;

    v->tries++;
    memset(&v->lookup, 0, sizeof v->lookup);
    op_init(&v->lookup.op, on_looked_up);
    v->lookup.key = (struct engine_key){SPACE_OBJECT, r->bucket, v->key};
    v->lookup.version = v->version;
    engine_lookup(r->service->engine, &v->lookup);
}

void remove_version_start(struct remove_version *v)
{
    op_start(&v->op);
    if (v->version.kind == VERSION_LATEST && !v->wants.has_size && !v->wants.has_mtime)
        remove_latest(v, 0);
    else
        look(v);
}
