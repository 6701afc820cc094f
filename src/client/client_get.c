/*
 * Reads. A span is a piece of the object and where it goes; each attempt is one GET, by the direct
 * path when there is one and the mode wants it.
 *
 * An answer says the direct path was taken by x-amz-rdma-reply 200 or 206; then its body is empty
 * and x-amz-rdma-bytes-transferred says how much is in the buffer. Anything else that is a success
 * comes as a body, straight into the buffer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/crc64.h"
#include "base/text.h"
#include "client/client.h"
#include "client/client_why.h"

struct span {
    uint64_t off, len; /* of the object; len 0: to its end */
    size_t buffer_off, room;
    const char *if_match, *if_none_match;
};

/* What the answer says about the object. */
struct got {
    bool has_range;
    uint64_t first, last, total; /* Content-Range */
};

static bool span_is_ranged(const struct span *s)
{
    return s->off > 0 || s->len > 0;
}

/* "bytes 0-99/1000" or, with 416, "bytes * / 1000" without the spaces. */
static bool take_range(struct view v, struct got *g)
{
    struct view first, last;

    if (!view_starts_nocase(v, VIEW("bytes ")))
        return false;
    v = view_from(v, 6);
    if (!view_split(&v, '/', &last) || text_to_u64(v, &g->total))
        return false;
    if (view_is(last, "*"))
        return true;
    g->has_range = view_split(&last, '-', &first) && !text_to_u64(first, &g->first) &&
                   !text_to_u64(last, &g->last) && g->first <= g->last && g->last < g->total;
    return g->has_range;
}

static void put_range(struct buf *b, const struct span *s)
{
    buf_printf(b, "bytes=%" PRIu64 "-", s->off);
    if (s->len > 0)
        buf_put_u64(b, s->off + s->len - 1);
}

/* --- the answer --- */

/* How many bytes are in the buffer, and by which way. */
static enum ps_err
count_bytes(const struct client_reply *q, const struct span *s, bool has_token, struct ps_result *r)
{
    struct view reply = client_answer_header(&q->answer, "x-amz-rdma-reply");
    struct view moved = client_answer_header(&q->answer, "x-amz-rdma-bytes-transferred");

    if (has_token && (view_is(reply, "200") || view_is(reply, "206"))) {
        if (text_to_u64(moved, &r->bytes) || r->bytes > s->room || q->payload_bytes > 0)
            return client_why(PS_ERR_HTTP, "the answer does not say what was moved");
        r->way = PS_WAY_LOCAL;
        return PS_OK;
    }
    r->bytes = q->payload_bytes;
    r->way = PS_WAY_TCP;
    return PS_OK;
}

/* The bytes are those asked for, and all of them. */
static enum ps_err
check_bytes(const struct client_reply *q, const struct span *s, struct got *g, struct ps_result *r)
{
    if (q->answer.status == 206) {
        if (!take_range(client_answer_header(&q->answer, "content-range"), g) || !g->has_range ||
            g->first != s->off || (s->len > 0 && g->last - g->first + 1 > s->len))
            return client_why(PS_ERR_HTTP, "another range than asked for");
        if (g->last - g->first + 1 != r->bytes)
            return client_why(PS_ERR_SHORT, "%" PRIu64 " bytes came", r->bytes);
    } else {
        if (s->off > 0 || (s->len > 0 && r->bytes > s->len))
            return client_why(PS_ERR_HTTP, "the server ignores ranges");
        g->total = r->bytes;
    }
    r->object_bytes = g->total;
    return PS_OK;
}

static enum ps_err verify(
    struct client_transfer *t, const struct client_reply *q, const struct span *s,
    struct ps_result *r)
{
    const struct client_answer *a = &q->answer;
    uint64_t expected;
    bool is_whole =
        a->status == 200 && view_is(client_answer_header(a, "x-amz-checksum-type"), "FULL_OBJECT");
    struct view text = client_answer_header(
        a, r->way == PS_WAY_LOCAL ? "x-penstock-crc64nvme" : "x-amz-checksum-crc64nvme");

    if (!t->client->settings.verifies)
        return PS_OK;
    r->crc64 = crc64_nvme(0, t->op->buffer->memory.at + s->buffer_off, r->bytes);
    r->has_crc64 = 1;
    if (r->way != PS_WAY_LOCAL && !is_whole)
        return PS_OK; /* no checksum of these bytes is known */
    if (!client_transfer_crc64(text, &expected))
        return r->way == PS_WAY_LOCAL ? client_why(PS_ERR_HTTP, "no checksum in the answer")
                                      : PS_OK;
    if (expected != r->crc64)
        return client_why(
            PS_ERR_CHECKSUM, "CRC-64/NVME is %016" PRIx64 ", not %016" PRIx64, r->crc64, expected);
    return PS_OK;
}

/* Reading at the very end of an object is reading nothing. */
static bool is_empty_end(const struct client_reply *q, const struct span *s, struct ps_result *r)
{
    struct got g = {0};

    if (q->answer.status != 416 ||
        !take_range(client_answer_header(&q->answer, "content-range"), &g) || g.total != s->off)
        return false;
    r->object_bytes = g.total;
    r->bytes = 0;
    r->code[0] = r->message[0] = '\0';
    return true;
}

static enum ps_err understand(
    struct client_transfer *t, const struct client_reply *q, const struct span *s, bool has_token,
    struct ps_result *r)
{
    struct got g = {0};
    enum ps_err e = client_transfer_answer(q, r);

    if (e)
        return is_empty_end(q, s, r) ? PS_OK : e;
    e = count_bytes(q, s, has_token, r);
    if (!e)
        e = check_bytes(q, s, &g, r);
    return e ? e : verify(t, q, s, r);
}

/* --- one attempt --- */

static void fill_request(
    struct client_transfer *t, const struct span *s, struct buf *range, struct client_request *q)
{
    const struct ps_op *op = t->op;

    *q = (struct client_request){
        .method = "GET",
        .bucket = view_str(op->bucket),
        .key = view_str(op->key),
        .stop = &t->stop,
        .to = op->buffer->memory.at + s->buffer_off,
        .room = s->room};
    if (span_is_ranged(s)) {
        put_range(range, s);
        client_exchange_header(q, "Range", buf_view(range));
    }
    if (s->if_match)
        client_exchange_header(q, "If-Match", view_str(s->if_match));
    if (s->if_none_match)
        client_exchange_header(q, "If-None-Match", view_str(s->if_none_match));
    if (t->client->settings.verifies)
        client_exchange_header(q, "x-amz-checksum-mode", VIEW("ENABLED"));
}

static enum ps_err attempt_once(
    struct client_transfer *t, const struct span *s, bool is_direct, bool *is_stale,
    struct ps_result *r)
{
    struct ps_client *c = t->client;
    bool is_required = c->settings.direct == PS_DIRECT_REQUIRE;
    uint8_t range_bytes[64];
    struct buf range = buf_over(range_bytes, sizeof(range_bytes));
    struct client_want want = {s->buffer_off, s->room, true};
    struct client_pass pass = {0};
    struct client_request q;
    struct client_reply reply;
    enum ps_err e;

    if (is_direct && client_direct_pass(&c->direct, t->op->buffer, &want, &pass) && is_required)
        return PS_ERR_NOT_DIRECT;
    fill_request(t, s, &range, &q);
    q.refuses_body = is_required;
    bool has_token = pass.session != NULL;
    q.is_once = has_token;
    q.wants_new = *is_stale;
    if (has_token)
        client_exchange_header(&q, "x-amz-rdma-token", view_of(pass.bytes, sizeof(pass.bytes)));
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
        e = understand(t, &reply, s, has_token, r);
    client_exchange_done(&reply);
    if (e == PS_ERR_S3 && is_lost) /* the token was refused for that: again, with another */
        e = client_why(PS_ERR_CONNECT, "the server's socket was closed");
    if (!e && is_required && r->way == PS_WAY_TCP && r->bytes > 0)
        return client_why(PS_ERR_NOT_DIRECT, "the server answered by TCP");
    return e;
}

/* A connection that had been closed while it was idle is replaced at once. */
static enum ps_err
attempt(struct client_transfer *t, const struct span *s, bool is_direct, struct ps_result *r)
{
    bool is_stale = false;
    enum ps_err e = attempt_once(t, s, is_direct, &is_stale, r);

    return is_stale ? attempt_once(t, s, is_direct, &is_stale, r) : e;
}

static enum ps_err get_span(struct client_transfer *t, const struct span *s, struct ps_result *r)
{
    bool direct_has_failed = false;
    enum ps_err e;

    for (unsigned n = 0;; n++) {
        bool is_direct = client_transfer_is_direct(t, n, direct_has_failed);

        e = attempt(t, s, is_direct, r);
        if (!client_transfer_is_transient(e, r) || !client_transfer_again(t, n))
            break;
        direct_has_failed = direct_has_failed || is_direct;
    }
    return e;
}

/* --- the steps --- */

static size_t smaller(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

/* The first range is there, and says how much there is: plan the rest. */
static enum ps_err
plan_rest(struct client_transfer *t, uint64_t part_bytes, const struct ps_result *r)
{
    const struct ps_op *op = t->op;
    uint64_t end = r->object_bytes;

    if (op->bytes > 0)
        end = MIN(end, op->object_off + op->bytes);
    else if (end - op->object_off > t->room)
        return client_why(
            PS_ERR_TOO_SMALL, "%" PRIu64 " bytes do not fit into %zu", end - op->object_off,
            t->room);
    t->off = op->object_off + r->bytes;
    t->len = end - t->off;
    t->buffer_off = op->buffer_off + (size_t)r->bytes;
    snprintf(t->etag, sizeof(t->etag), "%s", r->etag);
    if (t->len > 0 && !t->etag[0])
        return client_why(PS_ERR_HTTP, "no ETag: ranges cannot be held together");
    return t->len > 0 ? client_transfer_cut(t, part_bytes) : PS_OK;
}

enum ps_err client_get_first(struct client_transfer *t, struct ps_result *r)
{
    const struct ps_op *op = t->op;
    const struct client_settings *c = &t->client->settings;
    size_t want = op->bytes > 0 ? smaller(op->bytes, t->room) : t->room;
    struct span s = {
        .off = op->object_off,
        .len = op->bytes,
        .buffer_off = op->buffer_off,
        .room = want,
        .if_match = op->if_match,
        .if_none_match = op->if_none_match};
    uint64_t part_bytes = 0;

    if (want > MIN(c->part_bytes_tcp, c->part_bytes_direct))
        part_bytes = client_transfer_expects_direct(t) ? c->part_bytes_direct : c->part_bytes_tcp;
    bool is_split = part_bytes > 0 && want > part_bytes;
    if (is_split)
        s.len = s.room = (size_t)part_bytes;
    enum ps_err e = get_span(t, &s, r);
    if (e || !is_split || r->status == 416)
        return e;
    return plan_rest(t, part_bytes, r);
}

enum ps_err client_get_part(struct client_transfer *t, unsigned index, struct ps_result *r)
{
    uint64_t at = index * t->part_bytes;
    struct span s = {
        .off = t->off + at,
        .len = client_transfer_part_len(t, index),
        .buffer_off = t->buffer_off + (size_t)at,
        .room = (size_t)client_transfer_part_len(t, index),
        .if_match = t->etag};
    enum ps_err e = get_span(t, &s, r);

    if (!e && r->bytes != s.len)
        e = client_why(PS_ERR_SHORT, "%" PRIu64 " bytes came instead of %" PRIu64, r->bytes, s.len);
    t->parts[index].bytes = r->bytes;
    t->parts[index].crc64 = r->crc64;
    return e;
}
