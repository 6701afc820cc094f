#include "s3/admin_access.h"

#include "s3/access_value.h"

const struct s3_op admin_access_op = {.name = "Admin", .method = HTTP_POST, .level = S3_SERVICE};

static bool is_loopback(struct view ip)
{
    return view_starts(ip, VIEW("127.")) || view_is(ip, "::1") ||
           view_starts(ip, VIEW("::ffff:127."));
}

/* "127.0.0.1:4711", "[::1]:4711" */
static bool peer_is_loopback(const struct http_request *q)
{
    struct view peer = view_str(q->peer);

    return is_loopback(view_starts(peer, VIEW("[")) ? view_from(peer, 1) : peer) ||
           view_starts(peer, VIEW("[::1]:"));
}

/* The last hop, and the client's when a trusted proxy says which that was. */
bool admin_access_is_private(const struct s3_request *r)
{
    return (r->http->is_tls || peer_is_loopback(r->http)) &&
           (r->is_secure || is_loopback(r->source_ip));
}

bool admin_access_allows(const struct s3_request *r, const char *action)
{
    const struct access_ask ask = {.action = action};
    struct access_value value = {.request = r, .ask = &ask};
    const struct policy_request q = {
        .action = view_str(action),
        .resource = VIEW("arn:aws:s3:::*"),
        .value = access_value,
        .ctx = &value,
    };
    enum policy_effect effect = POLICY_NONE;

    if (!r->user || r->user->is_root)
        return r->user != NULL;
    for (unsigned i = 0; i < r->user->policy_count; i++)
        effect = MAX(effect, policy_evaluate(r->user->policies[i], &q)); /* Deny is the highest */
    return effect == POLICY_ALLOW && !value.failed;
}
