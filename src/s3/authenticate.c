#include "s3/authenticate.h"

#include "s3/signature.h"

enum s3_code authenticate_key(struct s3_request *r, struct view access_key, struct view *secret_out)
{
    const struct s3_credentials *known = r->service->credentials;

    return known->find(known, access_key, secret_out) ? S3_None : S3_InvalidAccessKeyId;
}

enum s3_code
authenticate_request(struct s3_request *r, const char **detail_out, struct view *extra_out)
{
    struct view secret;
    enum s3_code code = signature_parse(r, detail_out);

    *extra_out = VIEW_EMPTY;
    if (code)
        return code;
    if (r->auth.form == SIGV4_ANONYMOUS)
        return S3_AccessDenied;
    code = authenticate_key(r, r->auth.access_key, &secret);
    if (!code)
        code = signature_verify(r, secret, detail_out, extra_out);
    if (!code)
        r->http->user = r->auth.access_key;
    return code;
}
