/* The real verbs: libibverbs. */
#ifndef PENSTOCK_DIRECT_RC_IBV_H
#define PENSTOCK_DIRECT_RC_IBV_H

#include "direct/rc/rc_verbs.h"

const struct rc_verbs *rc_ibv(void);

#endif
