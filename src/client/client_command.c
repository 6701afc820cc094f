#include "client/client_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "client/client_transfer.h"
#include "client/client_why.h"

enum { COMMAND_PAUSE_MS = 100 };

enum ps_err client_command(
    struct ps_client *c, const struct client_request *q, struct client_reply **reply_out,
    struct ps_result *r)
{
    struct client_reply *reply = malloc(sizeof(*reply));
    enum ps_err e;

    *reply_out = NULL;
    if (!reply)
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    for (unsigned n = 0;; n++) {
        r->attempts++;
        e = client_exchange(&c->conns, &c->settings, q, reply);
        r->status = reply->answer.status;
        if (!e)
            e = client_transfer_answer(reply, r);
        if (!client_transfer_is_transient(e, r) || n >= c->settings.retries)
            break;
        client_exchange_done(reply);
        usleep(1000u * COMMAND_PAUSE_MS << MIN(n, 4u));
    }
    r->err = e;
    if (e && !r->message[0])
        snprintf(r->message, sizeof(r->message), "%.199s", client_why_text());
    *reply_out = reply;
    return e;
}

void client_command_free(struct client_reply *reply)
{
    if (!reply)
        return;
    client_exchange_done(reply);
    free(reply);
}

static void stat_of(const struct client_reply *q, struct ps_stat *s)
{
    const struct client_answer *a = &q->answer;

    memset(s, 0, sizeof(*s));
    s->bytes = a->length;
    (void)!text_to_http_date(client_answer_header(a, "last-modified"), &s->mtime_ms);
    snprintf(s->etag, sizeof(s->etag), "%.*s", VIEW_FMT(client_answer_header(a, "etag")));
    snprintf(
        s->content_type, sizeof(s->content_type), "%.*s",
        VIEW_FMT(client_answer_header(a, "content-type")));
    s->has_crc64 =
        view_is(client_answer_header(a, "x-amz-checksum-type"), "FULL_OBJECT") &&
        client_transfer_crc64(client_answer_header(a, "x-amz-checksum-crc64nvme"), &s->crc64);
}

enum ps_err client_command_head(
    struct ps_client *c, const char *bucket, const char *key, struct ps_stat *stat_out,
    struct ps_result *r)
{
    struct client_request q = {
        .method = "HEAD", .bucket = view_str(bucket), .key = view_str(key), .signs_body = true};
    struct client_reply *reply;

    client_exchange_header(&q, "x-amz-checksum-mode", VIEW("ENABLED"));
    enum ps_err e = client_command(c, &q, &reply, r);
    if (!e) {
        r->object_bytes = reply->answer.length;
        if (stat_out)
            stat_of(reply, stat_out);
    }
    client_command_free(reply);
    return e;
}
