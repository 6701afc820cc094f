/*
 * Writes: one PUT, or an upload in parts. Every one carries the CRC-64/NVME of its bytes, so that
 * what was stored is what is in the buffer, whichever way it went (invariant 4), and so that a
 * server which ignores the token cannot store an empty object.
 *
 * A direct write has succeeded when the answer is 200 with an ETag and x-amz-rdma-reply 2xx; any
 * other success, or 501, is a refusal of the direct path: nothing of value was stored.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "base/text.h"
#include "client/client.h"
#include "client/client_command.h"
#include "client/client_why.h"
#include "client/client_xml.h"

enum { PUT_PARTS_MAX = 10000, PUT_PART_BYTES_MIN = 5 << 20 };

/* Bytes of the buffer, and the request that stores them. */
struct put {
    struct client_transfer *transfer;
    size_t buffer_off, len;
    uint64_t crc64;
    const char *query; /* of a part; "": the object */
    bool was_declined;
};

/* --- one attempt --- */

static void fill_request(const struct put *p, struct buf *crc, struct client_request *q)
{
    struct client_transfer *t = p->transfer;
    const struct ps_op *op = t->op;
    bool is_object = p->query[0] == '\0';

    *q = (struct client_request){
        .method = "PUT",
        .bucket = view_str(op->bucket),
        .key = view_str(op->key),
        .query = view_str(p->query),
        .stop = &t->stop};
    client_transfer_put_crc64(crc, p->crc64);
    client_exchange_header(q, "x-amz-checksum-crc64nvme", buf_view(crc));
    if (is_object && op->content_type)
        client_exchange_header(q, "Content-Type", view_str(op->content_type));
    if (is_object && op->if_match)
        client_exchange_header(q, "If-Match", view_str(op->if_match));
    if (is_object && op->if_none_match)
        client_exchange_header(q, "If-None-Match", view_str(op->if_none_match));
}

static bool was_moved(const struct client_reply *q)
{
    struct view reply = client_answer_header(&q->answer, "x-amz-rdma-reply");

    return q->answer.status == 200 && client_answer_header(&q->answer, "etag").len > 0 &&
           (view_is(reply, "200") || view_is(reply, "204"));
}

static bool was_declined(const struct client_reply *q)
{
    bool is_success = q->answer.status / 100 == 2;
    struct view reply = client_answer_header(&q->answer, "x-amz-rdma-reply");

    return (is_success && !was_moved(q)) || (q->answer.status == 501 && view_is(reply, "501"));
}

static enum ps_err
understand(struct put *p, const struct client_reply *q, bool has_token, struct ps_result *r)
{
    enum ps_err e;

    if (has_token && was_declined(q)) {
        p->was_declined = true;
        r->status = q->answer.status;
        return client_why(PS_ERR_NOT_DIRECT, "the server declined the direct path");
    }
    e = client_transfer_answer(q, r);
    if (!e && !r->etag[0])
        e = client_why(PS_ERR_HTTP, "no ETag in the answer");
    if (e)
        return e;
    r->way = has_token ? PS_WAY_LOCAL : PS_WAY_TCP;
    r->bytes = p->len;
    return PS_OK;
}

static enum ps_err attempt_once(struct put *p, bool is_direct, bool *is_stale, struct ps_result *r)
{
    struct client_transfer *t = p->transfer;
    struct ps_client *c = t->client;
    uint8_t crc_bytes[16];
    struct buf crc = buf_over(crc_bytes, sizeof(crc_bytes));
    struct client_want want = {p->buffer_off, p->len, false};
    struct client_pass pass = {0};
    struct client_request q;
    struct client_reply reply;
    enum ps_err e;

    if (is_direct && client_direct_pass(&c->direct, t->op->buffer, &want, &pass) &&
        c->settings.direct == PS_DIRECT_REQUIRE)
        return PS_ERR_NOT_DIRECT;
    fill_request(p, &crc, &q);
    bool has_token = pass.session != NULL;
    q.is_once = has_token;
    q.wants_new = *is_stale;
    if (has_token)
        client_exchange_header(&q, "x-amz-rdma-token", view_of(pass.bytes, sizeof(pass.bytes)));
    else
        q.body = view_of(t->op->buffer->memory.at + p->buffer_off, p->len);
    r->attempts++;
    e = client_exchange(&c->conns, &c->settings, &q, &reply);
    r->status = reply.answer.status;
    *is_stale = reply.is_stale;
    bool is_lost = client_direct_is_lost(&pass);
    if (has_token && reply.was_sent && reply.answer.status == 0)
        client_direct_revoke(&pass);
    else
        client_direct_release(&pass);
    if (!e)
        e = understand(p, &reply, has_token, r);
    client_exchange_done(&reply);
    if (e == PS_ERR_S3 && is_lost) /* the token was refused for that: again, with another */
        e = client_why(PS_ERR_CONNECT, "the server's socket was closed");
    return e;
}

/* A connection that had been closed while it was idle is replaced at once. */
static enum ps_err attempt(struct put *p, bool is_direct, struct ps_result *r)
{
    bool is_stale = false;
    enum ps_err e = attempt_once(p, is_direct, &is_stale, r);

    return is_stale ? attempt_once(p, is_direct, &is_stale, r) : e;
}

static enum ps_err put_bytes(struct put *p, struct ps_result *r)
{
    struct client_transfer *t = p->transfer;
    bool direct_has_failed = false;
    enum ps_err e;

    p->crc64 = crc64_nvme(0, t->op->buffer->memory.at + p->buffer_off, p->len);
    r->crc64 = p->crc64;
    r->has_crc64 = 1;
    for (unsigned n = 0;; n++) {
        bool is_direct = !p->was_declined && client_transfer_is_direct(t, n, direct_has_failed);

        e = attempt(p, is_direct, r);
        if (p->was_declined && is_direct && t->client->settings.direct == PS_DIRECT_PREFER)
            e = attempt(p, false, r);
        if (!client_transfer_is_transient(e, r) || !client_transfer_again(t, n))
            break;
        direct_has_failed = direct_has_failed || is_direct;
    }
    return e;
}

/* --- requests of an upload --- */

static enum ps_err upload_request(
    struct client_transfer *t, struct client_request *q, char **text_out, struct ps_result *r)
{
    struct ps_client *c = t->client;
    struct client_reply reply;
    enum ps_err e;

    q->bucket = view_str(t->op->bucket);
    q->key = view_str(t->op->key);
    q->signs_body = true;
    for (unsigned n = 0;; n++) {
        r->attempts++;
        e = client_exchange(&c->conns, &c->settings, q, &reply);
        r->status = reply.answer.status;
        if (!e)
            e = client_transfer_answer(&reply, r);
        if (!client_transfer_is_transient(e, r) || !client_transfer_again(t, n))
            break;
        client_exchange_done(&reply);
    }
    *text_out = reply.text;
    return e;
}

static enum ps_err create_upload(struct client_transfer *t, struct ps_result *r)
{
    struct client_request q = {.method = "POST", .query = VIEW("uploads="), .stop = &t->stop};
    char *text = NULL;

    client_exchange_header(&q, "x-amz-checksum-algorithm", VIEW("CRC64NVME"));
    client_exchange_header(&q, "x-amz-checksum-type", VIEW("FULL_OBJECT"));
    if (t->op->content_type)
        client_exchange_header(&q, "Content-Type", view_str(t->op->content_type));
    enum ps_err e = upload_request(t, &q, &text, r);
    if (!e && (!text || !client_xml_text(
                            view_str(text), "InitiateMultipartUploadResult/UploadId", t->upload_id,
                            sizeof(t->upload_id))))
        e = client_why(PS_ERR_HTTP, "no UploadId in the answer");
    free(text);
    return e;
}

static void abort_upload(struct client_transfer *t)
{
    uint8_t query_bytes[CLIENT_QUERY_MAX];
    struct buf query = buf_over(query_bytes, sizeof(query_bytes));
    struct ps_result ignored = {0};
    char *text = NULL;

    client_exchange_param(&query, "uploadId", view_str(t->upload_id));
    struct client_request q = {.method = "DELETE", .query = buf_view(&query)};
    (void)upload_request(t, &q, &text, &ignored);
    free(text);
}

static void put_part_xml(struct buf *b, unsigned number, const struct client_part *part)
{
    buf_printf(b, "<Part><PartNumber>%u</PartNumber><ETag>", number);
    client_xml_put(b, view_str(part->etag));
    buf_put_str(b, "</ETag><ChecksumCRC64NVME>");
    client_transfer_put_crc64(b, part->crc64);
    buf_put_str(b, "</ChecksumCRC64NVME></Part>");
}

static uint64_t whole_crc64(const struct client_transfer *t)
{
    uint64_t crc64 = 0;

    for (unsigned i = 0; i < t->part_count; i++)
        crc64 = crc64_nvme_combine(crc64, t->parts[i].crc64, t->parts[i].bytes);
    return crc64;
}

/* An earlier attempt that got no answer may have done it: then the object is ours. Hence is_once:
 * attempts must be counted. */
static bool is_there(struct client_transfer *t, struct ps_result *r)
{
    struct ps_stat stat;
    struct ps_result head = {0};

    if (r->attempts < 2 || strcmp(r->code, "NoSuchUpload") != 0 ||
        client_command_head(t->client, t->op->bucket, t->op->key, &stat, &head) ||
        !stat.has_crc64 || stat.crc64 != r->crc64 || stat.bytes != t->len)
        return false;
    snprintf(r->etag, sizeof(r->etag), "%s", stat.etag);
    r->code[0] = r->message[0] = '\0';
    return true;
}

static enum ps_err complete_upload(struct client_transfer *t, struct view xml, struct ps_result *r)
{
    uint8_t query_bytes[CLIENT_QUERY_MAX], crc_bytes[16];
    struct buf query = buf_over(query_bytes, sizeof(query_bytes));
    struct buf crc = buf_over(crc_bytes, sizeof(crc_bytes));
    char *text = NULL;

    client_exchange_param(&query, "uploadId", view_str(t->upload_id));
    struct client_request q = {
        .method = "POST",
        .query = buf_view(&query),
        .body = xml,
        .stop = &t->stop,
        .is_once = true};
    client_transfer_put_crc64(&crc, r->crc64);
    client_exchange_header(&q, "x-amz-checksum-crc64nvme", buf_view(&crc));
    client_exchange_header(&q, "x-amz-checksum-type", VIEW("FULL_OBJECT"));
    if (t->op->if_match)
        client_exchange_header(&q, "If-Match", view_str(t->op->if_match));
    if (t->op->if_none_match)
        client_exchange_header(&q, "If-None-Match", view_str(t->op->if_none_match));
    enum ps_err e = upload_request(t, &q, &text, r);
    if (!e && text)
        (void)client_xml_text(
            view_str(text), "CompleteMultipartUploadResult/ETag", r->etag, sizeof(r->etag));
    free(text);
    return e && is_there(t, r) ? PS_OK : e;
}

/* --- the steps --- */

static uint64_t part_size(const struct client_transfer *t, uint64_t wanted)
{
    uint64_t least = (t->op->bytes + PUT_PARTS_MAX - 1) / PUT_PARTS_MAX;

    least = (least + MIB - 1) / MIB * MIB;
    return MAX(MAX(wanted, least), (uint64_t)PUT_PART_BYTES_MIN);
}

bool client_put_has_last(const struct client_transfer *t)
{
    return t->upload_id[0] != '\0';
}

enum ps_err client_put_first(struct client_transfer *t, struct ps_result *r)
{
    const struct client_settings *c = &t->client->settings;
    const struct ps_op *op = t->op;

    r->object_bytes = op->bytes;
    if (op->bytes < c->multipart_from_bytes) {
        struct put p = {t, op->buffer_off, (size_t)op->bytes, 0, "", false};

        return put_bytes(&p, r);
    }
    t->off = 0;
    t->len = op->bytes;
    t->buffer_off = op->buffer_off;
    enum ps_err e = client_transfer_cut(
        t,
        part_size(t, client_transfer_expects_direct(t) ? c->part_bytes_direct : c->part_bytes_tcp));
    return e ? e : create_upload(t, r);
}

enum ps_err client_put_part(struct client_transfer *t, unsigned index, struct ps_result *r)
{
    char query[CLIENT_QUERY_MAX];
    struct buf b = buf_over(query, sizeof(query) - 1);
    struct put p = {
        t,
        t->buffer_off + (size_t)(index * t->part_bytes),
        (size_t)client_transfer_part_len(t, index),
        0,
        query,
        false};

    buf_printf(&b, "partNumber=%u", index + 1);
    client_exchange_param(&b, "uploadId", view_str(t->upload_id));
    query[b.len] = '\0';
    if (b.overflow)
        return client_why(PS_ERR_HTTP, "the server's UploadId is too long");
    enum ps_err e = put_bytes(&p, r);
    t->parts[index].bytes = p.len;
    t->parts[index].crc64 = p.crc64;
    snprintf(t->parts[index].etag, sizeof(t->parts[index].etag), "%s", r->etag);
    return e;
}

enum ps_err client_put_last(struct client_transfer *t, enum ps_err e, struct ps_result *r)
{
    size_t cap = 256 + (size_t)t->part_count * 256;
    struct buf xml = buf_over(e ? NULL : malloc(cap), cap);

    if (!e && !xml.at)
        e = client_why(PS_ERR_NO_MEMORY, "out of memory");
    if (!e) {
        buf_put_str(&xml, "<CompleteMultipartUpload>");
        for (unsigned i = 0; i < t->part_count; i++)
            put_part_xml(&xml, i + 1, &t->parts[i]);
        buf_put_str(&xml, "</CompleteMultipartUpload>");
        r->crc64 = whole_crc64(t);
        r->has_crc64 = 1;
        e = complete_upload(t, buf_view(&xml), r);
    }
    free(xml.at);
    if (e)
        abort_upload(t);
    return e;
}
