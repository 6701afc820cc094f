/* Open: what is in the folder becomes segments, accounts, and an index that has all of the log. */
#ifndef PENSTOCK_ENGINE_DRIVES_RECOVER_H
#define PENSTOCK_ENGINE_DRIVES_RECOVER_H

#include "base/bytes.h"

struct drives;

/* Blocking. Afterwards the tree is up to date and all memtables are empty. */
enum err drives_recover(struct drives *D, struct buf *why) MUST_CHECK;

#endif
