/*
 * The direct path as the HTTP side sees it: the token header, the window it names, the answer
 * headers. docs/wire/direct.md says what clients see; s3-rdma-protocol 2.6 to 2.9 is where it comes
 * from.
 *
 *   absent    no token: plain HTTP
 *   declined  a token nobody here can serve: a read answers by HTTP body and says so, a write is
 *             refused and stores nothing
 *   offered   a transport knows the token: direct_open, transfers, direct_close
 */
#ifndef PENSTOCK_S3_DIRECT_H
#define PENSTOCK_S3_DIRECT_H

#include "s3/s3.h"

enum direct_state { DIRECT_ABSENT, DIRECT_DECLINED, DIRECT_OFFERED, DIRECT_OPEN };

struct direct {
    enum direct_state state;
    struct transport *transport;
    struct window window;
};

/*
 * S3_None, or the answer: AccessDenied when the token is not signed (invariant 6), InvalidRDMAToken
 * when it is broken. Counts what it refuses.
 */
enum s3_code direct_look(struct s3_request *r, struct direct *d, const char **detail_out);
/* offered: open the window; advance belongs to window.op from now on. */
void direct_open(
    struct s3_request *r, struct direct *d, enum window_direction direction,
    op_advance_fn *advance);
/*
 * After direct_open's advance: S3_None and state DIRECT_OPEN or DIRECT_DECLINED, or the answer.
 */
enum s3_code direct_opened(struct s3_request *r, struct direct *d);
/* open: drain and let go (invariant 2); window.op's advance runs when nothing is in flight. */
void direct_close(struct direct *d);
/*
 * What the answer will say (s3_reply adds x-amz-rdma-reply): moved (200 or 206), declined (501,
 * counted), or tried and failed (500, counted). Plain S3 errors say nothing.
 */
void direct_will_reply(struct s3_request *r, unsigned status);
void direct_will_decline(struct s3_request *r);
void direct_will_fail(struct s3_request *r);
/* x-amz-rdma-bytes-transferred; after s3_reply. */
void direct_put_bytes(struct s3_request *r, uint64_t bytes);

#endif
