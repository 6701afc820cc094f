/*
 * The store key: what users' secret keys are encrypted with (iam.h). 64 hex digits in a file of
 * mode 0600, DIR/store.key or where --store-key-file says; made at the first start.
 */
#ifndef PENSTOCK_SERVER_STORE_KEY_H
#define PENSTOCK_SERVER_STORE_KEY_H

#include "base/bytes.h"

enum { STORE_KEY_BYTES = 32 };

struct store_key {
    uint8_t bytes[STORE_KEY_BYTES];
    char path[4200]; /* empty: not kept */
    bool was_made;
};

/* file may be NULL; dir NULL (engine memory): not kept. */
enum err
store_key_open(struct store_key *k, const char *file, const char *dir, struct buf *why) MUST_CHECK;
/* One that was made just now is not the store's: its file goes again. */
void store_key_undo(struct store_key *k);

#endif
