/*
 * Transport `local`: the client's memory on the same host, handed over through a unix socket.
 *
 * The socket thread accepts clients and gives each a thread of its own, which checks SO_PEERCRED
 * (same user, root, or a member of the allowed group: invariant 5), answers `hello`, takes memory:
 * a memfd (must carry F_SEAL_SHRINK; mapped here) or a range of the client's own address space
 * (reached by process_vm_readv/writev on another thread of the client's, with a pidfd held so that
 * the pid cannot be reused). A closed socket ends the session: no new windows, transfers under way
 * end, memory is unmapped when the last window closes. docs/wire/local.md has the messages and the
 * token.
 */
#ifndef PENSTOCK_DIRECT_LOCAL_LOCAL_H
#define PENSTOCK_DIRECT_LOCAL_LOCAL_H

#include <sys/types.h>

#include "direct/transport.h"

struct local_config {
    const char *socket_path;   /* made with mode 0660; removed at stop */
    gid_t allowed_gid;         /* (gid_t)-1: none but the same user and root */
    unsigned sessions_max;     /* 0: 256 */
    unsigned regions_max;      /* per session; 0: 1024 */
    uint64_t mapped_bytes_max; /* per session; 0: 64 GiB */
    char server_id[33];        /* hex; the client compares it with what HTTP said */
};

/* why_out: a sentence on failure. */
enum err local_new(
    const struct local_config *config, struct transport **transport_out,
    struct buf *why_out) MUST_CHECK;

struct local_stats {
    uint64_t sessions, regions, windows_open, mapped_bytes, refused;
};
void local_stats(struct transport *T, struct local_stats *out);

#endif
