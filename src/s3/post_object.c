/*
 * PostObject: an upload by a browser's form.
 *
 *   READING_FIELDS --form_body.h--> who asks, may they --> STORING (store.h) --> the answer
 *
 * The form carries its own signature: over a policy, which says with which fields it may be sent.
 * Without one it is sent by nobody in particular, and the bucket must let everybody write. The
 * object is committed only after the form's last boundary has come.
 */
#include "auth/sigv4_form.h"
#include "base/text.h"
#include "s3/access.h"
#include "s3/authenticate.h"
#include "s3/ops.h"
#include "s3/post_object_impl.h"
#include "s3/put_object.h"
#include "s3/signature.h"

static const char both[] = "A form is signed by its fields, not by its headers or its address.";

static void fail(struct post_object *p, enum s3_code code, struct view extra)
{
    s3_finish_error_extra(p->request, code, p->why[0] ? p->why : p->detail, extra);
}

/* --- who asks ----------------------------------------------------------------------------- */

static enum s3_code refuse(struct post_object *p, enum sigv4_verdict verdict)
{
    p->detail = s3_code_detail_of_verdict(verdict);
    return s3_code_from_verdict(verdict);
}

static struct sigv4_form_fields signature_fields(const struct form *f)
{
    return (struct sigv4_form_fields){
        .policy = form_value(f, "policy"),
        .algorithm = form_value(f, "x-amz-algorithm"),
        .credential = form_value(f, "x-amz-credential"),
        .date = form_value(f, "x-amz-date"),
        .signature = form_value(f, "x-amz-signature"),
        .v2_access_key = form_value(f, "AWSAccessKeyId"),
        .v2_signature = form_value(f, "signature"),
    };
}

/* Nothing of a signature: from anybody. */
static bool is_anonymous(const struct sigv4_form_fields *f)
{
    return !f->policy.at && !f->algorithm.at && !f->credential.at && !f->signature.at &&
           !f->v2_access_key.at && !f->v2_signature.at;
}

static enum s3_code
verify(struct post_object *p, const struct sigv4_form_fields *f, struct view *extra_out)
{
    struct s3_request *r = p->request;
    struct view secret;
    enum s3_code code = authenticate_key(r, r->auth.access_key, &secret);

    if (code)
        return code;
    if (sigv4_form_verify(&r->auth, f->policy, secret)) {
        *extra_out =
            signature_explain(r, r->auth.access_key, r->auth.signature, f->policy, VIEW_EMPTY);
        return S3_SignatureDoesNotMatch;
    }
    r->http->user = r->auth.access_key;
    return S3_None;
}

static enum s3_code authenticate(struct post_object *p, struct view *extra_out)
{
    struct s3_request *r = p->request;
    const struct sigv4_form_fields f = signature_fields(&p->body.form);
    enum s3_code code;

    if (is_anonymous(&f))
        return S3_None;
    enum sigv4_verdict verdict =
        f.policy.at ? sigv4_form_parse(&f, &r->auth) : SIGV4_MALFORMED_FORM;
    if (!verdict && r->auth.is_v2 && r->service->refuses_sigv2)
        verdict = SIGV4_UNSUPPORTED;
    if (verdict)
        return refuse(p, verdict);
    if (r->auth.is_v2)
        r->auth.date_ms = r->now_ms;
    code = verify(p, &f, extra_out);
    if (code)
        r->user = NULL;
    return code;
}

/* --- may they ----------------------------------------------------------------------------- */

static enum s3_code check_policy(struct post_object *p)
{
    struct view text = form_value(&p->body.form, "policy");
    struct buf why = buf_over(p->why, sizeof p->why - 1);
    uint8_t *json;
    enum s3_code code;

    p->policy.bytes_max = UINT64_MAX;
    if (!text.at)
        return S3_None;
    json = region_take(p->request->region, text.len + 1);
    if (!json)
        return S3_SlowDown;
    if (text_from_base64(text, json, text.len, &p->policy.json.len)) {
        buf_put_str(&why, "Invalid Policy: Invalid Base64 encoding.");
        return S3_InvalidPolicyDocument;
    }
    p->policy.json.at = json;
    p->policy.now_ms = p->request->now_ms;
    code = post_fields_list(p);
    return code ? code : post_policy_check(&p->policy, &why);
}

static enum s3_code check_access(struct post_object *p)
{
    struct s3_request *r = p->request;
    const struct access_ask ask = {
        .action = "s3:PutObject", .right = ACL_BUCKET_WRITE, .bucket = r->conf, .key = r->key};

    return access_decide(r, &ask) == ACCESS_YES ? S3_None : S3_AccessDenied;
}

static enum s3_code check(struct post_object *p, struct view *extra_out)
{
    enum s3_code code = post_fields_key(p);

    if (!code)
        code = authenticate(p, extra_out);
    if (!code)
        code = check_policy(p);
    if (!code)
        code = post_fields_to_headers(p);
    if (!code)
        code = check_access(p);
    if (!code)
        code = put_object_read(p->request, &p->meta, &p->store.condition, &p->detail);
    return code;
}

/* --- storing ------------------------------------------------------------------------------ */

/* Woken by the store: the object is visible, or nothing of it is. */
static void on_stored(struct op *op)
{
    struct post_object *p = container_of(op, struct post_object, store.op);

    if (op->err)
        store_finish_error(&p->store);
    else
        post_answer(p);
}

static void store(struct post_object *p)
{
    struct s3_request *r = p->request;

    p->body.bytes_min = p->policy.bytes_min;
    p->body.bytes_max = MIN(p->policy.bytes_max, STORE_BYTES_MAX);
    p->store.request = r;
    p->store.key = (struct engine_key){SPACE_OBJECT, r->bucket, r->key};
    p->store.meta = &p->meta;
    p->store.form = &p->body;
    p->store.bucket_is_known = true;
    op_init(&p->store.op, on_stored);
    store_start(&p->store);
}

/* Woken by form_body.h: the fields are there, and the file begins. */
static void on_fields(struct op *op)
{
    struct post_object *p = container_of(op, struct post_object, body.op);
    struct view extra = VIEW_EMPTY;
    enum s3_code code;

    if (op->err) {
        p->detail = p->body.detail;
        fail(p, p->body.code, extra);
        return;
    }
    code = check(p, &extra);
    if (code)
        fail(p, code, extra);
    else
        store(p);
}

void post_object_start(struct s3_request *r)
{
    struct post_object *p = region_take_zero(r->region, sizeof *p);
    enum s3_code code;

    if (!p) {
        s3_finish_error(r, S3_SlowDown, NULL);
        return;
    }
    p->request = r;
    code = form_body_init(&p->body, r, &p->detail);
    if (!code && r->auth.form != SIGV4_ANONYMOUS) {
        p->detail = both;
        code = S3_InvalidArgument;
    }
    if (code) {
        fail(p, code, VIEW_EMPTY);
        return;
    }
    r->auth.payload = SIGV4_PAYLOAD_NONE_GIVEN; /* x-amz-content-sha256 would mean the form */
    op_init(&p->body.op, on_fields);
    s3_wait(r, "PostObject.reading-fields");
    form_body_fields(&p->body);
}
