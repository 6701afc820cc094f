#include "s3/authenticate.h"

#include "s3/signature.h"

/* Without users (tests of a part of the server): the one key is root's. */
static enum s3_code root_of_service(struct s3_request *r, struct view access, struct view *secret)
{
    const struct s3_service *S = r->service;
    struct iam_user *root = region_take_zero(r->region, sizeof *root);

    if (!root)
        return S3_SlowDown;
    if (!S->credentials->find(S->credentials, access, secret))
        return S3_InvalidAccessKeyId;
    root->id = S->owner_id;
    root->name = S->owner_name;
    root->is_root = root->owns_account = root->is_enabled = true;
    r->user = root;
    return S3_None;
}

enum s3_code authenticate_key(struct s3_request *r, struct view access_key, struct view *secret_out)
{
    struct iam_key key;

    if (!r->service->iam)
        return root_of_service(r, access_key, secret_out);
    if (!iam_find_key(r->people, access_key, &key))
        return S3_InvalidAccessKeyId;
    if (!key.user->is_enabled)
        return S3_AccessDenied;
    r->user = key.user;
    *secret_out = key.secret;
    return S3_None;
}

enum s3_code
authenticate_request(struct s3_request *r, const char **detail_out, struct view *extra_out)
{
    struct view secret;
    enum s3_code code = signature_parse(r, detail_out);

    *extra_out = VIEW_EMPTY;
    if (r->service->iam && !r->people)
        r->people = iam_hold(r->service->iam);
    if (code || r->auth.form == SIGV4_ANONYMOUS)
        return code;
    code = authenticate_key(r, r->auth.access_key, &secret);
    if (!code)
        code = signature_verify(r, secret, detail_out, extra_out);
    if (code)
        r->user = NULL;
    else
        r->http->user = r->auth.access_key;
    return code;
}
