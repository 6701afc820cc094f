/*
 * The record of a decided transaction, into the log's group.
 *
 *   put                    key: the object; the entry. MOVE_DOWN: further key, the older version
 *   remove, with a marker  a put: key: the older version; the marker. The rest as for a put
 *   remove, for good       key: what is removed; MOVE_UP: that is where the moved one was, and the
 *                          further key is the object, so that the move replaces what was there
 *   amend                  a put of the same entry with another meta; payload and home stay
 *   relocate               a put of the same entry with another layout; this record is its home
 *
 * The pointer to the null version is a further key, or a removed one.
 */
#ifndef PENSTOCK_ENGINE_DRIVES_RECORD_H
#define PENSTOCK_ENGINE_DRIVES_RECORD_H

#include "engine/drives/drives_decide.h"

struct drives_log;
struct drives_txn;

enum drives_record_type
drives_record_type(const struct drives_txn *t, const struct drives_decision *d);
size_t drives_record_bytes_max(const struct drives_txn *t, const struct drives_decision *d);
/* Fills t->info and t->made_marker. The index is still begun. */
void drives_record_write(
    struct drives_log *log, struct buf *b, struct drives_txn *t, const struct drives_decision *d,
    uint64_t seq);

#endif
