#include "auth/sigv4_form.h"

#include <assert.h>

#include "auth/sigv2.h"
#include "auth/sigv4_impl.h"
#include "base/digest.h"
#include "base/text.h"

static enum sigv4_verdict parse_v2(const struct sigv4_form_fields *f, struct sigv4 *s)
{
    s->is_v2 = true;
    s->access_key = f->v2_access_key;
    s->signature = f->v2_signature;
    return s->access_key.len && s->signature.len ? SIGV4_OK : SIGV4_MALFORMED_FORM;
}

enum sigv4_verdict sigv4_form_parse(const struct sigv4_form_fields *f, struct sigv4 *s)
{
    bool is_v4 = f->algorithm.at || f->credential.at || f->signature.at;

    memset(s, 0, sizeof *s);
    s->form = SIGV4_POST;
    s->payload = SIGV4_PAYLOAD_NONE_GIVEN;
    if (!is_v4)
        return parse_v2(f, s);
    if (!view_is(f->algorithm, SIGV4_ALGORITHM))
        return SIGV4_MALFORMED_FORM;
    s->signature = f->signature;
    if (!sigv4_read_credential(s, f->credential) || s->signature.len == 0 ||
        text_to_amz_date(f->date, &s->date_ms) || !view_eq(view_upto(f->date, 8), s->scope_date))
        return SIGV4_MALFORMED_FORM;
    return SIGV4_OK;
}

enum sigv4_verdict sigv4_form_verify(const struct sigv4 *s, struct view policy, struct view secret)
{
    uint8_t text[SIGV4_SIGNATURE_TEXT], key[32], mac[32];
    struct buf b = buf_over(text, sizeof text);

    assert(s->form == SIGV4_POST);
    if (secret.len > SIGV4_SECRET_BYTES_MAX)
        return SIGV4_MISMATCH;
    if (s->is_v2) {
        sigv2_sign(secret, policy, &b);
    } else {
        sigv4_key(secret, s->scope, key);
        digest_hmac_sha256(view_of(key, sizeof key), policy, mac);
        text_put_hex(&b, view_of(mac, sizeof mac));
        explicit_bzero(key, sizeof key);
    }
    return view_same(buf_view(&b), s->signature) ? SIGV4_OK : SIGV4_MISMATCH;
}
