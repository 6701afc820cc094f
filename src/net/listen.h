/* Listening sockets from text: "127.0.0.1:9000", "[::1]:9000", ":9000", "host:0". Blocking,
 * start-up only. */
#ifndef PENSTOCK_NET_LISTEN_H
#define PENSTOCK_NET_LISTEN_H

#include "base/bytes.h"

/*
 * listen_open(spec, reuseport, fd_out, where_out): bound, listening, non-blocking. Port 0 picks
 * one; where_out gets the real "host:port". With reuseport several reactors may open the same
 * address (open the first, then the others with its real port).
 */
enum err listen_open(
    struct view spec, bool reuseport, int *fd_out, struct buf *where_out,
    struct buf *why_out) MUST_CHECK;

#endif
