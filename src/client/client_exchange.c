#include "client/client_exchange.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "client/client_why.h"

enum { EXCHANGE_PATH_MAX = 4096, EXCHANGE_HEAD_MAX = 20480, EXCHANGE_SCRATCH_MAX = 65536 };

static const char user_agent[] = "User-Agent: libpenstock/" PS_VERSION "\r\n";

void client_exchange_header(struct client_request *q, const char *name, struct view value)
{
    assert(q->header_count < CLIENT_REQUEST_HEADERS_MAX);
    q->headers[q->header_count++] = (struct sigv4_header){view_str(name), value};
}

void client_exchange_param(struct buf *query, const char *name, struct view value)
{
    if (query->len > 0)
        buf_put_byte(query, '&');
    buf_put_str(query, name);
    if (!value.at)
        return;
    buf_put_byte(query, '=');
    text_put_uri(query, value, false);
}

/* --- the head --- */

/* The texts that a signed head is made of. */
struct head {
    struct client_request q; /* the caller's, with what every request has */
    struct view path;
    struct buf date, payload, authorization;
    uint8_t path_bytes[EXCHANGE_PATH_MAX], date_bytes[32], payload_bytes[80];
    uint8_t authorization_bytes[2048];
    uint8_t scratch[EXCHANGE_SCRATCH_MAX];
};

static void head_path(struct head *h)
{
    struct buf b = buf_over(h->path_bytes, sizeof(h->path_bytes));

    if (h->q.path) {
        buf_put_str(&b, h->q.path);
    } else {
        buf_put_byte(&b, '/');
        text_put_uri(&b, h->q.bucket, false);
        if (h->q.key.len > 0) {
            buf_put_byte(&b, '/');
            text_put_uri(&b, h->q.key, true);
        }
    }
    h->path = b.overflow ? VIEW_EMPTY : buf_view(&b);
}

static void head_payload(struct head *h)
{
    uint8_t sha256[32];

    h->payload = buf_over(h->payload_bytes, sizeof(h->payload_bytes));
    if (!h->q.signs_body) {
        buf_put_str(&h->payload, "UNSIGNED-PAYLOAD");
        return;
    }
    digest_sha256(h->q.body, sha256);
    text_put_hex(&h->payload, view_of(sha256, sizeof(sha256)));
}

static enum err head_sign(struct head *h, const struct client_settings *s, int64_t now_ms)
{
    struct buf scratch = buf_over(h->scratch, sizeof(h->scratch));
    struct sigv4_request request = {
        .method = view_str(h->q.method),
        .path = h->path,
        .query = h->q.query,
        .headers = h->q.headers,
        .header_count = h->q.header_count,
        .now_ms = now_ms};
    struct sigv4_signing with = {
        .access_key = view_str(s->access_key),
        .secret = view_str(s->secret_key),
        .region = view_str(s->region),
        .payload_hash = buf_view(&h->payload),
        .now_ms = now_ms};

    h->authorization = buf_over(h->authorization_bytes, sizeof(h->authorization_bytes));
    return sigv4_sign(&request, &with, &scratch, &h->authorization);
}

static void head_write(const struct head *h, struct buf *to)
{
    buf_put_str(to, h->q.method);
    buf_put_byte(to, ' ');
    buf_put(to, h->path);
    if (h->q.query.len > 0) {
        buf_put_byte(to, '?');
        buf_put(to, h->q.query);
    }
    buf_put_str(to, " HTTP/1.1\r\n");
    for (unsigned i = 0; i < h->q.header_count; i++) {
        buf_put(to, h->q.headers[i].name);
        buf_put_str(to, ": ");
        buf_put(to, h->q.headers[i].value);
        buf_put_str(to, "\r\n");
    }
    buf_put_str(to, user_agent);
    if (strcmp(h->q.method, "GET") != 0 && strcmp(h->q.method, "HEAD") != 0)
        buf_printf(to, "Content-Length: %zu\r\n", h->q.body.len);
    buf_put_str(to, "Authorization: ");
    buf_put(to, buf_view(&h->authorization));
    buf_put_str(to, "\r\n\r\n");
}

/* Nothing the caller gave may end a line. */
static bool headers_are_clean(const struct client_request *q)
{
    for (unsigned i = 0; i < q->header_count; i++)
        if (view_index(q->headers[i].value, '\n') != SIZE_MAX ||
            view_index(q->headers[i].value, '\r') != SIZE_MAX)
            return false;
    return true;
}

static enum ps_err
head_make(const struct client_settings *s, const struct client_request *q, struct buf *to)
{
    struct head *h = malloc(sizeof(*h));
    int64_t now_ms = clock_wall_ms();

    if (!h)
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    h->q = *q;
    h->date = buf_over(h->date_bytes, sizeof(h->date_bytes));
    text_put_amz_date(&h->date, now_ms);
    head_path(h);
    head_payload(h);
    client_exchange_header(&h->q, "Host", view_str(s->host_header));
    client_exchange_header(&h->q, "x-amz-date", buf_view(&h->date));
    client_exchange_header(&h->q, "x-amz-content-sha256", buf_view(&h->payload));
    if (s->session_token[0])
        client_exchange_header(&h->q, "x-amz-security-token", view_str(s->session_token));
    bool is_good = h->path.len > 0 && headers_are_clean(&h->q) && !head_sign(h, s, now_ms);
    if (is_good)
        head_write(h, to);
    free(h);
    if (!is_good || to->overflow)
        return client_why(PS_ERR_INVALID, "the request cannot be signed: a name is too long");
    return PS_OK;
}

/* --- the exchange --- */

static struct client_sink sink_for(const struct client_request *q, const struct client_reply *r)
{
    if (q->to && r->answer.status / 100 == 2)
        return (struct client_sink){.at = q->to, .cap = q->room};
    return (struct client_sink){.grows_to = CLIENT_TEXT_BYTES_MAX};
}

static enum ps_err
exchange_body(struct client_conn *c, const struct client_request *q, struct client_reply *r)
{
    struct client_sink sink = sink_for(q, r);
    bool is_payload = sink.grows_to == 0;
    enum ps_err e;

    if (is_payload && r->answer.has_length && r->answer.length > q->room)
        return client_why(
            PS_ERR_TOO_SMALL, "%llu bytes do not fit into %zu",
            (unsigned long long)r->answer.length, q->room);
    if (is_payload && q->refuses_body && r->answer.has_body)
        return client_why(PS_ERR_NOT_DIRECT, "the server answered by TCP");
    e = client_answer_body(&r->answer, c, &sink);
    if (is_payload) {
        r->payload_bytes = sink.len;
        return e;
    }
    r->text = (char *)sink.at;
    r->text_len = sink.len;
    if (r->text)
        r->text[r->text_len] = '\0';
    return e;
}

static enum ps_err exchange_on(
    struct client_conn *c, const struct client_request *q, struct view head, struct client_reply *r)
{
    bool is_head_request = strcmp(q->method, "HEAD") == 0;
    enum ps_err sent, e;

    r->was_sent = true;
    sent = client_conn_send(c, head, q->body);
    if (sent == PS_ERR_TIMEOUT)
        return sent;
    /* A server that refuses early answers before it has read all, and may close then. */
    e = client_answer_head(&r->answer, c, is_head_request);
    if (e)
        return sent ? sent : e;
    e = exchange_body(c, q, r);
    if (e || sent)
        r->answer.is_kept = false;
    return e;
}

static void reply_init(struct client_reply *r)
{
    r->was_sent = r->is_stale = false;
    r->payload_bytes = 0;
    r->text = NULL;
    r->text_len = 0;
    r->answer.status = 0;
    r->answer.has_any = false;
    r->answer.is_kept = false;
    r->answer.header_count = 0;
}

static enum ps_err exchange_once(
    struct client_conns *C, const struct client_request *q, struct view head,
    struct client_reply *r)
{
    struct client_conn *c;
    enum ps_err e = client_conns_take(C, q->wants_new || r->is_stale, &c);

    r->is_stale = false;
    if (e)
        return e;
    e = client_stop_enter(q->stop, c);
    if (!e) {
        e = exchange_on(c, q, head, r);
        client_stop_leave(q->stop, c);
    }
    r->is_stale =
        e == PS_ERR_CONNECT && c->was_used && !r->answer.has_any && !client_stop_is_set(q->stop);
    client_conns_give(C, c, r->answer.status != 0 && r->answer.is_kept);
    return e;
}

enum ps_err client_exchange(
    struct client_conns *C, const struct client_settings *s, const struct client_request *q,
    struct client_reply *r)
{
    uint8_t bytes[EXCHANGE_HEAD_MAX];
    struct buf head = buf_over(bytes, sizeof(bytes));
    enum ps_err e;

    reply_init(r);
    e = head_make(s, q, &head);
    if (e)
        return e;
    e = exchange_once(C, q, buf_view(&head), r);
    if (r->is_stale && !q->is_once)
        e = exchange_once(C, q, buf_view(&head), r);
    if (e && client_stop_is_set(q->stop))
        return client_why(PS_ERR_CANCELLED, "cancelled");
    return e;
}

void client_exchange_done(struct client_reply *r)
{
    free(r->text);
    r->text = NULL;
}
