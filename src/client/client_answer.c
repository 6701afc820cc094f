/*
 * llhttp reads the head and the framing of chunked bodies. It stops at the end of the head (the
 * callback pauses it), so that what follows can be received without it when the length is known.
 */
#include "client/client_answer.h"

#include <stdlib.h>

#include "client/client_why.h"

enum { ANSWER_SCRATCH_BYTES = 16384, SINK_FIRST_BYTES = 4096 };

/* --- sinks --- */

static bool sink_grow(struct client_sink *k, size_t len)
{
    size_t cap = MAX(k->cap * 2, (size_t)SINK_FIRST_BYTES);
    uint8_t *at;

    if (len > k->grows_to || k->len > k->grows_to - len)
        return false;
    cap = MIN(MAX(cap, k->len + len), k->grows_to);
    at = realloc(k->at, cap + 1); /* room for a NUL */
    if (!at)
        return false;
    k->at = at;
    k->cap = cap;
    return true;
}

static bool sink_put(struct client_sink *k, const void *at, size_t len)
{
    if (len > k->cap - k->len && !sink_grow(k, len)) {
        k->is_full = true;
        return false;
    }
    if (len > 0)
        memcpy(k->at + k->len, at, len);
    k->len += len;
    return true;
}

/* --- llhttp's callbacks --- */

static void extend(struct view *v, const char *at, size_t len)
{
    if (!v->at)
        v->at = (const uint8_t *)at;
    v->len =
        (size_t)((const uint8_t *)at + len - v->at); /* pieces of one buffer follow each other */
}

static int on_field(llhttp_t *p, const char *at, size_t len)
{
    struct client_answer *a = p->data;

    if (a->is_head_done)
        return 0; /* trailers */
    if (a->header_count == 0 || a->is_in_value) {
        if (a->header_count == CLIENT_HEADERS_MAX)
            return -1;
        a->headers[a->header_count].name = VIEW_EMPTY;
        a->headers[a->header_count].value = VIEW_EMPTY;
        a->header_count++;
        a->is_in_value = false;
    }
    extend(&a->headers[a->header_count - 1].name, at, len);
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
    struct client_answer *a = p->data;

    if (a->is_head_done || a->header_count == 0)
        return 0;
    a->is_in_value = true;
    extend(&a->headers[a->header_count - 1].value, at, len);
    return 0;
}

static int on_value_end(llhttp_t *p)
{
    struct client_answer *a = p->data;

    a->is_in_value = true; /* an empty value gives no span */
    return 0;
}

static int on_head_end(llhttp_t *p)
{
    struct client_answer *a = p->data;

    a->is_head_done = true;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
    struct client_answer *a = p->data;

    return a->sink && sink_put(a->sink, at, len) ? 0 : -1;
}

static int on_end(llhttp_t *p)
{
    struct client_answer *a = p->data;

    a->is_done = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t answer_settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_head_end,
    .on_body = on_body,
    .on_message_complete = on_end,
};

/* --- the head --- */

static void answer_begin(struct client_answer *a)
{
    a->status = 0;
    a->header_count = 0;
    a->is_in_value = a->is_head_done = a->is_done = false;
    a->sink = NULL;
    a->early = VIEW_EMPTY;
    llhttp_init(&a->parser, HTTP_RESPONSE, &answer_settings);
    a->parser.data = a;
}

static void answer_digest(struct client_answer *a)
{
    bool is_bare =
        a->is_head_request || a->parser.status_code == 204 || a->parser.status_code == 304;

    a->status = a->parser.status_code;
    a->has_length = (a->parser.flags & F_CONTENT_LENGTH) != 0;
    a->length = a->has_length ? a->parser.content_length : 0;
    a->has_body = !is_bare && !(a->has_length && a->length == 0);
    a->is_kept = llhttp_should_keep_alive(&a->parser) &&
                 (is_bare || a->has_length || (a->parser.flags & F_CHUNKED));
}

/* Reads until one head is complete; `have` bytes are in a->bytes already. */
static enum ps_err
answer_head_once(struct client_answer *a, struct client_conn *c, size_t *have, size_t *used_out)
{
    size_t fed = 0;

    answer_begin(a);
    for (;;) {
        const char *at = (const char *)a->bytes + fed;
        llhttp_errno_t r = llhttp_execute(&a->parser, at, *have - fed);

        if (a->is_head_done) {
            *used_out = (size_t)(llhttp_get_error_pos(&a->parser) - (const char *)a->bytes);
            return PS_OK;
        }
        if (r != HPE_OK || *have == CLIENT_HEAD_BYTES_MAX)
            return client_why(
                PS_ERR_HTTP, "not an HTTP answer (%s)",
                r ? llhttp_errno_name(r) : "its head is too long");
        fed = *have;
        size_t got;
        enum ps_err e =
            client_conn_receive(c, a->bytes + *have, CLIENT_HEAD_BYTES_MAX - *have, false, &got);
        if (e)
            return e;
        if (got == 0)
            return client_why(PS_ERR_CONNECT, "the server closed the connection");
        a->has_any = true;
        *have += got;
    }
}

enum ps_err client_answer_head(struct client_answer *a, struct client_conn *c, bool is_head_request)
{
    size_t have = 0, used = 0;

    a->has_any = false;
    a->is_head_request = is_head_request;
    for (;;) {
        enum ps_err e = answer_head_once(a, c, &have, &used);

        if (e) {
            a->status = 0;
            return e;
        }
        if (a->parser.status_code >= 200)
            break;
        memmove(a->bytes, a->bytes + used, have - used);
        have -= used;
    }
    answer_digest(a);
    a->early = view_of(a->bytes + used, have - used);
    if (!a->has_body && a->early.len > 0)
        a->is_kept = false; /* more than was asked for */
    return PS_OK;
}

/* --- the body --- */

static enum ps_err ended_early(void)
{
    return client_why(PS_ERR_SHORT, "the answer's body ended early");
}

static enum ps_err is_too_small(void)
{
    return client_why(PS_ERR_TOO_SMALL, "the answer's body does not fit");
}

static enum ps_err
known_length(struct client_answer *a, struct client_conn *c, struct client_sink *k)
{
    struct view early = view_upto(a->early, a->length);
    size_t left, got;

    if (a->early.len > a->length)
        a->is_kept = false;
    if (a->length > k->cap - k->len && (a->length > SIZE_MAX || !sink_grow(k, a->length))) {
        k->is_full = true;
        return is_too_small();
    }
    (void)sink_put(k, early.at, early.len);
    left = a->length - early.len;
    if (left == 0)
        return PS_OK;
    enum ps_err e = client_conn_receive(c, k->at + k->len, left, true, &got);
    if (e)
        return e;
    k->len += got;
    return got == left ? PS_OK : ended_early();
}

/* Feeds the framing; *is_over when the body has ended. */
static enum ps_err framed_feed(struct client_answer *a, struct view v, bool *is_over)
{
    llhttp_errno_t r = v.len == 0 ? llhttp_finish(&a->parser)
                                  : llhttp_execute(&a->parser, (const char *)v.at, v.len);

    *is_over = a->is_done;
    if (a->sink->is_full)
        return is_too_small();
    if (a->is_done)
        return PS_OK;
    if (v.len == 0)
        return ended_early();
    return r == HPE_OK ? PS_OK
                       : client_why(PS_ERR_HTTP, "broken framing (%s)", llhttp_errno_name(r));
}

static enum ps_err
framed_length(struct client_answer *a, struct client_conn *c, struct client_sink *k)
{
    uint8_t scratch[ANSWER_SCRATCH_BYTES];
    bool is_over = false;
    enum ps_err e = PS_OK;

    a->sink = k;
    llhttp_resume(&a->parser);
    if (a->early.len > 0)
        e = framed_feed(a, a->early, &is_over);
    while (!e && !is_over) {
        size_t got = 0;

        e = client_conn_receive(c, scratch, sizeof(scratch), false, &got);
        if (!e)
            e = framed_feed(a, view_of(scratch, got), &is_over);
    }
    a->sink = NULL;
    return e;
}

enum ps_err
client_answer_body(struct client_answer *a, struct client_conn *c, struct client_sink *sink)
{
    enum ps_err e;

    if (!a->has_body)
        return PS_OK;
    e = a->has_length ? known_length(a, c, sink) : framed_length(a, c, sink);
    if (e)
        a->is_kept = false;
    return e;
}

struct view client_answer_header(const struct client_answer *a, const char *name)
{
    struct view wanted = view_str(name);

    for (unsigned i = 0; i < a->header_count; i++)
        if (view_eq_nocase(a->headers[i].name, wanted))
            return view_trim(a->headers[i].value);
    return VIEW_EMPTY;
}
