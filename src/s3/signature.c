#include "s3/signature.h"

#include <assert.h>

#include "s3/finish.h"

/* sigv4 reads the HTTP layer's headers in place. */
_Static_assert(sizeof(struct sigv4_header) == sizeof(struct http_header), "same layout");
_Static_assert(
    offsetof(struct sigv4_header, name) == offsetof(struct http_header, name), "same layout");
_Static_assert(
    offsetof(struct sigv4_header, value) == offsetof(struct http_header, value), "same layout");

enum { SCRATCH_BYTES = 65536, EXTRA_BYTES_MAX = 3 * 65536 };

/* Used inside one call, never across a wait. */
static _Thread_local uint8_t scratch_bytes[SCRATCH_BYTES];

static struct sigv4_request as_sigv4(const struct s3_request *r)
{
    const struct http_request *q = r->http;

    return (struct sigv4_request){
        .method = q->method_text,
        .path = q->path,
        .query = q->query,
        .headers = (const struct sigv4_header *)(const void *)q->headers,
        .header_count = q->header_count,
        .now_ms = r->now_ms,
    };
}

static void put_element(struct buf *b, const char *name, struct view text)
{
    buf_printf(b, "<%s>", name);
    finish_put_text(b, text);
    buf_printf(b, "</%s>", name);
}

/* What the server computed, for the SignatureDoesNotMatch body. Empty when memory is short. */
static struct view
explain_mismatch(struct s3_request *r, struct view canonical, struct view to_sign)
{
    size_t bytes = 512 + finish_text_bytes(r->auth.access_key) + finish_text_bytes(to_sign) +
                   finish_text_bytes(r->auth.signature) + finish_text_bytes(canonical);
    void *at = bytes <= EXTRA_BYTES_MAX ? region_take(r->region, bytes) : NULL;

    if (!at)
        return VIEW_EMPTY;
    struct buf b = buf_over(at, bytes);
    put_element(&b, "AWSAccessKeyId", r->auth.access_key);
    put_element(&b, "StringToSign", to_sign);
    put_element(&b, "SignatureProvided", r->auth.signature);
    put_element(&b, "CanonicalRequest", canonical);
    assert(!b.overflow);
    return buf_view(&b);
}

static enum s3_code refuse(enum sigv4_verdict verdict, const char **detail_out)
{
    *detail_out = s3_code_detail_of_verdict(verdict);
    return s3_code_from_verdict(verdict);
}

enum s3_code signature_parse(struct s3_request *r, const char **detail_out)
{
    struct sigv4_request q = as_sigv4(r);
    enum sigv4_verdict verdict = sigv4_parse(&q, &r->auth);

    *detail_out = NULL;
    if (verdict)
        return refuse(verdict, detail_out);
    if (r->auth.form == SIGV4_ANONYMOUS || view_is(r->auth.service, "s3"))
        return S3_None;
    *detail_out = "The service of the credential scope must be \"s3\".";
    return r->auth.form == SIGV4_PRESIGNED ? S3_AuthorizationQueryParametersError
                                           : S3_AuthorizationHeaderMalformed;
}

enum s3_code signature_verify(
    struct s3_request *r, struct view secret, const char **detail_out, struct view *extra_out)
{
    struct sigv4_request q = as_sigv4(r);
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    struct view canonical = VIEW_EMPTY, to_sign = VIEW_EMPTY;
    enum sigv4_verdict verdict = sigv4_verify(&q, &r->auth, secret, &scratch, &canonical, &to_sign);

    *detail_out = NULL;
    *extra_out = VIEW_EMPTY;
    if (verdict == SIGV4_MISMATCH)
        *extra_out = explain_mismatch(r, canonical, to_sign);
    return verdict ? refuse(verdict, detail_out) : S3_None;
}

bool signature_covers(const struct s3_request *r, const char *name)
{
    struct view rest = r->auth.signed_headers, part;

    while (view_split(&rest, ';', &part))
        if (view_eq_nocase(part, view_str(name)))
            return true;
    return false;
}
