#include "s3/store.h"

#include <assert.h>

#include "base/clock.h"
#include "base/text.h"
#include "s3/find.h"

/* From here on a missing bucket is worth finding out before the body is sent. */
enum { LOOKUP_FROM_BYTES = 65536 };

static void on_lookup(struct op *op);
static void on_window(struct op *op);
static void on_ingest(struct op *op);
static void on_put(struct op *op);

/* --- endings ------------------------------------------------------------------------------ */

static void fail(struct store *s, enum s3_code code, const char *detail)
{
    if (s->code)
        return;
    s->code = code;
    s->detail = detail;
}

static void done(struct store *s)
{
    assert(s->direct.state != DIRECT_OPEN);
    digests_done(&s->digests);
    s->wait = STORE_IDLE;
    op_complete(&s->op, s->code ? ERR_INVALID : ERR_OK);
}

void store_finish_error(struct store *s)
{
    struct s3_request *r = s->request;
    unsigned status = s3_code_status(s->code);

    assert(s->code);
    /* One convention of declining a write is 200 and no ETag (s3-rdma-protocol 2.7). */
    if (s->direct.state == DIRECT_DECLINED && s->code == S3_RDMANotSupported &&
        r->service->put_decline_is_200)
        status = 200;
    s3_finish_error_as(r, status, s->code, s->detail, VIEW_EMPTY);
}

static void reply_checksum(struct store *s)
{
    const struct meta *m = s->meta;
    char text[CHECKSUM_TEXT_MAX];
    struct buf b = buf_over(text, sizeof text);
    uint8_t crc64[8];

    if (m->checksum_kind != CHECKSUM_NONE) {
        checksum_put_text(&b, m->checksum_kind, m->checksum);
        http_reply_header(s->request->http, checksum_header(m->checksum_kind), buf_view(&b));
        return;
    }
    checksum_put_crc64(s->info.crc64, crc64);
    checksum_put_text(&b, CHECKSUM_CRC64NVME, crc64);
    http_reply_header(s->request->http, checksum_header(CHECKSUM_CRC64NVME), buf_view(&b));
}

void store_reply_headers(struct store *s)
{
    http_reply_headerf(s->request->http, "ETag", "\"%s\"", s->etag);
    reply_checksum(s);
    if (s->request->rdma_reply)
        direct_put_bytes(s->request, s->bytes);
}

/* --- commit ------------------------------------------------------------------------------- */

/* The MD5 where it was computed; else an opaque tag: at these rates nobody waits for MD5. */
static void make_etag(struct store *s)
{
    uint8_t bytes[16];
    struct buf b = buf_over(s->etag, sizeof s->etag - 1);

    if (s->digests.wants_md5)
        memcpy(bytes, s->digests.md5_got, sizeof bytes);
    else
        digest_random(bytes, sizeof bytes);
    text_put_hex(&b, view_of(bytes, sizeof bytes));
    s->etag[b.len] = '\0';
}

static void take_checksum(struct store *s)
{
    struct digests *d = &s->digests;

    if (d->kind == CHECKSUM_NONE)
        return;
    s->meta->checksum_kind = d->kind;
    s->meta->checksum_type = CHECKSUM_FULL_OBJECT;
    memcpy(s->meta->checksum, d->checksum, checksum_bytes(d->kind));
    if (d->kind != CHECKSUM_CRC64NVME)
        return;
    s->put.crc64_expected = checksum_get_crc64(d->checksum);
    s->put.has_crc64_expected = true;
}

static void abort_put(struct store *s)
{
    s->wait = STORE_ABORTING;
    s3_wait(s->request, "Store.aborting");
    op_init(&s->put.op, on_put);
    engine_abort(&s->put);
}

static void commit(struct store *s)
{
    struct engine_put *p = &s->put;
    enum err e;

    make_etag(s);
    take_checksum(s);
    e = meta_encode(s->meta, s->request->region, &p->meta);
    if (e) {
        fail(s, s3_code_from_err(e, true), NULL);
        abort_put(s);
        return;
    }
    p->mtime_ms = clock_wall_ms();
    p->etag = view_str(s->etag);
    p->condition = s->condition;
    p->condition.bucket_seq = s->request->conf->seq;
    p->require = s->require;
    s->wait = STORE_COMMITTING;
    s3_wait(s->request, "Store.committing");
    op_init(&p->op, on_put);
    engine_commit(p);
}

static const char crc64_mismatch[] =
    "The CRC64NVME you specified did not match the calculated checksum.";

static void committed(struct store *s, enum err e)
{
    if (e) {
        fail(s, s3_code_from_err(e, true), e == ERR_BAD_DIGEST ? crc64_mismatch : NULL);
        done(s);
        return;
    }
    s->info = s->put.info;
    if (s->key.space == SPACE_OBJECT)
        find_say_written(s->request, &s->info);
    s->bytes = s->length;
    if (s->direct.transport)
        direct_will_reply(s->request, 200);
    done(s);
}

/* --- steps -------------------------------------------------------------------------------- */

static void finish_put(struct store *s)
{
    if (!s->put_is_open)
        done(s);
    else if (s->code)
        abort_put(s);
    else
        commit(s);
}

/* Drained before anything is committed or answered (invariant 2). */
static void close_window(struct store *s)
{
    s->wait = STORE_CLOSING;
    s3_wait(s->request, "Store.closing");
    direct_close(&s->direct);
}

static void received(struct store *s)
{
    if (s->ingest.code)
        fail(s, s->ingest.code, s->ingest.detail);
    s->length = s->ingest.length;
    if (s->ingest.transfer_failed)
        direct_will_fail(s->request);
    if (s->direct.state == DIRECT_OPEN)
        close_window(s);
    else
        finish_put(s);
}

static void receive(struct store *s)
{
    struct ingest *g = &s->ingest;

    engine_put_init(s->request->service->engine, &s->put, s->key, s->is_open_ended ? 0 : s->length);
    s->put_is_open = true;
    g->request = s->request;
    g->put = &s->put;
    g->digests = &s->digests;
    g->window = s->direct.state == DIRECT_OPEN ? &s->direct.window : NULL;
    g->form = s->form;
    g->length = s->length;
    g->is_open_ended = s->is_open_ended;
    s->request->http->way = g->window ? "direct" : "tcp";
    s->wait = STORE_RECEIVING;
    op_init(&g->op, on_ingest);
    ingest_start(g);
}

static void opened(struct store *s)
{
    enum s3_code code = direct_opened(s->request, &s->direct);

    if (!code && s->direct.state == DIRECT_DECLINED) {
        direct_will_decline(s->request);
        code = S3_RDMANotSupported;
    }
    if (code) {
        fail(s, code, NULL);
        done(s);
        return;
    }
    s->length = s->direct.window.bytes;
    if (s->length > STORE_BYTES_MAX) {
        fail(s, S3_EntityTooLarge, NULL);
        close_window(s);
    } else {
        receive(s);
    }
}

static void open_or_receive(struct store *s)
{
    enum err e = digests_start(&s->digests);

    if (e) {
        fail(s, s3_code_from_err(e, true), NULL);
        done(s);
        return;
    }
    if (s->direct.state == DIRECT_ABSENT) {
        receive(s);
        return;
    }
    s->wait = STORE_OPENING;
    s3_wait(s->request, "Store.opening");
    direct_open(s->request, &s->direct, WINDOW_READ, on_window);
}

static void looked_up(struct store *s, enum err e)
{
    engine_release(s->lookup.object);
    if (e) {
        fail(s, s3_code_from_err(e, false), NULL);
        done(s);
        return;
    }
    open_or_receive(s);
}

static void look_up_bucket(struct store *s)
{
    s->lookup = (struct engine_lookup){
        .key = {.space = SPACE_BUCKET, .bucket = s->key.bucket},
    };
    s->wait = STORE_LOOKING_UP;
    s3_wait(s->request, "Store.looking_up");
    op_init(&s->lookup.op, on_lookup);
    engine_lookup(s->request->service->engine, &s->lookup);
}

/* One wait at a time; each case says who woke us. */
static void advance(struct store *s, enum err e)
{
    assert(s->wait != STORE_IDLE);
    switch (s->wait) {
    case STORE_LOOKING_UP: /* the engine */
        looked_up(s, e);
        break;
    case STORE_OPENING: /* the transport */
        opened(s);
        break;
    case STORE_RECEIVING: /* ingest */
        received(s);
        break;
    case STORE_CLOSING: /* the transport: nothing is in flight in the window */
        finish_put(s);
        break;
    case STORE_COMMITTING: /* the engine */
        committed(s, e);
        break;
    case STORE_ABORTING: /* the engine */
        done(s);
        break;
    case STORE_IDLE: /* nobody */
        break;
    }
}

static void on_lookup(struct op *op)
{
    advance(container_of(op, struct store, lookup.op), op->err);
}

static void on_window(struct op *op)
{
    advance(container_of(op, struct store, direct.window.op), op->err);
}

static void on_ingest(struct op *op)
{
    advance(container_of(op, struct store, ingest.op), op->err);
}

static void on_put(struct op *op)
{
    advance(container_of(op, struct store, put.op), op->err);
}

/* --- the request -------------------------------------------------------------------------- */

static enum s3_code read_length(struct store *s)
{
    struct s3_request *r = s->request;
    struct view decoded = s3_header(r, "x-amz-decoded-content-length");

    if (s->form) { /* one more than there can be, so that a missing end is seen */
        s->length = form_body_left(s->form) + 1;
        return S3_None;
    }
    /* AWS refuses a chunked body of unknown length; what ends by itself can be taken whole. */
    if (r->http->is_chunked && !decoded.at && !digests_body_is_framed(r)) {
        s->length = STORE_BYTES_MAX + 1;
        s->is_open_ended = true;
        return S3_None;
    }
    if (digests_body_is_framed(r) || r->http->is_chunked) {
        if (!decoded.at)
            return S3_MissingContentLength;
        if (text_to_u64(decoded, &s->length))
            return S3_InvalidArgument;
    } else if (r->http->has_content_length) {
        s->length = r->http->content_length;
    } else {
        return S3_MissingContentLength;
    }
    return s->length > STORE_BYTES_MAX ? S3_EntityTooLarge : S3_None;
}

static const char has_body[] = "A request with x-amz-rdma-token has no body.";

/* The payload is the window: the request itself must be empty and say nothing else. */
static enum s3_code check_direct(struct store *s)
{
    struct s3_request *r = s->request;
    uint8_t empty[32];

    if (http_has_body(r->http) || digests_body_is_framed(r)) {
        s->detail = has_body;
        return S3_InvalidRequest;
    }
    if (s->digests.has_sha256) {
        digest_sha256(VIEW(""), empty);
        if (memcmp(empty, s->digests.sha256, sizeof empty) != 0)
            return S3_XAmzContentSHA256Mismatch;
        s->digests.has_sha256 = false; /* it is about the empty body */
    }
    return S3_None;
}

static enum s3_code read_request(struct store *s)
{
    struct s3_request *r = s->request;
    enum s3_code code = direct_look(r, &s->direct, &s->detail);

    if (code)
        return code;
    if (s->direct.state == DIRECT_DECLINED) {
        direct_will_decline(r);
        return S3_RDMANotSupported;
    }
    code = digests_read(r, &s->digests, &s->detail);
    if (code)
        return code;
    if (s->default_kind != CHECKSUM_NONE && s->digests.kind != CHECKSUM_NONE &&
        s->digests.kind != s->default_kind) {
        s->detail = "The checksum algorithm is not the one the upload was created with.";
        return S3_InvalidRequest;
    }
    if (s->digests.kind == CHECKSUM_NONE && s->default_kind != CHECKSUM_CRC64NVME)
        s->digests.kind = s->default_kind;
    s->digests.crc64_is_elsewhere = true;
    s->digests.wants_md5 = s->direct.state == DIRECT_ABSENT;
    return s->direct.state == DIRECT_ABSENT ? read_length(s) : check_direct(s);
}

void store_start(struct store *s)
{
    op_start(&s->op);
    s->code = read_request(s);
    if (s->code)
        done(s);
    else if (
        !s->bucket_is_known && (s->length > LOOKUP_FROM_BYTES || s->direct.state != DIRECT_ABSENT))
        look_up_bucket(s);
    else
        open_or_receive(s);
}
