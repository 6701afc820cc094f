#include "s3/copy.h"

#include "base/text.h"
#include "s3/conditions.h"
#include "s3/route.h"
#include "s3/version.h"

static void finish(struct copy *c, enum s3_code code, const char *detail)
{
    c->code = code;
    c->detail = detail;
    op_complete(&c->op, code ? ERR_INVALID : ERR_OK);
}

/* --- the source --------------------------------------------------------------------------- */

/* Keys of encryption are not ours to ignore. */
static enum s3_code check_headers(const struct s3_request *r, const char **detail_out)
{
    static const char prefix[] = "x-amz-copy-source-server-side-encryption";

    for (unsigned i = 0; i < r->http->header_count; i++)
        if (view_starts_nocase(r->http->headers[i].name, view_str(prefix)))
            return S3_NotImplemented;
    for (unsigned i = 0; i < r->param_count; i++)
        if (view_starts_nocase(r->params[i].name, view_str(prefix)))
            return S3_NotImplemented;
    if (!http_has_body(r->http))
        return S3_None;
    *detail_out = "A copy has no body.";
    return S3_InvalidRequest;
}

/* "/bucket/key" or "bucket/key", percent-encoded, perhaps with ?versionId=. */
enum s3_code copy_init(struct copy *c, struct s3_request *r, const char **detail_out)
{
    struct view source = s3_header(r, "x-amz-copy-source"), version = VIEW_EMPTY;
    size_t query = view_find(source, VIEW("?versionId="));
    uint8_t *to = region_take(r->region, source.len + 1);
    size_t len = 0;

    enum s3_code code = check_headers(r, detail_out);

    c->request = r;
    if (code)
        return code;
    if (!to)
        return S3_SlowDown;
    *detail_out = "x-amz-copy-source names no bucket and key";
    if (query != SIZE_MAX) {
        version = view_from(source, query + strlen("?versionId="));
        source.len = query;
    }
    if (view_starts(source, VIEW("/")))
        source = view_from(source, 1);
    if (text_from_uri(source, false, to, source.len, &len))
        return S3_InvalidArgument;
    struct view decoded = view_of(to, len);
    size_t slash = view_index(decoded, '/');
    if (slash == SIZE_MAX || slash + 1 == len)
        return S3_InvalidArgument;
    *detail_out = NULL;
    c->source_bucket = view_upto(decoded, slash);
    c->source_key = view_from(decoded, slash + 1);
    if (!route_bucket_is_valid(c->source_bucket))
        return S3_InvalidBucketName;
    if (c->source_key.len > ROUTE_KEY_BYTES_MAX)
        return S3_KeyTooLongError;
    c->source_version = version;
    return S3_None;
}

static enum s3_code check_conditions(struct copy *c)
{
    struct s3_request *r = c->request;
    const struct conditions conditions = {
        .if_match = s3_header(r, "x-amz-copy-source-if-match"),
        .if_none_match = s3_header(r, "x-amz-copy-source-if-none-match"),
        .if_modified_since = s3_header(r, "x-amz-copy-source-if-modified-since"),
        .if_unmodified_since = s3_header(r, "x-amz-copy-source-if-unmodified-since"),
    };
    const struct engine_info *info = &c->source->info;

    return conditions_check(&conditions, info->etag, info->mtime_ms) == CONDITIONS_HOLD
               ? S3_None
               : S3_PreconditionFailed;
}

/* Woken by find. */
static void on_found(struct op *op)
{
    struct copy *c = container_of(op, struct copy, find.op);
    const struct find *f = &c->find;

    if (op->err) {
        finish(c, f->code, f->detail);
        return;
    }
    c->source = f->object;
    c->source_meta = &f->meta;
    c->source_is_latest = f->is_latest;
    if (c->conf->versioning != VERSIONING_NEVER || c->source_version.at)
        version_text(f->object->info.seq, f->object->info.flags, c->source_version_id);
    finish(c, check_conditions(c), NULL);
}

static void find_source(struct copy *c)
{
    struct find *f = &c->find;

    memset(f, 0, sizeof *f);
    op_init(&f->op, on_found);
    f->request = c->request;
    f->bucket = c->conf;
    f->key = c->source_key;
    f->version_id = c->source_version;
    f->action = f->version_id.at ? "s3:GetObjectVersion" : "s3:GetObject";
    f->right = ACL_OBJECT_READ;
    f->is_source = true;
    c->wait = COPY_FINDING;
    s3_wait(c->request, "Copy.finding");
    find_start(f);
}

static void found_bucket(struct copy *c, enum err e)
{
    struct s3_request *r = c->request;
    struct view owner = s3_header(r, "x-amz-source-expected-bucket-owner");

    c->conf = c->bucket.bucket;
    if (e)
        finish(c, s3_code_from_err(e, false), NULL);
    else if (owner.at && !view_eq(owner, access_bucket_owner(r->service, c->conf)))
        finish(c, S3_AccessDenied, NULL);
    else
        find_source(c);
}

/* Woken by bucket.c. */
static void on_bucket(struct op *op)
{
    found_bucket(container_of(op, struct copy, bucket.op), op->err);
}

void copy_find(struct copy *c)
{
    op_start(&c->op);
    c->wait = COPY_FINDING_BUCKET;
    op_init(&c->bucket.op, on_bucket);
    c->bucket.service = c->request->service;
    c->bucket.name = c->source_bucket;
    s3_wait(c->request, "Copy.finding-bucket");
    if (bucket_find_now(&c->bucket))
        found_bucket(c, ERR_OK);
    else
        bucket_find(&c->bucket);
}

bool copy_may(const struct copy *c, const char *action)
{
    const struct access_ask ask = {
        .action = action,
        .bucket = c->conf,
        .key = c->source_key,
        .version_id = c->source_version,
        .object_is_known = true,
        .object = c->source_meta,
    };

    return access_decide(c->request, &ask) == ACCESS_YES;
}

void copy_reply_headers(const struct copy *c)
{
    if (c->source_version_id[0])
        http_reply_header(
            c->request->http, "x-amz-copy-source-version-id", view_str(c->source_version_id));
}

void copy_done(struct copy *c)
{
    find_done(&c->find);
    c->source = NULL;
    c->source_meta = NULL;
    bucket_release(c->conf);
    c->conf = NULL;
}

/* --- the bytes ---------------------------------------------------------------------------- */

static void read_next(struct copy *c);

static void stop(struct copy *c, enum err e)
{
    chunk_unref(c->take.chunk);
    c->take.chunk = NULL;
    digest_done(&c->md5_run);
    if (c->kind != CHECKSUM_NONE)
        checksum_done(&c->checksum_run);
    finish(c, e ? s3_code_from_err(e, true) : S3_None, NULL);
}

static void end(struct copy *c)
{
    if (c->wants_md5)
        digest_finish(&c->md5_run, c->md5);
    if (c->kind != CHECKSUM_NONE)
        checksum_finish(&c->checksum_run, c->checksum);
    stop(c, ERR_OK);
}

/* Woken by the engine. A written chunk may still be the engine's: each piece has its own. */
static void on_written(struct op *op)
{
    struct copy *c = container_of(op, struct copy, write.op);

    c->done += c->write.len;
    chunk_unref(c->take.chunk);
    c->take.chunk = NULL;
    if (op->err)
        stop(c, op->err);
    else
        read_next(c);
}

/* Woken by the engine. */
static void on_read(struct op *op)
{
    struct copy *c = container_of(op, struct copy, read.op);

    if (op->err) {
        stop(c, op->err);
        return;
    }
    if (c->wants_md5)
        digest_update(&c->md5_run, c->take.chunk->at, c->read.len);
    if (c->kind != CHECKSUM_NONE)
        checksum_update(&c->checksum_run, c->take.chunk->at, c->read.len);
    c->wait = COPY_WRITING;
    s3_wait(c->request, "Copy.writing");
    memset(&c->write, 0, sizeof c->write);
    op_init(&c->write.op, on_written);
    c->write.put = c->put;
    c->write.chunk = c->take.chunk;
    c->write.len = c->read.len;
    c->take.chunk->len = (uint32_t)c->read.len;
    engine_write(&c->write);
}

/* Woken by the arena. */
static void on_chunk(struct op *op)
{
    struct copy *c = container_of(op, struct copy, take.op);

    if (op->err) {
        stop(c, op->err);
        return;
    }
    c->wait = COPY_READING;
    s3_wait(c->request, "Copy.reading");
    memset(&c->read, 0, sizeof c->read);
    op_init(&c->read.op, on_read);
    c->read.object = c->source;
    c->read.off = c->off + c->done;
    c->read.len = (size_t)MIN(c->len - c->done, CHUNK_BYTES_MAX);
    c->read.dst = c->take.chunk->at;
    engine_read(&c->read);
}

static void read_next(struct copy *c)
{
    if (c->done == c->len) {
        end(c);
        return;
    }
    c->wait = COPY_TAKING_CHUNK;
    s3_wait(c->request, "Copy.taking-chunk");
    op_init(&c->take.op, on_chunk);
    c->take.bytes = (size_t)MIN(c->len - c->done, CHUNK_BYTES_MAX);
    c->take.limit_ms = S3_CHUNK_WAIT_MS;
    arena_wait(c->request->service->arena, &c->take);
}

void copy_run(struct copy *c)
{
    enum err e = ERR_OK;

    op_start(&c->op);
    c->code = S3_None;
    c->done = 0;
    if (c->wants_md5)
        e = digest_start(&c->md5_run, DIGEST_MD5);
    if (!e && c->kind != CHECKSUM_NONE)
        e = checksum_start(&c->checksum_run, c->kind);
    if (e)
        stop(c, e);
    else
        read_next(c);
}
