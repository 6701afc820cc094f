#include "server/admin.h"

#include "s3/direct_info.h"
#include "server/admin_api.h"
#include "server/metrics_text.h"

/* An answer that fits in memory: sent, then the request ends. */
struct answer {
    struct http_request *request;
    struct http_send send;
};

static void on_sent(struct op *op)
{
    struct answer *a = container_of(op, struct answer, send.op);

    http_request_end(a->request);
}

static void answer(struct http_request *q, unsigned status, const char *type, struct view body)
{
    struct answer *a = region_take_zero(q->region, sizeof *a);

    if (!a) {
        http_reply(q, 503); /* the head alone */
        http_request_end(q);
        return;
    }
    http_reply(q, status);
    http_reply_header(q, "Content-Type", view_str(type));
    http_reply_header(q, "Cache-Control", VIEW("no-store"));
    http_reply_length(q, body.len);
    a->request = q;
    op_init(&a->send.op, on_sent);
    a->send.request = q;
    a->send.bytes = body;
    a->send.is_last = true;
    http_send(&a->send);
}

struct scrape {
    struct metrics_text text;
    struct http_request *request;
};

static void on_scraped(struct op *op)
{
    struct scrape *s = container_of(op, struct scrape, text.op);

    if (op->err)
        answer(s->request, 500, "text/plain", VIEW("the metrics text is too large\n"));
    else
        answer(
            s->request, 200, "text/plain; version=0.0.4; charset=utf-8", buf_view(&s->text.text));
}

static void scrape(struct http_request *q, struct core *c)
{
    struct scrape *s = region_take_zero(q->region, sizeof *s);
    size_t visits = sizeof(struct metrics_visit) * c->server->core_count;
    void *at = s ? region_take(q->region, METRICS_TEXT_BYTES_MAX) : NULL;

    if (at)
        s->text.visits = region_take_zero(q->region, visits);
    if (!at || !s->text.visits) {
        answer(q, 503, "text/plain", VIEW("no memory for metrics now\n"));
        return;
    }
    s->request = q;
    s->text.server = c->server;
    s->text.text = buf_over(at, METRICS_TEXT_BYTES_MAX);
    op_init(&s->text.op, on_scraped);
    metrics_text_start(&s->text);
}

static bool is_health(struct view path, const char *what)
{
    static const char *const prefixes[] = {"/-/health/", "/minio/health/"};

    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
        struct view prefix = view_str(prefixes[i]);
        if (view_starts(path, prefix) && view_is(view_from(path, prefix.len), what))
            return true;
    }
    return false;
}

bool admin_owns(const struct http_request *q)
{
    return view_starts(q->path, VIEW("/-/")) || view_starts(q->path, VIEW("/minio/health/"));
}

void admin_handle(struct http_request *q, struct core *c)
{
    const struct server *s = c->server;
    bool is_get = q->method == HTTP_GET || q->method == HTTP_HEAD;
    bool is_ready = s->is_ready && !s->is_draining;

    q->op_index = UINT32_MAX;
    if (view_is(q->path, "/-/direct"))
        direct_info_handle(q, (void *)(uintptr_t)&s->service);
    else if (admin_api_owns(q))
        admin_api_handle(q, c);
    else if (!is_get)
        answer(q, 405, "text/plain", VIEW("GET and HEAD only\n"));
    else if (is_health(q->path, "live"))
        answer(q, 200, "text/plain", VIEW_EMPTY);
    else if (is_health(q->path, "ready") || is_health(q->path, "cluster"))
        answer(q, is_ready ? 200 : 503, "text/plain", VIEW_EMPTY);
    else if (view_is(q->path, "/-/metrics"))
        scrape(q, c);
    else
        answer(q, 404, "text/plain", VIEW("nothing here\n"));
}
