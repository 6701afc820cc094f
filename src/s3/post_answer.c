/* How a POST form is answered: 204, what success_action_status wants, or a redirect. */
#include "base/text.h"
#include "s3/post_object_impl.h"
#include "s3/route.h"
#include "s3/xml.h"

enum { REDIRECT_BYTES_MAX = 8192 };

/* 3 bytes for one, and what stands around. */
static size_t url_bytes(const struct s3_request *r)
{
    return 3 * (r->bucket.len + r->key.len) + 64;
}

static struct view object_url(struct s3_request *r)
{
    struct view host = r->forwarded_host.at ? r->forwarded_host : r->http->host;
    size_t cap = url_bytes(r) + host.len;
    struct buf b = buf_over(region_take(r->region, cap), cap);

    if (!b.at)
        return VIEW_EMPTY;
    buf_put_str(&b, r->is_secure ? "https://" : "http://");
    buf_put(&b, host);
    if (!route_host_bucket(r->service, host).at) {
        buf_put_byte(&b, '/');
        text_put_uri(&b, r->bucket, false);
    }
    buf_put_byte(&b, '/');
    text_put_uri(&b, r->key, true);
    return buf_view(&b);
}

/* What is no URL counts as not given. */
static bool is_url(struct view v)
{
    if (!view_starts_nocase(v, VIEW("http://")) && !view_starts_nocase(v, VIEW("https://")))
        return false;
    for (size_t i = 0; i < v.len; i++)
        if (v.at[i] <= ' ' || v.at[i] >= 0x7f)
            return false;
    return v.len <= REDIRECT_BYTES_MAX;
}

/* The page to go to, told what was stored; empty: none. */
static struct view redirect_of(struct post_object *p)
{
    struct s3_request *r = p->request;
    struct view to = form_value(&p->body.form, "success_action_redirect");

    if (!to.at)
        to = form_value(&p->body.form, "redirect");
    to = view_trim(to);
    if (!is_url(to))
        return VIEW_EMPTY;
    size_t cap = to.len + url_bytes(r) + 2 * sizeof p->store.etag;
    struct buf b = buf_over(region_take(r->region, cap), cap);
    if (!b.at)
        return VIEW_EMPTY;
    buf_put(&b, to);
    buf_put_str(&b, view_index(to, '?') == SIZE_MAX ? "?bucket=" : "&bucket=");
    text_put_uri(&b, r->bucket, false);
    buf_put_str(&b, "&key=");
    text_put_uri(&b, r->key, false);
    buf_printf(&b, "&etag=%%22%s%%22", p->store.etag);
    return b.overflow ? VIEW_EMPTY : buf_view(&b);
}

static void reply(struct post_object *p, unsigned status, struct view location)
{
    s3_reply(p->request, status);
    store_reply_headers(&p->store);
    if (location.len > 0)
        http_reply_header(p->request->http, "Location", location);
}

/* <PostResponse>, which has no namespace. */
static void answer_created(struct post_object *p, struct view url)
{
    struct s3_request *r = p->request;
    size_t cap = 512 + url.len + 6 * (url.len + r->bucket.len + r->key.len);
    struct buf x = buf_over(region_take(r->region, cap), cap);

    if (x.at) {
        buf_put_str(&x, xml_prolog);
        xml_open(&x, "PostResponse");
        xml_text(&x, "Location", url);
        xml_text(&x, "Bucket", r->bucket);
        xml_text(&x, "Key", r->key);
        xml_etag(&x, view_str(p->store.etag));
        xml_close(&x, "PostResponse");
    }
    reply(p, 201, url);
    s3_finish_body(r, x.overflow ? VIEW("") : buf_view(&x), "application/xml");
}

void post_answer(struct post_object *p)
{
    struct view status = form_value(&p->body.form, "success_action_status");
    struct view redirect = redirect_of(p), url = object_url(p->request);

    if (redirect.len > 0) {
        reply(p, 303, redirect);
        s3_finish_empty(p->request);
    } else if (view_is(status, "201")) {
        answer_created(p, url);
    } else {
        reply(p, view_is(status, "200") ? 200 : 204, url);
        s3_finish_empty(p->request);
    }
}
