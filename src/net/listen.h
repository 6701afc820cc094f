/* Listening sockets from text: "127.0.0.1:9000", "[::1]:9000", ":9000", "host:0". Blocking,
 * start-up only. */
#ifndef PENSTOCK_NET_LISTEN_H
#define PENSTOCK_NET_LISTEN_H

#include "base/bytes.h"

/*
 * Several reactors open one address: the first with LISTEN_FIRST, the others with LISTEN_FURTHER
 * and the real port. FIRST fails when anybody listens there already, another server that shares its
 * address included.
 */
enum listen_share { LISTEN_ALONE, LISTEN_FIRST, LISTEN_FURTHER };

/*
 * listen_open(spec, share, fd_out, where_out): bound, listening, non-blocking. Port 0 picks one;
 * where_out gets the real "host:port".
 */
enum err listen_open(
    struct view spec, enum listen_share share, int *fd_out, struct buf *where_out,
    struct buf *why_out) MUST_CHECK;

#endif
