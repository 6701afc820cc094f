#include "s3/signature.h"

#include <assert.h>

#include "auth/sigv2.h"
#include "s3/finish.h"
#include "s3/route.h"

/* sigv4 reads the HTTP layer's headers in place. */
_Static_assert(sizeof(struct sigv4_header) == sizeof(struct http_header), "same layout");
_Static_assert(
    offsetof(struct sigv4_header, name) == offsetof(struct http_header, name), "same layout");
_Static_assert(
    offsetof(struct sigv4_header, value) == offsetof(struct http_header, value), "same layout");

enum { SCRATCH_BYTES = 65536, EXTRA_BYTES_MAX = 3 * 65536 };

/* Used inside one call, never across a wait. */
static _Thread_local uint8_t scratch_bytes[SCRATCH_BYTES];

/* What was signed, as the server computes it. */
struct computed {
    struct view canonical, to_sign;
};

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
        .has_no_body = !http_has_body(q),
    };
}

/* --- errors ------------------------------------------------------------------------------- */

static void put_element(struct buf *b, const char *name, struct view text)
{
    if (!text.at)
        return;
    buf_printf(b, "<%s>", name);
    finish_put_text(b, text);
    buf_printf(b, "</%s>", name);
}

struct view signature_explain(
    struct s3_request *r, struct view access_key, struct view signature, struct view to_sign,
    struct view canonical)
{
    size_t bytes = 512 + finish_text_bytes(access_key) + finish_text_bytes(to_sign) +
                   finish_text_bytes(signature) + finish_text_bytes(canonical);
    void *at = bytes <= EXTRA_BYTES_MAX ? region_take(r->region, bytes) : NULL;

    if (!at)
        return VIEW_EMPTY;
    struct buf b = buf_over(at, bytes);
    put_element(&b, "AWSAccessKeyId", access_key);
    put_element(&b, "StringToSign", to_sign);
    put_element(&b, "SignatureProvided", signature);
    put_element(&b, "CanonicalRequest", canonical);
    assert(!b.overflow);
    return buf_view(&b);
}

static enum s3_code refuse(enum sigv4_verdict verdict, const char **detail_out)
{
    *detail_out = s3_code_detail_of_verdict(verdict);
    return s3_code_from_verdict(verdict);
}

/* --- parsing ------------------------------------------------------------------------------ */

static enum sigv4_verdict parse(struct s3_request *r)
{
    struct sigv4_request q = as_sigv4(r);

    if (!sigv2_is(&q))
        return sigv4_parse(&q, &r->auth);
    if (r->service->refuses_sigv2)
        return SIGV4_UNSUPPORTED;
    return sigv2_parse(&q, &r->auth);
}

enum s3_code signature_parse(struct s3_request *r, const char **detail_out)
{
    enum sigv4_verdict verdict = parse(r);

    *detail_out = NULL;
    if (verdict)
        return refuse(verdict, detail_out);
    if (r->auth.form == SIGV4_ANONYMOUS || r->auth.is_v2 || view_is(r->auth.service, "s3"))
        return S3_None;
    *detail_out = "The service of the credential scope must be \"s3\".";
    return r->auth.form == SIGV4_PRESIGNED ? S3_AuthorizationQueryParametersError
                                           : S3_AuthorizationHeaderMalformed;
}

/* --- verifying ---------------------------------------------------------------------------- */

static enum sigv4_verdict verify(
    struct s3_request *r, const struct sigv4_request *q, struct view host, struct view secret,
    struct computed *out)
{
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);

    *out = (struct computed){VIEW_EMPTY, VIEW_EMPTY};
    if (!r->auth.is_v2)
        return sigv4_verify(q, &r->auth, secret, &scratch, &out->canonical, &out->to_sign);
    /* The bucket of the request is that of the host in lower case. */
    struct view bucket = route_host_bucket(r->service, host).at ? r->bucket : VIEW_EMPTY;
    return sigv2_verify(q, &r->auth, bucket, secret, &scratch, &out->to_sign);
}

/* The same request, called by another name. */
static enum sigv4_verdict
verify_as(struct s3_request *r, struct view host, struct view secret, struct computed *out)
{
    struct sigv4_header headers[HTTP_HEADERS_MAX];
    struct sigv4_request q = as_sigv4(r);

    assert(q.header_count <= HTTP_HEADERS_MAX);
    for (unsigned i = 0; i < q.header_count; i++) {
        headers[i] = q.headers[i];
        if (view_eq_nocase(headers[i].name, VIEW("host")))
            headers[i].value = host;
    }
    q.headers = headers;
    return verify(r, &q, host, secret, out);
}

/* The name must lead to the same bucket: what was signed is what is done. */
static bool means_the_same(const struct s3_request *r, struct view host)
{
    return view_eq_nocase(
        route_host_bucket(r->service, host), route_host_bucket(r->service, r->host));
}

enum s3_code signature_verify(
    struct s3_request *r, struct view secret, const char **detail_out, struct view *extra_out)
{
    const struct view names[] = {r->http->host, r->forwarded_host, r->forwarded_host_port};
    enum sigv4_verdict verdict = SIGV4_MISMATCH;
    struct computed computed = {VIEW_EMPTY, VIEW_EMPTY};

    *detail_out = NULL;
    *extra_out = VIEW_EMPTY;
    for (size_t i = 0; i < ARRAY_COUNT(names) && verdict == SIGV4_MISMATCH; i++)
        if (names[i].at && means_the_same(r, names[i]))
            verdict = verify_as(r, names[i], secret, &computed);
    if (verdict == SIGV4_MISMATCH)
        *extra_out = signature_explain(
            r, r->auth.access_key, r->auth.signature, computed.to_sign, computed.canonical);
    return verdict ? refuse(verdict, detail_out) : S3_None;
}

/* Version 2 signs every x-amz-* header there is. */
bool signature_covers(const struct s3_request *r, const char *name)
{
    struct view rest = r->auth.signed_headers, part;

    if (r->auth.is_v2)
        return view_starts(view_str(name), VIEW("x-amz-"));
    while (view_split(&rest, ';', &part))
        if (view_eq_nocase(part, view_str(name)))
            return true;
    return false;
}
