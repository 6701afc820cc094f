/* Verifying: the signature the server would have made, compared in constant time. */
#include <assert.h>

#include "auth/sigv4_impl.h"
#include "base/digest.h"
#include "base/text.h"

static bool has_signed_headers(const struct sigv4_request *q, struct view names)
{
    struct view name;
    unsigned count;

    while (view_split(&names, ';', &name)) {
        (void)sigv4_canonical_header(q, name, &count);
        if (count == 0)
            return false;
    }
    return true;
}

enum sigv4_verdict sigv4_verify(
    const struct sigv4_request *q, struct sigv4 *s, struct view secret, struct buf *scratch,
    struct view *canonical_out, struct view *to_sign_out)
{
    const struct sigv4_canonical c = {
        q, s->signed_headers, s->payload_hash, s->form == SIGV4_PRESIGNED};
    uint8_t text[SIGV4_SIGNATURE_TEXT];
    struct buf b = buf_over(text, sizeof text);

    assert(s->form != SIGV4_ANONYMOUS);
    if (sigv4_canonical_request(&c, scratch, canonical_out) ||
        sigv4_canonical_to_sign(
            view_of(s->amz_date, 16), s->scope, *canonical_out, scratch, to_sign_out))
        return s->form == SIGV4_PRESIGNED ? SIGV4_MALFORMED_QUERY : SIGV4_MALFORMED_HEADER;
    if (secret.len > SIGV4_SECRET_BYTES_MAX)
        return SIGV4_MISMATCH;
    sigv4_key(secret, s->scope, s->signing_key);
    digest_hmac_sha256(view_of(s->signing_key, 32), *to_sign_out, s->seed);
    text_put_hex(&b, view_of(s->seed, 32));
    if (view_same(buf_view(&b), s->signature) && has_signed_headers(q, s->signed_headers))
        return SIGV4_OK;
    explicit_bzero(s->signing_key, sizeof s->signing_key);
    explicit_bzero(s->seed, sizeof s->seed);
    return SIGV4_MISMATCH;
}
