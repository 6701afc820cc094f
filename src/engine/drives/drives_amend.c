#include <stdlib.h>

#include "engine/drives/drives_commit.h"
#include "engine/drives/drives_impl.h"

struct amendment {
    struct drives_txn txn;
    struct engine_amend *amend;
};

/* By drives_commit.c. */
static void amended(struct drives_txn *t, enum err e)
{
    struct amendment *x = container_of(t, struct amendment, txn);
    struct engine_amend *a = x->amend;

    if (!e)
        a->info = t->info;
    free(x);
    op_complete(&a->op, e);
}

void drives_amend_start(struct engine *E, struct engine_amend *a)
{
    struct drives *D = drives_of(E);
    struct amendment *x = calloc(1, sizeof *x);

    if (!x) {
        op_complete(&a->op, ERR_BUSY);
        return;
    }
    x->amend = a;
    x->txn = (struct drives_txn){
        .what = TXN_AMEND,
        .key = a->key,
        .version = a->version,
        .condition = a->condition,
        .flags = a->flags,
        .has_flags = a->sets_flags,
        .entry = {.meta = a->meta},
        .done = amended,
    };
    drives_commit_start(&D->shards[engine_owner(E, a->key.bucket)], &x->txn);
}
