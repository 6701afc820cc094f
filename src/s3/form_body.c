/*
 *   form_body_fields, form_body_read --> parse what is buffered --> done
 *                                              |  ^
 *                                              v  | the connection: more body
 *                                           RECEIVING
 *
 * One operation for both: with `to` it reads the file, without it stops where the file begins.
 */
#include "s3/form_body.h"

#include <assert.h>

static const char not_a_form[] = "Bucket POST must be of the enclosure-type multipart/form-data";
static const char no_file[] = "POST requires exactly one file upload per request.";

enum s3_code form_body_init(struct form_body *b, struct s3_request *r, const char **detail_out)
{
    struct view type = http_header(r->http, "content-type");
    uint8_t *text;

    memset(b, 0, sizeof *b);
    b->request = r;
    b->bytes_max = UINT64_MAX;
    if (!form_is(type)) {
        *detail_out = not_a_form;
        return S3_PreconditionFailed;
    }
    if (!r->http->has_content_length)
        return S3_MissingContentLength;
    text = region_take(r->region, FORM_TEXT_BYTES_MAX);
    b->buffer = region_take(r->region, FORM_BODY_BUFFER_BYTES);
    if (!text || !b->buffer)
        return S3_SlowDown;
    return form_init(&b->form, type, text) ? S3_MalformedPOSTRequest : S3_None;
}

uint64_t form_body_left(const struct form_body *b)
{
    return b->request->http->content_length - b->received + b->left.len;
}

static void end(struct form_body *b, enum s3_code code, const char *detail)
{
    b->code = code;
    b->detail = detail;
    op_complete(&b->op, code ? ERR_INVALID : ERR_OK);
}

static void on_received(struct op *op);

static void receive(struct form_body *b)
{
    op_init(&b->read.op, on_received);
    b->read.request = b->request->http;
    b->read.to = b->buffer;
    b->read.cap = FORM_BODY_BUFFER_BYTES;
    s3_wait(b->request, "FormBody.receiving");
    http_body_read(&b->read);
}

static void fail(struct form_body *b, enum err e)
{
    bool is_before_file = b->form.state != FORM_FILE;

    if (e == ERR_TOO_LARGE && is_before_file)
        end(b, S3_MaxPostPreDataLengthExceededError, NULL);
    else if (e == ERR_MALFORMED)
        end(b, S3_MalformedPOSTRequest, NULL);
    else
        end(b, s3_code_from_err(e, true), NULL);
}

/* Where the file begins, or ends; else the caller's buffer is full. */
static void stop(struct form_body *b)
{
    b->is_end = b->form.state == FORM_END;
    if (b->is_end && !b->to)
        end(b, S3_InvalidArgument, no_file);
    else if (b->bytes > b->bytes_max)
        end(b, S3_EntityTooLarge, NULL);
    else if (b->is_end && b->bytes < b->bytes_min)
        end(b, S3_EntityTooSmall, NULL);
    else
        end(b, S3_None, NULL);
}

static void advance(struct form_body *b)
{
    size_t got = 0;
    enum err e = form_feed(
        &b->form, &b->left, b->to ? b->to + b->got : NULL, b->to ? b->cap - b->got : 0, &got);

    b->got += got;
    b->bytes += got;
    if (e) {
        fail(b, e);
        return;
    }
    bool is_there =
        b->to ? b->got == b->cap || b->bytes > b->bytes_max : b->form.state == FORM_FILE;
    if (is_there || b->form.state == FORM_END)
        stop(b);
    else if (b->body_ended)
        fail(b, ERR_MALFORMED);
    else
        receive(b);
}

/* Woken by the connection. */
static void on_received(struct op *op)
{
    struct form_body *b = container_of(op, struct form_body, read.op);

    if (op->err) {
        fail(b, op->err);
        return;
    }
    b->left = view_of(b->buffer, b->read.got);
    b->received += b->read.got;
    b->body_ended = b->read.is_end || b->read.got < b->read.cap;
    advance(b);
}

static void begin(struct form_body *b)
{
    op_start(&b->op);
    b->got = 0;
    advance(b);
}

void form_body_fields(struct form_body *b)
{
    b->to = NULL;
    begin(b);
}

void form_body_read(struct form_body *b)
{
    assert(b->to && b->cap > 0);
    begin(b);
}
