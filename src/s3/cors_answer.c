/* CORS in answers: preflights, and the headers of whatever else is answered to a page. */
#include "s3/bucket.h"
#include "s3/cors.h"

static const char no_origin[] = "Insufficient information. Origin request header needed.";
static const char bad_method[] = "Invalid Access-Control-Request-Method.";
static const char not_allowed[] =
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are "
    "not whitelisted by the resource's CORS spec.";

/* Room for lists in one answer; the head has 32 KiB for all of it. */
enum { LIST_BYTES_MAX = 4096, ORIGIN_BYTES_MAX = 2048, REQUEST_HEADERS_BYTES_MAX = 4096 };

/* A list too long for an answer is left out: a page may then read less, never more. */
static void reply_list(struct s3_request *r, const char *name, const struct cors_list *list)
{
    char text[LIST_BYTES_MAX];
    struct buf b = buf_over(text, sizeof text);

    for (unsigned i = 0; i < list->count; i++) {
        if (i > 0)
            buf_put_str(&b, ", ");
        buf_put(&b, list->at[i]);
    }
    if (b.len > 0 && !b.overflow)
        http_reply_header(r->http, name, buf_view(&b));
}

static void reply_rule(struct s3_request *r, const struct cors_rule *rule, struct view origin)
{
    struct http_request *q = r->http;

    if (cors_is_open(rule, origin)) {
        http_reply_header(q, "Access-Control-Allow-Origin", VIEW("*"));
    } else {
        http_reply_header(q, "Access-Control-Allow-Origin", origin);
        http_reply_header(q, "Access-Control-Allow-Credentials", VIEW("true"));
    }
    reply_list(r, "Access-Control-Allow-Methods", &rule->methods);
    reply_list(r, "Access-Control-Expose-Headers", &rule->exposes);
    if (rule->has_max_age)
        http_reply_headerf(q, "Access-Control-Max-Age", "%u", rule->max_age_s);
    http_reply_header(
        q, "Vary", VIEW("Origin, Access-Control-Request-Headers, Access-Control-Request-Method"));
}

/*
 * A real request may say, as a preflight does, which method it stands for: S3 goes by that. Its
 * headers were the preflight's matter.
 */
void cors_reply(struct s3_request *r)
{
    struct cors_ask ask = {.origin = http_header(r->http, "origin")};

    if (!ask.origin.at || ask.origin.len > ORIGIN_BYTES_MAX || !r->conf || !r->conf->cors ||
        r->http->method == HTTP_OPTIONS)
        return;
    ask.method = http_header(r->http, "access-control-request-method");
    if (!ask.method.at)
        ask.method = r->http->method_text;
    const struct cors_rule *rule = cors_match(r->conf->cors, &ask);
    if (rule)
        reply_rule(r, rule, ask.origin);
}

static bool is_method(struct view v)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};

    for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
        if (view_is(v, methods[i]))
            return true;
    return false;
}

void cors_preflight(struct s3_request *r)
{
    const struct cors_ask ask = {
        .origin = http_header(r->http, "origin"),
        .method = http_header(r->http, "access-control-request-method"),
        .headers = http_header(r->http, "access-control-request-headers"),
    };
    const struct cors_rule *rule = NULL;

    if (ask.origin.len == 0 || !is_method(ask.method)) {
        s3_finish_error(r, S3_BadRequest, ask.origin.len == 0 ? no_origin : bad_method);
        return;
    }
    if (!r->conf || !r->conf->cors) { /* nobody's bucket: OPTIONS of the service itself */
        s3_finish_error(r, S3_AccessForbidden, NULL);
        return;
    }
    if (ask.origin.len <= ORIGIN_BYTES_MAX && ask.headers.len <= REQUEST_HEADERS_BYTES_MAX)
        rule = cors_match(r->conf->cors, &ask);
    if (!rule) {
        s3_finish_error(r, S3_AccessForbidden, not_allowed);
        return;
    }
    s3_reply(r, 200);
    reply_rule(r, rule, ask.origin);
    if (ask.headers.len > 0)
        http_reply_header(r->http, "Access-Control-Allow-Headers", ask.headers);
    s3_finish_empty(r);
}
