/*
 * Input: a request head as auth_help_read takes it.
 *
 * Invariants. Parsing and verifying give the same verdict twice. Views lie in the input or in the
 * struct. Whatever the head, when our signer signs it the verifier accepts it, refuses it with
 * another secret and refuses it altered, and does not mind another order of parameters; the same
 * for presigned queries.
 */
#include "auth/sigv4.h"

#include "auth_help.h"
#include "base/text.h"
#include "fuzz.h"

enum { SCRATCH_BYTES = 1 << 19, TEXT_BYTES = 1 << 17 };
static uint8_t scratch_bytes[SCRATCH_BYTES], text[TEXT_BYTES], turned[TEXT_BYTES + 1];
static const struct view secret = VIEW("secret");

static bool is_inside(struct view v, const void *at, size_t len)
{
    const uint8_t *from = at;

    return v.len == 0 || (v.at >= from && v.len <= len && v.at - from <= (ptrdiff_t)(len - v.len));
}

static enum sigv4_verdict
verify(const struct sigv4_request *q, struct sigv4 *s, struct view with_secret)
{
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    struct view canonical, to_sign;

    return sigv4_verify(q, s, with_secret, &scratch, &canonical, &to_sign);
}

static void check_parse(const struct sigv4_request *q, struct view whole)
{
    struct sigv4 s, again;
    enum sigv4_verdict verdict = sigv4_parse(q, &s);
    const struct view views[] = {s.access_key, s.scope,          s.scope_date, s.region,
                                 s.service,    s.signed_headers, s.signature};

    MUST(verdict == sigv4_parse(q, &again));
    if (verdict != SIGV4_OK)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(views); i++)
        MUST(is_inside(views[i], whole.at, whole.len) || is_inside(views[i], &s, sizeof s));
    if (s.form != SIGV4_ANONYMOUS)
        MUST(verify(q, &s, secret) == verify(q, &s, secret));
}

static bool is_signable(struct view name)
{
    if (name.len == 0)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] <= ' ' || name.at[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", name.at[i]))
            return false;
    return true;
}

/* The head without what the signer adds; without x-amz-* at all when `is_bare`. */
static void strip(const struct auth_help *from, struct auth_help *to, bool is_bare)
{
    static const char *const ours[] = {
        "authorization", "x-amz-date", "x-amz-content-sha256", "host"};

    to->q = from->q;
    to->q.headers = to->headers;
    to->q.header_count = 0;
    for (unsigned i = 0; i < from->q.header_count; i++) {
        struct sigv4_header h = from->headers[i];
        bool drops = !is_signable(h.name) || to->q.header_count > AUTH_HELP_HEADERS_MAX - 5;

        for (size_t k = 0; k < ARRAY_COUNT(ours); k++)
            drops = drops || view_eq_nocase(h.name, view_str(ours[k]));
        if (!drops && !(is_bare && view_starts_nocase(h.name, VIEW("x-amz-"))))
            to->headers[to->q.header_count++] = h;
    }
    auth_help_add(to, "Host", VIEW("h"));
}

/* The parameters from back to front: the order they come in means nothing. */
static struct view reversed(struct view query)
{
    struct buf b = buf_over(turned, sizeof turned);

    for (size_t end = query.len, at = end; end > 0; end = at ? at - 1 : 0, at = end) {
        while (at > 0 && query.at[at - 1] != '&')
            at--;
        buf_put(&b, view_of(query.at + at, end - at));
        buf_put_byte(&b, '&');
    }
    MUST(!b.overflow);
    return buf_view(&b);
}

static void check_accepted(struct auth_help *r, enum sigv4_form form)
{
    struct sigv4 s;
    struct view query = r->q.query;

    MUST(sigv4_parse(&r->q, &s) == SIGV4_OK);
    MUST(s.form == form);
    MUST(verify(&r->q, &s, secret) == SIGV4_OK);
    MUST(verify(&r->q, &s, VIEW("Secret")) == SIGV4_MISMATCH);
    r->q.query = reversed(query);
    MUST(verify(&r->q, &s, secret) == SIGV4_OK);
    r->q.query = query;
    r->q.method = VIEW("ALTERED");
    MUST(verify(&r->q, &s, secret) == SIGV4_MISMATCH);
}

static void check_signed(const struct auth_help *from, const struct sigv4_signing *with)
{
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    struct buf b = buf_over(text, sizeof text);
    struct auth_help r;

    strip(from, &r, false);
    auth_help_add(&r, "x-amz-date", VIEW("20130524T000000Z"));
    auth_help_add(&r, "X-Amz-Content-SHA256", with->payload_hash);
    if (sigv4_sign(&r.q, with, &scratch, &b))
        return; /* too many parameters */
    auth_help_add(&r, "authorization", buf_view(&b));
    check_accepted(&r, SIGV4_HEADER);
}

static void check_presigned(const struct auth_help *from, const struct sigv4_signing *with)
{
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);
    struct buf b = buf_over(text, sizeof text);
    struct auth_help r;

    strip(from, &r, true);
    if (sigv4_presign(&r.q, with, 60, &scratch, &b))
        return;
    r.q.query = buf_view(&b);
    check_accepted(&r, SIGV4_PRESIGNED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sigv4_signing with = {
        VIEW("KEY"), secret, VIEW("us-east-1"), VIEW("UNSIGNED-PAYLOAD"), AUTH_HELP_MAY_24};
    struct view whole = view_of(data, MIN(size, 32768));
    struct auth_help r;

    auth_help_read(&r, whole, AUTH_HELP_MAY_24);
    check_parse(&r.q, whole);
    /* ours would be the second */
    if (view_find(r.q.query, VIEW("X-Amz-")) != SIZE_MAX || view_is(r.q.method, "ALTERED"))
        return 0;
    check_signed(&r, &with);
    check_presigned(&r, &with);
    return 0;
}
