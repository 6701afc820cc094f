/*
 * The cleaner: moves what is alive out of segments that are mostly dead, so that they come back
 * (docs/adr/0011-cleaner.md). One per store; at home on the first owner's reactor.
 *
 *   idle --woken--> choosing --> keeping --> idle
 *     ^                |\--nothing worth it--> idle
 *     |                \--victims--> walking <--> resting
 *     |                                |   ^--------------\
 *     \--checkpoints asked for-- end --/--found--> moving --/
 *
 * A pass walks the tree (not the memtables), on a helper thread, so many entries at a time, and
 * moves those that point into a victim (drives_clean_move.h). What it misses, since it was moved or
 * put behind its back, the next pass finds: a segment comes back when its accounts say so
 * (drives_segment.h), never because the cleaner believes to be done.
 *
 * Woken by the end of a checkpoint, and when a preparation found no room. There is no polling.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_CLEAN_H
#define PENSTOCK_ENGINE_DRIVES_CLEAN_H

#include "loop/reactor.h"

struct drives;
struct drives_clean;
struct drives_segment;

/* Start-up, at the end. */
enum err drives_clean_open(struct drives *D) MUST_CHECK;
void drives_clean_free(struct drives *D);
/* From any reactor of an owner. is_short: there was no room for a segment. */
void drives_clean_wake(struct drives *D, bool is_short);
/* It begins nothing more, and is stopped when what is under way has ended. */
void drives_clean_stop(struct drives *D);
bool drives_clean_is_stopped(struct drives *D);

/* Helper threads, from drives_segment_reclaim: a victim comes back. */
void drives_clean_freed(struct drives *D);
/* Does the cleaner lack its empty data segment? True from the second: it took this one. */
bool drives_clean_is_keeping(struct drives *D);
bool drives_clean_keep(struct drives *D, struct drives_segment *s);
/* The index needs its room more; NULL: there is none. */
struct drives_segment *drives_clean_give_up(struct drives *D);

#endif
