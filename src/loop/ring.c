#include "loop/ring.h"

#include "loop/ring_impl.h"

enum err ring_new(enum ring_kind kind, unsigned depth, struct ring **ring_out, const char **why_out)
{
    *why_out = NULL;
    if (kind == RING_EPOLL) {
        *why_out = "epoll was asked for";
        return ring_epoll_new(ring_out);
    }
    enum err e = ring_uring_new(depth, ring_out, why_out);
    if (e && kind == RING_AUTO)
        e = ring_epoll_new(ring_out);
    return e;
}

enum err ring_kind_parse(struct view v, enum ring_kind *kind_out)
{
    if (view_is(v, "auto"))
        *kind_out = RING_AUTO;
    else if (view_is(v, "io_uring"))
        *kind_out = RING_URING;
    else if (view_is(v, "epoll"))
        *kind_out = RING_EPOLL;
    else
        return ERR_INVALID;
    return ERR_OK;
}
