/*
 * A transfer: one ps_op on its way. It has a first step, perhaps many parts that run at the same
 * time, perhaps a last step:
 *
 *   GET   first: the object, or its first range -> parts: the other ranges, pinned by If-Match
 *   PUT   first: the object                                                        (small)
 *         first: create the upload -> parts: upload them -> last: complete, or abort
 *
 * client_work.c runs the steps on its threads and the waiting ones; client_get.c and client_put.c
 * are the steps.
 */
#ifndef PENSTOCK_CLIENT_TRANSFER_H
#define PENSTOCK_CLIENT_TRANSFER_H

#include "client/client_direct.h"
#include "client/client_exchange.h"

enum client_stage { STAGE_FIRST, STAGE_PARTS, STAGE_LAST, STAGE_DONE };

/* Of a part that has been moved. */
struct client_part {
    uint64_t bytes, crc64;
    char etag[72];
};

struct client_transfer {
    /* set once */
    struct ps_client *client;
    struct ps_op *op;
    bool is_blocking; /* somebody waits in ps_do */
    size_t room;      /* of the buffer behind buffer_off */
    struct client_stop stop;

    /* the work's lock */
    struct list link; /* the work's queue */
    enum client_stage stage;
    unsigned parts_next, parts_done, running;
    unsigned ways; /* 1 << enum ps_way */
    enum ps_err err;

    /* written by the first step, alone; then constant */
    unsigned part_count; /* steps of STAGE_PARTS */
    uint64_t part_bytes;
    uint64_t off, len;         /* what STAGE_PARTS moves: of the object */
    size_t buffer_off;         /* where that is in the buffer */
    char etag[72];             /* GET: what the parts must match */
    char upload_id[1024];      /* PUT in parts */
    struct client_part *parts; /* one per part; [i] is written by its step alone */
};

/* What a step has to say: as a ps_result of its own. `way` PS_WAY_NONE: no payload. */
enum ps_err client_get_first(struct client_transfer *t, struct ps_result *r);
enum ps_err client_get_part(struct client_transfer *t, unsigned index, struct ps_result *r);

bool client_put_has_last(const struct client_transfer *t);
enum ps_err client_put_first(struct client_transfer *t, struct ps_result *r);
enum ps_err client_put_part(struct client_transfer *t, unsigned index, struct ps_result *r);
/* e: how the parts went. */
enum ps_err client_put_last(struct client_transfer *t, enum ps_err e, struct ps_result *r);

/* --- what the steps share: client_transfer.c --- */

/* An answer into a result: status, ids, etag; for an error its code and message. */
enum ps_err client_transfer_answer(const struct client_reply *q, struct ps_result *r);
/* It may go better the next time. */
bool client_transfer_is_transient(enum ps_err e, const struct ps_result *r);
/* Waits before attempt n + 1; false when there is no other attempt. */
bool client_transfer_again(struct client_transfer *t, unsigned attempt);
/* The value of x-amz-checksum-crc64nvme. */
bool client_transfer_crc64(struct view text, uint64_t *crc64_out);
void client_transfer_put_crc64(struct buf *b, uint64_t crc64);
/* A part's place; the last one is shorter. */
uint64_t client_transfer_part_len(const struct client_transfer *t, unsigned index);
/* Mode and whether an earlier attempt failed say whether this one shall be direct. */
bool client_transfer_is_direct(
    const struct client_transfer *t, unsigned attempt, bool direct_has_failed);
/* Cuts [off, off + len) into parts; PS_ERR_NO_MEMORY. */
enum ps_err client_transfer_cut(struct client_transfer *t, uint64_t part_bytes);
/* The direct path is up for this op's buffer: decides the size of parts. */
bool client_transfer_expects_direct(struct client_transfer *t);

#endif
