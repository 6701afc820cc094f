/*
 * The ballast: a file that takes up room until the index needs it. Removing gives space back only
 * through a checkpoint, and a checkpoint copies pages of the index before it frees any: on a drive
 * without a free byte nothing could ever be removed, and a store could not be opened.
 *
 * Dropped when the index meets ERR_NO_SPACE, made again when there is room. Blocking: start-up and
 * helper threads; checkpoints are one at a time, so are these calls.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_BALLAST_H
#define PENSTOCK_ENGINE_DRIVES_BALLAST_H

#include <stdbool.h>

struct drives;

/* If it is not there and there is room for it and as much again. */
void drives_ballast_make(struct drives *D);
/* And the spare segments with it. False: there was nothing to give. */
bool drives_ballast_drop(struct drives *D);

#endif
