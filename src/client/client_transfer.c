#include "client/client_transfer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/text.h"
#include "client/client.h"
#include "client/client_why.h"
#include "client/client_xml.h"

enum { RETRY_FIRST_MS = 50, RETRY_MOST_MS = 2000 };

static void copy_text(char *to, size_t cap, struct view v)
{
    snprintf(to, cap, "%.*s", VIEW_FMT(v));
}

#define COPY(member, v) copy_text(r->member, sizeof(r->member), v)

static enum ps_err err_of_status(const struct ps_result *r)
{
    if (r->status == 404)
        return PS_ERR_NOT_FOUND;
    if (r->status == 412 || r->status == 304)
        return PS_ERR_PRECONDITION;
    if (strcmp(r->code, "BadDigest") == 0 || strcmp(r->code, "XAmzContentChecksumMismatch") == 0)
        return PS_ERR_CHECKSUM;
    return PS_ERR_S3;
}

enum ps_err client_transfer_answer(const struct client_reply *q, struct ps_result *r)
{
    const struct client_answer *a = &q->answer;

    r->status = a->status;
    COPY(request_id, client_answer_header(a, "x-amz-request-id"));
    COPY(etag, client_answer_header(a, "etag"));
    bool has_error = q->text && strstr(q->text, "<Error>");
    if (a->status / 100 == 2 && !has_error)
        return PS_OK;
    r->etag[0] = r->code[0] = r->message[0] = '\0';
    if (has_error) {
        struct view xml = view_of(q->text, q->text_len);

        (void)client_xml_text(xml, "Error/Code", r->code, sizeof(r->code));
        (void)client_xml_text(xml, "Error/Message", r->message, sizeof(r->message));
    }
    return client_why(
        err_of_status(r), "HTTP %u%s%s%s%s", a->status, r->code[0] ? " " : "", r->code,
        r->message[0] ? ": " : "", r->message);
}

bool client_transfer_is_transient(enum ps_err e, const struct ps_result *r)
{
    if (e == PS_ERR_CONNECT || e == PS_ERR_TIMEOUT || e == PS_ERR_HTTP || e == PS_ERR_SHORT)
        return true;
    if (e != PS_ERR_S3)
        return false;
    return r->status == 429 || r->status == 500 || (r->status >= 502 && r->status <= 504) ||
           strcmp(r->code, "RequestTimeout") == 0 || strcmp(r->code, "SlowDown") == 0;
}

bool client_transfer_again(struct client_transfer *t, unsigned attempt)
{
    unsigned ms = MIN((unsigned)RETRY_FIRST_MS << MIN(attempt, 6u), (unsigned)RETRY_MOST_MS);
    uint32_t jitter;

    if (attempt >= t->client->settings.retries || client_stop_is_set(&t->stop))
        return false;
    digest_random(&jitter, sizeof(jitter));
    client_stop_sleep(&t->stop, ms / 2 + jitter % (ms / 2 + 1));
    return !client_stop_is_set(&t->stop);
}

bool client_transfer_crc64(struct view text, uint64_t *crc64_out)
{
    uint8_t bytes[8];
    size_t len;

    if (text.len == 0 || text_from_base64(text, bytes, sizeof(bytes), &len) || len != 8)
        return false;
    *crc64_out = 0;
    for (unsigned i = 0; i < 8; i++)
        *crc64_out = *crc64_out << 8 | bytes[i];
    return true;
}

void client_transfer_put_crc64(struct buf *b, uint64_t crc64)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(crc64 >> (56 - 8 * i));
    text_put_base64(b, view_of(bytes, sizeof(bytes)));
}

uint64_t client_transfer_part_len(const struct client_transfer *t, unsigned index)
{
    return MIN(t->part_bytes, t->len - index * t->part_bytes);
}

bool client_transfer_is_direct(
    const struct client_transfer *t, unsigned attempt, bool direct_has_failed)
{
    const struct client_settings *s = &t->client->settings;

    if (s->direct == PS_DIRECT_OFF)
        return false;
    /* The last attempt of one that may go either way. */
    bool is_last = attempt > 0 && attempt == s->retries;
    return s->direct == PS_DIRECT_REQUIRE || !(is_last && direct_has_failed);
}

enum ps_err client_transfer_cut(struct client_transfer *t, uint64_t part_bytes)
{
    uint64_t count = (t->len + part_bytes - 1) / part_bytes;

    if (count > UINT32_MAX)
        return client_why(PS_ERR_INVALID, "too many parts");
    t->parts = calloc(MAX(count, 1u), sizeof(*t->parts));
    if (!t->parts)
        return client_why(PS_ERR_NO_MEMORY, "out of memory");
    t->part_bytes = part_bytes;
    t->part_count = (unsigned)count;
    return PS_OK;
}

bool client_transfer_expects_direct(struct client_transfer *t)
{
    struct client_pass pass;
    struct client_want want = {t->op->buffer_off, 0, t->op->kind == PS_GET};

    if (t->client->settings.direct == PS_DIRECT_OFF)
        return false;
    if (client_direct_pass(&t->client->direct, t->op->buffer, &want, &pass))
        return false;
    client_direct_release(&pass); /* never sent: nobody can use it */
    return true;
}
