/* Bringing a server up, step by step, and down again: every step can be taken back from any state.
 */
#ifndef PENSTOCK_SERVER_START_H
#define PENSTOCK_SERVER_START_H

#include "server/core.h"

/* s->config is set, all else zero. On failure `why` names the cause; start_undo cleans up. */
enum err start_server(struct server *s, struct buf *why) MUST_CHECK;
/* After a drain, or after a failed start. Accepts any half-built server. */
void start_undo(struct server *s);

#endif
