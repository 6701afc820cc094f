#include "s3/proxy.h"

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

void proxy_read(struct s3_request *r)
{
    r->source_ip = ip_of(view_str(r->http->peer));
    r->is_secure = r->http->is_tls;
}
