#include "s3/find.h"

#include "s3/version.h"

static const char bad_version[] = "Invalid version id specified";
static const char empty_version[] = "Version id cannot be the empty string";
static const char marker_as_source[] =
    "The source of a copy request may not specifically refer to a delete marker by version id.";

static void finish(struct find *f, enum s3_code code)
{
    if (code)
        find_done(f);
    f->code = code;
    op_complete(&f->op, code ? ERR_INVALID : ERR_OK);
}

static const struct bucket *bucket_of(const struct find *f)
{
    return f->bucket ? f->bucket : f->request->conf;
}

/* --- the answer's version ----------------------------------------------------------------- */

/* A bucket that was never versioned says nothing of versions, unless one was named. The bucket may
 * have become versioned after r->conf was read: the entry knows better. */
static void say_version(struct s3_request *r, uint64_t seq, unsigned flags, bool was_named)
{
    bool was_versioned = r->conf && r->conf->versioning != VERSIONING_NEVER;

    if (was_versioned || was_named || (flags & ENGINE_VERSION_NAMED))
        version_text(seq, flags, r->version_id);
    if (flags & ENGINE_MARKER)
        r->is_marker = true;
}

void find_say_version(struct s3_request *r, const struct engine_info *info)
{
    say_version(r, info->seq, info->flags, s3_param(r, "versionId").at);
}

void find_say_written(struct s3_request *r, const struct engine_info *info)
{
    if (info->flags & ENGINE_VERSION_NAMED)
        find_say_version(r, info);
}

/* A marker that was named. */
static enum s3_code refuse_marker(struct find *f)
{
    if (f->is_source) {
        f->detail = marker_as_source;
        return S3_InvalidRequest;
    }
    f->request->marker_ms = f->object->info.mtime_ms;
    return S3_MethodNotAllowed;
}

/* --- the decision ------------------------------------------------------------------------- */

static bool may_do(const struct find *f)
{
    const struct access_ask ask = {
        .action = f->action,
        .right = f->right,
        .bucket = bucket_of(f),
        .key = f->lookup.key.name,
        .version_id = f->version_id,
        .object_is_known = true,
        .object = &f->meta,
    };

    return f->is_decided || access_decide(f->request, &ask) == ACCESS_YES;
}

/* To who may not list the bucket, what is not there looks as what is forbidden. */
static enum s3_code missing(struct find *f)
{
    enum s3_code code = access_missing(f->request, bucket_of(f), f->lookup.key.name);

    if (code != S3_NoSuchKey)
        return code;
    if (f->version_id.at)
        return S3_NoSuchVersion;
    if (f->is_source)
        return code;
    if (f->lookup.marker.is_set)
        say_version(f->request, f->lookup.marker.seq, f->lookup.marker.flags, false);
    else
        f->request->is_no_marker = true;
    return code;
}

static enum s3_code found(struct find *f)
{
    const struct engine_info *info;
    enum err e;

    f->object = f->lookup.object;
    f->is_latest = !f->version_id.at || f->lookup.is_latest;
    info = &f->object->info;
    e = meta_decode(info->meta, f->request->region, &f->meta);
    if (e)
        return s3_code_from_err(e, true);
    if (!may_do(f))
        return S3_AccessDenied;
    if (!f->is_source)
        say_version(f->request, info->seq, info->flags, f->version_id.at);
    return (info->flags & ENGINE_MARKER) && !f->takes_marker ? refuse_marker(f) : S3_None;
}

/* Woken by the engine. */
static void on_looked_up(struct op *op)
{
    struct find *f = container_of(op, struct find, lookup.op);

    if (op->err == ERR_NOT_FOUND)
        finish(f, missing(f));
    else if (op->err)
        finish(f, s3_code_from_err(op->err, true));
    else
        finish(f, found(f));
}

void find_init(struct find *f, struct s3_request *r, op_advance_fn *advance)
{
    memset(f, 0, sizeof *f);
    op_init(&f->op, advance);
    f->request = r;
    f->version_id = s3_param(r, "versionId");
    f->action = f->version_id.at && r->op->version_action ? r->op->version_action : r->op->action;
    f->right = r->op->right;
    f->is_decided = r->is_decided;
}

void find_start(struct find *f)
{
    struct s3_request *r = f->request;
    enum s3_code code = version_read(f->version_id, &f->lookup.version);

    op_start(&f->op);
    if (code) {
        f->detail = f->version_id.len ? bad_version : empty_version;
        finish(f, code);
        return;
    }
    f->lookup.key = (struct engine_key){
        .space = SPACE_OBJECT,
        .bucket = f->bucket ? f->bucket->name : r->bucket,
        .name = f->key.at ? f->key : r->key,
    };
    op_init(&f->lookup.op, on_looked_up);
    engine_lookup(r->service->engine, &f->lookup);
}

void find_done(struct find *f)
{
    engine_release(f->object);
    f->object = NULL;
}
