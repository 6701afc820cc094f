#include "server/admin_api.h"

#include <jansson.h>

#include "base/clock.h"
#include "s3/admin_access.h"
#include "s3/authenticate.h"
#include "s3/proxy.h"
#include "server/admin_owned.h"

enum { REQUEST_BYTES_MAX = 65536, SAID_BYTES_MAX = 1024 };

#define PREFIX VIEW("/-/admin/v1/")

/*
 * checked --> API_READING the body --> API_CHANGING --> answered
 *
 * users/remove of an account looks for its buckets first, twice: the second time it is disabled,
 * so that it makes none any more (create_bucket.c looks whether it still may after each commit).
 *
 *   --> API_SEARCHING --> disabled --> API_SEARCHING --> API_CHANGING --> answered
 *                                          `-- found --> enabled again --> answered
 */
struct api {
    struct s3_request request;
    const struct server *server;
    const struct iam_call *call;
    struct s3_small_body body;
    json_t
        *said; /* the request, parsed: for extra actions and the log; dropped before the answer */
    struct admin_owned owned;
    enum { ACCOUNT_LEFT_ALONE, ACCOUNT_TO_DISABLE, ACCOUNT_DISABLED } account;
    struct iam_change change;
};

bool admin_api_owns(const struct http_request *q)
{
    return view_starts(q->path, PREFIX);
}

/* ---- endings ------------------------------------------------------------------------------- */

static void answer(struct api *a, unsigned status, struct view json)
{
    struct s3_request *r = &a->request;

    json_decref(a->said);
    a->said = NULL;
    s3_reply(r, status);
    http_reply_header(r->http, "Cache-Control", VIEW("no-store"));
    s3_finish_body(r, json, "application/json");
}

static void refuse(struct api *a, unsigned status, const char *code, const char *sentence)
{
    json_t *j = json_pack("{s:s, s:s}", "code", code, "message", sentence);
    struct view text = VIEW("{\"code\":\"Busy\",\"message\":\"out of memory\"}\n");
    size_t bytes = json_dumpb(j, NULL, 0, JSON_COMPACT);
    char *at = bytes ? region_take(a->request.region, bytes + 1) : NULL;

    if (at) {
        (void)json_dumpb(j, at, bytes, JSON_COMPACT);
        at[bytes] = '\n';
        text = view_of(at, bytes + 1);
    }
    json_decref(j);
    answer(a, at ? status : 503, text);
}

static void refuse_code(struct api *a, enum s3_code code, const char *detail)
{
    refuse(a, s3_code_status(code), s3_code_name(code), detail ? detail : s3_code_text(code));
}

static const struct refusal {
    enum err err;
    unsigned status;
    const char *code;
} refusals[] = {
    {ERR_NOT_FOUND, 404, "NotFound"},
    {ERR_EXISTS, 409, "AlreadyExists"},
    {ERR_CONFLICT, 409, "Conflict"},
    {ERR_INVALID, 400, "InvalidRequest"},
    {ERR_MALFORMED, 400, "InvalidRequest"},
    {ERR_TOO_LARGE, 400, "LimitExceeded"},
    {ERR_BUSY, 503, "Busy"},
    {ERR_NO_MEMORY, 503, "Busy"},
    {ERR_NO_SPACE, 507, "InsufficientStorage"},
    {ERR_UNKNOWN_OUTCOME, 500, "UnknownOutcome"},
};

static void refuse_err(struct api *a, enum err e, const char *why)
{
    const char *sentence = why ? why : err_text(e);

    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        if (refusals[i].err == e) {
            refuse(a, refusals[i].status, refusals[i].code, sentence);
            return;
        }
    }
    refuse(a, 500, "InternalError", sentence);
}

/* ---- the log ------------------------------------------------------------------------------- */

/* Everything the request says but secrets and whole policies. It was accepted: no control
 * characters in it. */
static void put_said(struct buf *b, const json_t *said)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)said);
    size_t room = b->cap - b->len;

    (void)json_object_del(shown, "secret_key");
    if (json_is_object(json_object_get(shown, "policy")) ||
        json_string_length(json_object_get(shown, "policy")) > 128)
        (void)json_object_del(shown, "policy");
    size_t bytes =
        json_dumpb(shown, (char *)b->at + b->len, room, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (bytes <= room)
        b->len += bytes;
    json_decref(shown);
}

static void log_change(const struct api *a, enum err e)
{
    const struct s3_request *r = &a->request;
    char text[SAID_BYTES_MAX];
    struct buf b = buf_over(text, sizeof text - 1);

    if (!a->call->changes)
        return;
    if (!e)
        put_said(&b, a->said);
    text[b.len] = 0;
    log_line(
        e ? LOG_WARN : LOG_INFO, "admin", "%s by '%.*s' (key %.*s, %s, request %s): %s %s",
        a->call->name, VIEW_FMT(r->user->name), VIEW_FMT(r->http->user), r->http->peer, r->http->id,
        e ? err_text(e) : "done", text);
}

/* ---- steps --------------------------------------------------------------------------------- */

static void on_changed(struct op *op)
{
    struct api *a = container_of(op, struct api, change.op);

    log_change(a, op->err);
    if (op->err)
        refuse_err(a, op->err, a->change.why);
    else
        answer(a, 200, a->change.answer);
}

static void start_change(struct api *a)
{
    struct iam_change *c = &a->change;

    c->iam = a->request.service->iam;
    c->call = a->call;
    c->request = a->body.body;
    c->region = a->request.region;
    op_init(&c->op, on_changed);
    s3_wait(&a->request, "Admin.changing");
    iam_change(c);
}

static void search(struct api *a);

static void refuse_owned(struct api *a)
{
    enum err e = a->owned.op.err;
    char why[160];

    (void)snprintf(
        why, sizeof why, "the account owns buckets ('%s'): remove them first", a->owned.bucket);
    log_change(a, e);
    refuse_err(a, e, e == ERR_CONFLICT ? why : NULL);
}

/* Whatever it was: of what was asked for nothing is done. */
static void on_enabled(struct op *op)
{
    refuse_owned(container_of(op, struct api, change.op));
}

static void on_disabled(struct op *op)
{
    struct api *a = container_of(op, struct api, change.op);

    if (op->err) {
        log_change(a, op->err);
        refuse_err(a, op->err, a->change.why);
        return;
    }
    a->account = ACCOUNT_DISABLED;
    search(a);
}

/* users/set on the account that is to be removed. */
static void set_enabled(struct api *a, bool is_enabled, op_advance_fn *then)
{
    struct iam_change *c = &a->change;
    json_t *j = json_pack(
        "{s:O, s:b}", "name", json_object_get(a->said, "name"), "enabled", (int)is_enabled);
    size_t bytes = json_dumpb(j, NULL, 0, JSON_COMPACT);
    char *at = bytes ? region_take(a->request.region, bytes) : NULL;

    if (at)
        (void)json_dumpb(j, at, bytes, JSON_COMPACT);
    json_decref(j);
    if (!at) {
        refuse_err(a, ERR_BUSY, NULL);
        return;
    }
    *c = (struct iam_change){
        .iam = a->request.service->iam,
        .call = iam_find_call(VIEW("users/set")),
        .request = view_of(at, bytes),
        .region = a->request.region,
    };
    op_init(&c->op, then);
    s3_wait(&a->request, "Admin.changing");
    iam_change(c);
}

static void on_searched(struct op *op)
{
    struct api *a = container_of(op, struct api, owned.op);

    if (op->err && a->account == ACCOUNT_DISABLED)
        set_enabled(a, true, on_enabled);
    else if (op->err)
        refuse_owned(a);
    else if (a->account == ACCOUNT_TO_DISABLE)
        set_enabled(a, false, on_disabled);
    else
        start_change(a);
}

static void search(struct api *a)
{
    op_init(&a->owned.op, on_searched);
    s3_wait(&a->request, "Admin.searching");
    admin_owned(&a->owned);
}

/* The account that users/remove would leave without an owner; NULL: none. */
static const struct iam_user *account_to_go(const struct api *a)
{
    const char *name = json_string_value(json_object_get(a->said, "name"));

    if (!view_is(view_str(a->call->name), "users/remove") || !name)
        return NULL;
    const struct iam_user *u = iam_find_user(a->request.people, view_str(name));
    return u && u->owns_account ? u : NULL;
}

/* users/add may do what other calls do, too: their actions are needed as well. */
static bool may_do_all(const struct api *a)
{
    const struct s3_request *r = &a->request;

    if (!view_is(view_str(a->call->name), "users/add"))
        return true;
    if (json_array_size(json_object_get(a->said, "policies")) > 0 &&
        !admin_access_allows(r, "admin:AttachUserOrGroupPolicy"))
        return false;
    return json_array_size(json_object_get(a->said, "groups")) == 0 ||
           admin_access_allows(r, "admin:AddUserToGroup");
}

/* Woken when the body is whole and is what was signed. */
static void on_body(struct op *op)
{
    struct api *a = container_of(op, struct api, body.op);
    struct view body = a->body.body;

    if (op->err) {
        refuse_code(a, a->body.code, a->body.detail);
        return;
    }
    a->said = json_loadb((const char *)body.at, body.len, JSON_REJECT_DUPLICATES, NULL);
    const struct iam_user *account = account_to_go(a);
    if (!may_do_all(a)) {
        refuse_code(a, S3_AccessDenied, "no policy of yours allows all that this call does");
    } else if (account) {
        a->owned.engine = a->server->engine;
        a->owned.id = account->id;
        a->account = account->is_enabled ? ACCOUNT_TO_DISABLE : ACCOUNT_LEFT_ALONE;
        search(a);
    } else {
        start_change(a);
    }
}

/* S3_None, or the answer. */
static enum s3_code check(struct api *a, const char **detail_out)
{
    struct s3_request *r = &a->request;
    struct view extra;
    enum s3_code code = authenticate_request(r, detail_out, &extra);

    if (code)
        return code;
    if (!r->user)
        return S3_AccessDenied;
    if (r->http->method != HTTP_POST)
        return S3_MethodNotAllowed;
    if (r->auth.form != SIGV4_HEADER || r->auth.payload != SIGV4_PAYLOAD_SHA256) {
        *detail_out = "sign the body: Signature Version 4 with x-amz-content-sha256, in a header";
        return S3_AccessDenied;
    }
    if (a->call && !admin_access_allows(r, a->call->action)) {
        *detail_out = "no policy of yours allows this call";
        log_warn(
            "admin", "%s by '%.*s' (key %.*s, %s): denied", a->call->name, VIEW_FMT(r->user->name),
            VIEW_FMT(r->http->user), r->http->peer);
        return S3_AccessDenied;
    }
    return S3_None;
}

static void start(struct api *a)
{
    const struct config *config = &a->server->config;
    const char *detail = NULL;
    enum s3_code code = check(a, &detail);

    if (code) {
        refuse_code(a, code, detail);
    } else if (!a->call) {
        refuse(a, 404, "NoSuchCall", "there is no such call: docs/wire/admin.md lists them");
    } else if (
        a->call->carries_secret && !config->admin_plain && !admin_access_is_private(&a->request)) {
        refuse(
            a, 403, "TlsRequired",
            "secret keys do not pass over plain HTTP: use TLS, or the server's own host "
            "(--admin-plain on allows it)");
    } else {
        a->body.request = &a->request;
        a->body.bytes_max = REQUEST_BYTES_MAX;
        op_init(&a->body.op, on_body);
        s3_small_body(&a->body);
    }
}

void admin_api_handle(struct http_request *q, struct core *c)
{
    struct api *a = region_take_zero(q->region, sizeof *a);

    if (!a) {
        http_reply(q, 503);
        http_request_end(q);
        return;
    }
    a->server = c->server;
    a->call = iam_find_call(view_from(q->path, PREFIX.len));
    a->request.http = q;
    a->request.service = &c->server->service;
    a->request.region = q->region;
    a->request.now_ms = clock_wall_ms();
    a->request.op = &admin_access_op;
    q->way = "-";
    proxy_read(&a->request);
    start(a);
}
