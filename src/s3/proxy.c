#include "s3/proxy.h"

#include "s3/route.h"

/* "127.0.0.1:4711" -> "127.0.0.1", "[::1]:4711" -> "::1". */
static struct view ip_of(struct view peer)
{
    size_t end = peer.len;

    if (peer.len > 0 && peer.at[0] == '[')
        return view_upto(view_from(peer, 1), MIN(view_index(peer, ']'), peer.len) - 1);
    while (end > 0 && peer.at[end - 1] != ':')
        end--;
    return view_upto(peer, end ? end - 1 : peer.len);
}

static bool is_trusted(const struct s3_service *S, struct view ip)
{
    for (unsigned i = 0; i < S->trusted_proxy_count; i++)
        if (cidr_has(&S->trusted_proxies[i], ip))
            return true;
    return false;
}

/* Takes the last element off a comma-separated list. */
static struct view take_last(struct view *list)
{
    size_t at = list->len;

    while (at > 0 && list->at[at - 1] != ',')
        at--;
    struct view last = view_trim(view_from(*list, at));
    *list = view_upto(*list, at ? at - 1 : 0);
    return last;
}

/*
 * Each proxy appends the address it was called from: read from the end, the first one that is not a
 * proxy of ours is the client. What stands before it is the client's own invention.
 */
static struct view client_of(const struct s3_request *r, struct view ip)
{
    const struct http_request *q = r->http;

    for (unsigned i = q->header_count; i > 0; i--) {
        struct view list = q->headers[i - 1].value;

        if (!view_eq_nocase(q->headers[i - 1].name, VIEW("x-forwarded-for")))
            continue;
        while (list.len > 0) {
            struct view one = take_last(&list);
            struct cidr address;

            if (cidr_parse(one, &address)) /* "unknown", or with a port */
                return ip;
            ip = one;
            if (!is_trusted(r->service, one))
                return ip;
        }
    }
    return ip;
}

static void read_names(struct s3_request *r)
{
    struct view host = http_header(r->http, "x-forwarded-host"), first = VIEW_EMPTY;
    struct view port = view_trim(http_header(r->http, "x-forwarded-port"));

    if (!view_split(&host, ',', &first) || view_trim(first).len == 0)
        return;
    r->forwarded_host = view_trim(first);
    if (route_host_bucket(r->service, r->forwarded_host).at)
        r->host = r->forwarded_host;
    if (port.len == 0 || port.len > 5 || view_index(r->forwarded_host, ':') != SIZE_MAX)
        return;
    size_t cap = r->forwarded_host.len + 1 + port.len;
    struct buf b = buf_over(region_take(r->region, cap), cap);
    if (!b.at)
        return; /* one name less to try */
    buf_put(&b, r->forwarded_host);
    buf_put_byte(&b, ':');
    buf_put(&b, port);
    r->forwarded_host_port = buf_view(&b);
}

void proxy_read(struct s3_request *r)
{
    struct view proto;

    r->host = r->http->host;
    r->source_ip = ip_of(view_str(r->http->peer));
    r->is_secure = r->http->is_tls;
    if (!is_trusted(r->service, r->source_ip))
        return;
    r->source_ip = client_of(r, r->source_ip);
    read_names(r);
    proto = http_header(r->http, "x-forwarded-proto");
    if (proto.len > 0)
        r->is_secure = view_eq_nocase(take_last(&proto), VIEW("https"));
}
