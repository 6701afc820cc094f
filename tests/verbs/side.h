/*
 * One side of a reliable connection, by verbs alone: device, memory between guards, queue pair.
 * What our transport is measured against, in correctness and in speed; it shares no code with it.
 * Every function fails the process when something is refused that must not be.
 */
#ifndef PENSTOCK_TESTS_VERBS_SIDE_H
#define PENSTOCK_TESTS_VERBS_SIDE_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIDE_GUARD = 4096 };

struct side {
    struct ibv_context *context;
    struct ibv_pd *pd;
    struct ibv_comp_channel *channel;
    struct ibv_cq *cq;
    struct ibv_qp *qp;
    struct ibv_mr *mr; /* the memory and both guards */
    uint8_t *memory;   /* bytes of it, a guard before and one after */
    size_t bytes;
};

/* What the other side has to know: as a token would say it. */
struct side_address {
    union ibv_gid gid;
    uint64_t at; /* of the memory, without guards */
    uint64_t bytes;
    uint32_t qpn, psn, rkey;
};

/* Access to the memory by the other side: IBV_ACCESS_REMOTE_* or 0. */
void side_open(struct side *s, const char *device, size_t bytes, int access);
void side_close(struct side *s);

struct side_address side_address(const struct side *s);
/* Brings the queue pair to RTS. A lost connection is noticed after about half a second. */
void side_connect(struct side *s, const struct side_address *other);
/* A new queue pair in the place of one that is in error. */
void side_renew(struct side *s);

/* A transfer between the memory at offset and the other side's at remote. */
struct side_transfer {
    enum ibv_wr_opcode opcode; /* IBV_WR_RDMA_WRITE or IBV_WR_RDMA_READ */
    size_t offset;
    uint32_t bytes;
    uint64_t remote;
    uint32_t rkey;
};

/* Posts it and waits, for 20 s at most, sleeping: its completion's status. */
enum ibv_wc_status side_transfer(struct side *s, const struct side_transfer *t);
void side_post(struct side *s, const struct side_transfer *t);
enum ibv_wc_status side_wait(struct side *s);

/* A type-2 window over bytes at offset: its key in *key_out. */
struct ibv_mw *side_bind(struct side *s, size_t offset, size_t bytes, uint32_t *key_out);
/* From now on the key opens nothing. */
void side_invalidate(struct side *s, uint32_t key);

bool side_is_in_error(const struct side *s);

/* Bytes that depend on their place and on the seed. */
void side_fill(struct side *s, size_t offset, size_t bytes, uint32_t seed);
/* Whether bytes at offset are of that seed, and all else, the guards too, is as side_clear left it.
 */
bool side_holds(const struct side *s, size_t offset, size_t bytes, uint32_t seed);
void side_clear(struct side *s);

#endif
