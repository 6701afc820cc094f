/* Writing to the index: one batch at a time, an LMDB transaction. */
#include <assert.h>

#include "base/crc32.h"
#include "engine/drives/drives_tree.h"
#include "engine/drives/drives_tree_key.h"

static MDB_val val_of(struct view v)
{
    return (MDB_val){v.len, (void *)(uintptr_t)v.at};
}

static struct view view_val(MDB_val v)
{
    return view_of(v.mv_data, v.mv_size);
}

enum err drives_batch_begin(struct drives_tree *t, struct drives_batch *b)
{
    *b = (struct drives_batch){.tree = t};
    return drives_tree_err(mdb_txn_begin(t->env, NULL, 0, &b->txn));
}

enum err drives_batch_commit(struct drives_batch *b)
{
    MDB_txn *txn = b->txn;

    b->txn = NULL;
    return drives_tree_err(mdb_txn_commit(txn));
}

void drives_batch_abort(struct drives_batch *b)
{
    if (b->txn)
        mdb_txn_abort(b->txn);
    b->txn = NULL;
}

enum err drives_batch_get(struct drives_batch *b, struct view key, struct view *old_out)
{
    return drives_tree_find(b->tree, b->txn, key, old_out);
}

static enum err put_doors(struct drives_batch *b, struct view key)
{
    unsigned depth = drives_tree_key_depth(key);

    for (unsigned i = 0; i < depth; i++) {
        MDB_val nothing = {0, (void *)(uintptr_t) ""};
        struct drives_tree_key k;
        int code;

        drives_tree_key_make(key, i, &k);
        code = mdb_put(b->txn, b->tree->index, &k.val, &nothing, MDB_NOOVERWRITE);
        if (code != MDB_KEYEXIST)
            TRY(drives_tree_err(code));
    }
    return ERR_OK;
}

enum err drives_batch_put(struct drives_batch *b, struct view key, struct view entry)
{
    struct drives_tree_key k;
    MDB_val value = {TREE_VALUE_HEAD_BYTES + entry.len, NULL};
    struct buf to;

    TRY(put_doors(b, key));
    drives_tree_key_make(key, drives_tree_key_depth(key), &k);
    TRY(drives_tree_err(mdb_put(b->txn, b->tree->index, &k.val, &value, MDB_RESERVE)));
    to = buf_over(value.mv_data, value.mv_size);
    buf_put_le32(&to, crc32_c(0, key.at, key.len));
    buf_put(&to, entry);
    assert(!to.overflow && to.len == value.mv_size);
    return ERR_OK;
}

/* Is nothing left behind the door that leads to that depth? */
static enum err is_empty(struct drives_batch *b, struct view key, unsigned depth, bool *is_out)
{
    struct drives_tree_key stem;
    MDB_cursor *cursor;
    MDB_val k, value;
    int code = mdb_cursor_open(b->txn, b->tree->index, &cursor);

    if (code)
        return drives_tree_err(code);
    drives_tree_key_make(view_upto(key, drives_tree_key_used(depth)), depth, &stem);
    k = stem.val;
    code = mdb_cursor_get(cursor, &k, &value, MDB_SET_RANGE);
    *is_out = code == MDB_NOTFOUND || (!code && !view_starts(view_val(k), view_val(stem.val)));
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? ERR_OK : drives_tree_err(code);
}

enum err drives_batch_remove(struct drives_batch *b, struct view key)
{
    unsigned depth = drives_tree_key_depth(key);
    struct drives_tree_key k;

    drives_tree_key_make(key, depth, &k);
    TRY(drives_tree_err(mdb_del(b->txn, b->tree->index, &k.val, NULL)));
    for (; depth > 0; depth--) {
        bool is = false;

        TRY(is_empty(b, key, depth, &is));
        if (!is)
            return ERR_OK;
        drives_tree_key_make(key, depth - 1, &k);
        TRY(drives_tree_err(mdb_del(b->txn, b->tree->index, &k.val, NULL)));
    }
    return ERR_OK;
}

enum err drives_batch_state(struct drives_batch *b, struct view key, struct view *value_out)
{
    MDB_val k = val_of(key), value;

    TRY(drives_tree_err(mdb_get(b->txn, b->tree->state, &k, &value)));
    *value_out = view_val(value);
    return ERR_OK;
}

enum err drives_batch_set_state(struct drives_batch *b, struct view key, struct view value)
{
    MDB_val k = val_of(key), v = val_of(value);

    return drives_tree_err(mdb_put(b->txn, b->tree->state, &k, &v, 0));
}

enum err
drives_batch_states(struct drives_batch *b, struct view prefix, drives_state_fn *fn, void *ctx)
{
    MDB_val k = val_of(prefix), v;
    MDB_cursor *cursor;
    enum err e = drives_tree_err(mdb_cursor_open(b->txn, b->tree->state, &cursor));
    int code;

    if (e)
        return e;
    code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (!e && code == 0 && view_starts(view_val(k), prefix)) {
        e = fn(ctx, view_val(k), view_val(v));
        code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (!e && code != 0 && code != MDB_NOTFOUND)
        e = drives_tree_err(code);
    return e;
}
