#include "server/admin_access.h"

#include "base/text.h"

/* "127.0.0.1:4711", "[::1]:4711" */
static struct view peer_host(const struct http_request *q)
{
    struct view peer = view_str(q->peer);
    size_t len = peer.len;

    while (len > 0 && peer.at[len - 1] != ':')
        len--;
    peer.len = len > 0 ? len - 1 : peer.len;
    if (peer.len >= 2 && peer.at[0] == '[')
        peer = view_of(peer.at + 1, peer.len - 2);
    return view_starts(peer, VIEW("::ffff:")) ? view_from(peer, 7) : peer;
}

bool admin_access_is_private(const struct http_request *q)
{
    struct view host = peer_host(q);

    return q->is_tls || view_starts(host, VIEW("127.")) || view_is(host, "::1");
}

struct asked {
    const struct s3_request *request;
    char now[40];
    size_t now_len;
};

static bool
value_of(const struct policy_request *p, struct view key, unsigned index, struct view *value_out)
{
    const struct asked *a = p->ctx;
    const struct s3_request *r = a->request;

    if (index > 0)
        return false;
    if (view_is(key, "aws:sourceip"))
        *value_out = peer_host(r->http);
    else if (view_is(key, "aws:securetransport"))
        *value_out = r->http->is_tls ? VIEW("true") : VIEW("false");
    else if (view_is(key, "aws:username"))
        *value_out = r->user->name;
    else if (view_is(key, "aws:userid"))
        *value_out = r->user->id;
    else if (view_is(key, "aws:currenttime"))
        *value_out = view_of(a->now, a->now_len);
    else
        return false;
    return true;
}

bool admin_access_allows(const struct s3_request *r, const char *action)
{
    struct asked asked = {.request = r};
    struct buf now = buf_over(asked.now, sizeof asked.now);
    const struct policy_request q = {
        .action = view_str(action),
        .resource = VIEW("arn:aws:s3:::*"),
        .value = value_of,
        .ctx = &asked,
    };
    bool allows = false;

    if (!r->user || r->user->is_root)
        return r->user != NULL;
    text_put_iso_date(&now, r->now_ms);
    asked.now_len = now.len;
    for (unsigned i = 0; i < r->user->policy_count; i++) {
        enum policy_effect effect = policy_evaluate(r->user->policies[i], &q);
        if (effect == POLICY_DENY)
            return false;
        allows = allows || effect == POLICY_ALLOW;
    }
    return allows;
}
