#include <stdlib.h>

#include "engine/drives/drives_commit.h"
#include "engine/drives/drives_impl.h"

struct removal {
    struct drives_txn txn;
    struct engine_remove *remove;
};

/* By drives_commit.c. */
static void removed(struct drives_txn *t, enum err e)
{
    struct removal *x = container_of(t, struct removal, txn);
    struct engine_remove *r = x->remove;

    if (!e) {
        r->made_marker = t->made_marker;
        r->info = t->info;
    }
    free(x);
    op_complete(&r->op, e);
}

void drives_remove_start(struct engine *E, struct engine_remove *r)
{
    struct drives *D = drives_of(E);
    struct removal *x = calloc(1, sizeof *x);

    if (!x) {
        op_complete(&r->op, ERR_BUSY);
        return;
    }
    x->remove = r;
    x->txn.what = TXN_REMOVE;
    x->txn.key = r->key;
    x->txn.version = r->version;
    x->txn.entry.mtime_ms = r->mtime_ms;
    x->txn.entry.meta = r->meta;
    x->txn.condition = r->condition;
    x->txn.purge_parts = r->purge_parts;
    x->txn.done = removed;
    drives_commit_start(&D->shards[engine_owner(E, r->key.bucket)], &x->txn);
}
