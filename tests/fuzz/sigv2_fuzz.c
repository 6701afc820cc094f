/*
 * Input: a request head as auth_help_read takes it.
 *
 * Invariants. Parsing and verifying give the same verdict twice. Views lie in the input or in the
 * struct. Signed with what the verifier says it would sign, a request verifies; with another secret
 * or another method it does not, and the order of parameters means nothing.
 */
#include "auth/sigv2.h"

#include "auth_help.h"
#include "fuzz.h"

enum { SCRATCH_BYTES = 1 << 19, TEXT_BYTES = 1 << 17 };
static uint8_t scratch_bytes[SCRATCH_BYTES], turned[TEXT_BYTES];
static const struct view secret = VIEW("secret");

static bool is_inside(struct view v, const void *at, size_t len)
{
    const uint8_t *from = at;

    return v.len == 0 || (v.at >= from && v.len <= len && v.at - from <= (ptrdiff_t)(len - v.len));
}

static enum sigv4_verdict
verify(const struct auth_help *r, const struct sigv4 *s, struct view with, struct view *to_sign)
{
    struct buf scratch = buf_over(scratch_bytes, sizeof scratch_bytes);

    return sigv2_verify(&r->q, s, VIEW("host.bucket"), with, &scratch, to_sign);
}

/* The parameters from back to front. */
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

/* Equal names keep their order, so that turning two of them round says something else. */
static bool has_twins(struct view query)
{
    struct view piece, other, rest;

    while (view_split(&query, '&', &piece)) {
        rest = query;
        while (view_split(&rest, '&', &other))
            if (view_eq_nocase(
                    view_upto(piece, view_index(piece, '=')),
                    view_upto(other, view_index(other, '='))))
                return true;
    }
    return view_index(query, '%') != SIZE_MAX;
}

static void check_signed(struct auth_help *r, struct sigv4 *s)
{
    uint8_t text[SIGV2_TEXT_BYTES];
    struct buf b = buf_over(text, sizeof text);
    struct view to_sign, query = r->q.query;

    if (verify(r, s, secret, &to_sign) != SIGV4_MISMATCH)
        return;
    sigv2_sign(secret, to_sign, &b);
    MUST(!b.overflow && b.len == SIGV2_TEXT_BYTES);
    s->signature = buf_view(&b);
    MUST(verify(r, s, secret, &to_sign) == SIGV4_OK);
    MUST(verify(r, s, VIEW("Secret"), &to_sign) == SIGV4_MISMATCH);
    if (!has_twins(query) && view_index(query, '%') == SIZE_MAX) {
        r->q.query = reversed(query);
        MUST(verify(r, s, secret, &to_sign) == SIGV4_OK);
        r->q.query = query;
    }
    r->q.method = VIEW("ALTERED");
    MUST(verify(r, s, secret, &to_sign) == SIGV4_MISMATCH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view whole = view_of(data, MIN(size, 16384));
    struct sigv4 s, again;
    struct auth_help r;

    auth_help_read(&r, whole, AUTH_HELP_MAY_24);
    if (!sigv2_is(&r.q) || view_is(r.q.method, "ALTERED"))
        return 0;
    enum sigv4_verdict verdict = sigv2_parse(&r.q, &s);
    MUST(verdict == sigv2_parse(&r.q, &again));
    if (verdict != SIGV4_OK)
        return 0;
    const struct view views[] = {s.access_key, s.signature, s.v2_expires};
    for (size_t i = 0; i < ARRAY_COUNT(views); i++)
        MUST(is_inside(views[i], whole.at, whole.len) || is_inside(views[i], &s, sizeof s));
    check_signed(&r, &s);
    return 0;
}
